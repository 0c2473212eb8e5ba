import type { errorCodes } from "./error-codes.ts";

/** What went wrong, for programs. Each code has one exit status; the documentation lists them all. */
export type ErrorCode = keyof typeof errorCodes;

/**
 * Every error that sopsmith throws on purpose. `exitCode` is the exit status of the command, with the same numbers as in sops. A message
 * names the file, the line or key path, and what to do; it never contains a value, a key, a line of the file or a digest of plaintext.
 */
export class SopsmithError extends Error {
  /** Stable, for programs. */
  readonly code: ErrorCode;
  /** The exit status of the command. */
  readonly exitCode: number;
  /** What to do next, one sentence; printed on its own line. */
  readonly hint: string | undefined;
  // With # and not private: whoever prints an error sees all its other properties.
  #where: Where;

  /**
   * What `file` and `path` do not say is taken from the cause.
   *
   * @internal
   */
  constructor(
    code: ErrorCode,
    exitCode: number,
    message: string,
    options: { hint?: string | undefined; cause?: unknown } & Where = {},
  ) {
    const { cause, file, path } = options;
    super(message, cause === undefined ? undefined : { cause });
    this.name = new.target.name;
    this.code = code;
    this.exitCode = exitCode;
    this.hint = options.hint;
    const inner = cause instanceof SopsmithError ? cause.#where : {};
    this.#where = { file: file ?? inner.file, path: path ?? inner.path };
  }

  /** The file that caused the error, as the user named it; undefined if there is none, or if it is unknown. */
  get file(): string | undefined {
    return this.#where.file;
  }

  /** The place in the file's tree, as `["key"][0]`. */
  get path(): string | undefined {
    return this.#where.path;
  }

  /** Adds what is not known yet; returns the same error. */
  locate({ file, path }: Where): this {
    this.#where = { file: this.file ?? file, path: this.path ?? path };
    return this;
  }
}

/** The place of an error. */
export interface Where {
  readonly file?: string | undefined;
  /** As `["key"][0]`. */
  readonly path?: string | undefined;
}

/**
 * A document that cannot be parsed. `what` says what is wrong without quoting the text; the message adds the line. Exit 1;
 * `encrypt` turns it into exit 2 (spec file-format section 11).
 */
export class ParseError extends SopsmithError {
  readonly what: string;
  readonly line: number | undefined;

  constructor(
    what: string,
    line?: number,
    options: { hint?: string | undefined; cause?: unknown } = {},
  ) {
    super("parse-error", 1, line === undefined ? what : `${what} (line ${line})`, options);
    this.what = what;
    this.line = line;
  }
}

/**
 * The same error with sops's prefix in front of its message and the file's name in it.
 *
 * @param exitCode replaces the error's own
 * @param path where in the file's tree, as `["key"][0]`
 */
export function inFile(
  error: SopsmithError,
  file: string,
  prefix = "",
  exitCode: number = error.exitCode,
  path?: string,
): SopsmithError {
  const place = path === undefined ? file : `${file} at ${path}`;
  const line =
    error instanceof ParseError && error.line !== undefined ? `, line ${error.line}` : "";
  const what = error instanceof ParseError ? error.what : error.message;
  const message = what.includes(place) ? `${prefix}${what}` : `${prefix}${what} (${place}${line})`;
  const { code, hint } = error;
  return new SopsmithError(code, exitCode, message, { hint, cause: error, file, path });
}

/** A tree that the output format cannot hold. Exit 4. */
export class EmitError extends SopsmithError {
  /** The entry of the tree that is at fault, where it is known. */
  readonly entry: { readonly start: number } | undefined;

  constructor(
    message: string,
    options: {
      hint?: string | undefined;
      cause?: unknown;
      entry?: { readonly start: number };
    } & Where = {},
  ) {
    super("emit-error", 4, message, options);
    this.entry = options.entry;
  }
}

/** A configuration file that cannot be read or used. Exit 1. */
export class ConfigError extends SopsmithError {
  constructor(
    message: string,
    options: { hint?: string | undefined; cause?: unknown } & Where = {},
  ) {
    super("config-error", 1, message, options);
  }
}

/** Arguments that cannot be used together. Exit 8. */
export class ConflictError extends SopsmithError {
  constructor(message: string, options: { hint?: string | undefined } & Where = {}) {
    super("conflicting-parameters", 8, message, options);
  }
}
