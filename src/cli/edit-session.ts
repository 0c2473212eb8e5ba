import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { ParseError, SopsmithError } from "../errors.ts";
import { withSignals } from "../io/cleanup.ts";
import { EditorFailed, editorCommand, runEditor } from "../io/editor.ts";
import { awaitEnter } from "../io/prompt.ts";
import { withSecureTempFile } from "../io/secure-temp.ts";
import { systemCode, systemReason } from "../io/system-error.ts";
import { NoKeysFound } from "../metadata/metadata.ts";
import type { Call, Chunks } from "./command.ts";
import type { Source } from "./source.ts";
import { printable } from "../io/printable.ts";

/** The `sops` block shown with `--show-master-keys` cannot be used as it was edited. Leads back to the editor. */
export class ShownBlockRefused extends SopsmithError {
  constructor(cause: SopsmithError) {
    super(cause.code, cause.exitCode, cause.message, { hint: cause.hint, cause });
  }
}

/** For every way out on which an edited text is not written. */
export const lost = "What was typed in the editor is lost.";

/**
 * Lets the user edit a text until `accept` takes it. The text lives in a private temporary file that is gone afterwards;
 * what was typed survives from round to round.
 *
 * @param accept turns the edited text into a result; a {@link SopsmithError} leads back to the editor
 * @throws {SopsmithError} exit 200 when the text is the original one, 201 when the editor fails, 1 when the text is
 *   refused and nobody can press Enter
 * @see spec cli 5.4
 */
export async function editUntilAccepted<T>(
  { host, streams }: Call,
  source: Source,
  chunks: Chunks,
  accept: (text: Uint8Array) => Promise<T>,
): Promise<T> {
  const argv = editorCommand(host);
  return withSecureTempFile(chunks, basename(source.path), host, async (path) => {
    const original = await readFile(path);
    let last: Buffer = original;
    const rounds = async (): Promise<T> => {
      for (;;) {
        await runOnce(argv, path, last.equals(original) ? undefined : lost);
        last = await readFile(path).catch((error: unknown) => {
          if (systemCode(error) === undefined) throw error;
          throw new EditorFailed(
            `the temporary file cannot be read any more: ${systemReason(error)}`,
            { hint: lost, cause: error },
          );
        });
        if (last.equals(original))
          throw new SopsmithError("not-changed", 200, "File has not changed, exiting.");
        try {
          return await accept(last);
        } catch (error) {
          if (!(error instanceof SopsmithError)) throw error;
          streams.writeStderr(
            `${problemOf(error)} Press enter to return to the editor, or Ctrl+C to exit.\n${printable(error.message)}\n`,
          );
          if (error.hint !== undefined) streams.writeStderr(`${printable(error.hint)}\n`);
        }
        if ((await awaitEnter()) === "eof")
          throw new SopsmithError(
            "edit-abandoned",
            1,
            `Nobody can press enter: stdin has ended. ${source.file} was not written.`,
            {
              hint: lost,
            },
          );
      }
    };
    return withSignals(
      (signal) =>
        signal === "SIGINT" || signal === "SIGTERM"
          ? {
              exitCode: 1,
              message: `User canceled operation: ${printable(source.file)} was not written. ${lost}`,
            }
          : "die",
      rounds,
    );
  });
}

async function runOnce(
  argv: readonly string[],
  path: string,
  loss: string | undefined,
): Promise<void> {
  try {
    await runEditor(argv, path);
  } catch (error) {
    if (!(error instanceof SopsmithError) || loss === undefined) throw error;
    const hint = error.hint === undefined ? loss : `${error.hint} ${loss}`;
    throw new SopsmithError(error.code, error.exitCode, error.message, { hint, cause: error });
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
