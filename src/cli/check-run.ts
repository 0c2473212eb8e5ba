import { lstat } from "node:fs/promises";
import { relative, resolve } from "node:path";
import { Check, inOrder, type CheckedFile } from "../check/check.ts";
import type { Finding, Rule } from "../check/rule.ts";
import type { Tree } from "../check/tree.ts";
import { SopsmithError } from "../errors.ts";
import { readBlobs } from "../git/blobs.ts";
import {
  filesOfRange,
  presentFiles,
  stagedFiles,
  unmergedFiles,
  type GitFile,
} from "../git/files.ts";
import { topLevel, topLevelIfAny } from "../git/git.ts";
import { printable } from "../io/printable.ts";
import { systemCode, systemReason } from "../io/system-error.ts";
import type { Call } from "./command.ts";
import { GoverningConfigs } from "./governing-configs.ts";
import { expandOperands } from "./operands.ts";
import { warn } from "./warn.ts";

/** What was found, and in how many files it was looked for. */
export interface Checked {
  readonly findings: readonly Finding[];
  readonly files: number;
  /** Files that could not be read, each with the reason. */
  readonly unread: readonly string[];
}

interface Begun {
  readonly check: Check;
  readonly configs: GoverningConfigs;
}

function begin(call: Call, wanted: readonly Rule[]): Begun {
  const configs = new GoverningConfigs(call);
  const check = new Check({
    host: call.host,
    governing: (path) => configs.for(path),
    isConfig: (path) => configs.isConfig(path),
    rules: wanted,
  });
  return { check, configs };
}

/**
 * Looks at files of the work tree: those that are named, those in named directories, or all below the working directory. In a
 * directory these are the files that Git tracks or does not ignore; without Git, all.
 *
 * @throws {ConfigError} for a configuration that cannot be read
 * @throws {SopsmithError} exit 100 for an operand that is not there
 */
export async function checkWorkTree(call: Call, rules: readonly Rule[]): Promise<Checked> {
  const { host, operands } = call;
  const cwd = host.cwd();
  const root = await topLevelIfAny(host);
  const { check, configs } = begin(call, rules);
  // A broken configuration is reported also where no file is.
  await configs.here();
  const findings: Finding[] = [];
  const unread: string[] = [];
  const names = await filesBelow(call, root, unread);
  const present: string[] = [];
  for (const file of names) {
    const path = resolve(cwd, file);
    const content = await contentOf(call, path, file, unread);
    if (content === undefined) continue;
    present.push(file);
    for (const one of await check.file({ file, path, content })) findings.push(one);
  }
  const everything = new Set(
    operands.length === 0 || root === undefined ? names : await presentFiles(host),
  );
  const tree = {
    names: everything,
    isWhole: operands.length === 0,
    unmerged: root === undefined ? new Set<string>() : await unmergedFiles(host),
    read: async (file: string) => {
      const path = resolve(cwd, file);
      const content = await contentOf(call, path, file, []);
      return content === undefined ? undefined : check.subject({ file, path, content });
    },
    dataKeySince: async (file: string) => {
      if (root === undefined) return undefined;
      const { dataKeySince } = await import("../git/data-key-age.ts");
      return dataKeySince(host, root, file);
    },
  } satisfies Partial<Tree>;
  for (const one of await check.together(tree)) findings.push(one);
  return { findings: inOrder(findings, names), files: present.length, unread };
}

/** Looks at what the next commit would hold. Operands are Git's path patterns. */
export async function checkStaged(call: Call, rules: readonly Rule[]): Promise<Checked> {
  const root = await topLevel(call.host);
  const files = await stagedFiles(call.host, call.operands);
  return checkBlobs(call, root, files, rules);
}

/** Looks at each version of each file that the commits of a range bring in. */
export async function checkRange(
  call: Call,
  range: string,
  rules: readonly Rule[],
): Promise<Checked> {
  if (!/^[^-].*\.\.|^\.\../.test(range))
    throw new SopsmithError("bad-range", 1, `${JSON.stringify(range)} is not a range of commits`, {
      hint: "Write it as A..B, such as origin/main..HEAD.",
    });
  const root = await topLevel(call.host);
  const files = await filesOfRange(call.host, range, call.operands);
  return checkBlobs(call, root, files, rules);
}

/**
 * Looks at stdin as if it were a file.
 *
 * @param file from the working directory; it need not be there
 */
export async function checkStdin(
  call: Call,
  file: string,
  rules: readonly Rule[],
): Promise<Checked> {
  const { check, configs } = begin(call, rules);
  await configs.here();
  const content = await call.streams.readStdin();
  const path = resolve(call.host.cwd(), file);
  const findings = await check.file({ file, path, content });
  const together = await check.together(noWorkTree);
  return { findings: inOrder([...findings, ...together], [file]), files: 1, unread: [] };
}

/** What lies beside a file, and how old it is, is a matter of the work tree. */
const noWorkTree = {
  names: new Set<string>(),
  isWhole: false,
  unmerged: new Set<string>(),
  read: () => Promise.resolve(undefined),
  dataKeySince: () => Promise.resolve(undefined),
} satisfies Partial<Tree>;

async function checkBlobs(
  call: Call,
  root: string,
  files: readonly (GitFile & { readonly commit?: string })[],
  rules: readonly Rule[],
): Promise<Checked> {
  const { check, configs } = begin(call, rules);
  await configs.here();
  const findings: Finding[] = [];
  const objects = files.map(({ object }) => object);
  let index = 0;
  for await (const content of readBlobs(call.host, root, objects)) {
    const { name = "", commit } = files[index++] ?? {};
    if (content === undefined) continue;
    const checked: CheckedFile = { file: name, path: resolve(root, name), content, commit };
    for (const one of await check.file(checked)) findings.push(one);
  }
  const together = await check.together(noWorkTree);
  const order = files.map(({ name }) => name);
  return { findings: inOrder([...findings, ...together], order), files: files.length, unread: [] };
}

/**
 * The regular files that the operands name, or hold, or all below the working directory: with Git those that it tracks or does
 * not ignore. With their contents.
 *
 * @param unread takes the files and directories that could not be read, each with the reason
 */
export async function* readWorkTree(call: Call, unread: string[]): AsyncGenerator<CheckedFile> {
  const cwd = call.host.cwd();
  for (const file of await filesBelow(call, await topLevelIfAny(call.host), unread)) {
    const path = resolve(cwd, file);
    const content = await contentOf(call, path, file, unread);
    if (content !== undefined) yield { file, path, content };
  }
}

/** Names on stderr what could not be read. */
export function nameUnread({ streams }: Call, unread: readonly string[]): void {
  for (const line of unread) streams.writeStderr(`${printable(`cannot check ${line}`)}\n`);
}

/**
 * A check that could not read everything has not passed.
 *
 * @throws {SopsmithError} exit 1 for what could not be read
 */
export function refuseUnread({ length }: readonly string[]): void {
  if (length === 0) return;
  const what = length === 1 ? "1 file or directory" : `${length} files or directories`;
  throw new SopsmithError("unreadable", 1, `${what} could not be read`);
}

/** Names from the working directory. */
async function filesBelow(
  call: Call,
  root: string | undefined,
  unread: string[],
): Promise<readonly string[]> {
  const { host, operands, streams } = call;
  const cwd = host.cwd();
  const expand = async (paths: readonly string[], recursive: boolean) =>
    expandOperands(paths, {
      cwd,
      recursive,
      wanted: "any",
      except: undefined,
      once: false,
      warn: (message) => warn(streams, message),
    });
  if (operands.length === 0 && root !== undefined) return presentFiles(host, [], unread);
  const given = operands.length === 0 ? ["."] : operands;
  const names: string[] = [];
  for (const { file } of (await expand(given, false)).files) {
    const stats = await lstat(resolve(cwd, file)).catch((error: unknown) => {
      if (systemCode(error) === undefined) throw error;
      throw new SopsmithError("no-file", 100, `cannot read ${file}: ${systemReason(error)}`, {
        file,
      });
    });
    if (!stats.isDirectory()) names.push(file);
    else if (root !== undefined && isInside(root, resolve(cwd, file)))
      for (const one of await presentFiles(host, [file], unread)) names.push(one);
    else {
      const { files, failures } = await expand([file], true);
      for (const found of files) names.push(found.file);
      for (const failure of failures)
        unread.push(`${failure.file}: ${systemReason(failure.error.cause)}`);
    }
  }
  return [...new Set(names.map((name) => relative(cwd, resolve(cwd, name)) || name))];
}

const isInside = (root: string, path: string): boolean => !relative(root, path).startsWith("..");

/** Larger files are no files of secrets. */
const SIZE_LIMIT = 256 * 1024 * 1024;

/** A regular file's content; undefined for anything else, and for what is gone. */
async function contentOf(
  { host }: Call,
  path: string,
  file: string,
  unread: string[],
): Promise<Uint8Array | undefined> {
  try {
    const stats = await lstat(path);
    if (!stats.isFile()) return undefined;
    if (stats.size > SIZE_LIMIT) {
      unread.push(`${file}: larger than ${SIZE_LIMIT / 1024 / 1024} MiB`);
      return undefined;
    }
    return await host.readFile(path);
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    // Tracked, and removed from the work tree.
    if (systemCode(error) !== "ENOENT") unread.push(`${file}: ${systemReason(error)}`);
    return undefined;
  }
}
