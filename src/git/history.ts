import { resolve } from "node:path";
import { namedFile, type Host } from "../io/host.ts";
import { git, runGit } from "./git.ts";

/** A commit, as far as it says who changed something, and when. */
export interface Commit {
  /** In hexadecimal, whole. */
  readonly name: string;
  /** The author's name, not escaped. */
  readonly author: string;
  /** When the author made the change; a rebase does not alter it. */
  readonly at: Date;
  /** What came before it was left out of this clone, so that all of its content looks new. */
  readonly isBoundary: boolean;
}

/** One version of a file, as a commit brought it in. */
export interface FileVersion {
  readonly commit: Commit;
  /** The blob's name, in hexadecimal. */
  readonly object: string;
  /** The versions whose place it took: none for a new file, several in a merge. */
  readonly before: readonly string[];
}

/** The history of some files up to `HEAD`. */
export interface FileHistories {
  /** This clone does not have all of the history. */
  readonly isShallow: boolean;
  /** There is a commit. */
  readonly hasCommits: boolean;
  /** The versions of a file, the oldest first, with those that it had under other names. */
  of(file: string): readonly FileVersion[];
}

/** A version with its name and its place in the order of commits, in which parents come first. */
interface Placed extends FileVersion {
  readonly file: string;
  readonly position: number;
}

/** A file that was renamed, by a commit or in the index. */
interface Rename {
  readonly from: string;
  /** The blob that it was before. */
  readonly object: string;
}

/** A file is followed back through so many names. */
const MOST_NAMES = 20;

/**
 * Reads the history of files with a few calls of git, whatever their number: with merges and side branches; renames are
 * followed.
 *
 * @param root the top directory of the work tree
 * @param files from the top, with `/`; one with a line break in its name has no history
 */
export async function fileHistories(
  host: Host,
  root: string,
  files: readonly string[],
): Promise<FileHistories> {
  const { status } = await runGit(host, ["-C", root, "rev-parse", "--verify", "--quiet", "HEAD"]);
  if (status !== 0) return { isShallow: false, hasCommits: false, of: () => [] };
  const boundary = await boundaryOf(host, root);
  const names = new Set(files.filter((file) => !/[\r\n]/.test(file)));
  let log = await readLog(host, root, names, boundary);
  const staged = [...names].some((name) => !log.has(name))
    ? await stagedRenames(host, root)
    : new Map<string, Rename>();
  const renames = new Map<string, Rename>();
  const asked = new Set<string>();
  for (let round = 0; round < MOST_NAMES; round++) {
    const known = names.size;
    for (const [to, { from }] of staged) if (names.has(to)) names.add(from);
    const added = [...log.values()].flat().filter((version) => version.before.length === 0);
    const fresh = [...new Set(added.map(({ commit }) => commit.name))].filter(
      (name) => !asked.has(name),
    );
    for (const name of fresh) asked.add(name);
    for (const [place, rename] of await committedRenames(host, root, fresh))
      renames.set(place, rename);
    for (const { commit, file } of added) {
      const source = renames.get(placeOf(commit.name, file));
      if (source !== undefined) names.add(source.from);
    }
    if (names.size === known) break;
    log = await readLog(host, root, names, boundary);
  }
  return {
    isShallow: boundary.size > 0,
    hasCommits: true,
    of: (file) => chain(file, log, renames, staged),
  };
}

const placeOf = (commit: string, file: string): string => `${commit} ${file}`;

/** The versions of a file, and those of the files that it was before it was renamed. */
function chain(
  file: string,
  log: ReadonlyMap<string, readonly Placed[]>,
  renames: ReadonlyMap<string, Rename>,
  staged: ReadonlyMap<string, Rename>,
): FileVersion[] {
  /** Up to which position the versions of a name count. */
  const limits = new Map([[file, Infinity]]);
  const open = [file];
  const follow = (from: string, position: number): void => {
    if (position <= (limits.get(from) ?? -1)) return;
    limits.set(from, position);
    open.push(from);
  };
  const source = staged.get(file);
  if (source !== undefined && !log.has(file)) follow(source.from, Infinity);
  for (let name = open.pop(); name !== undefined; name = open.pop())
    for (const { commit, position, before } of log.get(name) ?? []) {
      const rename = before.length === 0 ? renames.get(placeOf(commit.name, name)) : undefined;
      if (rename !== undefined && position < (limits.get(name) ?? 0)) follow(rename.from, position);
    }
  const found = [...limits].flatMap(([name, limit]) =>
    (log.get(name) ?? []).filter(({ position }) => position < limit),
  );
  return found
    .toSorted((a, b) => a.position - b.position)
    .map((version) => {
      const rename = renames.get(placeOf(version.commit.name, version.file));
      return version.before.length === 0 && rename !== undefined
        ? { ...version, before: [rename.object] }
        : version;
    });
}

/** The commits that a shallow clone begins with; none in a clone with all of the history. */
async function boundaryOf(host: Host, root: string): Promise<ReadonlySet<string>> {
  const shallow = (await git(host, ["-C", root, "rev-parse", "--is-shallow-repository"])).trim();
  if (shallow !== "true") return new Set();
  const path = (await git(host, ["-C", root, "rev-parse", "--git-path", "shallow"])).replace(
    /\n$/,
    "",
  );
  const text = Buffer.from(await host.readFile(resolve(root, path), namedFile)).toString();
  return new Set(text.split("\n").filter((line) => line !== ""));
}

const raw = ["--raw", "-z", "--abbrev=64", "--no-ext-diff", "--no-textconv"];

/** By name, the versions of files in the order of commits. A merge brings in what none of its parents has. */
async function readLog(
  host: Host,
  root: string,
  names: ReadonlySet<string>,
  boundary: ReadonlySet<string>,
): Promise<Map<string, Placed[]>> {
  const log = new Map<string, Placed[]>();
  if (names.size === 0) return log;
  const order = ["--full-history", "--topo-order", "--reverse", "-m", "--no-renames"];
  const format = "--format=%x01%H%x01%P%x01%at%x01%an";
  const args = ["-C", root, "--literal-pathspecs", "log", "--stdin", format, ...order, ...raw];
  const stdin = Buffer.from(["HEAD", "--", ...names, ""].join("\n"));
  let commit: Commit | undefined;
  let parents = 0;
  let position = 0;
  /** Of one commit: by file, the version, and what it was in each parent that had another. */
  let changed = new Map<string, { object: string; before: string[] }>();
  const finish = (): void => {
    if (commit === undefined) return;
    for (const [file, { object, before }] of changed) {
      if (before.length < parents || isNull(object)) continue;
      const version = {
        commit,
        object,
        before: before.filter((name) => !isNull(name)),
        file,
        position,
      };
      const versions = log.get(file);
      if (versions === undefined) log.set(file, [version]);
      else versions.push(version);
    }
    position++;
    changed = new Map();
  };
  const parts = (await git(host, args, stdin)).split("\0");
  for (let index = 0; index < parts.length; index++) {
    const part = (parts[index] ?? "").replace(/^\n/, "");
    if (part.startsWith("\u0001")) {
      const [, name = "", parentNames = "", seconds = "", ...author] = part.split("\u0001");
      // A merge is shown once for each parent that it differs from.
      if (name === commit?.name) continue;
      finish();
      parents = parentNames === "" ? 0 : parentNames.split(" ").length;
      commit = {
        name,
        author: author.join(""),
        at: new Date(Number(seconds) * 1000),
        isBoundary: boundary.has(name),
      };
      continue;
    }
    const [, mode = "", old = "", object = ""] =
      /^:\d+ (\d+) ([0-9a-f]+) ([0-9a-f]+) /.exec(part) ?? [];
    if (object === "") continue;
    const file = parts[++index] ?? "";
    const seen = changed.get(file);
    if (seen !== undefined) seen.before.push(old);
    // What became a link or a submodule has no content.
    else changed.set(file, { object: mode.startsWith("100") ? object : "0", before: [old] });
  }
  finish();
  return log;
}

const isNull = (object: string): boolean => /^0*$/.test(object);

/** By place, what commits renamed into their files. */
async function committedRenames(
  host: Host,
  root: string,
  commits: readonly string[],
): Promise<Map<string, Rename>> {
  if (commits.length === 0) return new Map();
  const args = ["-C", root, "diff-tree", "--stdin", "-r", "--find-renames", "--diff-filter=R"];
  const text = await git(host, [...args, ...raw], Buffer.from(`${commits.join("\n")}\n`));
  return renamesIn(text);
}

/** By name, what is renamed in the index and not committed yet. */
async function stagedRenames(host: Host, root: string): Promise<Map<string, Rename>> {
  const args = ["-C", root, "diff-index", "--cached", "--find-renames", "--diff-filter=R", ...raw];
  const renames = renamesIn(await git(host, [...args, "HEAD", "--"]));
  return new Map([...renames].map(([place, rename]) => [place.slice(1), rename]));
}

function renamesIn(text: string): Map<string, Rename> {
  const renames = new Map<string, Rename>();
  let commit = "";
  const parts = text.split("\0");
  for (let index = 0; index < parts.length; index++) {
    const part = parts[index] ?? "";
    if (/^[0-9a-f]{40,64}$/.test(part.trim())) commit = part.trim();
    const [, object] = /^:\d+ \d+ ([0-9a-f]+) [0-9a-f]+ R\d*$/.exec(part) ?? [];
    if (object === undefined) continue;
    const [from = "", to = ""] = [parts[++index], parts[++index]];
    renames.set(placeOf(commit, to), { from, object });
  }
  return renames;
}
