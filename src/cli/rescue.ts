import { rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { loadFormat } from "../../formats/index.ts";
import type { FormatName, Warn } from "../../formats/format.ts";
import { changeSource, type Change, type ChangeOptions } from "../change.ts";
import { SopsmithError } from "../errors.ts";
import type { Host } from "../io/host.ts";
import { makeFolder } from "../io/make-folder.ts";
import { printable } from "../io/printable.ts";
import { RESCUE, rescueFolder, rescues } from "../io/rescues.ts";
import { systemReason } from "../io/system-error.ts";
import { ChangedMeanwhile } from "../io/write-errors.ts";
import { defaultSelector } from "../metadata/selection.ts";
import type { Call, Chunks } from "./command.ts";
import type { Source } from "./source.ts";

/** What became of a text that could not be written where it belongs. */
export interface Rescued {
  /** Says where it is and how to open it, or that it is lost and why; one line. */
  readonly sentence: string;
  /** Removes it again, when it is needed no more. */
  drop(): void;
}

/**
 * Keeps an encrypted result as `NAME.rescue` beside its file, else in the user's state directory, else in the directory for
 * temporary files, which an account without a home has too. A file that is there is
 * never replaced: the name gets a number then.
 */
export function rescue(
  call: Call,
  source: Source,
  chunks: Chunks,
  format: FormatName,
): Promise<Rescued> {
  return put(call, source, chunks, `edit --input-type ${format} --output-type ${format}`);
}

/**
 * Keeps a text that is no file of its format, encrypted as a binary file, where {@link rescue} keeps results. Never rejects.
 *
 * @param seal encrypts the text
 */
export async function rescueText(
  call: Call,
  source: Source,
  seal: () => Promise<Chunks>,
): Promise<Rescued> {
  try {
    const chunks = await seal();
    return await put(call, source, chunks, "decrypt --input-type binary --output-type binary");
  } catch (error) {
    return lost(`It could not be encrypted: ${reasonOf(error)}`);
  }
}

/**
 * Encrypts any text as a binary file for those who can open an encrypted file: with its data key and its master keys.
 *
 * @param sealed the encrypted file
 * @param how opens it; `output` does not matter
 * @throws {SopsmithError} as `changeSource`
 */
export async function sealLike(
  sealed: Uint8Array,
  text: Uint8Array,
  how: ChangeOptions,
  host: Host,
): Promise<Chunks> {
  const { parse } = await loadFormat("binary");
  const change: Change = (documents, metadata) => {
    documents.length = 0;
    for (const one of parse(text, { sealed: false, warn: how.warn })) documents.push(one);
    metadata.selector = { ...defaultSelector, value: "" };
    metadata.macOnlyEncrypted = false;
    return true;
  };
  return (await changeSource(sealed, { ...how, output: "binary" }, change, host)) ?? [];
}

async function put(
  { host }: Call,
  source: Source,
  chunks: Chunks,
  opener: string,
): Promise<Rescued> {
  const { replaceFile } = await import("../io/atomic-write.ts");
  const name = `${basename(source.path)}${RESCUE}`;
  let reason = "";
  for (const [place, prepare] of places(source, name, host)) {
    for (let number = 0; number < 100; number++) {
      const path = number === 0 ? place : `${place}.${number}`;
      try {
        await prepare();
        await replaceFile(path, chunks, { purpose: "output", mode: 0o600, expected: "absent" });
        return {
          sentence: `What you typed is kept, encrypted, in ${printable(path)}: open it with \`sopsmith ${opener} ${quoted(path)}\`.`,
          drop: () => rmSync(path, { force: true }),
        };
      } catch (error) {
        reason = reasonOf(error);
        if (!(error instanceof ChangedMeanwhile)) break;
      }
    }
  }
  return lost(`It could not be kept anywhere: ${reason}`);
}

const reasonOf = (error: unknown): string =>
  error instanceof SopsmithError ? error.message : systemReason(error);

function lost(reason: string): Rescued {
  const sentence = `What was typed in the editor is lost. ${printable(reason)}.`;
  return { sentence, drop: () => {} };
}

/** Says that texts of earlier edits of the file are kept, and need to be removed by hand. */
export function tellOfRescues({ host }: Call, { path }: Source, warn: Warn): void {
  const [first, ...more] = rescues(host, path);
  if (first === undefined) return;
  const others = more.length === 0 ? "" : ` (and in ${more.join(", ")})`;
  warn(
    `what was typed in an earlier edit and not written is kept, encrypted, in ${first}${others}: open it with \`sopsmith decrypt ${quoted(first)}\`, and remove it when you no longer need it`,
  );
}

function places(
  { path }: Source,
  name: string,
  host: Host,
): [place: string, prepare: () => Promise<unknown>][] {
  const nothing = () => Promise.resolve();
  const beside: [string, () => Promise<unknown>] = [`${path}${RESCUE}`, nothing];
  const temporary: [string, () => Promise<unknown>] = [join(tmpdir(), name), nothing];
  const folder = rescueFolder(host);
  if (folder === undefined) return [beside, temporary];
  const kept = () => makeFolder(folder, 0o700);
  return [beside, [join(folder, name), kept], temporary];
}

/** For a POSIX shell. */
function quoted(path: string): string {
  return printable(
    /^[\w./+@%,:=-]+$/.test(path) ? path : `'${path.replaceAll("'", String.raw`'\''`)}'`,
  );
}

/** The same error, with what became of the text as its hint. */
export function withFate(error: SopsmithError, fate: string): SopsmithError {
  const hint = error.hint === undefined ? fate : `${error.hint} ${fate}`;
  return new SopsmithError(error.code, error.exitCode, error.message, { hint, cause: error });
}
