import { createHash } from "node:crypto";
import { lstat } from "node:fs/promises";
import { join } from "node:path";
import { readBlobs } from "../git/blobs.ts";
import { changedFiles, commitNamed, filesOf, mergeBase, presentNames } from "../git/files.ts";
import type { Host } from "../io/host.ts";
import { systemCode } from "../io/system-error.ts";
import { SopsmithError } from "../errors.ts";
import { UsageError } from "./args.ts";
import type { Call } from "./command.ts";

/** One file with its two versions; undefined where it is not there. */
export interface TwoVersions {
  /** From the top of the repository. */
  readonly file: string;
  readonly before: Uint8Array | undefined;
  readonly after: Uint8Array | undefined;
}

/** What is compared. */
export interface Sides {
  /** A commit's name in hexadecimal. */
  readonly before: string;
  /** Undefined for the work tree. */
  readonly after: string | undefined;
  /** Git's path patterns. */
  readonly patterns: readonly string[];
}

/**
 * Reads `[A [B]] [-- FILE…]`, also as `A..B` and `A...B`; words that are no commits and are last are files, as Git has it.
 *
 * @throws {SopsmithError} exit 1 for a word that is neither
 */
export async function parseSides({ operands, separator, host }: Call): Promise<Sides> {
  const cut = separator ?? operands.length;
  const words = operands.slice(0, cut);
  const patterns = operands.slice(cut);
  const commits: string[] = [];
  for (const [index, word] of words.entries()) {
    const range = /^(.*?)(\.{2,3})(.*)$/.exec(word);
    if (range !== null && commits.length === 0) {
      const [, from = "", dots = "", to = ""] = range;
      const ends = [from || "HEAD", to || "HEAD"].map((end) => commitNamed(host, end));
      const [before, after] = await Promise.all(ends);
      if (before !== undefined && after !== undefined) {
        commits.push(dots === "..." ? await mergeBase(host, before, after) : before, after);
        continue;
      }
    }
    const commit = word.startsWith("-") ? undefined : await commitNamed(host, word);
    if (commit !== undefined) commits.push(commit);
    else if (separator === undefined && (await isThere(word))) {
      for (const word of words.slice(index)) patterns.push(word);
      break;
    } else
      throw new SopsmithError(
        "no-commit",
        1,
        `${JSON.stringify(word)} is neither a commit nor a file`,
        {
          hint: "Put -- before the names of files that no longer exist.",
        },
      );
  }
  if (commits.length > 2) throw new UsageError("diff compares two commits at most");
  const [before = await head(host), after] = commits;
  return { before, after, patterns };
}

async function head(host: Host): Promise<string> {
  const commit = await commitNamed(host, "HEAD");
  if (commit !== undefined) return commit;
  throw new SopsmithError("no-commit", 1, "there is no commit to compare with", {
    hint: "Run this in a clone of a Git repository that has a commit.",
  });
}

const isThere = (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    () => false,
  );

/** The files that differ, both versions of one at a time. */
export async function* versionsOf(
  host: Host,
  root: string,
  sides: Sides,
): AsyncGenerator<TwoVersions> {
  const { before, after, patterns } = sides;
  if (after !== undefined) {
    const files = await changedFiles(host, before, after, patterns);
    const objects = files.flatMap((file) =>
      [file.before, file.after].filter((name) => name !== undefined),
    );
    const contents = readBlobs(host, root, objects);
    const next = async (object: string | undefined): Promise<Uint8Array | undefined> => {
      if (object === undefined) return undefined;
      const { value } = await contents.next();
      return value ?? undefined;
    };
    try {
      for (const file of files) {
        const old = await next(file.before);
        yield { file: file.name, before: old, after: await next(file.after) };
      }
    } finally {
      // Ends git, also when nobody wanted to know all.
      await contents.return();
    }
    return;
  }
  const old = new Map(
    (await filesOf(host, before, patterns)).map(({ name, object }) => [name, object]),
  );
  const names = new Set([...old.keys(), ...(await presentNames(host, patterns))]);
  const differing: { file: string; object: string | undefined; content: Uint8Array | undefined }[] =
    [];
  for (const file of [...names].toSorted()) {
    const object = old.get(file);
    const content = await workTreeFile(host, join(root, file));
    if (content === undefined ? object !== undefined : blobName(content, object) !== object)
      differing.push({ file, object, content });
  }
  const objects = differing.flatMap(({ object }) => object ?? []);
  const contents = readBlobs(host, root, objects);
  try {
    for (const { file, object, content } of differing) {
      const { value } = object === undefined ? { value: undefined } : await contents.next();
      yield { file, before: value ?? undefined, after: content };
    }
  } finally {
    await contents.return();
  }
}

/** What Git calls a blob of this content, by the kind of hash that another name is of. */
function blobName(content: Uint8Array, like: string | undefined): string {
  const hash = createHash(like?.length === 64 ? "sha256" : "sha1");
  return hash.update(`blob ${content.length}\0`).update(content).digest("hex");
}

/** Larger files are no files of secrets. */
const SIZE_LIMIT = 256 * 1024 * 1024;

/** Undefined for what is no regular file. */
async function workTreeFile(host: Host, path: string): Promise<Uint8Array | undefined> {
  try {
    const stats = await lstat(path);
    return stats.isFile() && stats.size <= SIZE_LIMIT ? await host.readFile(path) : undefined;
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    return undefined;
  }
}
