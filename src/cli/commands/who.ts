import { existsSync } from "node:fs";
import { posix, resolve } from "node:path";
import { SopsmithError } from "../../errors.ts";
import { readBlobs } from "../../git/blobs.ts";
import { prefixHere } from "../../git/git.ts";
import { fileHistories } from "../../git/history.ts";
import { jsonLine, printableLine } from "../../io/printable.ts";
import { accessTo, type Access, type AccessInput, type Opens } from "../../people/access.ts";
import { History } from "../../people/history.ts";
import { keyReference, type KeyId } from "../../people/key-id.ts";
import { localNames } from "../../people/local-names.ts";
import { KeyNames, namesInConfig } from "../../people/names.ts";
import { keysOfRule } from "../../people/rule-keys.ts";
import { table } from "../../people/table.ts";
import { whoMarkdown } from "../../people/who-markdown.ts";
import { countFiles, whoText } from "../../people/who-text.ts";
import { UsageError } from "../args.ts";
import type { Call, Command } from "../command.ts";
import * as flags from "../flags.ts";
import { dateOf } from "./secrets-age.ts";
import { secretFiles, warnOfReach, type SecretFile } from "../secret-files.ts";

const markdown: flags.BoolFlag = {
  kind: "bool",
  names: ["markdown"],
  about: "print a Markdown table, for a page or a comment",
};
const svg: flags.TextFlag = {
  kind: "text",
  names: ["svg"],
  value: "file",
  about: "draw a picture in this file instead; - means stdout",
};

/** The word is neither a file here nor somebody's name. Exit 100. */
export class Nobody extends SopsmithError {
  constructor(word: string, known: readonly string[]) {
    super(
      "nobody",
      100,
      `${JSON.stringify(word)} is not a file here, and not a name or key in .sops.yaml`,
      {
        hint: known.length === 0 ? "No key here has a name." : `The names are ${known.join(", ")}.`,
      },
    );
  }
}

export const who: Command = {
  operands: "[path... | name]",
  flags: [flags.json, markdown, svg],
  notes: [
    "Shows who can open which encrypted file, and who should be able to, according to .sops.yaml. Shows the given files, or all encrypted files here;",
    "directories whose files all look the same share one row. With a name or a key, lists the files that it opens, and since",
    "when. Needs no key. Names come from .sops.yaml: the anchor of a key, or the comment after it, or else what gpg, SSH or the cloud",
    "calls it.",
  ],
  examples: [
    { does: "show who opens what here", line: "sopsmith who" },
    { does: "show what bob opens, and since when", line: "sopsmith who bob" },
    {
      does: "draw a picture of one directory",
      line: "sopsmith who --svg who.svg secrets",
    },
  ],
  async run(call) {
    const { options, streams } = call;
    const chosen = (["json", "markdown", "svg"] as const).filter((name) =>
      name === "svg"
        ? options.text(svg) !== ""
        : options.on(name === "json" ? flags.json : markdown),
    );
    if (chosen.length > 1)
      throw new UsageError(`--${chosen[0]} and --${chosen[1]} cannot be used together`);
    const [how] = chosen;
    const word = wordFor(call);
    const paths = word === undefined ? call.operands : call.operands.slice(1);
    const { files, root } = await secretFiles({ ...call, operands: paths });
    const names = await namesFor(call, files);
    if (word !== undefined) {
      if (how === "svg" || how === "markdown")
        throw new UsageError(`--${how} shows everybody: leave out the name`);
      const now = names.named(word);
      const keys = now.length > 0 ? now : await formerKeys(call, word, root);
      if (keys.length === 0)
        throw new Nobody(word, [...new Set(names.all.map(({ name }) => name))]);
      await tellOne(call, word, keys, files, root);
      return;
    }
    if (files.length === 0) {
      streams.writeStderr("no encrypted files found\n");
      return;
    }
    const access = accessTo(files.map(inputOf), names);
    switch (how) {
      case "json":
        await streams.writeStdout(records(access, files).map(jsonLine));
        return;
      case "markdown":
        await streams.writeStdout(whoMarkdown(access).map((line) => `${line}\n`));
        return;
      case "svg":
        await draw(call, access);
        return;
      default: {
        const lines = whoText(access, {
          columns: streams.columnsStdout,
          color: streams.colorStdout,
        });
        await streams.writeStdout(lines.map((line) => `${line}\n`));
      }
    }
  },
};

/** The first operand, where it may be somebody's name: nothing of that name is there. */
function wordFor({ operands, host }: Call): string | undefined {
  const [first] = operands;
  if (first === undefined || existsSync(resolve(host.cwd(), first))) return undefined;
  // A path that leads nowhere, or a pattern, is for the search of files to refuse.
  return /[/\\*?]|\.(?:ya?ml|json|env|ini)$/i.test(first) &&
    !/^(?:ssh-|arn:|https?:|projects\/)/.test(first)
    ? undefined
    : first;
}

/** The names in all configurations that matter here; then what this machine knows of keys without a name there. */
export async function namesFor(call: Call, files: readonly SecretFile[]): Promise<KeyNames> {
  const texts = new Set<Uint8Array>();
  const { GoverningConfigs } = await import("../governing-configs.ts");
  const here = await new GoverningConfigs(call).here();
  if (here !== undefined) texts.add(here.rules.config.text);
  for (const { governing } of files)
    if (governing !== undefined) texts.add(governing.rules.config.text);
  let names = KeyNames.none;
  for (const text of texts) names = names.with((await namesInConfig(text)).all);
  const keys = new Map<string, KeyId>();
  for (const { keyGroups, ruleKeys } of files.map(inputOf))
    for (const { type, id } of [...keyGroups.flat(), ...(ruleKeys ?? []).flat()])
      keys.set(keyReference({ type, id }), { type, id });
  const nameless = [...keys.values()].filter((key) => names.of(key) === undefined);
  return names.with(await localNames(nameless, call.host));
}

/** The keys that had the name in the latest version of the configuration that had it: of somebody who was removed. */
async function formerKeys(
  call: Call,
  word: string,
  root: string | undefined,
): Promise<readonly KeyId[]> {
  const { host } = call;
  const { GoverningConfigs } = await import("../governing-configs.ts");
  const here = await new GoverningConfigs(call).here();
  if (root === undefined || here === undefined) return [];
  const name = posix.normalize((await prefixHere(host)) + here.file.replaceAll("\\", "/"));
  const versions = (await fileHistories(host, root, [name])).of(name).toReversed();
  const objects = versions.map(({ object }) => object);
  for await (const content of readBlobs(host, root, objects)) {
    const keys = content === undefined ? [] : (await namesInConfig(content)).named(word);
    if (keys.length > 0) return keys;
  }
  return [];
}

function inputOf({ file, subject }: SecretFile): AccessInput {
  const { keyGroups = [], shamirThreshold = 0 } = subject.sealed?.metadata ?? {};
  const ruleKeys = subject.rule === undefined ? undefined : keysOfRule(subject.rule.source);
  return { file, keyGroups, shamirThreshold, ruleKeys };
}

const shownOpens = (opens: Opens): string | null => (opens === "not" ? null : opens);

function records(
  { people, files }: Access,
  found: readonly SecretFile[],
): Record<string, unknown>[] {
  return files.map((access, index) => ({
    file: access.file,
    groups: access.groups,
    needed: access.needed,
    hangsOn: access.hangsOn,
    differs: access.differs,
    rule:
      found[index]?.subject.rule === undefined
        ? null
        : { config: found[index].subject.rule.config, line: found[index].subject.rule.source.line },
    people: people.flatMap(({ label, isNamed, description, keys }, place) => {
      const { opens, inRule } = access.cells[place] ?? { opens: "not", inRule: undefined };
      if (opens === "not" && inRule !== true) return [];
      return [
        {
          name: isNamed ? label : null,
          description: description ?? null,
          keys: keys.map(({ type, id }) => ({ type, id })),
          opens: shownOpens(opens),
          inRule: inRule ?? null,
        },
      ];
    }),
  }));
}

async function draw(call: Call, access: Access): Promise<void> {
  const { streams, options } = call;
  const { whoSvg } = await import("../../people/who-svg.ts");
  const picture = [whoSvg(access)];
  const file = options.text(svg);
  if (file === "-") {
    await streams.writeStdout(picture);
    return;
  }
  const { replaceFile } = await import("../../io/atomic-write.ts");
  const { warn } = await import("../warn.ts");
  await replaceFile(file, picture, {
    purpose: "output",
    noAtomic: false,
    expected: undefined,
    warn: (message) => warn(streams, message),
  });
}

/** The files that somebody opens. */
async function tellOne(
  call: Call,
  word: string,
  keys: readonly KeyId[],
  all: readonly SecretFile[],
  root: string | undefined,
): Promise<void> {
  const { streams, options, host } = call;
  const wanted = new Set(keys.map(keyReference));
  const opened = all.filter(({ subject }) =>
    subject.sealed?.metadata?.keyGroups.flat().some((key) => wanted.has(keyReference(key))),
  );
  const name = printableLine(word);
  if (opened.length === 0) {
    streams.writeStderr(`${name} opens no file here\n`);
    return;
  }
  const history = await History.of(host, root, opened, keys);
  warnOfReach(call, history);
  // One person, by whatever names.
  const one = new KeyNames(
    keys.map((key) => ({ key, name: word, description: undefined, source: "anchor" as const })),
  );
  const { people, files } = accessTo(opened.map(inputOf), one);
  const place = people.findIndex((person) =>
    person.keys.some((key) => wanted.has(keyReference(key))),
  );
  const rows = files.map((file, index) => {
    const { opens = "not", inRule } = file.cells[place] ?? {};
    const found = opened[index];
    return { file: file.file, opens, inRule, since: found && history.accessSince(found) };
  });
  if (options.on(flags.json)) {
    await streams.writeStdout(
      rows.map(({ file, opens, inRule, since }) => {
        const { at, commit, isAtLeast = false } = since ?? {};
        const record = {
          file,
          opens: shownOpens(opens),
          inRule: inRule ?? null,
          since: at?.toISOString() ?? null,
          isAtLeast,
          commit: commit?.name ?? null,
          author: commit?.author ?? null,
        };
        return jsonLine(record);
      }),
    );
    return;
  }
  const lines = table([
    ["SINCE", "COMMIT", "OPENS", "FILE"],
    ...rows.map(({ file, opens, inRule, since }) => [
      since === undefined ? "-" : `${since.isAtLeast ? "≤ " : ""}${dateOf(since)}`,
      since?.commit?.name.slice(0, 8) ?? "not committed",
      opens,
      printableLine(file) + (inRule === false ? "  (not in the rule)" : ""),
    ]),
  ]);
  await streams.writeStdout(lines.map((line) => `${line}\n`));
  streams.writeStderr(`${name} opens ${opened.length} of ${countFiles(all.length)}\n`);
}
