/**
 * Every error that sopsmith raises on purpose. `exitCode` is the process status the command line ends with: the same
 * numbers as sops (spec cli section 3). A message names the file, the line or key path and what to do; it never
 * holds a value, a key, a line of the file or a digest of plaintext.
 */
export class SopsmithError extends Error {
  /** Stable, for programs: kebab-case. */
  readonly code: string;
  readonly exitCode: number;
  /** What to do next, one sentence; printed on its own line. */
  readonly hint: string | undefined;

  constructor(
    code: string,
    exitCode: number,
    message: string,
    options: { hint?: string | undefined; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.exitCode = exitCode;
    this.hint = options.hint;
  }
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
 */
export function inFile(
  error: SopsmithError,
  file: string,
  prefix = "",
  exitCode = error.exitCode,
): SopsmithError {
  const line =
    error instanceof ParseError && error.line !== undefined ? `, line ${error.line}` : "";
  const what = error instanceof ParseError ? error.what : error.message;
  const message = what.includes(file) ? `${prefix}${what}` : `${prefix}${what} (${file}${line})`;
  return new SopsmithError(error.code, exitCode, message, { hint: error.hint, cause: error });
}

/** A tree that the output format cannot hold. Exit 4. */
export class EmitError extends SopsmithError {
  constructor(message: string, options: { hint?: string | undefined; cause?: unknown } = {}) {
    super("emit-error", 4, message, options);
  }
}

/** A configuration file that cannot be read or used. Exit 1. */
export class ConfigError extends SopsmithError {
  constructor(message: string, options: { hint?: string | undefined; cause?: unknown } = {}) {
    super("config-error", 1, message, options);
  }
}

/** Arguments that exclude each other. Exit 8. */
export class ConflictError extends SopsmithError {
  constructor(message: string, options: { hint?: string | undefined } = {}) {
    super("conflicting-parameters", 8, message, options);
  }
}
