import { readFile, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { ParseError, SopsmithError } from "../errors.ts";
import { withSignals } from "../io/cleanup.ts";
import { EditorFailed, editorCommand, runEditor } from "../io/editor.ts";
import { awaitEnter } from "../io/prompt.ts";
import { withSecureTempFile } from "../io/secure-temp.ts";
import { systemCode, systemReason } from "../io/system-error.ts";
import { NoKeysFound } from "../metadata/metadata.ts";
import type { Call, Chunks } from "./command.ts";
import { joinChunks } from "../tree/long-text.ts";
import { withFate } from "./rescue.ts";
import type { Source } from "./source.ts";
import { printable } from "../io/printable.ts";

/** The `sops` block shown with `--show-master-keys` cannot be used as it was edited. Leads back to the editor. */
export class ShownBlockRefused extends SopsmithError {
  constructor(cause: SopsmithError) {
    super(cause.code, cause.exitCode, cause.message, { hint: cause.hint, cause });
  }
}

/** What is said where an edited text is not written, and not kept either. */
export const LOST = "What was typed in the editor is lost.";

/** The file is another one now: the edit goes on with its content, and with what was typed beside it. */
export interface StartOver {
  /** What the file holds now, unencrypted. */
  readonly chunks: Chunks;
  /** What happened; ends with a full stop. */
  readonly message: string;
  /** Where the result is meanwhile. */
  readonly fate: string;
}

export interface EditSteps<T> {
  /** Turns the edited text into a result; a {@link SopsmithError} leads back to the editor. */
  accept(text: Uint8Array): Promise<T>;
  /** Writes the result; undefined when that is done. */
  write(result: T): Promise<StartOver | undefined>;
}

/**
 * Lets the user edit a text until it is accepted and written. The text lives in a private temporary file that is gone
 * afterwards; what was typed survives from round to round.
 *
 * @throws {SopsmithError} exit 200 when the text is the original one, 201 when the editor fails, 1 when the text is
 *   refused and nobody can press Enter; and as `write`
 * @see spec cli 5.4
 */
export async function editUntilWritten<T>(
  { host, streams }: Call,
  source: Source,
  chunks: Chunks,
  { accept, write }: EditSteps<T>,
): Promise<void> {
  const argv = editorCommand(host);
  // For every way out on which an edited text is not written.
  let fate = LOST;
  await withSecureTempFile(chunks, basename(source.path), host, async (path) => {
    const typedPath = join(dirname(path), `typed-${basename(path)}`);
    const paths = [path];
    let original: Buffer = await readFile(path);
    let last = original;
    const rounds = async (): Promise<void> => {
      for (;;) {
        const isFirst = last.equals(original) && paths.length === 1;
        await runOnce(argv, paths, isFirst ? undefined : fate);
        last = await readFile(path).catch((error: unknown) => {
          if (systemCode(error) === undefined) throw error;
          throw new EditorFailed(
            `the temporary file cannot be read any more: ${systemReason(error)}`,
            { hint: fate, cause: error },
          );
        });
        if (last.equals(original))
          throw new SopsmithError("not-changed", 200, "File has not changed, exiting.", {
            hint: paths.length === 1 ? undefined : fate,
          });
        const result = await accepted(last);
        if (result !== undefined) {
          const changed = await write(result.value);
          if (changed === undefined) return;
          fate = changed.fate;
          await writeFile(typedPath, last, { mode: 0o600 });
          await writeFile(path, joinChunks(changed.chunks));
          original = await readFile(path);
          if (paths.length === 1) paths.push(typedPath);
          streams.writeStderr(
            `${printable(changed.message)} Press enter to open the editor on the new content, with what you typed in ${basename(typedPath)}, or Ctrl+C to exit.\n${fate}\n`,
          );
        }
        if ((await awaitEnter()) === "eof")
          throw new SopsmithError(
            "edit-abandoned",
            1,
            `Nobody can press enter, because stdin has ended. ${source.file} was not written.`,
            { hint: fate },
          );
      }
    };
    const accepted = async (text: Buffer): Promise<{ value: T } | undefined> => {
      try {
        return { value: await accept(text) };
      } catch (error) {
        if (!(error instanceof SopsmithError)) throw error;
        streams.writeStderr(
          `${problemOf(error)} Press enter to return to the editor, or Ctrl+C to exit.\n${printable(error.message)}\n`,
        );
        if (error.hint !== undefined) streams.writeStderr(`${printable(error.hint)}\n`);
        return undefined;
      }
    };
    await withSignals(
      (signal) =>
        signal === "SIGINT" || signal === "SIGTERM"
          ? {
              exitCode: 1,
              message: `User canceled operation: ${printable(source.file)} was not written. ${fate}`,
            }
          : "die",
      rounds,
    );
  });
}

/**
 * The same where the caller writes the result.
 *
 * @throws {SopsmithError} as {@link editUntilWritten}
 */
export async function editUntilAccepted<T>(
  call: Call,
  source: Source,
  chunks: Chunks,
  accept: (text: Uint8Array) => Promise<T>,
): Promise<T> {
  const results: T[] = [];
  const write = (result: T): Promise<undefined> => {
    results.push(result);
    return Promise.resolve(undefined);
  };
  await editUntilWritten(call, source, chunks, { accept, write });
  for (const result of results) return result;
  throw new Error("the editor ended without a result");
}

async function runOnce(
  argv: readonly string[],
  paths: readonly string[],
  loss: string | undefined,
): Promise<void> {
  try {
    await runEditor(argv, ...paths);
  } catch (error) {
    if (!(error instanceof SopsmithError) || loss === undefined) throw error;
    throw withFate(error, loss);
  }
}

/** The first words of sops for each kind of problem. */
function problemOf(error: SopsmithError): string {
  if (error.cause instanceof NoKeysFound)
    return "No master keys were provided, so sops can't encrypt the file.";
  if (error instanceof ShownBlockRefused) return "SOPS metadata is invalid.";
  if (error instanceof ParseError || error.cause instanceof ParseError)
    return "Could not load tree, probably due to invalid syntax.";
  return "Tree not valid for encryption.";
}
