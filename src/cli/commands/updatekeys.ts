import { stat } from "node:fs/promises";
import { configuredIndent } from "../../config/loaded-config.ts";
import { ConfigError, ConflictError, SopsmithError } from "../../errors.ts";
import { jsonLine, printableLine } from "../../io/printable.ts";
import { systemCode, systemReason } from "../../io/system-error.ts";
import { keysDueForRotation, type DueKey } from "../../keys/rotation.ts";
import {
  keyDifference,
  parseSealedSource,
  rewrap,
  settingDifferences,
  type KeyDifference,
  type SettingDifference,
} from "../../update-keys.ts";
import type { Call, Chunks, Command, Streams } from "../command.ts";
import { untilUndisturbed, writeBack } from "../deliver.ts";
import * as flags from "../flags.ts";
import { differenceText } from "../key-difference.ts";
import { namesIn } from "../named-keys.ts";
import { keyServices } from "../key-services.ts";
import { changeFiles, severalFiles } from "../many.ts";
import { creationRule } from "../creation-rule.ts";
import { readConfig } from "../call-cache.ts";
import { fileOperands, noFile, readSource, sourceOf, type Source } from "../source.ts";
import { openStores } from "../formats.ts";

/** `--check` found a file that is not as its creation rule says. Exit 10. */
class OutOfStep extends SopsmithError {
  constructor(
    file: string,
    config: string,
    difference: KeyDifference,
    settings: readonly SettingDifference[],
  ) {
    const { before, after } = difference.threshold;
    const areKeysOff = difference.groups.some(
      ({ added, removed }) => added.length > 0 || removed.length > 0,
    );
    const found = [
      ...(areKeysOff ? [`the master keys do not match ${config}`] : []),
      ...(before === after ? [] : [`shamir_threshold is ${before}, but should be ${after}`]),
      ...settings.map(
        ({ name, inFile, inRule }) => `${name} is ${inFile}, but should be ${inRule}`,
      ),
    ];
    const hints = [
      ...(difference.isEmpty ? [] : ["Run `sopsmith updatekeys` with the file."]),
      ...(settings.length === 0
        ? []
        : [
            "To change what is encrypted or what the MAC covers, decrypt the file and encrypt it again.",
          ]),
    ];
    super("out-of-step", 10, `${file}: ${found.join("; ")}`, { hint: hints.join(" "), file });
  }
}

export const updatekeys: Command = {
  operands: "file...",
  completes: ["sealed"],
  flags: [
    flags.yes,
    flags.dryRun,
    flags.checkKeys,
    ...flags.severalFiles,
    flags.noAtomic,
    flags.inputType,
    flags.layout,
    ...flags.keyServices,
    flags.json,
  ],
  notes: [
    "Shows how the key groups of each file differ from those of its creation rule, asks, then wraps the data key for the",
    "rule's keys. Values stay as they are: anyone who could read the file before can still read a copy of it; see rotate.",
    "The threshold becomes the rule's shamir_threshold; without one a file keeps its own, lowered to the number of groups.",
    "--check also compares what is encrypted and mac_only_encrypted, which you can change only by encrypting the file again. With several files, it names those that do not match.",
  ],
  examples: [
    { does: "update a file to match .sops.yaml", line: "sopsmith updatekeys secrets.yaml" },
    {
      does: "update all encrypted files here, without confirmation",
      line: "sopsmith updatekeys --yes --recursive .",
    },
    {
      does: "fail in CI when a file does not match .sops.yaml",
      line: "sopsmith updatekeys --check --recursive .",
    },
  ],
  async run(call) {
    const { options } = call;
    const isAsking = ![flags.yes, flags.dryRun, flags.checkKeys].some((flag) => options.on(flag));
    if (options.on(flags.json) && isAsking)
      throw new ConflictError("Error: cannot ask questions with --json", {
        hint: "Use --json with --yes, --dry-run or --check.",
      });
    const config = await readConfig(call);
    if (config === undefined)
      throw new ConfigError("config file not found", {
        hint: "Write a .sops.yaml here or in a directory above, or name one: sopsmith --config FILE updatekeys …",
      });
    const operands = fileOperands(call);
    const [operand] = operands;
    if (operand === undefined) throw noFile("Error: no file specified");
    const several = await severalFiles(call, operands, { wanted: "encrypted", target: "file" });
    if (several === undefined) {
      const source = sourceOf(call, operand);
      const one = { ...call, shared: { config, services: await keyServices(call) } };
      return untilUndisturbed(async () => {
        const chunks = await updated(one, source);
        if (chunks === undefined) return;
        await writeBack(call, source, chunks);
        progress(call, `File ${printableLine(source.path)} synced with new keys`);
      });
    }
    const isReading = options.on(flags.dryRun) || options.on(flags.checkKeys);
    const done = options.on(flags.checkKeys) ? "up to date" : isReading ? "checked" : "updated";
    if (isAsking) return changeFiles(call, several, { done, parallel: 1 }, updated);
    const kept = new Kept(call.streams);
    const tellFirst = () => kept.tell(several.files.map(({ file }) => printableLine(file)));
    await changeFiles(call, several, { done, isReading, tellFirst }, (one, source) =>
      updated({ ...one, streams: kept.of(source.file), isOneOfMany: true }, source),
    );
  },
};

/** A call for one file, perhaps of several. */
type FileCall = Call & { readonly isOneOfMany?: boolean };

/** What was said about each of several files, kept until it can be said file by file. */
class Kept {
  private readonly streams: Streams;
  private readonly said = new Map<string, (() => Promise<void> | void)[]>();

  constructor(streams: Streams) {
    this.streams = streams;
  }

  of(file: string): Streams {
    const said = this.said.get(file) ?? [];
    this.said.set(file, said);
    const { writeStdout, writeStderr } = this.streams;
    return {
      ...this.streams,
      writeStdout: (chunks) => {
        said.push(() => writeStdout(chunks));
        return Promise.resolve();
      },
      writeStderr: (text) => void said.push(() => writeStderr(text)),
    };
  }

  async tell(files: readonly string[]): Promise<void> {
    for (const file of files) for (const say of this.said.get(file) ?? []) await say();
  }
}

/** The file with its new keys; undefined where it is to stay as it is. */
async function updated(call: FileCall, source: Source): Promise<Chunks | undefined> {
  const { options, streams, host } = call;
  await refuseUnlessFile(source);
  progress(call, `Syncing keys for file ${printableLine(source.path)}`);
  const stores = await openStores(call, source);
  const opened = await parseSealedSource(await readSource(call, source), stores.verb);
  const { metadata } = opened;
  const rule = await creationRule(call, source, stores);
  const config = stores.config?.path ?? "";
  if (rule === undefined)
    throw new ConfigError(`The config file ${config} does not contain any creation rule`);
  const difference = keyDifference(metadata, rule.keyGroups, rule.threshold);
  const due = keysDueForRotation(metadata.keyGroups.flat(), host.now());
  const settings = settingDifferences(metadata, rule, stores.verb.input);
  const isChecking = options.on(flags.checkKeys);
  if (!options.on(flags.json)) {
    if (!difference.isEmpty) {
      const heading = isOneOfMany(call)
        ? `${source.file}: the following changes would be made to the file's groups:`
        : "The following changes will be made to the file's groups:";
      await streams.writeStdout([
        differenceText(heading, difference, streams, await namesIn(stores)),
      ]);
    } else if (!isChecking || settings.length === 0)
      progress(call, `File ${printableLine(source.path)} already up to date`);
  }
  if (difference.isEmpty || isChecking || options.on(flags.dryRun)) {
    await report(call, source, { difference, due, settings, isChanged: false });
    if (isChecking && (!difference.isEmpty || settings.length > 0))
      throw new OutOfStep(source.file, config, difference, settings);
    return undefined;
  }
  if (!options.on(flags.yes) && !(await streams.askYesNo("Is this okay? (y/n):"))) {
    progress(call, `File ${printableLine(source.path)} left unchanged`);
    return undefined;
  }
  const { keyGroups } = rule;
  const { after: threshold } = difference.threshold;
  const failed = "error updating one or more master keys";
  // The file keeps its format, also where its name says another.
  const { input } = stores.verb;
  const indent = call.globals.count(flags.indent) ?? configuredIndent(stores.config, input);
  const how = { ...stores.verb, output: input, indent, keyGroups, threshold, failed };
  const chunks = await rewrap(opened, how, host);
  await report(call, source, { difference, due, settings, isChanged: true });
  return chunks;
}

/** @throws {SopsmithError} exit 1 */
async function refuseUnlessFile({ path, file }: Source): Promise<void> {
  const refuse = (message: string, cause?: unknown, hint?: string): SopsmithError =>
    new SopsmithError("unreadable", 1, message, { file, cause, hint });
  const found = await stat(path).catch((error: unknown) => {
    if (systemCode(error) === undefined) throw error;
    throw refuse(`stat ${path}: ${systemReason(error)}`, error);
  });
  if (found.isDirectory())
    throw refuse(
      `can't operate on a directory: ${path}`,
      undefined,
      "Use --recursive to update the encrypted files in it.",
    );
}

/** `--check` of several files tells only of those that are out of step. */
const isOneOfMany = ({ options, isOneOfMany: isIt }: FileCall): boolean =>
  isIt === true && options.on(flags.checkKeys);

/** A line on stderr about how far the work is. */
function progress(call: FileCall, text: string): void {
  const { options, streams } = call;
  if (!options.on(flags.json) && !isOneOfMany(call)) streams.writeStderr(`${text}\n`);
}

/** With `--json`, one line about the file on stdout. */
async function report(
  { options, streams }: Call,
  { opened: file }: Source,
  {
    difference,
    due,
    settings,
    isChanged,
  }: {
    difference: KeyDifference;
    due: DueKey[];
    settings: readonly SettingDifference[];
    isChanged: boolean;
  },
): Promise<void> {
  if (!options.on(flags.json)) return;
  const { threshold, groups, isEmpty } = difference;
  const inStep = (isEmpty || isChanged) && settings.length === 0;
  const line = { file, inStep, changed: isChanged, threshold, groups, settings };
  const rotationDue = due.map(({ id, since }) => ({ key: id, since }));
  await streams.writeStdout([jsonLine({ ...line, rotationDue })]);
}
