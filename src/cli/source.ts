import { statSync } from "node:fs";
import { resolve } from "node:path";
import { SopsmithError } from "../errors.ts";
import { fileVersion, type FileVersion } from "../io/file-version.ts";
import { systemCode, systemReason } from "../io/system-error.ts";
import { keepYoungHeapSmall } from "../io/young-heap.ts";
import type { FormatName } from "../../formats/format.ts";
import type { Call, Streams } from "./command.ts";
import * as flags from "./flags.ts";
import { printable, printableLine } from "../io/printable.ts";
import { warn } from "./warn.ts";

/** What a command reads. */
export interface Source {
  /** As the user typed it, for messages: fit for one line. `stdin` where nothing was typed. */
  readonly file: string;
  readonly isStdin: boolean;
  /** What to open. */
  readonly opened: string;
  /** Absolute. */
  readonly path: string;
  /** Absolute path whose name decides on formats and creation rule: `--filename-override` before the file's own. */
  readonly name: string;
  /** What the file is encrypted as, where that is known and its name says something else. */
  readonly format: FormatName | undefined;
  /** The regular file that `readSource` read last: only that one may be replaced by what was made of it. */
  version?: FileVersion | undefined;
  /** What stdin held, once it was read: it can be read only once. */
  content?: Uint8Array | undefined;
}

/** The one file of a command that takes one; undefined for none. Warns about further operands (spec cli 1.6). */
export function firstOperand({ operands, streams }: Call): string | undefined {
  if (operands.length > 1) {
    warn(streams, "More than one positional argument provided. Only the first one will be used!");
    const flag = operands.slice(1).findLast((operand) => operand.startsWith("-"));
    if (flag !== undefined) warnOfFlag(streams, flag);
  }
  return operands[0];
}

/**
 * The operands of a command that takes several files. Words after the first that look like flags and are no files are
 * left out with a warning: sops has always gone on without them (spec cli 1.2).
 */
export function fileOperands(call: Call): readonly string[] {
  const files: string[] = [];
  for (const [index, operand] of call.operands.entries())
    if (index === 0 || !operand.startsWith("-") || isThere(operand)) files.push(operand);
  if (files.length === 1) firstOperand(call);
  else
    for (const operand of call.operands)
      if (!files.includes(operand)) warnOfFlag(call.streams, operand);
  return files;
}

/** False for one file, or stdin, and nothing that could make it several: many.ts need not be loaded to decide it. */
export function mayBeSeveral({ options }: Call, operands: readonly string[]): boolean {
  return (
    operands.length > 1 ||
    /[*?[\]{}]/.test(operands[0] ?? "") ||
    options.on(flags.recursive) ||
    options.on(flags.allOrNothing) ||
    options.text(flags.outputDir) !== ""
  );
}

function warnOfFlag(streams: Streams, flag: string): void {
  warn(
    streams,
    `Note that one of the ignored positional argument is ${quoted(flag.replace(/=.*/s, ""))}, which looks like a flag. Put flags before the file.`,
  );
}

/** As `firstOperand`, for commands that do not read stdin. */
export function requiredOperand(call: Call): string {
  const operand = firstOperand(call);
  if (operand === undefined) throw noFile("Error: no file specified");
  return operand;
}

export function noFile(message: string, file?: string): SopsmithError {
  return new SopsmithError("no-file", 100, message, { file });
}

export function sourceOf(
  { options, host }: Call,
  operand: string | undefined,
  format?: FormatName,
): Source {
  const cwd = host.cwd();
  const path = resolve(cwd, operand ?? "");
  const override = options.text(flags.filenameOverride);
  return {
    file: operand === undefined ? "stdin" : printableLine(operand),
    isStdin: operand === undefined,
    // An empty operand means the working directory, which then cannot be read.
    opened: operand === undefined || operand === "" ? "." : operand,
    path,
    name: override === "" ? path : resolve(cwd, override),
    format,
  };
}

/** False only where there certainly is nothing: an unreadable file exists. */
export function exists(source: Source): boolean {
  return source.isStdin || isThere(source.opened);
}

function isThere(path: string): boolean {
  try {
    statSync(path);
    return true;
  } catch (error) {
    return systemCode(error) !== "ENOENT";
  }
}

/** @throws {SopsmithError} exit 100 */
export function refuseMissing(source: Source): void {
  if (!exists(source))
    throw noFile(`Error: cannot operate on non-existent file ${quoted(source.path)}`, source.file);
}

/** A document of so many bytes takes much more memory than the program itself. */
const LARGE = 1 << 18;

/** @throws {SopsmithError} exit 2 */
export async function readSource({ host, streams }: Call, source: Source): Promise<Uint8Array> {
  // Before reading, so that a change in between is noticed.
  const before = source.version;
  if (!source.isStdin) source.version = fileVersion(source.opened);
  // A FIFO that has taken the file's place since it was read first would be waited for.
  const limits =
    before !== undefined && source.version === undefined
      ? { isRegular: true, maxBytes: Infinity }
      : undefined;
  try {
    const content = source.isStdin
      ? (source.content ?? (await streams.readStdin()))
      : await host.readFile(source.opened, limits);
    if (content.byteLength >= LARGE) keepYoungHeapSmall();
    return content;
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    const what = source.isStdin ? "Error reading from stdin" : `Error reading file: ${source.file}`;
    const hint =
      systemCode(error) === "EISDIR"
        ? "Use --recursive to include the files in a directory, if the command has that option."
        : undefined;
    throw new SopsmithError("unreadable", 2, `${what}: ${systemReason(error)}`, {
      file: source.file,
      hint,
      cause: error,
    });
  }
}

/** A text in double quotes, fit for one line. */
export function quoted(text: string): string {
  return printable(JSON.stringify(text));
}
