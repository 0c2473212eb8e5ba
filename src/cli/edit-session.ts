import { readFileSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { ParseError, SopsmithError } from "../errors.ts";
import { withSignals, type SignalResponse, type StopSignal } from "../io/cleanup.ts";
import { EditorFailed, editorCommand, runEditor } from "../io/editor.ts";
import { awaitEnter } from "../io/prompt.ts";
import { withSecureTempFile } from "../io/secure-temp.ts";
import { systemCode, systemReason } from "../io/system-error.ts";
import { NoKeysFound } from "../metadata/metadata.ts";
import type { Call, Chunks } from "./command.ts";
import { joinChunks } from "../tree/long-text.ts";
import { withFate, type Rescued } from "./rescue.ts";
import type { Source } from "./source.ts";
import { printable } from "../io/printable.ts";

/** The `sops` block shown with `--show-master-keys` cannot be used as it was edited. Leads back to the editor. */
export class ShownBlockRefused extends SopsmithError {
  constructor(cause: SopsmithError) {
    super(cause.code, cause.exitCode, cause.message, { hint: cause.hint, cause });
  }
}

/** What is said where the text is as the editor got it. */
const NOTHING_SAVED = "The editor had saved no change.";

/** What is said where the user does not wait until the text is kept. */
const GIVEN_UP = "What was typed in the editor is lost. It was not encrypted yet.";

/** The file is another one now: the edit goes on with its content, and with what was typed beside it. */
export interface StartOver {
  /** What the file holds now, unencrypted. */
  readonly chunks: Chunks;
  /** What happened; ends with a full stop. */
  readonly message: string;
  /** Where the result is meanwhile. */
  readonly copy: Rescued;
}

export interface EditSteps<T> {
  /** Turns the edited text into a result; a {@link SopsmithError} leads back to the editor. */
  accept(text: Uint8Array): Promise<T>;
  /** Writes the result; undefined when that is done. */
  write(result: T): Promise<StartOver | undefined>;
  /** Keeps a text elsewhere, encrypted, because the edit ends without it. Never rejects. */
  keep(text: Uint8Array): Promise<Rescued>;
}

/**
 * Lets the user edit a text until it is accepted and written. The text lives in a private temporary file that is gone
 * afterwards; what was typed survives from round to round. Where the edit ends otherwise, by an error or a signal, a text
 * that is not the original is kept.
 *
 * @throws {SopsmithError} exit 200 when the text is the original one, 201 when the editor fails, 1 when the text is
 *   refused and nobody can press Enter; and as `write`
 * @see spec cli 5.4
 */
export async function editUntilWritten<T>(
  { host, streams }: Call,
  source: Source,
  chunks: Chunks,
  { accept, write, keep }: EditSteps<T>,
): Promise<void> {
  const argv = editorCommand(host);
  await withSecureTempFile(chunks, basename(source.path), host, async (path) => {
    const typedPath = join(dirname(path), `typed-${basename(path)}`);
    const paths = [path];
    let original: Buffer = await readFile(path);
    let last = original;
    // Of results that could not be written; then of the text that the edit ends with.
    const copies: Rescued[] = [];

    /** What is in the file now; what was there before where an editor has just emptied or removed it to write it. */
    const typedNow = (): Buffer => {
      try {
        const now = readFileSync(path);
        return now.length === 0 ? last : now;
      } catch {
        return last;
      }
    };
    // An end of stdin, a failing editor and a signal may come at once: whoever asks first has the text kept.
    let ending: Promise<string> | undefined;
    /** Keeps the text as the edit ends, and says what became of it; undefined where nothing was changed. */
    const fateOf = (text: Buffer): Promise<string> | undefined => {
      if (text.equals(original) && copies.length === 0) return undefined;
      ending ??= (async () => {
        if (!text.equals(original)) copies.push(await keep(text));
        return copies.map(({ sentence }) => sentence).join(" ");
      })();
      return ending;
    };

    const rounds = async (): Promise<void> => {
      for (;;) {
        try {
          await runEditor(argv, ...paths);
        } catch (error) {
          // Ctrl+C reaches the editor and this program at once: what it leads to here counts.
          await wait(50);
          const fate = error instanceof SopsmithError ? await fateOf(typedNow()) : undefined;
          throw error instanceof SopsmithError && fate !== undefined
            ? withFate(error, fate)
            : error;
        }
        last = await readFile(path).catch(async (error: unknown) => {
          if (systemCode(error) === undefined) throw error;
          throw new EditorFailed(
            `the temporary file cannot be read any more: ${systemReason(error)}`,
            { hint: await fateOf(last), cause: error },
          );
        });
        if (last.equals(original))
          throw new SopsmithError("not-changed", 200, "File has not changed, exiting.", {
            hint: await fateOf(last),
          });
        const result = await accepted(last);
        if (result !== undefined) {
          const changed = await write(result.value);
          if (changed === undefined) return;
          copies.push(changed.copy);
          await writeFile(typedPath, last, { mode: 0o600 });
          await writeFile(path, joinChunks(changed.chunks));
          original = await readFile(path);
          last = original;
          if (paths.length === 1) paths.push(typedPath);
          streams.writeStderr(
            `${printable(changed.message)} Press enter to open the editor on the new content, with what you typed in ${basename(typedPath)}, or Ctrl+C to exit.\n${changed.copy.sentence}\n`,
          );
        }
        if ((await awaitEnter()) === "eof")
          throw new SopsmithError(
            "edit-abandoned",
            1,
            `Nobody can press enter, because stdin has ended. ${source.file} was not written.`,
            { hint: await fateOf(last) },
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

    let state: "running" | "stopping" | "over" = "running";
    let stoppedAt = 0;
    const respond = (signal: StopSignal): SignalResponse | Promise<SignalResponse> => {
      if (state === "over") return "die";
      const unwritten = `${printable(source.file)} was not written.`;
      const canceled = (fate: string): SignalResponse => ({
        exitCode: 1,
        message: `User canceled operation: ${unwritten} ${fate}`,
      });
      // Ctrl+C may arrive twice at once, from the terminal and from a parent such as npm; a later one does not wait.
      if (state === "stopping")
        return signal === "SIGINT" && performance.now() - stoppedAt > 1000
          ? canceled(GIVEN_UP)
          : "continue";
      const end = (fate: string | undefined): SignalResponse => {
        if (state === "over") return "continue";
        if (signal === "SIGINT" || signal === "SIGTERM") return canceled(fate ?? NOTHING_SAVED);
        if (fate !== undefined) streams.writeStderr(`${unwritten} ${fate}\n`);
        return "die";
      };
      const fate = fateOf(typedNow());
      if (fate === undefined) return end(fate);
      state = "stopping";
      stoppedAt = performance.now();
      return fate.then(end);
    };
    await withSignals(respond, async () => {
      try {
        await rounds();
      } catch (error) {
        // The signal ends the program, once the text is kept.
        if (state === "stopping") await new Promise<never>(() => {});
        if (!(error instanceof SopsmithError)) {
          const fate = await fateOf(typedNow());
          if (fate !== undefined) streams.writeStderr(`${fate}\n`);
        }
        throw error;
      } finally {
        state = "over";
      }
    });
    // Written after all.
    await ending;
    for (const copy of copies) copy.drop();
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
  { accept, keep }: Pick<EditSteps<T>, "accept" | "keep">,
): Promise<T> {
  const results: T[] = [];
  const write = (result: T): Promise<undefined> => {
    results.push(result);
    return Promise.resolve(undefined);
  };
  await editUntilWritten(call, source, chunks, { accept, write, keep });
  for (const result of results) return result;
  throw new Error("the editor ended without a result");
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
