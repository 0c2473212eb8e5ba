import { versionLine } from "../version.ts";
import type { Command, CommandGroup, Entry } from "./command.ts";
import { help as helpFlag, type Flag } from "./flags.ts";

/** Help for the whole program, with the headings that sops uses (spec cli 1.5). */
export function programHelp(globalFlags: readonly Flag[], commands: readonly Entry[]): string {
  return sections([
    ["NAME", ["sopsmith - encrypted files that you can edit, compare and review"]],
    [
      "USAGE",
      [
        "sopsmith [global options] command [command options] [operands]",
        "sopsmith [global options] file",
        "",
        "Encrypts the values of YAML, JSON, ENV and INI files, and whole files of any other kind, in the file format of",
        "SOPS. Keys and structure stay readable. Without a command, the file is opened in your editor.",
      ],
    ],
    ["VERSION", [versionLine]],
    ["COMMANDS", commandLines(commands)],
    ["GLOBAL OPTIONS", flagLines(globalFlags)],
    [
      "EXAMPLES",
      [
        "sopsmith keygen --default                   make a key where sopsmith looks for it",
        "sopsmith encrypt -i --age RECIPIENT a.yaml  encrypt a file to a recipient",
        "sopsmith a.yaml                             edit it",
        "sopsmith decrypt a.yaml                     print it in clear",
        "sopsmith help encrypt                       show all options of a command",
      ],
    ],
  ]);
}

/** What to try first, for who typed nothing but the program's name. */
export const shortHelp = [
  "sopsmith keygen --default                   make a key where sopsmith looks for it",
  "sopsmith encrypt -i --age RECIPIENT a.yaml  encrypt a file to a recipient",
  "sopsmith a.yaml                             edit it",
  "sopsmith decrypt a.yaml                     print it in clear",
  "sopsmith help                               list all commands and options",
].join("\n");

/** Help for a group of commands. */
export function groupHelp({ name, summary, commands }: CommandGroup): string {
  return sections([
    ["NAME", [`sopsmith ${name} - ${summary}`]],
    ["USAGE", [`sopsmith ${name} command [command options] [operands]`]],
    ["COMMANDS", commandLines(commands)],
    ["OPTIONS", flagLines([helpFlag])],
    ["EXAMPLES", commands.slice(0, 1).map((first) => `sopsmith help ${name} ${first.name}`)],
  ]);
}

/** @param named with all words of the command's name */
export function commandHelp(
  { name, summary }: { name: string; summary: string },
  command: Command,
): string {
  return sections([
    ["NAME", [`sopsmith ${name} - ${summary}`]],
    [
      "USAGE",
      [
        `sopsmith ${name} [command options] ${command.operands}`.trimEnd(),
        ...paragraph(command.notes),
      ],
    ],
    ["OPTIONS", flagLines([...command.flags, helpFlag])],
    [
      "EXAMPLES",
      command.examples.flatMap(({ does, line }, i) => [...(i > 0 ? [""] : []), `# ${does}`, line]),
    ],
  ]);
}

function sections(parts: readonly (readonly [string, readonly string[]])[]): string {
  return parts
    .filter(([, lines]) => lines.length > 0)
    .map(
      ([heading, lines]) =>
        `${heading}:\n${lines.map((line) => (line === "" ? "\n" : `   ${line}\n`)).join("")}`,
    )
    .join("\n");
}

function commandLines(entries: readonly Entry[]): string[] {
  return columns(
    entries.map(({ name, alias, summary }) => [
      alias === undefined ? name : `${name}, ${alias}`,
      summary,
    ]),
  );
}

function paragraph(notes: readonly string[]): string[] {
  return notes.length === 0 ? [] : ["", ...notes];
}

function flagLines(flags: readonly Flag[]): string[] {
  return columns(
    flags
      .filter(({ isHidden }) => isHidden !== true)
      .map((flag) => [flagSpelling(flag), flagDescription(flag)]),
  );
}

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
      ? " (default: 0)"
      : flag.kind === "bool" && flag.on === true
        ? " (default: true)"
        : "";
  return `${flag.about}${initial}${flag.env === undefined ? "" : ` [$${flag.env}]`}`;
}

function columns(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `${left.padEnd(width)}  ${right}`);
}
