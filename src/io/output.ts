import { fstatSync, writeSync } from "node:fs";
import { SopsmithError } from "../errors.ts";
import { batches, type Chunks } from "./chunks.ts";
import { systemCode, systemReason } from "./system-error.ts";

/**
 * The reader of a pipe went away. sops dies of SIGPIPE here without a word; 141 is the status a shell shows for that.
 * The message is empty: nothing is to be printed.
 */
export class OutputClosed extends SopsmithError {
  constructor(cause: unknown) {
    super("output-closed", 141, "", { cause });
  }
}

/**
 * Writes everything to stdout, no faster than the reader takes it; resolves when the system has it all.
 *
 * @throws {OutputClosed} when the reader went away
 * @throws {SopsmithError} exit 1 for any other failure, such as a full disk
 */
export async function writeStdout(chunks: Chunks): Promise<void> {
  try {
    for (const batch of batches(chunks)) {
      const written = writeNow(1, batch);
      if (written < batch.length) await writeLater(batch.subarray(written));
    }
  } catch (error) {
    if (isReaderGone(error)) throw new OutputClosed(error);
    throw new SopsmithError("write-failed", 1, `write /dev/stdout: ${systemReason(error)}`, {
      cause: error,
    });
  }
}

/** Did a write fail because nobody reads any more? A socket says ECONNRESET where its reader left something unread. */
export function isReaderGone(error: unknown): boolean {
  return ["EPIPE", "ECONNRESET", "ERR_STREAM_DESTROYED"].includes(systemCode(error) ?? "");
}

/** Through Node's stream, which waits for a slow reader. Making the stream takes longer than opening a small file. */
async function writeLater(bytes: Uint8Array): Promise<void> {
  const { stdout } = process;
  // Without a listener a failure would also be thrown from the event loop. It stays: a broken pipe is reported late.
  if (!stdout.listeners("error").includes(ignore)) stdout.on("error", ignore);
  await new Promise<void>((resolve, reject) => {
    stdout.write(bytes, (error) => (error ? reject(error) : resolve()));
  });
}

/** Text for the user. A closed stderr takes it with it, not the work. */
export function writeStderr(text: string): void {
  const bytes = Buffer.from(text);
  let written;
  try {
    written = writeNow(2, bytes);
  } catch {
    return;
  }
  if (written === bytes.length) return;
  const { stderr } = process;
  if (!stderr.listeners("error").includes(ignore)) stderr.on("error", ignore);
  stderr.write(bytes.subarray(written));
}

/**
 * Writes until the system would make a descriptor that does not block wait.
 *
 * @returns how many bytes it took
 * @throws the system's error
 */
function writeNow(fd: number, bytes: Uint8Array): number {
  let written = 0;
  while (written < bytes.length) {
    try {
      written += writeSync(fd, bytes, written);
    } catch (error) {
      if (systemCode(error) === "EAGAIN") break;
      throw error;
    }
  }
  return written;
}

function ignore(): void {}

/** What becomes of text on stdout. */
export function describeStdout(): { isTerminal: boolean; isWorldReadable: boolean } {
  const stats = fstatSync(1);
  return {
    // Undefined, whatever its type says, where stdout is no terminal.
    isTerminal: Boolean(process.stdout.isTTY),
    isWorldReadable: process.platform !== "win32" && stats.isFile() && (stats.mode & 0o004) !== 0,
  };
}
