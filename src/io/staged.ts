import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  copyFileSync,
  linkSync,
  lstatSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  type Stats,
} from "node:fs";
import { open } from "node:fs/promises";
import { randomBytes } from "node:crypto";
import { dirname, join } from "node:path";
import type { Chunks } from "./chunks.ts";
import { claimFile } from "./claim.ts";
import { onProcessEnd } from "./cleanup.ts";
import { fileVersion, isSameVersion, type FileVersion } from "./file-version.ts";
import { processMark } from "./process-mark.ts";
import { rewriteFile } from "./rewrite.ts";
import { systemCode, systemReason } from "./system-error.ts";
import { CannotReplace, ChangedMeanwhile, unreplaceable } from "./write-errors.ts";

/** What a file must still be when its new content is put in place; `absent` for one that must not be there. */
export type Expected = FileVersion | "absent";

/** Where new content goes. */
export interface Place {
  /** Links resolved. */
  readonly path: string;
  /** As messages name it. */
  readonly shown: string;
  readonly purpose: "in-place" | "output";
  /** Undefined where there is no file yet. */
  readonly old: Stats | undefined;
  readonly expected: Expected | undefined;
}

/** A replacement, as another process can take it back. */
export interface Guarded {
  readonly path: string;
  /** The old content; "" where there was no file. */
  readonly kept: string;
  /** The new content; no longer there once it is in place. */
  readonly temp: string;
}

/**
 * New content that is ready to be put in place. `commit` does all; the steps it is made of are for several files that are
 * to change together.
 */
export abstract class StagedFile {
  readonly place: Place;
  private letGo: (() => void) | undefined;

  constructor(place: Place) {
    this.place = place;
  }

  /**
   * Puts the content in place.
   *
   * @throws {ChangedMeanwhile} when the file is no longer what was expected
   * @throws {CannotReplace} when the file cannot be replaced
   * @throws {WriteFailed} when writing fails
   * @throws {OutputClosed} when the reader of a pipe went away
   */
  async commit(): Promise<void> {
    try {
      await this.claim();
      this.verify();
      await this.put();
    } catch (error) {
      this.discard();
      throw error;
    }
    await this.finish();
  }

  /** Keeps other processes from replacing the file; only where one is expected. */
  async claim(): Promise<void> {
    const { path, shown, expected } = this.place;
    if (typeof expected === "object") this.letGo = await claimFile(path, expected.ino, shown);
  }

  release(): void {
    this.letGo?.();
    this.letGo = undefined;
  }

  /** @throws {ChangedMeanwhile} */
  verify(): void {
    verifyVersion(this.place);
  }

  /**
   * Makes sure that the old content can be brought back, and that nothing known is against the change.
   *
   * @throws {CannotReplace}
   */
  abstract keepOld(): void;

  /** The change itself. */
  abstract put(): Promise<void>;

  /**
   * Takes back what `put` did, also half of it; needs `keepOld`. Synchronous, for signals.
   *
   * @throws the system's error
   */
  abstract undo(): void;

  /** When `undo` failed: where the old content stays; undefined where it is lost. */
  abstract leaveOld(): string | undefined;

  /** The paths by which another process can take back a `put`; undefined where none can. Needs `keepOld`. */
  guarded(): Guarded | undefined {
    return undefined;
  }

  /** What is done after all went well. */
  abstract finish(): Promise<void>;

  /** Leaves the file as it is, with nothing beside it. */
  abstract discard(): void;
}

/** @throws {ChangedMeanwhile} */
export function verifyVersion({ path, shown, expected }: Place): void {
  if (expected === undefined) return;
  if (expected === "absent") {
    if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) throw new ChangedMeanwhile(shown);
    return;
  }
  const now = fileVersion(path);
  if (now === undefined || !isSameVersion(expected, now)) throw new ChangedMeanwhile(shown);
}

/** A name beside a file for a moment; removed by a later run when this process is killed. */
export function temporaryName(path: string, ending = ".tmp"): string {
  const random = randomBytes(12).toString("hex");
  return join(dirname(path), `.sopsmith-${processMark()}-${random}${ending}`);
}

/** A name beside a file for old content that somebody has to put back by hand. */
function lastingName(path: string): string {
  return `${path}.${randomBytes(4).toString("hex")}.old`;
}

/** A file beside the old one that takes its name. */
export class Replacement extends StagedFile {
  private readonly temp: string;
  private readonly forget: () => void;
  private readonly directories: Set<string> | undefined;
  private kept: string | undefined;
  private forgetKept: (() => void) | undefined;
  private isPut = false;

  /**
   * @param temp the new file, written and synced
   * @param forget takes the removal of `temp` off the list of what is done when the process ends
   * @param directories takes the directory, instead of having it synced
   */
  constructor(
    place: Place,
    temp: string,
    forget: () => void,
    directories: Set<string> | undefined,
  ) {
    super(place);
    this.temp = temp;
    this.forget = forget;
    this.directories = directories;
  }

  keepOld(): void {
    const { path, shown, purpose, old } = this.place;
    refuseSticky(this.place);
    if (old === undefined) return;
    const kept = temporaryName(path, ".old.tmp");
    this.forgetKept = onProcessEnd(() => rmSync(kept, { force: true }));
    try {
      // Refused for files that may only grow, which no rename would get past.
      closeSync(openSync(path, "r+"));
      keepCopy(path, kept, old);
    } catch (error) {
      if (systemCode(error) === "EXDEV")
        throw unreplaceable(shown, purpose, "it is a mount point", error);
      throw new CannotReplace(shown, purpose, systemReason(error), { cause: error });
    }
    this.kept = kept;
  }

  override guarded(): Guarded {
    return { path: this.place.path, kept: this.kept ?? "", temp: this.temp };
  }

  put(): Promise<void> {
    this.replace();
    return Promise.resolve();
  }

  private replace(): void {
    const { path, shown, purpose, old, expected } = this.place;
    try {
      if (expected === "absent") putNew(this.temp, path, shown);
      else renameSync(this.temp, path);
    } catch (error) {
      if (error instanceof ChangedMeanwhile) throw error;
      if (!old) throw new CannotReplace(shown, purpose, systemReason(error), { cause: error });
      const isMount = ["EBUSY", "EXDEV"].includes(systemCode(error) ?? "");
      const reason = isMount ? "it is a mount point" : systemReason(error);
      throw unreplaceable(shown, purpose, reason, error);
    }
    this.isPut = true;
  }

  undo(): void {
    if (!this.isPut) return;
    if (this.kept !== undefined) renameSync(this.kept, this.place.path);
    else rmSync(this.place.path);
    this.isPut = false;
  }

  leaveOld(): string | undefined {
    this.forgetKept?.();
    if (this.kept === undefined) return undefined;
    // Under a name that no later run takes for a left-over.
    const lasting = lastingName(this.place.path);
    try {
      renameSync(this.kept, lasting);
      return lasting;
    } catch {
      return this.kept;
    }
  }

  async finish(): Promise<void> {
    this.release();
    this.forget();
    this.removeKept();
    const dir = dirname(this.place.path);
    if (this.directories === undefined) await syncDirectory(dir);
    else this.directories.add(dir);
  }

  discard(): void {
    if (!this.isPut) {
      rmSync(this.temp, { force: true });
      this.removeKept();
    }
    this.forget();
    this.release();
  }

  private removeKept(): void {
    if (this.kept !== undefined) rmSync(this.kept, { force: true });
    this.forgetKept?.();
  }
}

/** Gives a new file its name, unless another has got it. */
function putNew(temp: string, path: string, shown: string): void {
  try {
    linkSync(temp, path);
  } catch (error) {
    if (systemCode(error) === "EEXIST") throw new ChangedMeanwhile(shown);
    // A file system without hard links.
    renameSync(temp, path);
    return;
  }
  rmSync(temp, { force: true });
}

/** In a directory like /tmp only the owner of a file, or of the directory, may take its name away. */
function refuseSticky({ path, shown, purpose, old }: Place): void {
  const user = process.getuid?.();
  if (old === undefined || user === undefined || user === 0) return;
  const dir = statSync(dirname(path));
  if ((dir.mode & 0o1000) === 0) return;
  if (dir.uid === user || old.uid === user) return;
  const reason =
    "its directory is sticky, and both the file and the directory belong to somebody else";
  throw unreplaceable(shown, purpose, reason);
}

/** A second name for the file, or a copy where there are no hard links. A mount point is neither: `EXDEV`. */
function keepCopy(path: string, kept: string, old: Stats): void {
  try {
    linkSync(path, kept);
  } catch (error) {
    if (systemCode(error) === "EXDEV") throw error;
    copyFileSync(path, kept, constants.COPYFILE_EXCL);
    try {
      chownSync(kept, old.uid, old.gid);
    } catch {
      // Not ours to give away; the content is what counts.
    }
    chmodSync(kept, old.mode & 0o7777);
  }
}

/** The old file, with new content written over the old. */
export class Rewriting extends StagedFile {
  private readonly chunks: Chunks;
  private kept: Buffer | undefined;
  private isTouched = false;

  constructor(place: Place, chunks: Chunks) {
    super(place);
    this.chunks = chunks;
  }

  keepOld(): void {
    const { path, shown, purpose } = this.place;
    try {
      this.kept = readFileSync(path);
    } catch (error) {
      throw new CannotReplace(shown, purpose, systemReason(error), { cause: error });
    }
  }

  async put(): Promise<void> {
    const { path, shown, purpose, old } = this.place;
    this.isTouched = true;
    await rewriteFile(path, shown, purpose, this.chunks, old?.size ?? 0);
  }

  undo(): void {
    if (!this.isTouched || this.kept === undefined) return;
    writeFileSync(this.place.path, this.kept, { flag: "r+", flush: true });
    truncateSync(this.place.path, this.kept.length);
    this.isTouched = false;
  }

  leaveOld(): string | undefined {
    if (this.kept === undefined) return undefined;
    const lasting = lastingName(this.place.path);
    try {
      writeFileSync(lasting, this.kept, { flag: "wx", mode: 0o600, flush: true });
      return lasting;
    } catch {
      rmSync(lasting, { force: true });
      return undefined;
    }
  }

  finish(): Promise<void> {
    this.release();
    return Promise.resolve();
  }

  discard(): void {
    this.release();
  }
}

/** What is written to and never replaced: a device, a FIFO, an open descriptor. */
export class Passing extends StagedFile {
  private readonly write: () => Promise<void>;
  private isTouched = false;

  constructor(place: Place, write: () => Promise<void>) {
    super(place);
    this.write = write;
  }

  keepOld(): void {}

  put(): Promise<void> {
    this.isTouched = true;
    return this.write();
  }

  undo(): void {
    if (this.isTouched) throw new Error("what was written cannot be undone");
  }

  leaveOld(): undefined {}

  finish(): Promise<void> {
    return Promise.resolve();
  }

  discard(): void {}
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
