import { dirname, relative, resolve } from "node:path";
import { parseConfig } from "../config/config.ts";
import type { RuleSource } from "../config/config.ts";
import { SopsmithError } from "../errors.ts";
import { stageFile } from "../io/atomic-write.ts";
import { fileVersion, type FileVersion } from "../io/file-version.ts";
import { printable } from "../io/printable.ts";
import { patchOf, type Edited } from "../people/edit-rules.ts";
import { keyReference } from "../people/key-id.ts";
import { keysOfRule } from "../people/rule-keys.ts";
import { decodeText } from "../tree/text.ts";
import { changeAllOrNothing, discardAll, type Change, type Step } from "./all-or-nothing.ts";
import { forEachBounded, PARALLEL_FILES } from "./bounded.ts";
import { withShared } from "./call-cache.ts";
import type { Call, Chunks } from "./command.ts";
import * as flags from "./flags.ts";
import type { SecretFile } from "./secret-files.ts";
import { sourceOf, type Source } from "./source.ts";
import { warn } from "./warn.ts";

/** A `.sops.yaml` that is to change. */
export interface ConfigChange {
  /** As messages name it, from the working directory. */
  readonly file: string;
  readonly patch: string;
  /** The text that takes its place. */
  readonly text: string;
  readonly version: FileVersion | undefined;
}

/** The references of each rule's keys, group by group. */
export type RuleKeys = readonly (readonly (readonly string[])[])[];

export const referencesOf = (rules: readonly RuleSource[]): RuleKeys =>
  rules.map((rule) => keysOfRule(rule).map((group) => group.map(keyReference)));

/** A configuration cannot be changed in place. Exit 1; the message holds the change as a patch. */
class NotEditable extends SopsmithError {
  constructor(file: string, problem: string, patch: string) {
    super(
      "not-editable",
      1,
      `${file} cannot be changed without changing other parts of it: ${problem}${patch === "" ? "" : `\nThis is the intended change:\n\n${patch.trimEnd()}`}`,
      {
        file,
        hint: "Make that change by hand, then run the command again. Nothing was written.",
      },
    );
  }
}

/**
 * The change of a configuration, checked: its rules have exactly the keys that they are to have.
 *
 * @param file from the working directory
 * @param edit the change, by its text
 * @param wanted what each rule is to have, from what it has
 * @returns undefined where nothing is to change
 * @throws {SopsmithError} exit 1 where it cannot be made in place
 */
export async function configChange(
  call: Call,
  file: string,
  edit: (text: string) => Promise<Edited>,
  wanted: (before: RuleKeys) => RuleKeys,
): Promise<ConfigChange | undefined> {
  const version = fileVersion(file);
  const content = await call.host.readFile(file);
  const before = decodeText(content);
  const edited = await edit(before);
  // A byte-order mark would be lost, and bytes that are no UTF-8.
  const isText = Buffer.from(before).equals(Buffer.from(content));
  if ("problem" in edited || edited.text !== before) refuseAbove(call, file);
  if ("problem" in edited || !isText) {
    const problem = "problem" in edited ? edited.problem : "it is not plain UTF-8";
    const text = "problem" in edited ? edited.rewritten : edited.text;
    throw new NotEditable(file, problem, text === undefined ? "" : patchOf(file, before, text));
  }
  const patch = patchOf(file, before, edited.text);
  if (patch === "") return undefined;
  const rulesIn = async (text: string): Promise<RuleKeys> => {
    const config = await parseConfig(Buffer.from(text), file, () => undefined);
    return referencesOf(config.creationRules ?? []);
  };
  const isAsWanted = sorted(wanted(await rulesIn(before))) === sorted(await rulesIn(edited.text));
  if (!isAsWanted)
    throw new NotEditable(file, "other rules share the part that would change", patch);
  return { file, patch, text: edited.text, version };
}

/**
 * A configuration of a directory above also governs files that nobody has looked at from here.
 *
 * @throws {SopsmithError} exit 1, unless the user named the configuration
 */
function refuseAbove({ globals, host }: Call, file: string): void {
  if (globals.text(flags.config) !== "") return;
  const folder = relative(host.cwd(), dirname(resolve(host.cwd(), file)));
  if (!folder.startsWith("..")) return;
  throw new SopsmithError("config-above", 1, `${file} also governs files outside this directory`, {
    file,
    hint: `Run the command in ${folder}, where it sees all of them; you can limit it with paths.`,
  });
}

const sorted = (rules: RuleKeys): string =>
  JSON.stringify(rules.map((groups) => groups.map((group) => group.toSorted())));

/** A file whose keys are to change. */
export interface FileChange {
  readonly file: SecretFile;
  /** Makes the new content. */
  make(call: Call, source: Source): Promise<Chunks>;
}

/**
 * Changes configurations and files, all or none.
 *
 * @param more a report: a file that is written with them
 * @throws {SopsmithError} of the first file that could not be changed; nothing was then
 */
export async function changeAccess(
  call: Call,
  configs: readonly ConfigChange[],
  files: readonly FileChange[],
  more: { readonly path: string; readonly text: string } | undefined,
): Promise<void> {
  const failures: { readonly file: string; readonly error: SopsmithError }[] = [];
  const shown = [
    ...configs.map(({ file }) => file),
    ...files.map(({ file: { file } }) => file),
    more?.path ?? "",
  ];
  await withShared(call, async (shared) => {
    const makers: (() => Promise<Change>)[] = [
      ...configs.map(({ file, text, version }) => async () => ({
        file,
        staged: await stageFile(file, [text], { expected: version }),
        commit: () => Promise.resolve(),
      })),
      ...files.map(({ file: { file }, make }) => async () => {
        const source = sourceOf(shared, file);
        const chunks = await make(shared, source);
        const staged = await stageFile(source.opened, chunks, {
          expected: source.version,
          warn: (message) => warn(shared.streams, message),
        });
        return { file, staged, commit: () => Promise.resolve() };
      }),
      ...(more === undefined
        ? []
        : [
            async () => ({
              file: more.path,
              staged: await stageFile(more.path, [more.text], { purpose: "output" }),
              commit: () => Promise.resolve(),
            }),
          ]),
    ];
    const steps: (Step | undefined)[] = [];
    const prepare = async (index: number): Promise<boolean> => {
      try {
        steps[index] = await makers[index]?.();
        return true;
      } catch (error) {
        if (!(error instanceof SopsmithError)) throw error;
        failures.push({ file: shown[index] ?? "", error });
        return false;
      }
    };
    try {
      await forEachBounded(
        makers.map((_, index) => index),
        PARALLEL_FILES,
        async (index) => void (await prepare(index)),
      );
      if (failures.length > 0) return;
      const tellLeft = (left: readonly string[]) => {
        for (const sentence of left) warn(call.streams, sentence);
      };
      const failure = await changeAllOrNothing(steps, prepare, "changed", tellLeft);
      if (failure === undefined) return;
      const { error, left, index } = failure;
      if (!(error instanceof SopsmithError)) throw error;
      failures.push({ file: shown[index] ?? "", error });
      tellLeft(left);
    } finally {
      if (failures.length > 0) discardAll(steps);
    }
  });
  const [first] = failures;
  if (first === undefined) return;
  const others = failures.slice(1).map(({ file }) => file);
  if (others.length > 0) call.streams.writeStderr(`${printable(others.join(", "))}: failed too\n`);
  throw first.error;
}

/**
 * The creation rules that govern some files, by configuration.
 *
 * @param all every encrypted file here: a rule that governs others too cannot be changed for some alone
 * @throws {SopsmithError} exit 1 where a rule also governs a file that is not among them
 */
export function rulesGoverning(
  files: readonly SecretFile[],
  all: readonly SecretFile[],
): Map<string, Set<number>> {
  const chosen = new Set(files.map(({ file }) => file));
  const found = new Map<string, Set<number>>();
  for (const file of files) {
    const at = ruleOf(file);
    if (at === undefined) continue;
    const rules = found.get(at.config) ?? new Set();
    found.set(at.config, rules.add(at.index));
  }
  for (const file of all) {
    const at = ruleOf(file);
    if (at === undefined || chosen.has(file.file)) continue;
    if (found.get(at.config)?.has(at.index) !== true) continue;
    throw new SopsmithError(
      "rule-governs-more",
      1,
      `the creation rule on line ${at.line} of ${at.config} also governs ${file.file}`,
      {
        file: at.config,
        hint: `Name ${file.file} too, or first give it a rule of its own.`,
      },
    );
  }
  return found;
}

/** Where a file's creation rule is. */
export function ruleOf({
  governing,
  subject,
}: SecretFile): { config: string; index: number; line: number } | undefined {
  const source = subject.rule?.source;
  if (governing === undefined || source === undefined) return undefined;
  const index = governing.rules.config.creationRules?.indexOf(source) ?? -1;
  return index < 0 ? undefined : { config: governing.file, index, line: source.line };
}
