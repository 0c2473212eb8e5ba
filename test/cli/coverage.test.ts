import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { exitCodes } from "../../scripts/docs/exit-codes.ts";
import { allPages, flagsOf, shownFlags, type Page } from "../../scripts/docs/pages.ts";
import { commands } from "../../src/cli/commands/index.ts";
import { help, type Flag } from "../../src/cli/flags.ts";
import { globalFlags } from "../../src/cli/global-flags.ts";
import type { Row } from "./rows.ts";

/**
 * Every command, flag, variable and exit code has a row that runs the program. The rows are the tables that the tests beside
 * them run: the `*.rows.ts` files.
 */
const root = join(import.meta.dirname, "../..");
const pages = await allPages();
const tables: readonly { rows: readonly Pick<Row, "line" | "code" | "env">[] }[] =
  await Promise.all(
    globSync("**/*.rows.ts", { cwd: import.meta.dirname }).map(
      (name) => import(join(import.meta.dirname, name)),
    ),
  );
const rows = tables
  .flatMap((table) => table.rows)
  .map(({ line, code = 0, env = {} }) => ({ line, code, env }));

/** The words of a line behind this command; undefined for a line of another. */
function behind(line: string, name: string): string | undefined {
  const start = RegExp(`(?:^|\\s)${name}(?=\\s|$)`).exec(line);
  if (start === null) return undefined;
  // In front of it stand options at most, and what calls the program.
  const before = line.slice(0, start.index).trim();
  if (!/^(?:sops(?:mith)? ?|…? ?)?(?:-.*)?$/.test(before)) return undefined;
  return line.slice(start.index + start[0].length);
}

const hasFlag = (words: string, name: string): boolean =>
  RegExp(`(?:^|\\s)--?${name}(?=[\\s=]|$)`).test(words);

const ofSops = new Set([
  ..."encrypt decrypt edit rotate set unset updatekeys exec-env exec-file publish".split(" "),
  ..."keyservice filestatus help".split(" "),
  "groups add",
  "groups delete",
  "completion bash",
  "completion zsh",
]);
/** Commands of sops, and ours that are like them. */
const isPlain = ({ name }: Page): boolean =>
  ofSops.has(name) || /^(?:git|keygen|completion|run$|types$)/.test(name);

const missing = (page: Page, among: typeof rows): string[] => {
  const lines = among.flatMap(({ line }) => behind(line, page.name) ?? []);
  // --help is the same for all, and tried with some.
  return flagsOf(page)
    .filter((flag) => flag !== help)
    .flatMap(({ names }) => names)
    .filter((name) => !lines.some((words) => hasFlag(words, name)))
    .map((name) => `${page.name} --${name}`);
};

test("all commands of sops exist", () => {
  const names = new Set(pages.map(({ name }) => name));
  expect([...ofSops].filter((name) => !names.has(name))).toEqual([]);
});

const keyNames = "kms gcp-kms hckms azure-kv hc-vault-transit pgp age".split(" ");
const parts = {
  services: "enable-local-keyservice keyservice",
  order: "decryption-order",
  types: "input-type output-type",
  keys: `${keyNames.join(" ")} k p a aws-profile encryption-context`,
  suffixes: "unencrypted-suffix encrypted-suffix unencrypted-regex encrypted-regex",
  threshold: "shamir-secret-sharing-threshold",
  changes: keyNames.flatMap((name) => [`add-${name}`, `rm-${name}`]).join(" "),
};
/** The flags of sops 3.13.3 (spec cli 5, 7). */
const flagsOfSops: Readonly<Record<string, readonly string[]>> = {
  encrypt: [
    "in-place i output filename-override",
    parts.keys,
    parts.types,
    parts.suffixes,
    parts.threshold,
    parts.services,
  ],
  decrypt: [
    "in-place i extract output ignore-mac filename-override",
    parts.types,
    parts.order,
    parts.services,
  ],
  rotate: [
    "in-place i output encryption-context filename-override",
    parts.types,
    parts.changes,
    parts.order,
    parts.services,
  ],
  edit: [
    "show-master-keys s ignore-mac",
    parts.keys,
    parts.types,
    parts.suffixes,
    parts.threshold,
    parts.order,
    parts.services,
  ],
  set: [
    "value-file value-stdin ignore-mac idempotent",
    parts.types,
    parts.threshold,
    parts.order,
    parts.services,
  ],
  unset: ["ignore-mac idempotent", parts.types, parts.threshold, parts.order, parts.services],
  updatekeys: ["yes y input-type", parts.services],
  "exec-env": ["background pristine user same-process", parts.order, parts.services],
  "exec-file": ["background no-fifo user filename", parts.types, parts.order, parts.services],
  filestatus: ["input-type"],
  "groups add": [
    "file f in-place i aws-profile encryption-context",
    keyNames.join(" "),
    parts.threshold,
    parts.services,
  ],
  "groups delete": ["file f in-place i", parts.threshold, parts.services],
  publish: ["yes y omit-extensions recursive verbose", parts.order, parts.services],
  keyservice: ["network net address addr prompt verbose"],
  "": [
    "decrypt d encrypt e rotate r set in-place i output extract filename-override config indent",
    "show-master-keys s ignore-mac mac-only-encrypted verbose version v help h",
    "disable-version-check check-for-updates unencrypted-comment-regex encrypted-comment-regex",
    parts.keys,
    parts.types,
    parts.suffixes,
    parts.changes,
    parts.threshold,
    parts.order,
    parts.services,
  ],
};

test("all flags of sops exist, in both forms", () => {
  for (const [name, lists] of Object.entries(flagsOfSops)) {
    const page = pages.find((one) => one.name === name);
    const known = page === undefined ? globalFlags : flagsOf(page);
    const names = new Set(known.flatMap((flag) => flag.names));
    const wanted = lists.flatMap((list) => list.split(" "));
    expect(
      wanted.filter((flag) => !names.has(flag)),
      name,
    ).toEqual([]);
  }
});

test("options that cannot be used together have a row, with sops's exit code (spec cli 11)", () => {
  const exclusions: readonly (readonly [RegExp, number])[] = [
    [/^encrypt (?=.*(?:-i|--in-place) ).*--output /, 8],
    [/^decrypt (?=.*(?:-i|--in-place) ).*--output /, 8],
    [/^rotate (?=.*(?:-i|--in-place) ).*--output /, 8],
    [/^-d (?=.*-i ).*--output /, 8],
    [/^encrypt -i( --age A)?$/, 8],
    [/^decrypt -i$/, 8],
    [/^encrypt( --age A)?$/, 8],
    [/^encrypt .*--(?:un)?encrypted-\w+ .*--(?:un)?encrypted-\w+ /, 8],
    [/^exec-env .*--background .*--same-process|^exec-env .*--same-process .*--background/, 8],
    [/^set .*--value-file .*--value-stdin|^set .*--value-stdin .*--value-file/, 1],
    [/^--decrypt -d /, 1],
    [/--decryption-order (\w+),\1 /, 112],
  ];
  for (const [pattern, code] of exclusions)
    expect(
      rows.some((row) => row.code === code && pattern.test(row.line)),
      String(pattern),
    ).toBe(true);
});

test("every command has a row, and every flag of it under each of its names", () => {
  const plain = pages.filter(isPlain);
  for (const { name } of plain)
    expect(
      rows.filter(({ line }) => behind(line, name) !== undefined),
      name,
    ).not.toEqual([]);
  expect(plain.flatMap((page) => missing(page, rows))).toEqual([]);
});

test("every command for Kubernetes and Terraform has a command line in a test", () => {
  const untried = pages
    .filter((page) => !isPlain(page))
    .filter(({ name }) => !rows.some(({ line }) => behind(line, name) !== undefined));
  expect(untried.map(({ name }) => name)).toEqual([]);
});

test("every flag before a command, and of the form without one, has a row", () => {
  const lines = rows
    .map(({ line }) => line)
    .filter((line) => line.startsWith("-"))
    .map((line) => {
      const words = line.split(" ");
      const end = words.findIndex((word) => commands.some(({ name }) => name === word));
      return end < 0 ? line : words.slice(0, end).join(" ");
    });
  const unnamed = shownFlags(globalFlags)
    .flatMap(({ names }: Flag) => names)
    .filter((name) => !lines.some((line) => hasFlag(line, name)));
  expect(unnamed).toEqual([]);
});

test("every variable that supplies a flag has a row that sets it", () => {
  const set = new Set(rows.flatMap(({ env }) => Object.keys(env)));
  const variables = [...globalFlags, ...pages.flatMap(flagsOf)].flatMap(({ env }) => env ?? []);
  // No other variable is bound in sops (spec cli 1.4).
  const bound = [...new Set(variables)].filter((name) => name.startsWith("SOPS_"));
  expect(bound.length).toBe(12);
  expect(bound.filter((name) => !set.has(name))).toEqual([]);
});

/** The codes in a table of a Markdown file. */
const codesIn = (file: string, heading: string): string[] => {
  const text = readFileSync(join(root, file), "utf8");
  const section = text.split(RegExp(`^#+ ${heading}$`, "m"))[1]?.split(/^#/m)[0] ?? "";
  return [...section.matchAll(/^\| (\d+) +\|/gm)].map(([, code = ""]) => code);
};

test("every exit code of the documentation has a row", () => {
  const documented = exitCodes.map(([code]) => code);
  expect(codesIn("docs/reference.md", "Exit codes")).toEqual(documented);
  expect(codesIn("docs/exit-codes.md", "Exit codes")).toEqual(documented);
  const seen = new Set(rows.map(({ code }) => String(code)));
  expect(documented.filter((code) => !seen.has(code))).toEqual([]);
  // And none that has a row is missing there, but for those that a command of the user's made.
  const own = rows.filter(({ line }) => behind(line, "(?:exec-(?:env|file)|run)") === undefined);
  const undocumented = own.map(({ code }) => String(code));
  expect([...new Set(undocumented)].filter((code) => !documented.includes(code))).toEqual([]);
});

test("the table of compatibility has every command of sops, and names those that are only ours", () => {
  const text = readFileSync(join(root, "docs/departures.md"), "utf8");
  const section = text.split(/^## Compatibility$/m)[1]?.split(/^##/m)[0] ?? "";
  const table = section
    .split("\n")
    .filter((line) => line.startsWith("| "))
    .join("\n");
  const inTable = (name: string) => table.includes(`\`${name}\``);
  expect(
    [...ofSops].filter((name) => !inTable(name) && !inTable(name.split(" ")[0] ?? "")),
  ).toEqual([]);
  const only = /^Only in sopsmith: (.*?)\. /m.exec(section)?.[1] ?? "";
  const ours = commands
    .map(({ name }) => name)
    .filter((name) => ![...ofSops].some((other) => other.split(" ")[0] === name));
  expect(only.split(", ").toSorted()).toEqual(ours.map((name) => `\`${name}\``).toSorted());
});
