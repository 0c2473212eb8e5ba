import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { keyPath } from "../../check/key-path.ts";
import { SopsmithError } from "../../errors.ts";
import { jsonLine, printableLine } from "../../io/printable.ts";
import { withoutKeys } from "../../people/edit-rules.ts";
import { History, type ReadValue } from "../../people/history.ts";
import { keyReference, shortKey, type KeyId } from "../../people/key-id.ts";
import { rotateSource } from "../../rotate.ts";
import { pathText } from "../../tree/path.ts";
import type { Metadata } from "../../metadata/metadata.ts";
import {
  changeAccess,
  configChange,
  referencesOf,
  rulesGoverning,
  type ConfigChange,
  type FileChange,
  type RuleKeys,
} from "../access-change.ts";
import { UsageError } from "../args.ts";
import type { Call, Command } from "../command.ts";
import * as flags from "../flags.ts";
import { openStores } from "../formats.ts";
import { openOrder } from "../open-order.ts";
import { planFlag, refuseQuestionsInJson } from "../plan-flag.ts";
import { secretFiles, warnOfReach, type SecretFile } from "../secret-files.ts";
import { readSource } from "../source.ts";
import { dateOf } from "./secrets-age.ts";
import { namesFor, Nobody } from "./who.ts";

const report: flags.TextFlag = {
  kind: "text",
  names: ["report"],
  value: "file",
  about:
    "write the values that must be changed at their source to this file, as a checklist in Markdown; - means stdout",
};

export const revoke: Command = {
  operands: "name... [path...]",
  flags: [planFlag, flags.yes, report, flags.decryptionOrder, ...flags.keyServices, flags.json],
  completes: ["none", "sealed"],
  notes: [
    "Takes somebody's access away: removes the name and its keys from .sops.yaml and its creation rules, and gives a new data key",
    "to each file that the keys open. The rest of .sops.yaml stays as it is, with its comments. Shows the plan and asks",
    "first; then it changes everything or nothing. Refuses to leave a file without a recipient, or with too few key groups.",
    "Lists the current values that the keys could read, from Git's history: they must be changed at their source,",
    "since anyone who has read them still knows them. The old keys still open the files in the history.",
    "The first word is always a name. Any other is a path if there is a file or directory of that name, or else a name. You can also use a",
    "public key as a name.",
  ],
  examples: [
    { does: "see what would change", line: "sopsmith revoke --plan bob" },
    {
      does: "revoke access, and keep the list of values",
      line: "sopsmith revoke --report bob.md bob",
    },
    {
      does: "revoke access to one directory only, without questions",
      line: "sopsmith revoke --yes bob prod",
    },
  ],
  run,
};

/** Somebody's values in a file. */
interface Values {
  readonly file: string;
  readonly values: readonly ReadValue[];
}

async function run(call: Call): Promise<void> {
  const { options, host, streams } = call;
  refuseQuestionsInJson(call);
  const { words, paths } = wordsAndPaths(call);
  const isNarrow = paths.length > 0;
  const { files: all, root } = await secretFiles({ ...call, operands: [] });
  const chosen = isNarrow ? (await secretFiles({ ...call, operands: paths })).files : all;
  const keys = await keysNamed(call, all, words);
  const references = new Set(keys.map(keyReference));
  const opened = chosen.filter(({ subject }) =>
    subject.sealed?.metadata?.keyGroups.flat().some((key) => references.has(keyReference(key))),
  );
  const files = opened.map((file) => fileChange(file, references));
  const configs = await configsFor(call, { isNarrow, chosen, all, keys, references });
  const history = await History.of(host, root, chosen, keys);
  if (chosen.length > 0) warnOfReach(call, history);
  const values = chosen
    .map((file) => ({ file: file.file, values: history.readable(file) }))
    .filter(({ values: found }) => found.length > 0);
  const shownNames = words.map(printableLine).join(", ");
  const checklist = checklistOf(shownNames, values, host.now());
  const isNothing = configs.length === 0 && files.length === 0;
  if (options.on(flags.json)) {
    const records = values.flatMap(({ file, values: found }) =>
      found.map((value) => record(file, value, host.now())),
    );
    await streams.writeStdout([
      jsonLine({
        names: words,
        keys: keys.map(({ type, id }) => ({ type, id })),
        config: configs.map(({ file, patch }) => ({ file, patch })),
        files: files.map(({ file: { file } }) => file),
        values: records,
      }),
    ]);
  } else await streams.writeStdout(planText(shownNames, keys, configs, files, values, host.now()));
  const path = options.text(report);
  if (path === "-") await streams.writeStdout([checklist]);
  const more = path === "" || path === "-" ? undefined : { path, text: checklist };
  if (options.on(planFlag) || isNothing) {
    if (more !== undefined) await changeAccess(call, [], [], more);
    return;
  }
  if (!options.on(flags.yes) && !(await streams.askYesNo("Is this okay? (y/n):"))) {
    streams.writeStderr("nothing was changed\n");
    return;
  }
  await changeAccess(call, configs, files, more);
  const isInGit = history.reach === "whole" || history.reach === "shallow";
  const copies = isInGit ? "The files in Git's history" : "All copies of the old files";
  const advice = values.length === 0 ? "" : "; change the values listed above at their source";
  streams.writeStderr(
    `${shownNames} can no longer open any of these files. ${copies} can still be opened with the old ${keys.length === 1 ? "key" : "keys"}${advice}.\n`,
  );
}

/** The first word is a name; of the others those that are there are paths. */
function wordsAndPaths({ operands, host }: Call): { words: string[]; paths: string[] } {
  const [first, ...rest] = operands;
  if (first === undefined || first === "")
    throw new UsageError(
      "revoke needs a name, or a public key",
      1,
      "sopsmith who lists the names.",
    );
  const isPath = (word: string): boolean =>
    existsSync(resolve(host.cwd(), word)) || /[*?]/.test(word);
  return {
    words: [...new Set([first, ...rest.filter((word) => !isPath(word))])],
    paths: rest.filter(isPath),
  };
}

/** @throws {Nobody} exit 100 */
async function keysNamed(
  call: Call,
  files: readonly SecretFile[],
  words: readonly string[],
): Promise<KeyId[]> {
  const names = await namesFor(call, files);
  const keys = new Map<string, KeyId>();
  for (const word of words) {
    const found = names.named(word);
    if (found.length === 0) throw new Nobody(word, [...new Set(names.all.map(({ name }) => name))]);
    for (const key of found) keys.set(keyReference(key), key);
  }
  return [...keys.values()];
}

/** The groups that are left; those that become empty go. */
const withoutReferences = (
  groups: readonly (readonly string[])[],
  references: ReadonlySet<string>,
): string[][] =>
  groups.flatMap((group) => {
    const left = group.filter((key) => !references.has(key));
    return left.length === 0 && group.length > 0 ? [] : [left];
  });

/** @throws {SopsmithError} exit 1 for a file or a rule that could not be opened by anybody any more */
function refuseOrphan(
  what: string,
  file: string,
  { left, threshold }: { left: number; threshold: number },
): void {
  if (left === 0)
    throw new SopsmithError("last-recipient", 1, `${what} would have no recipient left`, {
      file,
      hint: "Grant somebody else access first, or remove it. Nothing was written.",
    });
  if (threshold > left)
    throw new SopsmithError(
      "threshold",
      1,
      `${what} would have ${left === 1 ? "1 key group" : `${left} key groups`}, but its shamir_threshold is ${threshold}`,
      {
        file,
        hint: "Put another key into the group first, or lower the threshold. Nothing was written.",
      },
    );
}

function fileChange(file: SecretFile, references: ReadonlySet<string>): FileChange {
  const { keyGroups = [], shamirThreshold = 0 } = file.subject.sealed?.metadata ?? {};
  const groups = withoutReferences(
    keyGroups.map((group) => group.map(keyReference)),
    references,
  );
  const left = groups.filter((group) => group.length > 0).length;
  refuseOrphan(file.file, file.file, {
    left,
    threshold: keyGroups.length > 1 ? shamirThreshold : 0,
  });
  return {
    file,
    async make(call, source) {
      const { verb } = await openStores(call, source);
      const content = await readSource(call, source);
      const review = (metadata: Metadata): void => {
        metadata.keyGroups = metadata.keyGroups.filter((group) => group.length > 0);
      };
      const remove = keyGroups.flat().filter((key) => references.has(keyReference(key)));
      const how = { order: openOrder(call), add: [], remove, review, output: verb.input };
      return rotateSource(content, { ...verb, ...how }, call.host);
    },
  };
}

interface Scope {
  readonly isNarrow: boolean;
  readonly chosen: readonly SecretFile[];
  readonly all: readonly SecretFile[];
  readonly keys: readonly KeyId[];
  readonly references: ReadonlySet<string>;
}

async function configsFor(
  call: Call,
  { isNarrow, chosen, all, keys, references }: Scope,
): Promise<ConfigChange[]> {
  const { GoverningConfigs } = await import("../governing-configs.ts");
  const here = await new GoverningConfigs(call).here();
  const governing = new Map(
    [here, ...all.map((file) => file.governing)].flatMap((one) =>
      one === undefined ? [] : [[one.file, one] as const],
    ),
  );
  const narrow = isNarrow ? rulesGoverning(chosen, all) : undefined;
  const changes: ConfigChange[] = [];
  for (const [file, { rules }] of governing) {
    const within = narrow === undefined ? undefined : (narrow.get(file) ?? new Set<number>());
    const sources = rules.config.creationRules ?? [];
    const isWithin = (rule: number): boolean => within === undefined || within.has(rule);
    for (const [index, groups] of referencesOf(sources).entries()) {
      if (!isWithin(index) || !groups.flat().some((key) => references.has(key))) continue;
      const { line = 0, shamirThreshold = 0 } = sources[index] ?? {};
      const left = withoutReferences(groups, references).filter((group) => group.length > 0).length;
      refuseOrphan(`the creation rule on line ${line} of ${file}`, file, {
        left,
        threshold: groups.length > 1 ? shamirThreshold : 0,
      });
    }
    const change = await configChange(
      call,
      file,
      (text) => withoutKeys(text, keys, within),
      (before: RuleKeys) =>
        before.map((groups, index) =>
          isWithin(index) ? withoutReferences(groups, references) : groups,
        ),
    );
    if (change !== undefined) changes.push(change);
  }
  return changes;
}

const DAY = 86_400_000;

const daysOf = ({ since }: ReadValue, now: Date): number =>
  Math.max(0, Math.floor((now.getTime() - since.at.getTime()) / DAY));

function ageText(value: ReadValue, now: Date): string {
  const { since } = value;
  const days = daysOf(value, now);
  const by =
    since.commit === undefined
      ? "not committed"
      : `${since.commit.author}, ${since.commit.name.slice(0, 8)}`;
  return `${since.isAtLeast ? "at least " : ""}${days === 1 ? "1 day" : `${days} days`} old, changed ${dateOf(since)} (${by})`;
}

const NO_VALUE =
  "No value has to be changed at its source: none that could be read still has the same value.";
const someValues = (names: string): string =>
  `Values to change at their source: ${names} could read the current values.`;

function planText(
  names: string,
  keys: readonly KeyId[],
  configs: readonly ConfigChange[],
  files: readonly FileChange[],
  values: readonly Values[],
  now: Date,
): string[] {
  const who = `${names} (${keys.map((key) => printableLine(shortKey(key))).join(", ")})`;
  const count = files.length === 1 ? "1 file gets" : `${files.length} files get`;
  const lines =
    configs.length === 0 && files.length === 0
      ? [`Nothing to do: ${who} can open no file here, and is in no rule.`]
      : [
          `${who} loses access; ${count} a new data key:`,
          ...files.map(({ file: { file } }) => `  ${printableLine(file)}`),
          ...configs.flatMap(({ patch }) => [
            "",
            ...patch.trimEnd().split("\n").map(printableLine),
          ]),
        ];
  const listed = values.flatMap(({ file, values: found }) =>
    found.map(
      (value) =>
        `  ${printableLine(`${file}:${value.line}: ${keyPath(value.path)}`)}: ${printableLine(ageText(value, now))}`,
    ),
  );
  return [...lines, "", ...(listed.length === 0 ? [NO_VALUE] : [someValues(names), ...listed])].map(
    (line) => `${line}\n`,
  );
}

/** What is to be done by people, with a box for each value. */
function checklistOf(names: string, values: readonly Values[], now: Date): string {
  const items = values.flatMap(({ file, values: found }) =>
    found.map(
      (value) =>
        `- [ ] ${code(keyPath(value.path))} in ${code(`${file}:${value.line}`)}: ${plain(ageText(value, now))}; readable since ${dateOf(value.readableSince)}`,
    ),
  );
  return [
    `# Access revoked: ${plain(names)}`,
    "",
    items.length === 0 ? NO_VALUE : someValues(plain(names)),
    "",
    ...(items.length === 0 ? [] : [...items, ""]),
    "Git's history, and any other copy of the old files, can still be opened with the old keys.",
    "",
  ].join("\n");
}

/** Text as code of Markdown, whatever is in it. */
function code(text: string): string {
  const line = printableLine(text);
  const longest = (line.match(/`+/g) ?? []).reduce((most, run) => Math.max(most, run.length), 0);
  const fence = "`".repeat(longest + 1);
  return longest === 0 ? `\`${line}\`` : `${fence} ${line} ${fence}`;
}

/** Text that Markdown shows as it is. */
const plain = (text: string): string =>
  printableLine(text).replaceAll(/[\\`*_[\]<>#|!&]/g, String.raw`\$&`);

function record(file: string, value: ReadValue, now: Date): Readonly<Record<string, unknown>> {
  const { line, path, since, readableSince } = value;
  return {
    file,
    line,
    path: pathText(path),
    days: daysOf(value, now),
    changed: since.at.toISOString(),
    isAtLeast: since.isAtLeast,
    commit: since.commit?.name ?? null,
    author: since.commit?.author ?? null,
    readableSince: readableSince.at.toISOString(),
  };
}
