import { accessSync, constants, realpathSync, statSync } from "node:fs";
import { isAbsolute, parse } from "node:path";
import { SopsmithError } from "../errors.ts";
import type { RunOptions } from "./host.ts";
import { printableLine } from "./printable.ts";
import { systemReason } from "./system-error.ts";

/**
 * `$PWD` where it names the working directory, as Go has it: under symbolic links creation rules then see the path that
 * the user sees.
 *
 * @throws {SopsmithError} exit 1 when it was removed
 * @see spec config 3
 */
export function workingDirectory(): string {
  const logical = process.env["PWD"];
  try {
    if (logical !== undefined && process.platform !== "win32" && isAbsolute(logical)) {
      if (logical === process.cwd()) return logical;
      const wanted = statSync(logical, { bigint: true, throwIfNoEntry: false });
      const actual = statSync(".", { bigint: true });
      if (wanted?.dev === actual.dev && wanted.ino === actual.ino) return logical;
    }
  } catch {
    // A $PWD that cannot be looked at names nothing; the system knows better.
  }
  return existingDirectory();
}

/**
 * Where a child process starts: the working directory. After `sudo -u` that may be a directory which this user cannot enter; programs that
 * do not read it then start in the root directory.
 *
 * @throws {SopsmithError} exit 1 when it was removed, or `isInWorkingDirectory` is set and this user cannot enter it
 */
export function startDirectory({ isInWorkingDirectory }: RunOptions = {}): string {
  const directory = existingDirectory();
  try {
    accessSync(directory, constants.X_OK);
    return directory;
  } catch (error) {
    if (isInWorkingDirectory === true) throw unusable(directory, error);
    return parse(process.execPath).root;
  }
}

/**
 * The working directory as the system knows it, links resolved.
 *
 * @param cwd from {@link workingDirectory}
 * @returns undefined when this user cannot enter it: to sops, relative paths then lead nowhere
 * @throws {SopsmithError} exit 1 when a directory on the way to it cannot be entered
 */
export function realWorkingDirectory(cwd: string): string | undefined {
  try {
    accessSync(".", constants.X_OK);
  } catch {
    return undefined;
  }
  try {
    return realpathSync.native(cwd);
  } catch (error) {
    throw unusable(cwd, error);
  }
}

function existingDirectory(): string {
  try {
    return process.cwd();
  } catch (error) {
    throw unusable("", error);
  }
}

function unusable(directory: string, cause: unknown): SopsmithError {
  const name = directory === "" ? "" : ` ${printableLine(directory)}`;
  return new SopsmithError(
    "no-working-directory",
    1,
    `The working directory${name} cannot be used: ${systemReason(cause)}`,
    { hint: "Change to a directory that exists and that you may enter.", cause },
  );
}
