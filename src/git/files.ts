import type { Host } from "../io/host.ts";
import { git, gitOutput, runGit } from "./git.ts";

/** A file of a commit, or of the index. */
export interface GitFile {
  /** From the top of the repository, with `/`. */
  readonly name: string;
  /** The blob's name, in hexadecimal. */
  readonly object: string;
}

/** Regular files: links and submodules have no content of their own. */
const isRegular = (mode: string): boolean => mode.startsWith("100");

const quiet = ["--no-ext-diff", "--no-textconv", "--no-renames", "--ignore-submodules=all"];

/**
 * Tracked files, and those that are neither tracked nor ignored, below the working directory or some paths in it.
 *
 * @param unread takes the directories that cannot be read, each with the reason: Git leaves out the untracked files in them
 * @returns names from the working directory, sorted, each once
 */
export async function presentFiles(
  host: Host,
  paths: readonly string[] = [],
  unread: string[] = [],
): Promise<string[]> {
  const args = ["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", ...paths];
  const { stdout, stderr } = await gitOutput(host, ["--literal-pathspecs", ...args], {
    stderr: "capture",
  });
  const closed = /^warning: could not open directory '(.*?)\/?': ([^'\n]*)$/gms;
  for (const [, directory, reason = ""] of stderr.matchAll(closed))
    unread.push(`${directory}: ${reason.toLowerCase()}`);
  const names = stdout.split("\0");
  return [...new Set(names.filter((name) => name !== ""))].toSorted(byName);
}

/**
 * Names, from the working directory, of files with several versions in the index.
 *
 * @param where below the working directory, or in all of the work tree, where names can begin with `../`
 */
export async function unmergedFiles(
  host: Host,
  where: "here" | "everywhere" = "here",
): Promise<Set<string>> {
  const args = ["ls-files", "-z", "--unmerged", ...(where === "here" ? [] : ["--", ":/"])];
  const text = await git(host, args);
  return new Set(
    text
      .split("\0")
      .filter((line) => line !== "")
      .map((line) => line.slice(line.indexOf("\t") + 1)),
  );
}

/**
 * What the next commit would change: files of the index that are added, or differ from the last commit.
 *
 * @param patterns Git's path patterns, from the working directory
 */
export async function stagedFiles(host: Host, patterns: readonly string[]): Promise<GitFile[]> {
  const { status } = await runGit(host, ["rev-parse", "--verify", "--quiet", "HEAD"]);
  // Before the first commit: against the empty tree, whose name depends on the kind of hash.
  const base =
    status === 0
      ? "HEAD"
      : (await git(host, ["hash-object", "-t", "tree", "--stdin"], new Uint8Array(0))).trim();
  const args = [
    "diff-index",
    "--cached",
    "--raw",
    "-z",
    "--abbrev=64",
    "--diff-filter=ACMT",
    ...quiet,
  ];
  const text = await git(host, [...args, base, "--", ...patterns]);
  return [...rawEntries(text)].map(({ name, object }) => ({ name, object }));
}

/** The files that commits bring in, each version of each once, with the first commit that has it. */
export async function filesOfRange(
  host: Host,
  range: string,
  patterns: readonly string[],
): Promise<(GitFile & { readonly commit: string })[]> {
  const list = ["rev-list", "--reverse", "--topo-order", "--end-of-options", range, "--"];
  const commits = await git(host, list);
  if (commits === "") return [];
  // A merge counts for what is in none of its parents.
  const args = [
    "diff-tree",
    "--stdin",
    "-r",
    "-c",
    "--root",
    "--raw",
    "-z",
    "--abbrev=64",
    "--diff-filter=ACMT",
  ];
  const text = await git(host, [...args, ...quiet, "--", ...patterns], Buffer.from(commits));
  const files = new Map<string, GitFile & { commit: string }>();
  for (const { name, object, commit } of rawEntries(text)) {
    const key = `${object} ${name}`;
    if (!files.has(key)) files.set(key, { name, object, commit });
  }
  return [...files.values()];
}

/** Files that two commits, or the index and a commit, have different versions of. */
export interface ChangedFile {
  readonly name: string;
  /** Undefined where the file is not there. */
  readonly before: string | undefined;
  readonly after: string | undefined;
}

/**
 * What differs between two commits.
 *
 * @param before the name of a commit in hexadecimal, as `commitNamed` gives it; `after` too
 */
export async function changedFiles(
  host: Host,
  before: string,
  after: string,
  patterns: readonly string[],
): Promise<ChangedFile[]> {
  const args = ["diff-tree", "-r", "--raw", "-z", "--abbrev=64", ...quiet];
  const text = await git(host, [...args, before, after, "--", ...patterns]);
  return [...rawEntries(text, true)].map(({ name, object, old }) => ({
    name,
    before: isNull(old) ? undefined : old,
    after: isNull(object) ? undefined : object,
  }));
}

/**
 * The regular files of a commit.
 *
 * @param tree the name of a commit in hexadecimal
 */
export async function filesOf(
  host: Host,
  tree: string,
  patterns: readonly string[],
): Promise<GitFile[]> {
  const args = ["ls-tree", "-r", "-z", "--full-tree", tree];
  const text = await git(host, args);
  const wanted = patterns.length === 0 ? undefined : new Set(await namesOf(host, tree, patterns));
  return text.split("\0").flatMap((line) => {
    const [, mode = "", object = "", name = ""] =
      /^(\d+) blob ([0-9a-f]+)\t(.*)$/s.exec(line) ?? [];
    return isRegular(mode) && wanted?.has(name) !== false ? [{ name, object }] : [];
  });
}

/** The name of the commit that a word stands for; undefined for none. */
export async function commitNamed(host: Host, word: string): Promise<string | undefined> {
  const args = ["rev-parse", "--verify", "--quiet", "--end-of-options", `${word}^{commit}`];
  const { status, stdout } = await runGit(host, args);
  return status === 0 ? Buffer.from(stdout).toString().trim() : undefined;
}

const isNull = (object: string): boolean => /^0*$/.test(object);

/** Names of a commit that match Git's patterns: only `ls-files` and `diff` know these. */
async function namesOf(host: Host, tree: string, patterns: readonly string[]): Promise<string[]> {
  const empty = (
    await git(host, ["hash-object", "-t", "tree", "--stdin"], new Uint8Array(0))
  ).trim();
  const args = ["diff-tree", "-r", "--raw", "-z", "--abbrev=64", ...quiet];
  const text = await git(host, [...args, empty, tree, "--", ...patterns]);
  return [...rawEntries(text)].map(({ name }) => name);
}

/**
 * Git's raw format: `:mode mode object object status`, a zero, the name, a zero; for a merge as many colons, and one mode and
 * object more, as it has parents. With `--stdin` a commit's name is in front of its entries.
 */
function* rawEntries(
  text: string,
  withDeleted = false,
): Iterable<GitFile & { readonly old: string; readonly commit: string }> {
  let commit = "";
  const parts = text.split("\0");
  for (let index = 0; index < parts.length; index++) {
    const part = parts[index] ?? "";
    const start = part.indexOf(":");
    if (start !== 0 || !/^:+[0-7]{6} /.test(part)) {
      if (/^[0-9a-f]{40,64}$/.test(part.trim())) commit = part.trim();
      continue;
    }
    const sides = (/^:+/.exec(part)?.[0].length ?? 1) + 1;
    const fields = part.replace(/^:+/, "").split(" ");
    const name = parts[++index] ?? "";
    const [mode = "", old = "", object = ""] = [
      fields[sides - 1],
      fields[sides],
      fields[2 * sides - 1],
    ];
    if (isRegular(mode) || (withDeleted && isNull(mode) && isRegular(fields[0] ?? "")))
      yield { name, object, old: isRegular(fields[0] ?? "") ? old : "", commit };
  }
}

const byName = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Where the histories of two commits part. */
export async function mergeBase(host: Host, a: string, b: string): Promise<string> {
  return (await git(host, ["merge-base", a, b])).trim();
}

/**
 * Files of the work tree that are tracked, or neither tracked nor ignored: in all of it where no patterns are given.
 *
 * @returns names from the top
 */
export async function presentNames(host: Host, patterns: readonly string[]): Promise<string[]> {
  const args = ["ls-files", "-z", "--full-name", "--cached", "--others", "--exclude-standard"];
  const text = await git(host, [...args, "--", ...(patterns.length === 0 ? [":/"] : patterns)]);
  return text.split("\0").filter((name) => name !== "");
}
