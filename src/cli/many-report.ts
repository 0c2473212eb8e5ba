import { SopsmithError } from "../errors.ts";
import { printable, printableLine } from "../io/printable.ts";
import type { Call } from "./command.ts";
import * as flags from "./flags.ts";
import type { FileFailure } from "./operands.ts";
import { problemOf, writeProblem } from "./problem.ts";
import { paint } from "./warn.ts";

/** Some of several files failed. The files and their errors were reported one by one. */
export class SeveralFailed extends SopsmithError {
  readonly failures: readonly FileFailure[];

  /** The exit code is that of all failures if they agree, else 1. */
  constructor(failures: readonly FileFailure[], summary: string) {
    const codes = new Set(failures.map(({ error }) => error.exitCode));
    const [code = 1] = codes;
    super("several-failed", codes.size === 1 ? code : 1, summary);
    this.failures = failures;
  }
}

/** One entry for each failure. What was said at length for one file is not repeated for others. */
export function tellFailures({ options, streams }: Call, failures: readonly FileFailure[]): void {
  if (options.on(flags.json)) {
    for (const { file, error } of failures)
      writeProblem(streams, { ...problemOf(error), file }, true);
    return;
  }
  const told = new Map<string, string>();
  for (const { file: name, error } of failures) {
    const file = printableLine(name);
    const text = error.message
      .replace(/^error: /i, "")
      .replaceAll(name, () => file)
      .trimEnd();
    const rest = text.replaceAll(file, "");
    const before = told.get(rest);
    const [first = ""] = text.split("\n");
    const isLong = text !== first;
    told.set(rest, before ?? file);
    const body = isLong && before !== undefined ? `${first} As for ${before}.` : text;
    const named = body.includes(file) && !isLong ? body : `${file}: ${body}`;
    streams.writeStderr(`${paint(streams, 31, "ERROR")}: ${printable(named)}\n`);
    if (error.hint !== undefined && before === undefined)
      streams.writeStderr(`${printable(error.hint)}\n`);
  }
}

export function summarize(
  {
    all,
    failed,
    unchanged,
    leftAlone,
  }: { all: number; failed: number; unchanged: number; leftAlone: number },
  done: string,
): string {
  const rest = [
    ...(failed > 0 ? [`${failed} failed`] : []),
    ...(unchanged > 0 ? [`${unchanged} unchanged`] : []),
    ...(leftAlone > 0 ? [`${leftAlone} left alone`] : []),
  ];
  const changed = all - failed - unchanged - leftAlone;
  const of = rest.length > 0 ? `${changed} of ${counted(all, "file")}` : counted(all, "file");
  return [`${of} ${done}`, ...rest].join(", ");
}

/**
 * The summary of a call with `--all-or-nothing` that failed.
 *
 * @param left a sentence about each file that is not as it was
 */
export function nothingDone(
  failed: number,
  all: number,
  done: string,
  left: readonly string[],
): string {
  const start = `${failed} of ${counted(all, "file")} failed`;
  if (left.length === 0) return `${start}; none was ${done} (--all-or-nothing)`;
  return notUndone(start, left);
}

/** What is said when a signal ends a call with `--all-or-nothing` and not everything could be undone. */
export function interrupted(left: readonly string[]): string {
  return notUndone("interrupted", left);
}

function notUndone(start: string, left: readonly string[]): string {
  return [
    `${start}, and not everything could be undone (--all-or-nothing):`,
    ...left.map((sentence) => `  ${sentence}`),
    "  All other files are as they were.",
  ].join("\n");
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}
