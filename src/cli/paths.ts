import { inFile, SopsmithError } from "../errors.ts";
import { parseDottedPath, parsePath, pathText, type Path } from "../tree/path.ts";

/**
 * The argument of `--extract`; undefined for the empty path, which selects nothing.
 *
 * @throws {SopsmithError} exit 91
 */
export function parseExtractPath(text: string, isDotted = false): Path | undefined {
  const path = parse(text, 91, "error parsing --extract path", isDotted);
  return path.length === 0 ? undefined : path;
}

/**
 * The path of `get`: dotted, unless it begins with a bracket.
 *
 * @throws {SopsmithError} exit 91
 */
export function parseGetPath(text: string): Path {
  return parse(text, 91, "error parsing the path", !text.startsWith("["));
}

/**
 * The path of `set` or `unset`.
 *
 * @throws {SopsmithError} exit 7
 */
export function parseChangePath(text: string, command: "set" | "unset", isDotted = false): Path {
  return parse(text, 7, `Invalid ${command} index format`, isDotted);
}

function parse(text: string, exitCode: number, problem: string, isDotted: boolean): Path {
  try {
    return isDotted ? parseDottedPath(text) : parsePath(text);
  } catch (error) {
    if (!(error instanceof SopsmithError)) throw error;
    // Where sops crashes, its exit status stays.
    const status = error.exitCode === 2 ? 2 : exitCode;
    throw new SopsmithError(error.code, status, `${problem}: ${error.message}`, {
      hint: error.hint,
      cause: error,
    });
  }
}

/**
 * Runs a change of one path, and adds file and path to what goes wrong.
 *
 * @throws {SopsmithError}
 */
export function changePath<T>(file: string, path: Path, change: () => T): T {
  try {
    return change();
  } catch (error) {
    if (!(error instanceof SopsmithError)) throw error;
    throw inFile(error, file, "", error.exitCode, pathText(path));
  }
}
