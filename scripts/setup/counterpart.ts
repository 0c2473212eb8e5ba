import { execFileSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** What one file of scripts/setup/ provides to the tests. */
export interface Counterpart<Name extends string = string> {
  /** The programs it makes; test/counterparts.ts hands out their paths by these names. */
  readonly names: readonly Name[];
  /** Whether paths that an earlier run wrote down are still right. Quick. */
  isReady(paths: Readonly<Record<Name, string>>): boolean;
  /**
   * Installs what is missing.
   *
   * @param cache a folder that survives between runs
   * @throws {SetupError} saying what to install by hand
   */
  make(cache: string): Record<Name, string> | Promise<Record<Name, string>>;
}

export class SetupError extends Error {}

export function run(command: string, ...args: string[]): string {
  return execFileSync(command, args, {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    maxBuffer: 64 * 1024 * 1024,
  });
}

export function onPath(name: string): string | undefined {
  return (process.env["PATH"] ?? "")
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find(isExecutable);
}

export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Is it sops, of this release? */
export function isSops(path: string, version: string): boolean {
  try {
    return run(path, "--version", "--disable-version-check").trim() === `sops ${version}`;
  } catch {
    return false;
  }
}

/** A failed command's last line, or an error's message. */
export function reason(error: unknown): string {
  const stderr = (error as { stderr?: string }).stderr?.trim();
  return stderr?.split("\n").at(-1) ?? (error instanceof Error ? error.message : String(error));
}

/**
 * Programs on PATH, installed with apt-get where they are missing.
 *
 * @param hint what to do on a system without apt-get
 */
export function fromDebian(packages: readonly string[], programs: readonly string[], hint: string) {
  const paths = () => programs.map(onPath);
  if (paths().includes(undefined)) install(packages, hint);
  return paths().map((path, i) => {
    if (path === undefined)
      throw new SetupError(
        `${programs[i]} is still not on PATH after ${packages.join(" ")} was installed`,
      );
    return path;
  });
}

let isUpdated = false;

function install(packages: readonly string[], hint: string): void {
  const apt = "apt-get";
  const wanted = packages.join(" ");
  if (!onPath(apt)) throw new SetupError(`${wanted} is not installed. ${hint}`);
  const sudo = process.getuid?.() === 0 ? [] : ["sudo", "-n"];
  const command = (...args: string[]) => {
    const [first = apt, ...rest] = [
      ...sudo,
      "env",
      "DEBIAN_FRONTEND=noninteractive",
      apt,
      "-o",
      "DPkg::Lock::Timeout=300",
      ...args,
    ];
    return run(first, ...rest);
  };
  try {
    if (!isUpdated) command("update", "-qq");
    isUpdated = true;
    command("install", "-y", "-qq", "--no-install-recommends", ...packages);
  } catch (cause) {
    throw new SetupError(
      `${wanted} could not be installed: ${reason(cause)}\nRun: sudo apt-get update && sudo apt-get install -y ${wanted}`,
      { cause },
    );
  }
}
