import { foundFile, namedFile, type Host } from "../../io/host.ts";

/** A source that is there but cannot be used: the message is for the report, and holds nothing of the content. */
export class SourceError extends Error {
  /** What is wrong and what to do, as a whole sentence, where that is known. */
  readonly advice: string | undefined;
  /** What is where an identity should be. It may be secret: it is for recognising common mistakes only. */
  unknown: { readonly text: string; readonly where: string } | undefined;

  constructor(message: string, advice?: string) {
    super(message);
    this.advice = advice;
  }
}

/**
 * What the command in a variable prints (spec keys 2.3): POSIX words, run without a shell.
 *
 * @param variable its name, for messages, which do not show the command: its words may hold a password
 * @throws {SourceError}
 */
export async function runForKey(
  command: string,
  variable: string,
  env: Host["env"],
  host: Host,
): Promise<Uint8Array> {
  const failed = `failed to execute command of ${variable}`;
  const { splitWords, UnsplittableText } = await import("../../io/words.ts");
  let argv: string[];
  try {
    argv = splitWords(command);
  } catch (error) {
    if (!(error instanceof UnsplittableText)) throw error;
    throw new SourceError(`failed to parse command of ${variable}: ${error.message}`);
  }
  if (argv.length === 0 || argv[0] === "") throw new SourceError(`${failed}: it names no program`);
  try {
    const { stdout, status, signal } = await host.run(argv, env);
    if (status === 0) return stdout;
    throw new SourceError(
      `${failed}: ${status === undefined ? `signal: ${signal}` : `exit status ${status}`}`,
    );
  } catch (error) {
    if (error instanceof SourceError) throw error;
    const reason =
      errorCode(error) === "ENOENT" ? "executable file not found in $PATH" : systemReason(error);
    throw new SourceError(`${failed}: ${reason}`);
  }
}

/**
 * @param variable the one that holds the path, where the user may have put something else there
 * @throws {SourceError} beginning with `failed`
 */
export async function openSource(
  path: string,
  failed: string,
  host: Host,
  variable?: string,
): Promise<Uint8Array> {
  try {
    return await host.readFile(path, namedFile);
  } catch (error) {
    const { mistakeInPath } = await import("./mistakes.ts");
    throw new SourceError(
      `${failed}: open ${path}: ${systemReason(error)}`,
      variable === undefined ? undefined : mistakeInPath(path, variable),
    );
  }
}

/**
 * @returns undefined when there is no such file
 * @throws {SourceError}
 */
export async function readIfThere(path: string, host: Host): Promise<Uint8Array | undefined> {
  try {
    return await host.readFile(path, foundFile);
  } catch (error) {
    const code = errorCode(error);
    if (code === "ENOENT") return undefined;
    throw new SourceError(`failed to open file: open ${path}: ${systemReason(error)}`);
  }
}

export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string"
    ? error.code
    : undefined;
}

/** A system error in the words of sops; never its message, which may quote more than the path. */
export function systemReason(error: unknown): string {
  const code = errorCode(error);
  const known: Record<string, string> = {
    ENOENT: "no such file or directory",
    EACCES: "permission denied",
    EISDIR: "is a directory",
    ENOTDIR: "not a directory",
    ENOTREG: "is not a regular file",
    EFBIG: "file too large",
  };
  return (code === undefined ? undefined : known[code]) ?? code ?? "it could not be read";
}
