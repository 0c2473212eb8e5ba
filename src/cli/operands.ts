import type { Stats } from "node:fs";
import { glob, open, readdir, realpath, stat } from "node:fs/promises";
import { basename, isAbsolute, join, relative, resolve, sep } from "node:path";
import type { FormatName } from "../../formats/format.ts";
import { formatForPath } from "../../formats/index.ts";
import { SopsmithError } from "../errors.ts";
import { systemCode, systemReason } from "../io/system-error.ts";
import { sealedFormat } from "../status.ts";
import { forEachBounded, PARALLEL_FILES } from "./bounded.ts";

/** Which files of a directory a command works on. A file that is named is worked on whatever it is. */
export type Wanted = "encrypted" | "plain" | "any";

/** A file that the operands stand for. */
export interface OperandFile {
  /** To open, and for messages. */
  readonly file: string;
  /** Where its result goes below `--output-dir`; never leads out of it. */
  readonly below: string;
  /** Found in a directory, not named. */
  readonly isFound: boolean;
  /** What a found file is encrypted as, where its name says something else. */
  readonly format: FormatName | undefined;
}

export interface FileFailure {
  readonly file: string;
  readonly error: SopsmithError;
}

export interface Expanded {
  readonly files: readonly OperandFile[];
  /** Directories and files that could not be looked into. */
  readonly failures: readonly FileFailure[];
}

export interface ExpandOptions {
  /** Absolute. */
  readonly cwd: string;
  readonly recursive: boolean;
  readonly wanted: Wanted;
  /** Not walked into: the directory that takes the results. */
  readonly except: string | undefined;
  /** Take a file once, whatever names it goes by; else each name once. */
  readonly once: boolean;
  readonly warn: (message: string) => void;
}

/** Folders that belong to a version control system, and sops's own file: never secrets. */
const neverFound: ReadonlySet<string> = new Set([".git", ".hg", ".svn", ".jj"]);
const CONFIG_NAME = ".sops.yaml";

/** Does this operand ask for several files by itself? A file of exactly that name comes first. */
export async function isPattern(operand: string): Promise<boolean> {
  return /[*?[\]{}]/.test(operand) && (await look(operand)) === undefined;
}

/**
 * The files that operands stand for: files as they are named, patterns such as `*.yaml` that no shell has expanded, and
 * with `recursive` the files in directories, found by their content. A link in a directory is followed only to a file in the
 * same directory tree. Patterns without a match and directories without `recursive` are returned as they are, so
 * that the command refuses them by name.
 */
export async function expandOperands(
  operands: readonly string[],
  options: ExpandOptions,
): Promise<Expanded> {
  const { cwd, recursive } = options;
  const seen = new Set<string>();
  const failures: FileFailure[] = [];
  const files: OperandFile[] = [];
  const isNew = (path: string, stats: Stats | undefined): boolean => {
    const name =
      options.once && stats !== undefined && stats.ino !== 0
        ? `${stats.dev}:${stats.ino}`
        : resolve(cwd, path);
    if (seen.has(name)) return false;
    seen.add(name);
    return true;
  };
  for (const operand of operands) {
    for (const { path, stats } of await matches(operand, recursive)) {
      if (recursive && stats?.isDirectory() === true) {
        const found: Candidate[] = [];
        await walk(path, await realpath(path), options, found, failures);
        const fresh = found.filter((file) => isNew(file.path, file.stats));
        for (const file of await choose(fresh, options, failures))
          files.push({ ...file, below: placeBelow(cwd, file.file, path), isFound: true });
      } else if (isNew(path, stats)) {
        files.push({
          file: path,
          below: placeBelow(cwd, path, undefined),
          isFound: false,
          format: undefined,
        });
      }
    }
  }
  return { files, failures };
}

interface Candidate {
  readonly path: string;
  readonly stats: Stats | undefined;
}

/** The names that an operand stands for, before directories are walked. */
async function matches(operand: string, recursive: boolean): Promise<Candidate[]> {
  const stats = await look(operand);
  if (stats !== undefined || !(await isPattern(operand))) return [{ path: operand, stats }];
  const found: Candidate[] = [];
  for await (const path of glob(operand)) {
    const there = await look(path);
    if (there?.isFile() === true || (recursive && there?.isDirectory() === true))
      found.push({ path, stats: there });
  }
  if (found.length === 0) return [{ path: operand, stats }];
  return found.toSorted((a, b) => byName(a.path, b.path));
}

/** What is there, links followed; undefined for nothing that can be looked at. */
async function look(path: string): Promise<Stats | undefined> {
  return stat(path).catch(() => undefined);
}

const byName = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Depth first, names in order, as sops's `publish` walks. */
async function walk(
  directory: string,
  root: string,
  options: ExpandOptions,
  found: Candidate[],
  failures: FileFailure[],
): Promise<void> {
  let entries;
  try {
    entries = await readdir(directory, { withFileTypes: true });
  } catch (error) {
    failures.push({ file: directory, error: unreadable(directory, error) });
    return;
  }
  for (const entry of entries.toSorted((a, b) => byName(a.name, b.name))) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) {
      if (neverFound.has(entry.name) || resolve(options.cwd, path) === options.except) continue;
      await walk(path, root, options, found, failures);
    } else if (entry.isSymbolicLink()) {
      const stats = await followInside(path, root, options.warn);
      if (stats !== undefined) found.push({ path, stats });
    } else if (entry.isFile() && entry.name !== CONFIG_NAME) {
      found.push({ path, stats: options.once ? await look(path) : undefined });
    }
  }
}

/** A link's file; undefined for a directory, which the walk meets under its own name, and for what lies outside the tree. */
async function followInside(
  path: string,
  root: string,
  warn: (message: string) => void,
): Promise<Stats | undefined> {
  const target = await realpath(path).catch(() => undefined);
  const stats = target === undefined ? undefined : await look(target);
  if (target === undefined || stats === undefined) {
    warn(`${path} is skipped: it is a broken link`);
    return undefined;
  }
  if (!stats.isFile()) return undefined;
  if (target.startsWith(root.endsWith(sep) ? root : root + sep)) return stats;
  warn(`${path} is skipped: it is a link to a file outside the directory`);
  return undefined;
}

/** Those of the found files that the command wants, in their order. */
async function choose(
  found: readonly Candidate[],
  { wanted }: ExpandOptions,
  failures: FileFailure[],
): Promise<Omit<OperandFile, "below" | "isFound">[]> {
  if (wanted === "any") return found.map(({ path }) => ({ file: path, format: undefined }));
  const chosen: (Omit<OperandFile, "below" | "isFound"> | undefined)[] = [];
  await forEachBounded(found, PARALLEL_FILES, async ({ path }, index) => {
    try {
      const byName = formatForPath(path);
      const content = await readIfSuspect(path);
      const format = content === undefined ? undefined : await sealedFormat(content, byName);
      if ((format !== undefined) === (wanted === "encrypted"))
        chosen[index] = { file: path, format: format === byName ? undefined : format };
    } catch (error) {
      failures.push({ file: path, error: unreadable(path, error) });
    }
  });
  return chosen.filter((file) => file !== undefined);
}

/** Files up to this size are read whole; longer ones are looked through first. */
const WHOLE_SIZE = 1 << 20;

/** The content of a file in which the word `sops` occurs: nothing else can be encrypted. */
async function readIfSuspect(path: string): Promise<Uint8Array | undefined> {
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    if (size > WHOLE_SIZE) {
      const block = Buffer.alloc(WHOLE_SIZE);
      let isSuspect = false;
      // Blocks overlap by the length of the word.
      for (let at = 0; !isSuspect && at < size; at += WHOLE_SIZE - 4) {
        const { bytesRead } = await file.read(block, 0, block.length, at);
        isSuspect = block.subarray(0, bytesRead).includes("sops");
      }
      if (!isSuspect) return undefined;
    }
    const content = await file.readFile();
    return content.includes("sops") ? content : undefined;
  } finally {
    await file.close();
  }
}

function unreadable(path: string, error: unknown): SopsmithError {
  if (error instanceof SopsmithError) return error;
  if (systemCode(error) === undefined) throw error;
  return new SopsmithError("unreadable", 2, `Error reading file: ${path}: ${systemReason(error)}`, {
    cause: error,
  });
}

/**
 * The path below the working directory; for what lies elsewhere its own name, or below a directory operand the path from there.
 */
function placeBelow(cwd: string, file: string, directory: string | undefined): string {
  const path = resolve(cwd, file);
  const fromHere = relative(cwd, path);
  if (fromHere !== "" && !isOutside(fromHere)) return fromHere;
  if (directory === undefined) return basename(path);
  const base = resolve(cwd, directory);
  return join(basename(base), relative(base, path));
}

function isOutside(path: string): boolean {
  return path === ".." || path.startsWith(`..${sep}`) || isAbsolute(path);
}
