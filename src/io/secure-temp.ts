import { accessSync, constants, mkdirSync, rmSync, statfsSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { SopsmithError } from "../errors.ts";
import { batches, type Chunks } from "./chunks.ts";
import { onProcessEnd } from "./cleanup.ts";
import type { Host } from "./host.ts";
import { removeLeftOvers } from "./left-overs.ts";
import { processMark } from "./process-mark.ts";
import { systemReason } from "./system-error.ts";

/** `f_type` of tmpfs in statfs(2). */
const TMPFS_MAGIC = 0x01021994;

/**
 * Lends an empty directory that only this user can enter (mode 0700, random name), in memory where the system has such a
 * place. It is removed with everything in it when `work` ends, when the process exits and on every signal that can be
 * caught.
 *
 * @throws {SopsmithError} exit 3 when no directory can be made
 */
export function withSecureTempDir<T>(host: Host, work: (dir: string) => Promise<T>): Promise<T> {
  return withPreparedDir(host, async () => {}, work);
}

/**
 * Lends a file of mode 0600 with this content and name in a directory of its own, as {@link withSecureTempDir} does. What
 * `work` leaves beside it (swap and backup files of editors) is removed too.
 *
 * @param name the file's name; directories in front of it are dropped
 * @throws {SopsmithError} exit 3 when the file cannot be made
 */
export function withSecureTempFile<T>(
  chunks: Chunks,
  name: string,
  host: Host,
  work: (path: string) => Promise<T>,
): Promise<T> {
  const inside = (dir: string) => join(dir, basename(name));
  return withPreparedDir(
    host,
    (dir) => writeNew(inside(dir), chunks),
    (dir) => work(inside(dir)),
  );
}

class TempFileError extends SopsmithError {
  constructor(path: string, cause: unknown) {
    super("no-temp-file", 3, `Could not create temporary file: ${path}: ${systemReason(cause)}`, {
      hint: "Set TMPDIR to a directory that you can write to and that has room.",
      cause,
    });
  }
}

/** Where temporary secrets may go, best first: `$TMPDIR` alone if set, else memory, else the system's folder. */
function tempRoots(host: Host): string[] {
  const wanted = host.env["TMPDIR"];
  if (wanted) return [resolve(host.cwd(), wanted)];
  const inMemory = host.platform === "linux" ? [host.env["XDG_RUNTIME_DIR"] ?? "", "/dev/shm"] : [];
  return [...inMemory.filter(isWritableTmpfs), tmpdir()];
}

function isWritableTmpfs(dir: string): boolean {
  try {
    accessSync(dir, constants.W_OK | constants.X_OK);
    return statfsSync(dir).type === TMPFS_MAGIC;
  } catch {
    return false;
  }
}

/**
 * Takes the first place where a directory can be made and `prepare` succeeds: a memory file system may be full, in a
 * container it often has only 64 MB.
 */
async function withPreparedDir<T>(
  host: Host,
  prepare: (dir: string) => Promise<void>,
  work: (dir: string) => Promise<T>,
): Promise<T> {
  const name = `sopsmith-${processMark()}-${Buffer.from(host.randomBytes(16)).toString("hex")}`;
  let failed: { dir: string; cause: unknown } | undefined;
  for (const root of tempRoots(host)) {
    const dir = join(root, name);
    removeLeftOvers(root);
    try {
      mkdirSync(dir, { mode: 0o700 });
    } catch (cause) {
      failed = { dir, cause };
      continue;
    }
    const forget = onProcessEnd(() => removeDir(dir));
    try {
      try {
        await prepare(dir);
      } catch (cause) {
        failed = { dir, cause };
        continue;
      }
      return await work(dir);
    } finally {
      // In this order: a signal between the two still finds the directory registered.
      removeDir(dir);
      forget();
    }
  }
  throw new TempFileError(failed?.dir ?? name, failed?.cause);
}

function removeDir(dir: string): void {
  try {
    // An editor that is still closing may add a file meanwhile: try again.
    rmSync(dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 20 });
  } catch (error) {
    throw new SopsmithError(
      "temp-not-removed",
      1,
      `Could not remove temporary directory: ${dir}: ${systemReason(error)}`,
      {
        hint: "It holds secrets in plain text: remove it yourself.",
        cause: error,
      },
    );
  }
}

async function writeNew(path: string, chunks: Chunks): Promise<void> {
  const file = await open(path, "wx", 0o600);
  try {
    for (const batch of batches(chunks)) await file.writeFile(batch);
  } finally {
    await file.close();
  }
}
