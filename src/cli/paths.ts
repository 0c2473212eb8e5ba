import { SopsmithError } from "../errors.ts";
import type { Path } from "../tree/path.ts";

/**
 * The argument of `--extract`; undefined for the empty path, which selects nothing.
 *
 * @throws {SopsmithError} exit 91
 */
export async function parseExtractPath(text: string): Promise<Path | undefined> {
  if (text === "") return undefined;
  const path = await parse(text, 91, "error parsing --extract path");
  return path.length === 0 ? undefined : path;
}

/**
 * The path of `set` or `unset`.
 *
 * @throws {SopsmithError} exit 7
 */
export function parseChangePath(text: string, command: "set" | "unset"): Promise<Path> {
  return parse(text, 7, `Invalid ${command} index format`);
}

async function parse(text: string, exitCode: number, problem: string): Promise<Path> {
  const { parsePath } = await import("../tree/path.ts");
  try {
    return parsePath(text);
  } catch (error) {
    if (!(error instanceof SopsmithError) || error.exitCode === 2) throw error;
    throw new SopsmithError("path-syntax", exitCode, `${problem}: ${error.message}`, { hint: error.hint, cause: error });
  }
}
