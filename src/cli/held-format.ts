import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import type { FormatName } from "../../formats/format.ts";
import { formatForPath } from "../../formats/index.ts";
import { hasSealedSign } from "../sealed-signs.ts";
import type { Call } from "./command.ts";
import * as flags from "./flags.ts";
import type { Source } from "./source.ts";
import { warn } from "./warn.ts";

/**
 * The format of an encrypted file: what its name says, unless it certainly holds another. What is under a name that the
 * user gave with `--filename-override`, in a pipe, or nowhere yet is as its name says.
 */
export async function heldFormat(call: Call, source: Source): Promise<FormatName> {
  if (source.format !== undefined) return source.format;
  const byName = formatForPath(source.name);
  if (call.options.text(flags.filenameOverride) !== "") return byName;
  const { held, seems } = await lookInside(call, source, byName);
  if (held === undefined && seems !== undefined)
    warn(
      call.streams,
      `${source.file} looks like an encrypted ${seems} file but is read as ${byName}; if it is ${seems}, add --input-type ${seems} --output-type ${seems}`,
    );
  return held ?? byName;
}

/** Warns where a file is certainly, or seems to be, encrypted in another format than the one that --input-type names. */
export async function warnOfOtherFormat(
  call: Call,
  source: Source,
  chosen: FormatName,
): Promise<void> {
  const { held, seems } = await lookInside(call, source, chosen);
  const other = held ?? seems;
  // An encrypted binary file is JSON.
  const isJson = (format: FormatName) => format === "json" || format === "binary";
  if (other !== undefined && other !== chosen && !(isJson(other) && isJson(chosen)))
    warn(
      call.streams,
      `${source.file} looks like an encrypted ${other} file but is read as ${chosen}, as --input-type says`,
    );
}

/** The format that a file certainly holds, else the one that it seems to; neither where its end bears out the expected one. */
async function lookInside(
  call: Call,
  source: Source,
  expected: FormatName,
): Promise<{ held?: FormatName | undefined; seems?: FormatName | undefined }> {
  if (source.isStdin) source.content = await call.streams.readStdin().catch(() => undefined);
  else if (!needsLook(source.opened, expected)) return {};
  try {
    const content = source.content ?? (await call.host.readFile(source.opened));
    const { sealedFormat, seeming } = await import("../status.ts");
    const held = await sealedFormat(content, expected);
    return held === undefined ? { seems: seeming(content, expected) } : { held };
  } catch {
    // Whoever reads it to work on it says what is wrong.
    return {};
  }
}

/** As much of a file's end as holds the `sops` block of nearly every file. */
const TAIL_LENGTH = 1 << 16;

/** False where the file's end bears out its name, or where it is no regular file, which could be read only once. */
function needsLook(path: string, byName: FormatName): boolean {
  let descriptor: number;
  try {
    descriptor = openSync(path, "r");
  } catch {
    return false;
  }
  try {
    const stat = fstatSync(descriptor);
    if (!stat.isFile() || stat.size === 0) return false;
    const tail = Buffer.alloc(Math.min(stat.size, TAIL_LENGTH));
    const length = readSync(descriptor, tail, 0, tail.length, stat.size - tail.length);
    return !hasSealedSign(tail.toString("latin1", 0, length), byName);
  } catch {
    return false;
  } finally {
    closeSync(descriptor);
  }
}
