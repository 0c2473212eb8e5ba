import { randomBytes } from "node:crypto";
import {
  accessSync,
  closeSync,
  lstatSync,
  openSync,
  readlinkSync,
  realpathSync,
  rmSync,
  type Stats,
  write,
} from "node:fs";
import { constants, open, rename, type FileHandle } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { SopsmithError } from "../errors.ts";
import { batches, type Chunks } from "./chunks.ts";
import { onProcessEnd } from "./cleanup.ts";
import { OutputClosed, writeStdout } from "./output.ts";
import { systemCode, systemReason } from "./system-error.ts";

export interface ReplaceOptions {
  /** How messages name the file: the one that was read, or that of `--output`. In-place when absent. */
  readonly purpose?: "in-place" | "output";
  /** Rewrite the existing file instead of replacing it: needed for bind mounts, hard links, read-only directories. */
  readonly noAtomic?: boolean;
  /** Permissions of a file that does not exist yet; else 0666 less the umask. */
  readonly mode?: number;
  /** Takes the directory of a replaced file instead of having it synced: for many files, synced together at the end. */
  readonly directories?: Set<string>;
}

/** The file cannot be opened or replaced; it is as it was. Exit 3, as in sops. */
export class CannotReplace extends SopsmithError {
  constructor(
    path: string,
    purpose: string,
    reason: string,
    options: { hint?: string; cause?: unknown } = {},
  ) {
    super("cannot-replace", 3, `Could not open ${purpose} file for writing: ${path}: ${reason}`, {
      ...options,
      file: path,
    });
  }
}

/** Writing failed, for example on a full disk. Exit 1, as in sops. */
export class WriteFailed extends SopsmithError {
  constructor(path: string, cause: unknown, hint: string) {
    super("write-failed", 1, `write ${path}: ${systemReason(cause)}`, { hint, cause, file: path });
  }
}

/** New content that stands ready: written and synced where that can be done beforehand. */
export interface StagedFile {
  /**
   * Puts the content in place.
   *
   * @throws {CannotReplace} when the file cannot be replaced
   * @throws {WriteFailed} when writing fails
   * @throws {OutputClosed} when the reader of a pipe went away
   */
  commit(): Promise<void>;
  /** Leaves the file as it is. */
  discard(): void;
}

/**
 * Gives a file new content. A regular file is replaced by a sibling that was written and synced first, so that a crash or a
 * full disk at any moment leaves the old content or the new, never a mixture. Mode, owner (where the system lets us) and
 * symbolic links stay: it is the link's target that is replaced. Devices, FIFOs, sockets and open descriptors
 * (`/dev/stdout`, `/dev/fd/3`) are written to.
 *
 * @throws {CannotReplace} when the file cannot be opened, or cannot be replaced without harm: hard links, mount points,
 *   directories that are not writable. The hint names `--no-atomic` where that helps.
 * @throws {WriteFailed} when writing fails
 * @throws {OutputClosed} when the reader of a pipe went away
 */
export async function replaceFile(
  path: string,
  chunks: Chunks,
  options: ReplaceOptions = {},
): Promise<void> {
  await (await stageFile(path, chunks, options)).commit();
}

/**
 * The first half of `replaceFile`: everything that can fail for want of space or permission is done, and the file is still
 * as it was. What is not replaced but written to is only written by `commit`.
 *
 * @throws {CannotReplace}
 * @throws {WriteFailed}
 */
export async function stageFile(
  path: string,
  chunks: Chunks,
  options: ReplaceOptions = {},
): Promise<StagedFile> {
  const purpose = options.purpose ?? "in-place";
  const shown = path;
  const cannot = (cause: unknown) =>
    new CannotReplace(shown, purpose, systemReason(cause), { cause });
  let target: Target;
  try {
    target = findTarget(path);
  } catch (error) {
    throw cannot(error);
  }
  const old = target.stats;
  const { descriptor } = target;
  if (descriptor !== undefined && purpose === "output")
    return unstaged(() => writeDescriptor(descriptor, shown, chunks));
  const replacement = {
    path: target.path,
    shown,
    purpose,
    chunks,
    directories: options.directories,
  };
  if (old === undefined) return stage({ ...replacement, old, mode: options.mode });
  if (old.isDirectory()) throw new CannotReplace(shown, purpose, "is a directory");
  if (!old.isFile() || target.isProcLink)
    return unstaged(() => writeThrough(target.path, shown, purpose, chunks));
  // A file without write permission is protected on purpose, and renaming would get around that.
  try {
    accessSync(target.path, constants.W_OK);
  } catch (error) {
    throw cannot(error);
  }
  if (options.noAtomic === true)
    return unstaged(() => rewrite(target.path, shown, purpose, chunks, old.size));
  if (old.nlink > 1)
    throw unreplaceable(
      shown,
      purpose,
      `it has ${old.nlink} hard links, and replacing it would leave the others behind`,
    );
  return stage({ ...replacement, old, mode: undefined });
}

function unstaged(commit: () => Promise<void>): StagedFile {
  return { commit, discard: () => {} };
}

function unreplaceable(
  shown: string,
  purpose: string,
  reason: string,
  cause?: unknown,
): CannotReplace {
  return new CannotReplace(shown, purpose, reason, {
    hint: "To rewrite the file in place instead of replacing it, add --no-atomic; an interruption can then damage it.",
    cause,
  });
}

interface Target {
  readonly path: string;
  /** Undefined where there is no file yet. */
  readonly stats: Stats | undefined;
  /** One of this process's open descriptors. */
  readonly descriptor?: number;
  /** A name in /proc or /dev for an open file, not its place in a directory. */
  readonly isProcLink?: boolean;
}

const maxLinks = 40;

/**
 * Follows links as `open` does, but stops at the names of open descriptors, and at the end of a dangling link. These looks
 * at names are synchronous: each takes less than handing it to another thread.
 */
function findTarget(path: string): Target {
  if (path === "") return { path: ".", stats: lstatSync(".") };
  // "new/" can only mean a directory; without this it would make a file "new".
  if (/[/\\]$/.test(path) && (process.platform === "win32" || path.endsWith("/")))
    return { path, stats: lstatSync(path) };
  let place = resolve(path);
  for (let links = 0; links < maxLinks; links++) {
    place = join(realpathSync.native(dirname(place)), basename(place));
    const proc = /^(?:\/proc\/(\d+)(?:\/task\/\d+)?|\/dev)\/fd\/(\d+)$/.exec(place);
    if (proc) {
      const isOwn = proc[1] === undefined || Number(proc[1]) === process.pid;
      return {
        path: place,
        stats: lstatSync(place),
        isProcLink: true,
        ...(isOwn ? { descriptor: Number(proc[2]) } : {}),
      };
    }
    const stats = lstatSync(place, { throwIfNoEntry: false });
    if (!stats?.isSymbolicLink()) return { path: place, stats };
    place = resolve(dirname(place), readlinkSync(place));
  }
  // Too many links: let the system say so.
  return { path: place, stats: lstatSync(realpathSync.native(path)) };
}

interface Replacement {
  readonly path: string;
  readonly shown: string;
  readonly purpose: "in-place" | "output";
  readonly chunks: Chunks;
  readonly old: Stats | undefined;
  readonly mode: number | undefined;
  readonly directories: Set<string> | undefined;
}

async function stage(replacement: Replacement): Promise<StagedFile> {
  const { path, shown, purpose, chunks, old, mode, directories } = replacement;
  const dir = dirname(path);
  const temp = join(dir, `.sopsmith-${randomBytes(12).toString("hex")}.tmp`);
  const remove = () => rmSync(temp, { force: true });
  // Before the file exists, so that no signal falls between; the name is random enough to be ours.
  const forget = onProcessEnd(remove);
  const discard = () => {
    remove();
    forget();
  };
  try {
    const file = await create(temp, old ? 0o600 : (mode ?? 0o666)).catch((error: unknown) => {
      if (old && isRefusal(error))
        throw unreplaceable(
          shown,
          purpose,
          `its directory is not writable: ${systemReason(error)}`,
          error,
        );
      throw new CannotReplace(shown, purpose, systemReason(error), { cause: error });
    });
    try {
      if (old) await takeOver(file, old);
      else if (mode !== undefined) await file.chmod(mode);
      await writeAll(file, chunks, 0);
      await file.sync();
    } catch (error) {
      throw new WriteFailed(shown, error, old ? "The file is unchanged." : "No file was made.");
    } finally {
      await file.close();
    }
  } catch (error) {
    discard();
    throw error;
  }
  const commit = async () => {
    try {
      await rename(temp, path).catch((error: unknown) => {
        if (!old) throw new CannotReplace(shown, purpose, systemReason(error), { cause: error });
        const isMount = ["EBUSY", "EXDEV"].includes(systemCode(error) ?? "");
        throw unreplaceable(
          shown,
          purpose,
          isMount ? "it is a mount point" : systemReason(error),
          error,
        );
      });
    } catch (error) {
      discard();
      throw error;
    }
    forget();
    if (directories === undefined) await syncDirectory(dir);
    else directories.add(dir);
  };
  return { commit, discard };
}

/**
 * Makes the file at once, and opens it then: a thread that makes one could do so behind the back of a signal's handler, which
 * removes what is there and ends the process.
 */
async function create(path: string, mode: number): Promise<FileHandle> {
  closeSync(openSync(path, "wx", mode));
  return open(path, "r+");
}

function isRefusal(error: unknown): boolean {
  return ["EACCES", "EPERM", "EROFS"].includes(systemCode(error) ?? "");
}

/** Owner and mode of the old file. Only root may give files away; a group may be kept if the user belongs to it. */
async function takeOver(file: FileHandle, old: Stats): Promise<void> {
  if (process.platform === "win32") return;
  const ours = await file.stat();
  let hasGroup = ours.gid === old.gid;
  if (ours.uid !== old.uid || !hasGroup) {
    hasGroup = await file.chown(old.uid, old.gid).then(
      () => true,
      () =>
        file.chown(ours.uid, old.gid).then(
          () => true,
          () => hasGroup,
        ),
    );
  }
  // Another group must not get what the old one was allowed, beyond what everybody is.
  const everybody = old.mode & 0o007;
  const mode = hasGroup ? old.mode & 0o7777 : (old.mode & 0o700) | (everybody << 3) | everybody;
  await file.chmod(mode).catch((error: unknown) => {
    // A file system without permissions (FAT) refuses; there is nothing to keep then.
    if (!isRefusal(error)) throw error;
  });
}

/** Makes renames in a directory last through a crash. */
export async function syncDirectory(dir: string): Promise<void> {
  if (process.platform === "win32") return;
  try {
    const handle = await open(dir, "r");
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch {
    // The new content is in place and synced. Some file systems and unreadable directories do not offer more.
  }
}

/**
 * Rewrites an existing file. What is longer than the old content is written first: a full disk shows there, while the old
 * content is whole.
 */
async function rewrite(
  path: string,
  shown: string,
  purpose: string,
  chunks: Chunks,
  oldSize: number,
): Promise<void> {
  const file = await open(path, "r+").catch((error: unknown) => {
    throw new CannotReplace(shown, purpose, systemReason(error), { cause: error });
  });
  try {
    try {
      await writeAll(file, chunks, oldSize);
      await file.sync();
    } catch (error) {
      await file.truncate(oldSize);
      throw new WriteFailed(shown, error, "The file is unchanged.");
    }
    try {
      const size = await writeAll(file, chunks, 0, oldSize);
      await file.truncate(size);
      await file.sync();
    } catch (error) {
      throw new WriteFailed(shown, error, "The file was partly rewritten: restore it from a copy.");
    }
  } finally {
    await file.close();
  }
}

/**
 * Writes the part of the content that lies in [from, to).
 *
 * @returns the length of the whole content
 */
async function writeAll(
  file: FileHandle,
  chunks: Chunks,
  from: number,
  to = Infinity,
): Promise<number> {
  let position = 0;
  for (const batch of batches(chunks)) {
    const part = batch.subarray(Math.max(0, from - position), Math.max(0, to - position));
    let at = Math.max(position, from);
    for (let done = 0; done < part.length;) {
      const { bytesWritten } = await file.write(part, done, part.length - done, at);
      done += bytesWritten;
      at += bytesWritten;
    }
    position += batch.length;
  }
  return position;
}

/** Devices, FIFOs, and open files of other processes: what cannot be replaced, opened as sops opens every file. */
async function writeThrough(
  path: string,
  shown: string,
  purpose: string,
  chunks: Chunks,
): Promise<void> {
  const file = await open(path, constants.O_WRONLY | constants.O_TRUNC).catch((error: unknown) => {
    throw new CannotReplace(shown, purpose, systemReason(error), { cause: error });
  });
  try {
    await writeDescriptor(file.fd, shown, chunks);
  } finally {
    await file.close();
  }
}

const writeSome = promisify(write);

async function writeDescriptor(fd: number, shown: string, chunks: Chunks): Promise<void> {
  if (fd === 1) {
    await writeStdout(chunks);
    return;
  }
  for (const batch of batches(chunks)) {
    for (let done = 0; done < batch.length;) {
      try {
        const { bytesWritten } = await writeSome(fd, batch, done, batch.length - done, null);
        done += bytesWritten;
      } catch (error) {
        const code = systemCode(error);
        if (code === "EPIPE") throw new OutputClosed(error);
        if (code !== "EAGAIN") throw new WriteFailed(shown, error, "The output is not complete.");
        // The other end made the pipe non-blocking and it is full.
        await sleep(5);
      }
    }
  }
}
