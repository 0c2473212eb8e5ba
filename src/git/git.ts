import { SopsmithError } from "../errors.ts";
import type { ChildResult, Host, RunOptions } from "../io/host.ts";
import { programPath } from "../io/program-path.ts";
import { systemCode } from "../io/system-error.ts";

/**
 * Settings of a repository that would have Git run programs, switched off: what a stranger's repository says must run nothing.
 * Only commands that compare no files of the work tree are run, so that no filter runs either.
 */
const noPrograms: readonly string[] = [
  "core.fsmonitor=false",
  "core.hooksPath=/dev/null",
  "core.pager=cat",
  "diff.external=",
  "log.showSignature=false",
  "protocol.allow=never",
].flatMap((setting) => ["-c", setting]);

/** What Git needs of the environment; keys and tokens stay here. */
const PASSED =
  /^(?:GIT_(?!EXTERNAL_DIFF$|ASKPASS$|SSH)\w+|PATH|HOME|USERPROFILE|HOMEDRIVE|HOMEPATH|SYSTEMROOT|TEMP|TMP|TMPDIR|XDG_CONFIG_HOME|LANG)$/i;

/** The words in front of Git's command. */
export const gitWords: readonly string[] = ["--no-pager", ...noPrograms];

/** The environment that Git is run in. */
export function gitEnvironment(env: Host["env"]): Record<string, string | undefined> {
  return {
    ...Object.fromEntries(Object.entries(env).filter(([name]) => PASSED.test(name))),
    GIT_OPTIONAL_LOCKS: "0",
    GIT_TERMINAL_PROMPT: "0",
    // In a partial clone a missing object is missing: nothing is fetched.
    GIT_NO_LAZY_FETCH: "1",
    LC_ALL: "C",
  };
}

/**
 * Runs git, whatever its status.
 *
 * @throws {SopsmithError} exit 1 when it is not there, or this user cannot enter the working directory
 */
export async function runGit(
  host: Host,
  args: readonly string[],
  options: RunOptions = {},
): Promise<ChildResult> {
  const program = programPath("git", host);
  if (program === undefined) throw missing();
  try {
    const argv = [program, ...gitWords, ...args];
    const env = gitEnvironment(host.env);
    return await host.run(argv, env, { ...options, isInWorkingDirectory: true });
  } catch (error) {
    if (systemCode(error) !== "ENOENT") throw error;
    throw missing(error);
  }
}

/**
 * What git prints.
 *
 * @throws {SopsmithError} exit 1 when it fails or is not there
 */
export async function git(
  host: Host,
  args: readonly string[],
  stdin?: Uint8Array,
): Promise<string> {
  return (await gitOutput(host, args, stdin === undefined ? {} : { stdin })).stdout;
}

/**
 * The same with its warnings.
 *
 * @throws {SopsmithError} as {@link git}
 */
export async function gitOutput(
  host: Host,
  args: readonly string[],
  options: RunOptions,
): Promise<{ stdout: string; stderr: string }> {
  const { status, stdout, stderr } = await runGit(host, args, options);
  if (status !== 0)
    throw new SopsmithError("git-failed", 1, `git ${args.join(" ")} failed in ${host.cwd()}`, {
      hint: "Run this in a clone of a Git repository.",
    });
  return { stdout: Buffer.from(stdout).toString(), stderr: Buffer.from(stderr).toString() };
}

/** The top directory of the work tree. */
export async function topLevel(host: Host): Promise<string> {
  return (await git(host, ["rev-parse", "--show-toplevel"])).replace(/\n$/, "");
}

/** The same; undefined outside of a work tree, in a directory that this user cannot enter, and without Git. */
export async function topLevelIfAny(host: Host): Promise<string | undefined> {
  if (programPath("git", host) === undefined) return undefined;
  try {
    const { status, stdout } = await runGit(host, ["rev-parse", "--show-toplevel"]);
    return status === 0 ? Buffer.from(stdout).toString().replace(/\n$/, "") : undefined;
  } catch (error) {
    if (error instanceof SopsmithError && error.code === "no-working-directory") return undefined;
    throw error;
  }
}

/** The working directory from the top of the work tree, with `/` at its end; "" at the top. */
export async function prefixHere(host: Host): Promise<string> {
  return (await git(host, ["rev-parse", "--show-prefix"])).replace(/\n$/, "");
}

const missing = (cause?: unknown): SopsmithError =>
  new SopsmithError("git-missing", 1, "git was not found on PATH", { hint: "Install Git.", cause });
