import { mkdir, rmdir } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { NoMatchingRule } from "../config/match.ts";
import { AlreadyEncrypted } from "../encrypt.ts";
import { ConflictError, SopsmithError } from "../errors.ts";
import { stageFile } from "../io/atomic-write.ts";
import { syncDirectory } from "../io/staged.ts";
import { systemCode, systemReason } from "../io/system-error.ts";
import { MetadataNotFound } from "../metadata/placement.ts";
import { forEachBounded, parallelFiles } from "./bounded.ts";
import type { Call, Chunks } from "./command.ts";
import { deliver, tellWritten } from "./deliver.ts";
import * as flags from "./flags.ts";
import {
  expandOperands,
  isPattern,
  type Expanded,
  type FileFailure,
  type OperandFile,
  type Wanted,
} from "./operands.ts";
import { Progress } from "./progress.ts";
import { problemOf, writeProblem } from "./problem.ts";
import { withShared } from "./call-cache.ts";
import { noFile, sourceOf, type Source } from "./source.ts";
import { printable } from "../io/printable.ts";
import { paint, warn } from "./warn.ts";

/** Some of several files failed. The files and their errors were told one by one. */
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

export interface SeveralOptions {
  /** What the command works on in a directory. */
  readonly wanted: Wanted;
  /**
   * `flags`: `--in-place` and `--output-dir` decide, and one file may go to stdout; `file`: the file itself unless
   * `--output-dir` is given; `none`: the command writes no files.
   */
  readonly target: "flags" | "file" | "none";
}

/** The files of a call that asks for several. */
export interface SeveralFiles extends Expanded {
  /** Where the result of each is to go; undefined for stdout or `--output`. */
  targetOf(file: OperandFile): string | undefined;
}

/**
 * The files, where the command line asks for several: more than one operand, a directory with `--recursive`, a pattern, or
 * one of the flags that only make sense then.
 *
 * @returns undefined for a command line as sops has it: one file, or stdin
 * @throws {ConflictError} for several results and one place to put them
 * @throws {SopsmithError} exit 100 without any operand
 */
export async function severalFiles(
  call: Call,
  operands: readonly string[],
  { wanted, target }: SeveralOptions,
): Promise<SeveralFiles | undefined> {
  const { options, host, streams } = call;
  const recursive = options.on(flags.recursive);
  const outputDir = options.text(flags.outputDir);
  const isAsked = recursive || outputDir !== "" || options.on(flags.allOrNothing);
  const [first] = operands;
  if (first === undefined) {
    if (isAsked) throw noFile("Error: no file specified");
    return undefined;
  }
  if (operands.length === 1 && !isAsked && !(await isPattern(first))) return undefined;
  const inPlace = options.on(flags.inPlace) || (target === "file" && outputDir === "");
  const output = options.text(flags.output);
  if (inPlace && outputDir !== "")
    throw new ConflictError("Error: cannot operate on both --output-dir and --in-place");
  if (output !== "" && outputDir !== "")
    throw new ConflictError("Error: cannot operate on both --output-dir and --output");
  const cwd = host.cwd();
  const expanded = await expandOperands(operands, {
    cwd,
    recursive,
    wanted,
    except: outputDir === "" ? undefined : resolve(cwd, outputDir),
    once: inPlace,
    warn: (message) => warn(streams, message),
  });
  const count = expanded.files.length;
  // A pattern that matches nothing is a name.
  if (operands.length === 1 && !isAsked && expanded.files[0]?.file === first) return undefined;
  if (target === "flags" && !inPlace && outputDir === "" && count > 1)
    throw new ConflictError(
      `Error: cannot write ${count} files to ${output === "" ? "stdout" : "one --output file"}`,
      { hint: "Use --in-place, or --output-dir with the directory for the results." },
    );
  const targets = new Map<OperandFile, string>();
  if (inPlace) for (const file of expanded.files) targets.set(file, file.file);
  else if (outputDir !== "") placeAll(expanded.files, outputDir, cwd, targets);
  return { ...expanded, targetOf: (file) => targets.get(file) };
}

/** @throws {ConflictError} when a result would take the place of another or of what it was made from */
function placeAll(
  files: readonly OperandFile[],
  outputDir: string,
  cwd: string,
  targets: Map<OperandFile, string>,
): void {
  const sources = new Map(files.map(({ file }) => [resolve(cwd, file), file]));
  const taken = new Map<string, string>();
  for (const file of files) {
    const target = join(outputDir, file.below);
    const path = resolve(cwd, target);
    const source = sources.get(path);
    if (source !== undefined)
      throw new ConflictError(`Error: ${target} would replace ${source}, which is to be read`, {
        hint: "Use --in-place for that, or another --output-dir.",
      });
    const other = taken.get(path);
    if (other !== undefined)
      throw new ConflictError(
        `Error: ${other} and ${file.file} would both be written to ${target}`,
        {
          hint: "Run the command where both are below the working directory, or once for each.",
        },
      );
    taken.set(path, file.file);
    targets.set(file, target);
  }
}

/** What a file's work comes to: a change that is ready to be made, or none. */
export type Step = "unchanged" | "left alone" | { commit(): Promise<void>; discard?(): void };

export interface RunOptions {
  /** What was done to a file, for the summary: "encrypted". */
  readonly done: string;
  /** Files at a time; 1 for a command that asks about each. */
  readonly parallel?: number;
  /** Nothing is to be changed: what stays as it is was done, too. */
  readonly isReading?: boolean;
  /** No summary when all went well: the command's own output tells. */
  readonly isQuiet?: boolean;
  /** Says what is to be said before the failures and the summary. */
  tellFirst?(): Promise<void>;
}

/**
 * Prepares every file, and makes its change: at once, or with `--all-or-nothing` when all are ready. A failure is kept until
 * the others are done; all are told at the end, in the order of the files.
 *
 * @param prepare does everything but the change itself; its call shares configuration and unwrapped keys
 * @throws {SeveralFailed}
 */
export async function runFiles(
  call: Call,
  several: SeveralFiles,
  { done, parallel = parallelFiles, isReading = false, isQuiet = false, tellFirst }: RunOptions,
  prepare: (call: Call, file: OperandFile, index: number) => Promise<Step>,
): Promise<void> {
  const { files } = several;
  const failed: (FileFailure | undefined)[] = [];
  const steps: (Step | undefined)[] = [];
  const progress = new Progress(call.streams, files.length);
  const allOrNothing = call.options.on(flags.allOrNothing);
  const attempt = async (index: number, work: (file: OperandFile) => Promise<void>) => {
    const file = files[index] as OperandFile;
    try {
      await work(file);
    } catch (error) {
      const known = typed(error, file.file);
      if (file.isFound && isNotMeant(known)) steps[index] = "left alone";
      else failed[index] = { file: file.file, error: known };
    }
  };
  const commit = (index: number) =>
    attempt(index, async () => {
      const step = steps[index];
      if (typeof step === "object") await step.commit();
    });
  const host = {
    ...call.host,
    promptSecret: (prompt: string) => progress.without(() => call.host.promptSecret(prompt)),
    warn: (message: string) => warn(progress.streams, message),
  };
  await withShared({ ...call, host, streams: progress.streams }, async (shared) => {
    await forEachBounded(files, parallel, async (_, index) => {
      await attempt(index, async (file) => {
        steps[index] = await prepare(shared, file, index);
      });
      if (!allOrNothing && failed[index] === undefined) await commit(index);
      progress.advance();
    });
    if (!allOrNothing) return;
    if (several.failures.length === 0 && failed.every((failure) => failure === undefined)) {
      await forEachBounded(files, parallel, async (_, index) => commit(index));
    } else {
      for (const step of steps) if (typeof step === "object") step.discard?.();
    }
  }).finally(() => progress.end());
  await tellFirst?.();
  const failures = [...several.failures, ...failed.filter((failure) => failure !== undefined)];
  tell(call, failures);
  const counts = {
    all: files.length + several.failures.length,
    failed: failures.length,
    unchanged: isReading ? 0 : steps.filter((step) => step === "unchanged").length,
    leftAlone: steps.filter((step) => step === "left alone").length,
  };
  const summary = summarize(counts, done);
  if (failures.length > 0)
    throw new SeveralFailed(
      failures,
      allOrNothing
        ? `${failures.length} of ${counted(counts.all, "file")} failed; none was ${done} (--all-or-nothing)`
        : summary,
    );
  const isPrinted = files.length === 1 && several.targetOf(files[0] as OperandFile) === undefined;
  if (!isQuiet && !isPrinted) call.streams.writeStderr(`${summary}\n`);
}

/** Runs a command that gives files new content, and puts it where the flags say. */
export async function changeFiles(
  call: Call,
  several: SeveralFiles,
  run: RunOptions,
  change: (call: Call, source: Source) => Promise<Chunks | undefined>,
): Promise<void> {
  const directories = new Set<string>();
  const made = new Map<string, Promise<string | undefined>>();
  const noAtomic = call.options.on(flags.noAtomic);
  try {
    await runFiles(call, several, run, async (shared, file) => {
      const source = sourceOf(shared, file.file, file.format);
      const chunks = await change(shared, source);
      if (chunks === undefined) return "unchanged";
      const target = several.targetOf(file);
      if (target === undefined) return { commit: () => deliver(shared, source, chunks) };
      const isCopy = target !== file.file;
      if (isCopy) await makeDirectory(dirname(target), made);
      const purpose = isCopy ? "output" : "in-place";
      const staged = await stageFile(target, chunks, { purpose, noAtomic, directories });
      return {
        discard: () => staged.discard(),
        commit: async () => {
          await staged.commit();
          tellWritten(shared, target);
        },
      };
    });
  } catch (error) {
    if (call.options.on(flags.allOrNothing)) await removeDirectories(made);
    throw error;
  } finally {
    await forEachBounded([...directories], parallelFiles, syncDirectory);
  }
}

/** @throws {SopsmithError} exit 3, as for an output file that cannot be opened */
async function makeDirectory(
  path: string,
  made: Map<string, Promise<string | undefined>>,
): Promise<void> {
  let making = made.get(path);
  if (making === undefined) {
    making = mkdir(path, { recursive: true });
    made.set(path, making);
  }
  await making.catch((error: unknown) => {
    throw new SopsmithError(
      "cannot-replace",
      3,
      `Could not open output file for writing: ${path}: ${systemReason(error)}`,
      { cause: error },
    );
  });
}

/** Takes away the directories that were made and stayed empty. */
async function removeDirectories(made: Map<string, Promise<string | undefined>>): Promise<void> {
  for (const [path, making] of [...made].toSorted(([a], [b]) => b.length - a.length)) {
    const first = await making.catch(() => undefined);
    if (first === undefined) continue;
    for (let at = resolve(path); at.length >= resolve(first).length; at = dirname(at))
      if (
        !(await rmdir(at).then(
          () => true,
          () => false,
        ))
      )
        break;
  }
}

/** Any failure as one of ours; others than the system's are defects, and end the run. */
function typed(error: unknown, file: string): SopsmithError {
  if (error instanceof SopsmithError) return error;
  if (systemCode(error) === undefined) throw error;
  return new SopsmithError("system", 1, `${file}: ${systemReason(error)}`, { cause: error });
}

/** A file of a directory that the command is not for: encrypted already, or not at all, or without a creation rule. */
function isNotMeant(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause)
    if (
      at instanceof MetadataNotFound ||
      at instanceof AlreadyEncrypted ||
      at instanceof NoMatchingRule
    )
      return true;
  return false;
}

/** One entry for each failure. What was said at length for one file is not repeated for others. */
function tell({ options, streams }: Call, failures: readonly FileFailure[]): void {
  if (options.on(flags.json)) {
    for (const { file, error } of failures)
      writeProblem(streams, { ...problemOf(error), file }, true);
    return;
  }
  const told = new Map<string, string>();
  for (const { file, error } of failures) {
    const text = error.message.replace(/^error: /i, "").trimEnd();
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

function summarize(
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

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}
