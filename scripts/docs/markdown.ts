import { flagDescription, flagSpelling } from "../../src/cli/help-text.ts";
import type { Flag } from "../../src/cli/flags.ts";
import { globalFlags } from "../../src/cli/global-flags.ts";
import { exitCodes } from "./exit-codes.ts";
import { flagsOf, shownFlags, type Page } from "./pages.ts";

/** `docs/reference.md`: every command with its options and examples, the options in front of a command, the exit codes. */
export function referenceText(pages: readonly Page[]): string {
  return [
    "# Command reference",
    "",
    "Generated from the definitions of the commands by `npm run docs`; `sopsmith help COMMAND` and `man sopsmith-COMMAND` say the same.",
    "",
    "| command | does |",
    "| --- | --- |",
    ...pages.map(
      (page) => `| [${code(page.name)}](#${anchor(titleOf(page))}) | ${cell(page.summary)} |`,
    ),
    "",
    ...pages.flatMap(section),
    "## Options before a command",
    "",
    "`sopsmith [options] FILE` is the older form of the command line. Before a command, only `--config`, `--indent`, `--mac-only-encrypted` and `--verbose` have an effect; every command takes these after its name as well, where `-v` is short for `--verbose`.",
    "",
    ...flagTable(shownFlags(globalFlags)),
    "",
    "## Exit codes",
    "",
    "| code | meaning |",
    "| --- | --- |",
    ...exitCodes.map(([status, meaning]) => `| ${status} | ${cell(meaning)} |`),
    "",
  ].join("\n");
}

const titleOf = ({ name }: Page): string => `sopsmith ${name}`;

function section(page: Page): string[] {
  const { name, summary, command } = page;
  return [
    `## ${titleOf(page)}`,
    "",
    `${summary[0]?.toUpperCase() ?? ""}${summary.slice(1)}.`,
    "",
    ...fenced("text", [`sopsmith ${name} [options] ${command.operands}`.trimEnd()]),
    ...(command.notes.length > 0 ? [prose(command.notes.join(" ")), ""] : []),
    ...flagTable(flagsOf(page)),
    "",
    ...(command.examples.length > 0
      ? fenced(
          "sh",
          command.examples.flatMap(({ does, line }) => [`# ${does}`, line]),
        )
      : []),
  ];
}

function flagTable(flags: readonly Flag[]): string[] {
  return [
    "| option | does |",
    "| --- | --- |",
    ...flags.map((flag) => `| ${code(flagSpelling(flag))} | ${cell(flagDescription(flag))} |`),
  ];
}

const fenced = (language: string, lines: readonly string[]): string[] => [
  `\`\`\`${language}`,
  ...lines,
  "```",
  "",
];

/** The name under which GitHub knows a heading. */
const anchor = (title: string): string => title.toLowerCase().replaceAll(" ", "-");

const code = (text: string): string => `\`${text.replaceAll("|", "\\|")}\``;

/** Text of a table, in which nothing is markup. */
const cell = (text: string): string => prose(text).replaceAll("|", "\\|");

const prose = (text: string): string => text.replaceAll(/[\\`*_<>[\]]/g, "\\$&");
