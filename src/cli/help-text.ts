import { versionLine } from "../version.ts";
import type { Command, CommandGroup, Entry, Streams } from "./command.ts";
import * as flags from "./flags.ts";
import type { Flag } from "./flags.ts";
import { afterCommand } from "./global-flags.ts";
import { Layout, type Block, type Sheet } from "./help-layout.ts";
import { keyFlags } from "./key-flags.ts";

/** Where help that goes to stdout is read. */
export const sheetOf = ({ columnsStdout, colorStdout }: Streams): Sheet => ({
  width: columnsStdout ?? 80,
  isStyled: colorStdout,
});

/** Help for the whole program, with the headings that sops uses (spec cli 1.5). */
export function programHelp(
  globalFlags: readonly Flag[],
  commands: readonly Entry[],
  sheet: Sheet,
): string {
  return new Layout(sheet).sections([
    ["NAME", [text("sopsmith - encrypted files that you can edit, compare and review")]],
    [
      "USAGE",
      [
        text(
          "sopsmith [global options] command [command options] [operands]\nsopsmith [global options] file",
        ),
        text(
          "Encrypts the values of YAML, JSON, ENV and INI files, and whole files of any other kind, in the file format of SOPS. Keys and structure stay readable. Without a command, the file is opened in your editor.",
        ),
      ],
    ],
    ["VERSION", [text(versionLine)]],
    ["COMMANDS", [commandItems(commands)]],
    ...flagSections("GLOBAL OPTIONS", globalFlags),
    [
      "EXAMPLES",
      examples([
        { does: "generate a key where sopsmith looks for it", line: "sopsmith keygen --default" },
        {
          does: "encrypt a file to a recipient",
          line: "sopsmith encrypt -i --age RECIPIENT a.yaml",
        },
        { does: "edit it", line: "sopsmith a.yaml" },
        { does: "print it decrypted", line: "sopsmith decrypt a.yaml" },
        { does: "print one value", line: "sopsmith get a.yaml db.password" },
        { does: "show all options of a command", line: "sopsmith help encrypt" },
      ]),
    ],
  ]);
}

/** What to say to somebody who typed nothing but the program's name. */
export const shortHelp: string = [
  "sopsmith keygen --default                   generate a key where sopsmith looks for it",
  "sopsmith encrypt -i --age RECIPIENT a.yaml  encrypt a file to a recipient",
  "sopsmith a.yaml                             edit it",
  "sopsmith decrypt a.yaml                     print it decrypted",
  "sopsmith help                               list all commands and options",
].join("\n");

/** Help for a group of commands. */
export function groupHelp({ name, summary, commands }: CommandGroup, sheet: Sheet): string {
  const [first] = commands;
  return new Layout(sheet).sections([
    ["NAME", [text(`sopsmith ${name} - ${summary}`)]],
    ["USAGE", [text(`sopsmith ${name} command [command options] [operands]`)]],
    ["COMMANDS", [commandItems(commands)]],
    ["OPTIONS", [flagItems([flags.help])]],
    [
      "EXAMPLES",
      first === undefined ? [] : [{ kind: "line", line: `sopsmith help ${name} ${first.name}` }],
    ],
  ]);
}

/** @param named with all words of the command's name */
export function commandHelp(
  { name, summary }: { name: string; summary: string },
  command: Command,
  sheet: Sheet,
): string {
  const own = new Set(command.flags.flatMap(({ names }) => names));
  const further = afterCommand.filter(({ names }) => !names.some((one) => own.has(one)));
  return new Layout(sheet).sections([
    ["NAME", [text(`sopsmith ${name} - ${summary}`)]],
    [
      "USAGE",
      [
        text(`sopsmith ${name} [command options] ${command.operands}`.trimEnd()),
        ...(command.notes.length === 0 ? [] : [text(command.notes.join(" "))]),
      ],
    ],
    ...flagSections("OPTIONS", [...command.flags, flags.help]),
    ["GLOBAL OPTIONS", [flagItems(further)]],
    ["EXAMPLES", examples(command.examples)],
  ]);
}

const text = (paragraph: string): Block => ({ kind: "text", text: paragraph });

const examples = (list: Command["examples"]): Block[] =>
  list.map(({ does, line }) => ({ kind: "line", line, about: does }));

const commandItems = (entries: readonly Entry[]): Block => ({
  kind: "items",
  items: entries.map(({ name, alias, summary }) => [
    alias === undefined ? name : `${name}, ${alias}`,
    summary,
  ]),
});

/** Below so many, options are one list. */
const FEW = 8;

const groups: readonly (readonly [string, ReadonlySet<Flag>])[] = [
  [
    "FILES AND FORMATS",
    new Set<Flag>([
      flags.inPlace,
      flags.output,
      flags.outputDir,
      flags.recursive,
      flags.allOrNothing,
      flags.noAtomic,
      flags.inputType,
      flags.outputType,
      flags.filenameOverride,
      flags.layout,
      flags.indent,
      flags.config,
    ]),
  ],
  [
    "MASTER KEYS",
    new Set<Flag>([
      ...keyFlags.flatMap(({ to, add, remove }) => [to, add, remove]),
      flags.awsProfile,
      flags.encryptionContext,
      flags.threshold,
      flags.decryptionOrder,
      ...flags.keyServices,
    ]),
  ],
  ["WHAT IS ENCRYPTED", new Set<Flag>([...flags.selectors, flags.macOnlyEncrypted])],
];

/** The options that the help shows, in groups where they are many. What belongs to no group comes first. */
function flagSections(
  heading: string,
  all: readonly Flag[],
): (readonly [string, readonly Block[]])[] {
  const shown = all.filter(({ isHidden }) => isHidden !== true);
  if (shown.length <= FEW) return [[heading, [flagItems(shown)]]];
  const rest = shown.filter((flag) => !groups.some(([, members]) => members.has(flag)));
  return [
    [heading, [flagItems(rest)]],
    ...groups.map(([about, members]): readonly [string, readonly Block[]] => [
      `${heading} FOR ${about}`,
      [flagItems(shown.filter((flag) => members.has(flag)))],
    ]),
  ];
}

const flagItems = (list: readonly Flag[]): Block => ({
  kind: "items",
  items: list.map((flag) => [flagSpelling(flag), flagDescription(flag)]),
});

/** All names of a flag, with what stands for its value. */
export function flagSpelling(flag: Flag): string {
  const value =
    flag.kind === "bool"
      ? ""
      : ` ${(flag.kind === "text" || flag.kind === "list" ? flag.value : undefined) ?? "value"}`;
  return flag.names.map((name) => `${name.length === 1 ? "-" : "--"}${name}${value}`).join(", ");
}

/** What a flag does, with its default and its variable. */
export function flagDescription(flag: Flag): string {
  const initial =
    flag.kind === "int"
      ? ` (default: ${flag.initial ?? 0})`
      : flag.kind === "bool" && flag.on === true
        ? " (default: true)"
        : "";
  return `${flag.about}${initial}${flag.env === undefined ? "" : ` [$${flag.env}]`}`;
}
