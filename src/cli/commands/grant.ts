import { configuredIndent } from "../../config/loaded-config.ts";
import { SopsmithError } from "../../errors.ts";
import { jsonLine, printableLine } from "../../io/printable.ts";
import { provider } from "../../keys/index.ts";
import { withKey } from "../../people/edit-rules.ts";
import { keyReference, shortKey, type KeyId } from "../../people/key-id.ts";
import { parseSealedSource, rewrap } from "../../update-keys.ts";
import {
  changeAccess,
  configChange,
  referencesOf,
  rulesGoverning,
  type ConfigChange,
  type FileChange,
} from "../access-change.ts";
import { UsageError } from "../args.ts";
import type { Call, Command } from "../command.ts";
import * as flags from "../flags.ts";
import { openStores } from "../formats.ts";
import { planFlag, refuseQuestionsInJson } from "../plan-flag.ts";
import { publicKey } from "../public-key.ts";
import { secretFiles, type SecretFile } from "../secret-files.ts";
import { readSource } from "../source.ts";
import { namesFor } from "./who.ts";

const group: flags.IntFlag = {
  kind: "int",
  names: ["group"],
  about: "number of the key group to add the key to, counted from 0, where there are several",
  range: { from: 0, to: 1_000 },
};

export const grant: Command = {
  operands: "name key [path...]",
  flags: [planFlag, flags.yes, group, ...flags.keyServices, flags.json],
  completes: ["none", "none", "sealed"],
  notes: [
    "Lets somebody open files: adds the key, with its name, to .sops.yaml and to its creation rules, and wraps the data keys",
    "of the files for it. With paths, only the rules for those files change. Comments and everything else in .sops.yaml",
    "stay as they are. Shows the plan and asks first; then it changes everything or nothing.",
    "The key is a public key: an age recipient, an SSH key, a PGP fingerprint, the ARN of an AWS KMS key, and so on.",
  ],
  examples: [
    { does: "let bob open everything here", line: "sopsmith grant bob age1…" },
    { does: "let bob open only the files of one directory", line: "sopsmith grant bob age1… prod" },
    { does: "see what would change", line: "sopsmith grant --plan bob age1…" },
  ],
  async run(call) {
    const { options, operands, host, streams } = call;
    refuseQuestionsInJson(call);
    const [word, text, ...paths] = operands;
    if (word === undefined || text === undefined || word.trim() === "")
      throw new UsageError(
        "grant needs a name and a public key",
        1,
        "sopsmith grant NAME KEY [PATH…], such as: sopsmith grant bob age1…",
      );
    const name = word.trim();
    const key = await publicKey(text, host);
    const { files: all } = await secretFiles({ ...call, operands: [] });
    const chosen =
      paths.length === 0 ? all : (await secretFiles({ ...call, operands: paths })).files;
    await refuseOthersName(call, all, name, key);
    const index = options.count(group);
    const configs = await configsFor(call, paths.length > 0, chosen, all, { name, key, index });
    const ruled = chosen.filter(({ subject }) => paths.length > 0 || subject.rule !== undefined);
    const files = ruled.flatMap((file) => {
      const change = fileChange(file, key, index);
      return change === undefined ? [] : [change];
    });
    if (options.on(flags.json)) {
      await streams.writeStdout([
        jsonLine({
          name,
          key: { type: key.type, id: key.id },
          config: configs.map(({ file, patch }) => ({ file, patch })),
          files: files.map(({ file: { file } }) => file),
        }),
      ]);
    } else await tellPlan(call, name, key, configs, files);
    if (options.on(planFlag) || (configs.length === 0 && files.length === 0)) return;
    if (!options.on(flags.yes) && !(await streams.askYesNo("Is this okay? (y/n):"))) {
      streams.writeStderr("nothing was changed\n");
      return;
    }
    await changeAccess(call, configs, files, undefined);
    if (!options.on(flags.json))
      streams.writeStderr(
        `${printableLine(name)} can now open ${counted(files.length, "more ")}\n`,
      );
  },
};

const counted = (count: number, more = ""): string =>
  `${count} ${more}${count === 1 ? "file" : "files"}`;

/** @throws {SopsmithError} exit 1 where another key has the name */
async function refuseOthersName(
  call: Call,
  files: readonly SecretFile[],
  name: string,
  key: KeyId,
): Promise<void> {
  const names = await namesFor(call, files);
  const others = names.all.filter(
    (one) => one.name === name && keyReference(one.key) !== keyReference(key),
  );
  const [other] = others.filter(({ source }) => source === "anchor" || source === "comment");
  if (other === undefined || names.of(key)?.name === name) return;
  throw new SopsmithError(
    "name-taken",
    1,
    `${printableLine(name)} is already the name of ${shortKey(other.key)}`,
    { hint: "Choose another name for a second key, such as bob-laptop." },
  );
}

async function configsFor(
  call: Call,
  isNarrow: boolean,
  chosen: readonly SecretFile[],
  all: readonly SecretFile[],
  { name, key, index }: { name: string; key: KeyId; index: number | undefined },
): Promise<ConfigChange[]> {
  const { GoverningConfigs } = await import("../governing-configs.ts");
  const here = await new GoverningConfigs(call).here();
  const rules = isNarrow ? rulesGoverning(chosen, all) : new Map<string, Set<number>>();
  if (!isNarrow)
    for (const governing of [here, ...all.map((file) => file.governing)])
      if (governing !== undefined && !rules.has(governing.file)) {
        const { creationRules = [] } = governing.rules.config;
        rules.set(governing.file, new Set(creationRules.keys()));
      }
  if (rules.size === 0 && !isNarrow)
    throw new SopsmithError("config-error", 1, "config file not found", {
      hint: "Make one with `sopsmith init`, or name the files to add the key to.",
    });
  const reference = keyReference(key);
  const governing = [here, ...all.map((file) => file.governing)];
  const changes: ConfigChange[] = [];
  for (const [file, chosenRules] of rules) {
    const { creationRules = [] } = governing.find((one) => one?.file === file)?.rules.config ?? {};
    for (const [rule, groups] of referencesOf(creationRules).entries())
      if (chosenRules.has(rule) && !groups.flat().includes(reference))
        groupOf(
          index,
          groups.length,
          `the creation rule on line ${creationRules[rule]?.line ?? 0} of ${file}`,
          file,
        );
    const change = await configChange(
      call,
      file,
      (text) => withKey(text, { name, key, rules: chosenRules, group: index ?? 0 }),
      (before) =>
        before.map((groups, rule) =>
          groups.map((keys, at) =>
            chosenRules.has(rule) && at === (index ?? 0) && !groups.flat().includes(reference)
              ? [...keys, reference]
              : keys,
          ),
        ),
    );
    if (change !== undefined) changes.push(change);
  }
  return changes;
}

/**
 * Which of several key groups gets the key.
 *
 * @throws {SopsmithError} exit 1 where it must be chosen, or there is none of that number
 */
function groupOf(index: number | undefined, count: number, what: string, file: string): number {
  if (index === undefined && count <= 1) return 0;
  if (index !== undefined && index < count) return index;
  throw new SopsmithError(
    "no-key-group",
    1,
    index === undefined
      ? `${what} has ${count} key groups, so one must be chosen`
      : `${what} has no key group ${index}`,
    {
      file,
      hint:
        count === 1
          ? "It has one group: leave --group out."
          : `Choose with --group, from 0 to ${count - 1}.`,
    },
  );
}

/** Undefined for a file that the key opens already. */
function fileChange(
  file: SecretFile,
  key: KeyId,
  index: number | undefined,
): FileChange | undefined {
  const groups = file.subject.sealed?.metadata?.keyGroups ?? [];
  const reference = keyReference(key);
  if (groups.flat().some((one) => keyReference(one) === reference)) return undefined;
  const at = groupOf(index, groups.length, file.file, file.file);
  return {
    file,
    async make(call, source) {
      const { verb, config } = await openStores(call, source);
      const sealed = await parseSealedSource(await readSource(call, source), verb);
      const added = await provider(key.type).parse(key.id, call.host);
      const { metadata } = sealed;
      const keyGroups = metadata.keyGroups.map((keys, i) =>
        i === at ? [...keys, ...added] : keys,
      );
      const indent = call.globals.count(flags.indent) ?? configuredIndent(config, verb.input);
      const kept = { ...verb, output: verb.input, indent };
      return rewrap(
        sealed,
        {
          ...kept,
          keyGroups,
          threshold: metadata.shamirThreshold,
          failed: `could not wrap the data key of ${source.file} for its keys`,
        },
        call.host,
      );
    },
  };
}

async function tellPlan(
  { streams }: Call,
  name: string,
  key: KeyId,
  configs: readonly ConfigChange[],
  files: readonly FileChange[],
): Promise<void> {
  const who = `${printableLine(name)} (${printableLine(shortKey(key))})`;
  if (configs.length === 0 && files.length === 0) {
    await streams.writeStdout([`Nothing to do: ${who} already has access.\n`]);
    return;
  }
  const lines = [
    `${who} gets access to ${counted(files.length)}:`,
    ...files.map(({ file: { file } }) => `  ${printableLine(file)}`),
    ...configs.flatMap(({ patch }) => ["", ...patch.trimEnd().split("\n").map(printableLine)]),
  ];
  await streams.writeStdout(lines.map((line) => `${line}\n`));
}
