import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { formatForPath, formats, loadFormat } from "../../../formats/index.ts";
import { sealedFormat } from "../../status.ts";
import { providers } from "../../keys/index.ts";
import type { Node } from "../../tree/node.ts";
import { findCommand, type Command, type Entry } from "../command.ts";
import { commands } from "../commands/index.ts";
import * as flags from "../flags.ts";
import type { Flag } from "../flags.ts";
import { globalFlags } from "../global-flags.ts";

/** What a word on the command line may become. */
export interface Candidate {
  readonly value: string;
  readonly about: string;
}

/** A command line that is being typed. */
export interface Typed {
  /** Behind the program's name, without quotes of the shell. */
  readonly words: readonly string[];
  /** Position of the word to complete; it may be one after the last. */
  readonly at: number;
}

const subHelp: Entry = { name: "help", alias: "h", summary: "show help", commands: [] };

/** All candidates that begin with what is typed, in the order of the help. Needs no key. */
export async function candidatesFor({ words, at }: Typed): Promise<Candidate[]> {
  const typed = words[at] ?? "";
  const candidates = await candidatesAt(words, at, typed);
  return candidates.filter(({ value }) => value.startsWith(typed));
}

async function candidatesAt(
  words: readonly string[],
  at: number,
  typed: string,
): Promise<Candidate[]> {
  const global = skip(words, 0, at, globalFlags);
  if (global.flag !== undefined) return valuesOf(global.flag, typed, words);
  const word = words[global.next];
  const entry = global.next < at ? findCommand(word, commands) : undefined;
  if (entry === undefined) {
    if (typed.startsWith("-")) return flagNames(globalFlags);
    // In front of the cursor there is a file: sopsmith FILE.
    if (global.next < at) return [];
    return [...named(commands), ...files(typed, "sealed")];
  }
  if (!("commands" in entry)) return inCommand(await entry.load(), words, global.next + 1, at);
  const inner = words[global.next + 1];
  if (global.next + 1 >= at) return named([...entry.commands, subHelp]);
  const command = findCommand(inner, entry.commands);
  return command === undefined ? [] : inCommand(await command.load(), words, global.next + 2, at);
}

async function inCommand(
  command: Command,
  words: readonly string[],
  start: number,
  at: number,
): Promise<Candidate[]> {
  const known = [...command.flags, flags.help];
  const typed = words[at] ?? "";
  const operands: string[] = [];
  let isOver = false;
  for (let i = start; i < words.length;) {
    if (!isOver) {
      const { next, flag } = skip(words, i, Math.max(at, i), known);
      if (i <= at && flag !== undefined)
        return valuesOf(flag, typed, [...operands, ...words.slice(at + 1)]);
      i = next;
    }
    if (words[i] === "--" && i !== at) isOver = true;
    else if (i < at && words[i] !== undefined) operands.push(words[i] ?? "");
    if (i >= at) break;
    i += 1;
  }
  if (typed.startsWith("-") && !isOver) return flagNames(known);
  const kinds = command.completes ?? ["file"];
  // After -- of exec-env comes a program of the user's.
  const kind =
    isOver && kinds.includes("command line") ? "none" : (kinds[operands.length] ?? kinds.at(-1));
  switch (kind) {
    case "sealed":
    case "plain":
    case "file":
      return files(typed, kind);
    case "path":
      return keyPaths(operands);
    case "command":
      return operands.length === 0 ? named(commands) : [];
    case "command line":
    case "none":
    case undefined:
      return [];
    default:
      return kind satisfies never;
  }
}

/**
 * Steps over flags and their values.
 *
 * @returns where the next operand is, or the flag whose value is at `at`
 */
function skip(
  words: readonly string[],
  start: number,
  at: number,
  known: readonly Flag[],
): { next: number; flag?: Flag } {
  let i = start;
  while (i < at) {
    const word = words[i] ?? "";
    const name = /^--?([^=-][^=]*)$/.exec(word)?.[1];
    if (!word.startsWith("-") || word === "-" || word === "--") break;
    const flag = known.find(({ names }) => name !== undefined && names.includes(name));
    if (flag === undefined || flag.kind === "bool") {
      i += 1;
      continue;
    }
    if (i + 1 === at) return { next: at, flag };
    i += 2;
  }
  return { next: i };
}

const named = (entries: readonly Entry[]): Candidate[] =>
  entries.map(({ name, summary }) => ({ value: name, about: summary }));

function flagNames(known: readonly Flag[]): Candidate[] {
  return known
    .filter(({ isHidden }) => isHidden !== true)
    .flatMap(({ names, about }) =>
      names.map((name) => ({ value: `${name.length === 1 ? "-" : "--"}${name}`, about })),
    );
}

async function valuesOf(
  flag: Flag,
  typed: string,
  others: readonly string[],
): Promise<Candidate[]> {
  const plain = (value: string): Candidate => ({ value, about: "" });
  if (flag === flags.inputType || flag === flags.outputType) return Object.keys(formats).map(plain);
  if (flag === flags.decryptionOrder) return providers.map(({ type }) => plain(type));
  if (flag === flags.extract) return keyPaths(others);
  if (flag === flags.groupFile || flag === flags.furtherFiles) return files(typed, "sealed");
  if (flag === flags.user)
    return readText("/etc/passwd")
      .split("\n")
      .filter((line) => line.includes(":"))
      .map((line) => plain(line.slice(0, line.indexOf(":"))));
  const takesFile =
    [flags.config, flags.output, flags.keyOutput, flags.filenameOverride].includes(
      flag as flags.TextFlag,
    ) ||
    ("value" in flag && /file|dir|folder/.test(flag.value ?? ""));
  return takesFile ? files(typed, "file") : [];
}

/** Files larger than this are not looked into. */
const MAX_BYTES = 4 * 1024 * 1024;

/** The directories, and the files of this kind, whose path begins with what is typed. */
function files(typed: string, kind: "sealed" | "plain" | "file"): Candidate[] {
  const dir = typed.endsWith("/") ? typed : `${dirname(typed)}/`;
  const shown = typed.includes("/") ? dir.replace(/^\/\/$/, "/") : "";
  let entries;
  try {
    entries = readdirSync(dir, { withFileTypes: true });
  } catch {
    return [];
  }
  const found: Candidate[] = [];
  for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = shown + entry.name;
    if (!path.startsWith(typed) || /[\n\t]/.test(path)) continue;
    if (entry.name.startsWith(".") && !/(?:^|\/)\.[^/]*$/.test(typed)) continue;
    if (isDirectory(join(dir, entry.name))) found.push({ value: `${path}/`, about: "" });
    else if (kind === "file" || isSealed(join(dir, entry.name)) === (kind === "sealed"))
      found.push({ value: path, about: "" });
  }
  return found;
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

/** A look at the text is enough for a suggestion: does it hold what the `sops` block of every format holds? */
function isSealed(path: string): boolean {
  const text = readText(path);
  return text.includes("sops") && /lastmodified|"mac"|mac:|mac=/.test(text);
}

function readText(path: string): string {
  try {
    const found = statSync(path);
    return found.isFile() && found.size <= MAX_BYTES ? readFileSync(path, "latin1") : "";
  } catch {
    return "";
  }
}

/** No shell shows more. */
const MAX_PATHS = 2000;

/** The paths of a file's keys, which are unencrypted, from the first of these words that is a file. */
async function keyPaths(words: readonly string[]): Promise<Candidate[]> {
  const file = words.find((word) => {
    try {
      return statSync(word).isFile();
    } catch {
      return false;
    }
  });
  if (file === undefined) return [];
  const root = await rootOf(file);
  const found: Candidate[] = [];
  const open: { node: Node; path: string }[] = root === undefined ? [] : [{ node: root, path: "" }];
  for (let next = open.pop(); next !== undefined && found.length < MAX_PATHS; next = open.pop()) {
    const { node, path } = next;
    if (path !== "") found.push({ value: path, about: "" });
    const inner: { node: Node; path: string }[] = [];
    if (node.kind === "map") {
      for (const item of node.items)
        if (
          item.kind === "entry" &&
          !/[[\n\t]/.test(item.key) &&
          !(path === "" && isOfSops(item.key))
        )
          inner.push({ node: item.value, path: `${path}["${item.key}"]` });
    } else if (node.kind === "seq") {
      for (const [i, item] of node.items.entries())
        if (item.kind !== "comment") inner.push({ node: item, path: `${path}[${i}]` });
    }
    for (const one of inner.toReversed()) open.push(one);
  }
  return found;
}

const isOfSops = (key: string): boolean => key === "sops" || key.startsWith("sops_");

async function rootOf(file: string): Promise<Node | undefined> {
  try {
    const byName = formatForPath(file);
    const content = readFileSync(file);
    const format = await loadFormat((await sealedFormat(content, byName)) ?? byName);
    return format.parse(content, { sealed: true, warn: () => {} })[0];
  } catch {
    return undefined;
  }
}
