import { SopsmithError } from "../errors.ts";
import type { ChildResult } from "../io/host.ts";
import { systemCode } from "../io/system-error.ts";
import type { Call } from "./command.ts";

/**
 * What git prints.
 *
 * @throws {SopsmithError} exit 1 when it fails or is not there
 */
export async function git(call: Call, args: readonly string[]): Promise<string> {
  const { status, stdout } = await runGit(call, args);
  if (status !== 0)
    throw new SopsmithError("git-failed", 1, `git ${args.join(" ")} failed in ${call.host.cwd()}`, {
      hint: "Run this in a clone of a Git repository.",
    });
  return Buffer.from(stdout).toString();
}

/** Runs git, whatever its status. */
export async function runGit({ host }: Call, args: readonly string[]): Promise<ChildResult> {
  try {
    return await host.run(["git", ...args], host.env);
  } catch (error) {
    if (systemCode(error) !== "ENOENT") throw error;
    throw new SopsmithError("git-missing", 1, "git was not found on PATH", {
      hint: "Install Git.",
      cause: error,
    });
  }
}
