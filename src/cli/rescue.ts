import { rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, isAbsolute, join } from "node:path";
import type { FormatName } from "../../formats/format.ts";
import { SopsmithError } from "../errors.ts";
import type { Host } from "../io/host.ts";
import { makeFolder } from "../io/make-folder.ts";
import { printable } from "../io/printable.ts";
import { ChangedMeanwhile } from "../io/write-errors.ts";
import type { Call, Chunks } from "./command.ts";
import type { Source } from "./source.ts";

/** A result that could not be written where it belongs. */
export interface Rescued {
  /** Says where it is and how to open it; one line. */
  readonly sentence: string;
  /** Removes it again, when it is needed no more. */
  drop(): void;
}

/**
 * Keeps an encrypted result as `NAME.rescue` beside its file, else in the user's state directory, else in the directory for
 * temporary files, which an account without a home has too. A file that is there is
 * never replaced: the name gets a number then.
 *
 * @returns undefined where it can be written to none of them
 */
export async function rescue(
  { host }: Call,
  source: Source,
  chunks: Chunks,
  format: FormatName,
): Promise<Rescued | undefined> {
  const { replaceFile } = await import("../io/atomic-write.ts");
  const name = `${basename(source.path)}.rescue`;
  for (const [place, prepare] of places(source, name, host)) {
    for (let number = 0; number < 100; number++) {
      const path = number === 0 ? place : `${place}.${number}`;
      try {
        await prepare();
        await replaceFile(path, chunks, { purpose: "output", mode: 0o600, expected: "absent" });
        const command = `sopsmith edit --input-type ${format} --output-type ${format} ${quoted(path)}`;
        return {
          sentence: `What you typed is kept, encrypted, in ${printable(path)}: open it with \`${command}\`.`,
          drop: () => rmSync(path, { force: true }),
        };
      } catch (error) {
        if (!(error instanceof ChangedMeanwhile)) break;
      }
    }
  }
  return undefined;
}

function places(
  { path }: Source,
  name: string,
  host: Host,
): [place: string, prepare: () => Promise<unknown>][] {
  const nothing = () => Promise.resolve();
  const beside: [string, () => Promise<unknown>] = [`${path}.rescue`, nothing];
  const temporary: [string, () => Promise<unknown>] = [join(tmpdir(), name), nothing];
  const named = host.env["XDG_STATE_HOME"] ?? "";
  const home = host.accountHome();
  const state = isAbsolute(named) ? named : home === undefined ? "" : join(home, ".local/state");
  if (state === "") return [beside, temporary];
  const folder = join(state, "sopsmith");
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
