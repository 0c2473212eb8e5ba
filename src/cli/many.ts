import { dirname, join, resolve } from "node:path";
import { NoMatchingRule } from "../config/match.ts";
import { AlreadyEncrypted } from "../encrypt.ts";
import { ConflictError, SopsmithError } from "../errors.ts";
import { attributesOf, stageFile } from "../io/atomic-write.ts";
import { syncDirectory } from "../io/staged.ts";
import { systemCode, systemReason } from "../io/system-error.ts";
import { MetadataNotFound } from "../metadata/placement.ts";
import { changeAllOrNothing, discardAll, type Step } from "./all-or-nothing.ts";
import { forEachBounded, PARALLEL_FILES } from "./bounded.ts";
import { withShared } from "./call-cache.ts";
import type { Call, Chunks } from "./command.ts";
import { deliver, tellWritten, untilUndisturbed } from "./deliver.ts";
import * as flags from "./flags.ts";
import { interrupted, nothingDone, SeveralFailed, summarize, tellFailures } from "./many-report.ts";
import {
  expandOperands,
  isPattern,
  type Expanded,
  type FileFailure,
  type OperandFile,
  type Wanted,
} from "./operands.ts";
import { Progress } from "./progress.ts";
import { makeDirectory, removeDirectories, type MadeFolders } from "./result-folders.ts";
import { noFile, sourceOf, type Source } from "./source.ts";
import { warn } from "./warn.ts";

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
      throw new ConflictError(`Error: ${target} would replace ${source}, which is an input`, {
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
 * the others are done; all are reported at the end, in the order of the files.
 *
 * @param prepare does everything but the change itself; its call shares configuration and unwrapped keys
 * @throws {SeveralFailed}
 */
export async function runFiles(
  call: Call,
  several: SeveralFiles,
  { done, parallel = PARALLEL_FILES, isReading = false, isQuiet = false, tellFirst }: RunOptions,
  prepare: (call: Call, file: OperandFile, index: number) => Promise<Step>,
): Promise<void> {
  const { files } = several;
  const failed: (FileFailure | undefined)[] = [];
  const steps: (Step | undefined)[] = [];
  let left: readonly string[] = [];
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
  const host = {
    ...call.host,
    promptSecret: (prompt: string) => progress.without(() => call.host.promptSecret(prompt)),
    warn: (message: string) => warn(progress.streams, message),
  };
  await withShared({ ...call, host, streams: progress.streams }, async (shared) => {
    const ready = async (file: OperandFile, index: number) => {
      const step = await prepare(shared, file, index);
      steps[index] = step;
      return step;
    };
    await forEachBounded(files, parallel, async (_, index) => {
      await attempt(index, (file) =>
        untilUndisturbed(async () => {
          const step = await ready(file, index);
          if (!allOrNothing && typeof step === "object") await step.commit();
        }),
      );
      progress.advance();
    });
    if (!allOrNothing) return;
    const hasFailed = () => several.failures.length > 0 || failed.some((one) => one !== undefined);
    if (!hasFailed()) {
      const prepareAgain = async (index: number) => {
        await attempt(index, async (file) => void (await ready(file, index)));
        return failed[index] === undefined;
      };
      const tellInterrupted = (sentences: readonly string[]) =>
        call.streams.writeStderr(`${interrupted(sentences)}\n`);
      const failure = await changeAllOrNothing(steps, prepareAgain, done, tellInterrupted);
      left = failure?.left ?? [];
      if (failure !== undefined) await attempt(failure.index, () => Promise.reject(failure.error));
    }
    if (hasFailed()) discardAll(steps);
  }).finally(() => progress.end());
  await tellFirst?.();
  const failures = [...several.failures, ...failed.filter((failure) => failure !== undefined)];
  if (failures.length > 0) {
    const { withNames } = await import("./named-keys.ts");
    for (const { error } of failures) await withNames(error, call);
  }
  tellFailures(call, failures);
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
      allOrNothing ? nothingDone(failures.length, counts.all, done, left) : summary,
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
  const made: MadeFolders = new Map();
  const noAtomic = call.options.on(flags.noAtomic);
  const targets = several.files.flatMap((file) => several.targetOf(file) ?? []);
  const attributes = attributesOf(targets);
  try {
    await runFiles(call, several, run, async (shared, file) => {
      const source = sourceOf(shared, file.file, file.format);
      const chunks = await change(shared, source);
      if (chunks === undefined) return "unchanged";
      const target = several.targetOf(file);
      if (target === undefined)
        return { file: file.file, commit: () => deliver(shared, source, chunks) };
      const isCopy = target !== file.file;
      if (isCopy) await makeDirectory(dirname(target), made);
      const staged = await stageFile(target, chunks, {
        purpose: isCopy ? "output" : "in-place",
        expected: isCopy ? undefined : source.version,
        noAtomic,
        directories,
        attributes: await attributes,
        warn: (message) => warn(shared.streams, message),
      });
      const tell = () => tellWritten(shared, target);
      const commit = async () => {
        await staged.commit();
        tell();
      };
      return { file: file.file, staged, tell, commit };
    });
  } catch (error) {
    if (call.options.on(flags.allOrNothing)) await removeDirectories(made);
    throw error;
  } finally {
    await forEachBounded([...directories], PARALLEL_FILES, syncDirectory);
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
