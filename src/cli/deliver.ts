import { ConflictError } from "../errors.ts";
import type { Call, Chunks } from "./command.ts";
import * as flags from "./flags.ts";
import type { Expected } from "../io/staged.ts";
import type { Source } from "./source.ts";
import { ChangedMeanwhile } from "../io/write-errors.ts";
import { warn } from "./warn.ts";

/** @throws {ConflictError} for `--in-place` on stdin or with `--output` (spec cli 11) */
export function refuseTwoTargets({ options }: Call, operand: string | undefined): void {
  if (!options.on(flags.inPlace)) return;
  if (operand === undefined)
    throw new ConflictError("Error: cannot use --in-place when reading from stdin");
  if (options.text(flags.output) !== "")
    throw new ConflictError("Error: cannot operate on both --output and --in-place");
}

/** Writes the result where the flags say: to the file itself, to `--output`, else to stdout. */
export async function deliver(call: Call, source: Source, chunks: Chunks): Promise<void> {
  const { options, streams } = call;
  const output = options.text(flags.output);
  if (options.on(flags.inPlace)) await writeBack(call, source, chunks);
  else if (output !== "") await write(call, output, chunks, "output");
  else await streams.writeStdout(chunks);
}

/**
 * Writes the result to the file itself, if that still is what was read.
 *
 * @throws {ChangedMeanwhile}
 */
export function writeBack(call: Call, source: Source, chunks: Chunks): Promise<void> {
  return write(call, source.opened, chunks, "in-place", source.version);
}

/** Writes a file that was not there; never over one that has appeared since. */
export function writeNew(call: Call, source: Source, chunks: Chunks): Promise<void> {
  return write(call, source.opened, chunks, "in-place", "absent");
}

/** So many changes by others in a row are no bad luck any more. */
const ATTEMPTS = 100;

/**
 * Reads a file, makes something of it and writes it back; again from the start where another process changed the file in
 * between, so that neither change is lost.
 *
 * @throws {ChangedMeanwhile} after a hundred times
 */
export async function untilUndisturbed(work: () => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof ChangedMeanwhile) || attempt === ATTEMPTS) throw error;
    }
  }
}

async function write(
  call: Call,
  path: string,
  chunks: Chunks,
  purpose: "in-place" | "output",
  expected?: Expected,
): Promise<void> {
  const { replaceFile } = await import("../io/atomic-write.ts");
  await replaceFile(path, chunks, {
    purpose,
    noAtomic: call.options.on(flags.noAtomic),
    expected,
    warn: (message) => warn(call.streams, message),
  });
  tellWritten(call, path);
}

export function tellWritten({ host }: Call, path: string): void {
  host.inform?.("CMD", "File written successfully", { file: path });
}
