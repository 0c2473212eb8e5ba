import {
  accessSync,
  closeSync,
  lstatSync,
  openSync,
  readdirSync,
  rmSync,
  type Stats,
} from "node:fs";
import { constants, open, type FileHandle } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Attributes } from "./attributes.ts";
import type { Chunks } from "./chunks.ts";
import { onProcessEnd } from "./cleanup.ts";
import { printableLine } from "./printable.ts";
import { removeLeftOvers } from "./left-overs.ts";
import { writeAll, writeDescriptor, writeThrough } from "./rewrite.ts";
import {
  Passing,
  Replacement,
  Rewriting,
  temporaryName,
  verifyVersion,
  type Expected,
  type Place,
  type StagedFile,
} from "./staged.ts";
import { systemCode, systemReason } from "./system-error.ts";
import { CannotReplace, unreplaceable, WriteFailed } from "./write-errors.ts";
import { findTarget, type Target } from "./write-target.ts";

export interface ReplaceOptions {
  /** How messages name the file: the one that was read, or that of `--output`. In-place when absent. */
  readonly purpose?: "in-place" | "output";
  /** Rewrite the existing file instead of replacing it: needed for bind mounts, hard links, read-only directories. */
  readonly noAtomic?: boolean;
  /** Permissions of a file that does not exist yet; else 0666 less the umask. */
  readonly mode?: number;
  /** What the file must still be when its new content is put in place. Anything will do when absent. */
  readonly expected?: Expected | undefined;
  /** Takes the directory of a replaced file instead of having it synced: for many files, synced together at the end. */
  readonly directories?: Set<string>;
  /** What is known of several files' access control lists and other attributes; looked up when absent. */
  readonly attributes?: Attributes | undefined;
  /** Told in one sentence what could not be kept of the old file. */
  readonly warn?: ((message: string) => void) | undefined;
}

/**
 * Gives a file new content. A regular file is replaced by a sibling that was written and synced first, so that a crash or a
 * full disk at any moment leaves the old content or the new, never a mixture. Mode, owner (where the system lets us), access
 * control list, extended attributes (where the system's tools are there) and symbolic links stay: it is the link's target
 * that is replaced. Devices, FIFOs, sockets and open descriptors (`/dev/stdout`, `/dev/fd/3`) are written to.
 *
 * @throws {ChangedMeanwhile} when the file is not what `expected` says; it is left alone
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
 * @throws {ChangedMeanwhile}
 * @throws {CannotReplace}
 * @throws {WriteFailed}
 */
export async function stageFile(
  path: string,
  chunks: Chunks,
  options: ReplaceOptions = {},
): Promise<StagedFile> {
  const { purpose = "in-place", expected } = options;
  const shown = printableLine(path);
  const cannot = (cause: unknown) =>
    new CannotReplace(shown, purpose, systemReason(cause), { cause });
  let target: Target;
  try {
    target = findTarget(path);
  } catch (error) {
    throw cannot(error);
  }
  const { descriptor, stats: old } = target;
  const place: Place = { path: target.path, shown, purpose, old, expected };
  if (descriptor !== undefined && purpose === "output")
    return new Passing(place, () => writeDescriptor(descriptor, shown, chunks));
  if (old?.isDirectory()) throw new CannotReplace(shown, purpose, "is a directory");
  if (old !== undefined && (!old.isFile() || target.isProcLink))
    return new Passing(place, () => writeThrough(target.path, shown, purpose, chunks));
  verifyVersion(place);
  if (old === undefined) return stage(place, chunks, options);
  // A file without write permission is protected on purpose, and renaming would get around that.
  try {
    accessSync(target.path, constants.W_OK);
  } catch (error) {
    throw cannot(error);
  }
  if (options.noAtomic === true) return new Rewriting(place, chunks);
  const links = linksOf(target.path, old);
  if (links > 1)
    throw unreplaceable(
      shown,
      purpose,
      `it has ${links} hard links, and replacing it would leave the others behind`,
    );
  return stage(place, chunks, options);
}

/** Without the names under which we keep old content for a moment. */
function linksOf(path: string, { nlink, ino }: Stats): number {
  if (nlink === 1) return 1;
  const dir = dirname(path);
  const kept = readdirSync(dir).filter(
    (name) =>
      name.startsWith(".sopsmith-") &&
      lstatSync(join(dir, name), { throwIfNoEntry: false })?.ino === ino,
  );
  return nlink - kept.length;
}

async function stage(
  place: Place,
  chunks: Chunks,
  { mode, directories, attributes, warn }: ReplaceOptions,
): Promise<StagedFile> {
  const { path, shown, purpose, old } = place;
  removeLeftOvers(dirname(path));
  const temp = temporaryName(path);
  const remove = () => rmSync(temp, { force: true });
  // Before the file exists, so that no signal falls between; the name is random enough to be ours.
  const forget = onProcessEnd(remove);
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
      const looking = old && lookUp(attributes, path);
      if (old === undefined && mode !== undefined) await file.chmod(mode);
      await writeAll(file, chunks, 0);
      if (old && looking) await takeOver(file, temp, place, old, await looking, warn);
      await file.sync();
    } catch (error) {
      throw new WriteFailed(shown, error, old ? "The file is unchanged." : "No file was made.");
    } finally {
      await file.close();
    }
  } catch (error) {
    remove();
    forget();
    throw error;
  }
  return new Replacement(place, temp, forget, directories);
}

/** What is to be kept of files that will be replaced: looked up for all at once. */
export async function attributesOf(paths: readonly string[]): Promise<Attributes> {
  const { readAttributes } = await import("./attributes.ts");
  return readAttributes(
    paths.flatMap((path) => {
      try {
        const { path: place, stats } = findTarget(path);
        return stats?.isFile() ? [place] : [];
      } catch {
        // Staging says what is wrong with it.
        return [];
      }
    }),
  );
}

async function lookUp(known: Attributes | undefined, path: string): Promise<Attributes> {
  if (known !== undefined) return known;
  const { readAttributes } = await import("./attributes.ts");
  return readAttributes([path]);
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

/**
 * Owner, mode and attributes of the old file. Only root may give files away; a group may be kept if the user belongs to it.
 * Whatever cannot be kept, nobody gets more access than before.
 */
async function takeOver(
  file: FileHandle,
  temp: string,
  { path, shown }: Place,
  old: Stats,
  attributes: Attributes,
  warn: ReplaceOptions["warn"],
): Promise<void> {
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
  const chmod = (mode: number) =>
    file.chmod(mode).catch((error: unknown) => {
      // A file system without permissions (FAT) refuses; there is nothing to keep then.
      if (!isRefusal(error)) throw error;
    });
  const found = attributes.of(path);
  // Another group must not get what the old one was allowed, beyond what everybody is.
  const everybody = old.mode & 0o007;
  const mode = hasGroup ? old.mode & 0o7777 : (old.mode & 0o700) | (everybody << 3) | everybody;
  if (found === undefined) return chmod(mode);
  // With a list, the mode's middle digit says what the most favoured of its groups may do.
  await chmod(found.hasList ? old.mode & 0o700 : found.inheritsList ? mode & 0o707 : mode);
  const lost = await found.give(temp, { hasGroup });
  if (!lost.list && !found.hasList) await chmod(mode);
  if (lost.list && found.hasList)
    warn?.(
      `The access control list of ${shown} could not be kept: only its owner can open the file now. ${lost.advice}`,
    );
  if (lost.others) warn?.(`Extended attributes of ${shown} could not be kept. ${lost.advice}`);
}
