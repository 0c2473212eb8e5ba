import { accessSync, constants, statSync } from "node:fs";
import { delimiter, isAbsolute, join } from "node:path";
import type { Host } from "./host.ts";

/** Where programs are looked for; `process` is one. */
export type Surroundings = Pick<Host, "env" | "platform">;

/**
 * The file of a program: in the first directory of `PATH` that has it. Empty and relative entries are skipped, as Go does:
 * nothing that lies in the working directory runs by its bare name. A name with a `/` is a path that somebody wrote, and
 * stands for itself.
 *
 * @returns undefined when it is not there, or not executable
 */
export function programPath(name: string, around: Surroundings): string | undefined {
  if (isPath(name, around)) return isProgram(name) ? name : undefined;
  const { env, platform } = around;
  const isWindows = platform === "win32";
  const suffixes = isWindows ? ["", ...(env["PATHEXT"] ?? ".EXE;.CMD;.BAT").split(";")] : [""];
  for (const dir of (env["PATH"] ?? env["Path"] ?? "").split(delimiter)) {
    if (!isAbsolute(dir)) continue;
    for (const suffix of suffixes) {
      const path = join(dir, name + suffix);
      if (isProgram(path)) return path;
    }
  }
  return undefined;
}

/**
 * As {@link programPath}, for a program that is started next; what is wrong with a path is left to the system to say.
 *
 * @throws {Error} with `code` `ENOENT` when `PATH` has no such program
 */
export function requireProgram(name: string, around: Surroundings): string {
  const path = isPath(name, around) ? name : programPath(name, around);
  if (path !== undefined) return path;
  throw Object.assign(new Error(`${name}: executable file not found in $PATH`), { code: "ENOENT" });
}

let pathUsers = 0;
let ownPath: string | undefined;

/**
 * For libraries that start programs themselves, `az` or the `credential_process` of a profile: until the work ends, this process's own
 * `PATH` lacks the entries that {@link programPath} skips.
 */
export async function withAbsolutePath<T>(work: () => Promise<T>): Promise<T> {
  if (pathUsers++ === 0) {
    ownPath = process.env["PATH"];
    setPath(ownPath?.split(delimiter).filter(isAbsolute).join(delimiter));
  }
  try {
    return await work();
  } finally {
    if (--pathUsers === 0) setPath(ownPath, true);
  }
}

/** An empty one would stand for the working directory: without any, the system's own directories count. */
function setPath(path: string | undefined, isOwn = false): void {
  if (path === undefined || (path === "" && !isOwn)) delete process.env["PATH"];
  else process.env["PATH"] = path;
}

function isPath(name: string, { platform }: Surroundings): boolean {
  return name.includes("/") || (platform === "win32" && name.includes("\\"));
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
