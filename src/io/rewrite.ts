import { write } from "node:fs";
import { constants, open, type FileHandle } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { batches, type Chunks } from "./chunks.ts";
import { isReaderGone, OutputClosed, writeStdout } from "./output.ts";
import { systemCode, systemReason } from "./system-error.ts";
import { CannotReplace, WriteFailed } from "./write-errors.ts";

/**
 * Rewrites an existing file. What is longer than the old content is written first: a full disk shows there, while the old
 * content is whole.
 */
export async function rewriteFile(
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
export async function writeAll(
  file: FileHandle,
  chunks: Chunks,
  from: number,
  to: number = Infinity,
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
export async function writeThrough(
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

export async function writeDescriptor(fd: number, shown: string, chunks: Chunks): Promise<void> {
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
        if (isReaderGone(error)) throw new OutputClosed(error);
        if (systemCode(error) !== "EAGAIN")
          throw new WriteFailed(shown, error, "The output is incomplete.");
        // The other end made the pipe non-blocking and it is full.
        await sleep(5);
      }
    }
  }
}
