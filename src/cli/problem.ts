import { SopsmithError } from "../errors.ts";
import type { Streams } from "./command.ts";
import { jsonLine, printable, printableLine } from "../io/printable.ts";
import { oneLine } from "./warn.ts";

/** What is reported about a failure; with `--json` one line of stderr holds just this. */
export interface Problem {
  /** Kebab-case; stable, for programs. */
  readonly code: string;
  readonly exitCode: number;
  readonly message: string;
  /** As the user named it; null where no file is at fault, or it is not known. */
  readonly file: string | null;
  /** Place in the file's tree, as `["key"][0]`. */
  readonly path: string | null;
  /** What to do next. */
  readonly hint: string | null;
}

export function problemOf(error: unknown): Problem {
  if (!(error instanceof SopsmithError)) {
    const isSystem = error instanceof Error && "syscall" in error;
    return {
      code: isSystem ? "system-error" : "unexpected",
      exitCode: 1,
      message: describe(error),
      file: isSystem && "path" in error && typeof error.path === "string" ? error.path : null,
      path: null,
      hint: null,
    };
  }
  const { code, exitCode, message, file = null, path = null, hint = null } = error;
  return { code, exitCode, message: message.trimEnd(), file, path, hint };
}

/**
 * Prints a failure on stderr: its message and, where there is one, a line that says what to do; or one line of JSON.
 *
 * @param words the command line: a name in it begins no line of its own where the message holds it, and JSON has it as it is
 */
export function writeProblem(
  streams: Streams,
  problem: Problem,
  asJson: boolean,
  words: readonly string[] = [],
): void {
  if (asJson) {
    const file = words.find((word) => printableLine(word) === problem.file) ?? problem.file;
    streams.writeStderr(jsonLine({ ...problem, file }));
    return;
  }
  const names = [problem.file ?? "", ...words, ...words.map((word) => word.replace(/^-[^=]*=/, ""))]
    .filter((name) => /[\t\n]/.test(name))
    .toSorted((a, b) => b.length - a.length);
  for (const text of [problem.message, problem.hint ?? ""]) {
    if (text === "") continue;
    const named = names.reduce(
      (said, name) => said.replaceAll(name, () => printableLine(name)),
      text,
    );
    streams.writeStderr(`${printable(named)}\n`);
  }
}

/**
 * A failure nobody foresaw. The system's messages name a path and a reason; those of other code may quote the text they
 * choked on, so only their place is reported.
 */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return "sopsmith failed for an unknown reason; please report this";
  if ("syscall" in error) return oneLine(error.message);
  const frame = error.stack?.split("\n").find((line) => line.startsWith("    at "));
  const place = frame === undefined ? undefined : /([^\s/\\(]+:\d+):\d+\)?$/.exec(frame)?.[1];
  return `sopsmith failed: unexpected ${error.name}${place === undefined ? "" : ` at ${place}`}; please report this`;
}
