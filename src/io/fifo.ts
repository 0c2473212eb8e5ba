import { execFile } from "node:child_process";
import {
  closeSync,
  constants,
  existsSync,
  openSync,
  renameSync,
  symlinkSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { SopsmithError } from "../errors.ts";
import { batches, type Chunks } from "./chunks.ts";
import type { Host } from "./host.ts";
import { isReaderGone } from "./output.ts";
import { requireProgram } from "./program-path.ts";
import { withSecureTempDir } from "./secure-temp.ts";
import { systemCode } from "./system-error.ts";

/** open(2): a handle on the file itself, which does not wait for the other end of a FIFO. Linux only. */
const O_PATH = 0o10000000;

/**
 * Lends a FIFO of mode 0600 in a directory of its own that gives its content to the first reader: nothing is stored. Who opens the path
 * after that gets `ENOENT`. The FIFO goes when `work` ends, whether it was read or not.
 *
 * @throws {SopsmithError} exit 3 when it cannot be made
 */
export function withSecureFifo<T>(
  chunks: Chunks,
  name: string,
  host: Host,
  work: (path: string) => Promise<T>,
): Promise<T> {
  return withSecureTempDir(host, async (dir) => {
    const path = join(dir, name);
    await makeFifo(path, host);
    const writer = new FifoWriter(path, chunks);
    try {
      return await work(path);
    } finally {
      await writer.stop();
    }
  });
}

async function makeFifo(path: string, host: Host): Promise<void> {
  try {
    await promisify(execFile)(requireProgram("mkfifo", host), ["-m", "600", path]);
  } catch (error) {
    const isMissing = systemCode(error) === "ENOENT";
    throw new SopsmithError(
      "no-fifo",
      3,
      `Could not create temporary file: ${path}: ${isMissing ? "there is no mkfifo program" : "mkfifo failed"}`,
      { hint: "Use --no-fifo, or a --filename without directories." },
    );
  }
}

class FifoWriter {
  /** What the FIFO can be reached by when its name is gone. */
  private readonly handle: number | undefined;
  private readonly path: string;
  private readonly done: Promise<void>;
  private isStopped = false;
  private isSpent = false;

  constructor(path: string, chunks: Chunks) {
    this.path = path;
    this.handle = process.platform === "linux" ? openSync(path, O_PATH) : undefined;
    this.done = this.write(chunks);
    // It is waited for in `stop`; until then a failure is nobody's.
    this.done.catch(() => {});
  }

  /** Opening waits for a reader, in a thread of Node's pool. */
  private async write(chunks: Chunks): Promise<void> {
    // By the handle: the command may have removed the name before the thread gets to it.
    const file = await open(this.name(), constants.O_WRONLY);
    if (this.isStopped) return file.close();
    // From here on without a thread: a reader may stop reading, and a blocked write could not be called off.
    const again = this.openAgain();
    // While the FIFO is still open: who opened it until now gets an end, nobody waits.
    this.spend();
    await file.close();
    if (again === undefined) return;
    try {
      for (const batch of batches(chunks)) await this.feed(again, batch);
    } catch (error) {
      // A reader that has enough closes early.
      if (!isReaderGone(error) && systemCode(error) !== "ENXIO") throw error;
    } finally {
      closeSync(again);
    }
  }

  /** @returns undefined when the reader has left */
  private openAgain(): number | undefined {
    try {
      return openSync(this.name(), constants.O_WRONLY | constants.O_NONBLOCK);
    } catch (error) {
      if (systemCode(error) === "ENXIO") return undefined;
      throw error;
    }
  }

  /**
   * A second reader would wait for ever. The path becomes a link to nothing: it cannot be opened, and a command that removes what it has read
   * still finds something to remove.
   */
  private spend(): void {
    this.isSpent = true;
    const link = `${this.path}.read`;
    try {
      symlinkSync("read-already", link);
      if (existsSync(this.path)) renameSync(link, this.path);
      else unlinkSync(link);
    } catch {
      // The command has removed the directory.
    }
  }

  /** A socket on the descriptor would tell when there is room, but Bun makes none of a FIFO. */
  private async feed(fd: number, bytes: Uint8Array): Promise<void> {
    for (let written = 0; written < bytes.length && !this.isStopped;) {
      try {
        written += writeSync(fd, bytes, written);
      } catch (error) {
        if (systemCode(error) !== "EAGAIN") throw error;
        await sleep(1);
      }
    }
  }

  private name(): string {
    return this.handle === undefined ? this.path : `/proc/self/fd/${this.handle}`;
  }

  /** Lets go of the FIFO at once. */
  async stop(): Promise<void> {
    this.isStopped = true;
    try {
      if (this.isSpent) return await this.done;
      // A reader, so that an open that still waits for one returns.
      const reader = openSync(this.name(), constants.O_RDONLY | constants.O_NONBLOCK);
      await this.done;
      closeSync(reader);
    } finally {
      if (this.handle !== undefined) closeSync(this.handle);
    }
  }
}
