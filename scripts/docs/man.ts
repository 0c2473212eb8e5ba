import { flagDescription, flagSpelling } from "../../src/cli/help-text.ts";
import { commands } from "../../src/cli/commands/index.ts";
import type { Flag } from "../../src/cli/flags.ts";
import { globalFlags } from "../../src/cli/global-flags.ts";
import { VERSION } from "../../src/version.ts";
import { exitCodes } from "./exit-codes.ts";
import { flagsOf, shownFlags, type Page } from "./pages.ts";

/** Manual pages by file name, in the language of man(7). */
export function manPages(pages: readonly Page[]): Map<string, string> {
  return new Map([
    ["sopsmith.1", programPage(pages)],
    ...pages.map((page) => [fileOf(page), commandPage(page)] as const),
  ]);
}

const fileOf = (page: Page): string => `${titleOf(page)}.1`;
const titleOf = ({ name }: Page): string => `sopsmith-${name.replaceAll(" ", "-")}`;

/** Variables that no option is bound to. */
const variables: readonly (readonly [string, string])[] = [
  ["SOPS_AGE_KEY", "age identities, one per line"],
  ["SOPS_AGE_KEY_FILE", "file with age identities"],
  ["SOPS_AGE_KEY_CMD", "command that prints age identities"],
  ["SOPS_EDITOR, EDITOR", "editor for sopsmith edit"],
  ["SOPS_GPG_EXEC", "gpg to use"],
  ["SOPS_HC_VAULT_ALLOWLIST", "Vault servers that a file may name"],
  ["TMPDIR", "directory for temporary files, instead of memory"],
  ["NO_COLOR", "set to anything: no colours on a terminal"],
];

function programPage(pages: readonly Page[]): string {
  const bound = globalFlags.flatMap(({ env, names }) =>
    env === undefined ? [] : [[env, `default of --${names[0]}`] as const],
  );
  return [
    ...heading("sopsmith", "edit encrypted files that keep their keys and structure readable"),
    ".SH SYNOPSIS",
    synopsis("sopsmith", "[options] command [command options] [operands]"),
    ".br",
    synopsis("sopsmith", "[options] file"),
    ".SH DESCRIPTION",
    roff(
      "Encrypts the values of YAML, JSON, ENV and INI files, and whole files of any other kind, in the file format of SOPS. Keys and structure stay readable. Without a command, the file is opened in your editor.",
    ),
    ".SH COMMANDS",
    ...pages.flatMap((page) => item(page.name, `${page.summary}; see ${titleOf(page)}(1)`)),
    ".SH OPTIONS",
    ...flagItems(shownFlags(globalFlags)),
    ".SH ENVIRONMENT",
    ...[...bound, ...variables].flatMap(([name, about]) => item(name, about)),
    ".SH EXIT STATUS",
    ...exitCodes.flatMap(([status, meaning]) => item(status, meaning)),
    ".SH FILES",
    ...item(".sops.yaml", "rules for new files, searched for from the working directory upwards"),
    ...item("~/.config/sops/age/keys.txt", "age identities"),
    ".SH SEE ALSO",
    ...references(pages.map(titleOf)),
    "",
  ].join("\n");
}

function commandPage(page: Page): string {
  const { name, summary, command } = page;
  const [word = ""] = name.split(" ");
  const group = commands.find((entry) => entry.name === word);
  const others =
    group !== undefined && "commands" in group
      ? [
          ...(group.main === undefined ? [] : [word]),
          ...group.commands.map((inner) => `${word} ${inner.name}`),
        ].filter((other) => other !== name)
      : [];
  return [
    ...heading(titleOf(page), summary),
    ".SH SYNOPSIS",
    synopsis(`sopsmith ${name}`, `[options] ${command.operands}`.trimEnd()),
    ...(command.notes.length > 0 ? [".SH DESCRIPTION", roff(command.notes.join(" "))] : []),
    ".SH OPTIONS",
    ...flagItems(flagsOf(page)),
    ...(command.examples.length > 0
      ? [
          ".SH EXAMPLES",
          ...command.examples.flatMap(({ does, line }) => [
            ".TP",
            roff(`${does}:`),
            ".nf",
            roff(line),
            ".fi",
          ]),
        ]
      : []),
    ".SH EXIT STATUS",
    roff("0 when all is done; the other codes are listed in sopsmith(1)."),
    ".SH SEE ALSO",
    ...references(["sopsmith", ...others.map((other) => `sopsmith-${other.replaceAll(" ", "-")}`)]),
    "",
  ].join("\n");
}

function heading(title: string, summary: string): string[] {
  return [
    `.TH ${title.toUpperCase()} 1 "" "sopsmith ${VERSION}" "sopsmith manual"`,
    ".SH NAME",
    `${roff(title)} \\- ${roff(summary)}`,
  ];
}

const synopsis = (name: string, rest: string): string => `\\fB${roff(name)}\\fR ${roff(rest)}`;

const item = (name: string, about: string): string[] => [
  ".TP",
  `\\fB${roff(name)}\\fR`,
  roff(about),
];

const flagItems = (flags: readonly Flag[]): string[] =>
  flags.flatMap((flag) => item(flagSpelling(flag), flagDescription(flag)));

const references = (titles: readonly string[]): string[] =>
  titles.map((title, i) => `.BR ${roff(title)} (1)${i < titles.length - 1 ? "," : ""}`);

/** Text in which nothing is a request or an escape, and "-" and quotes can be copied as they are. */
function roff(text: string): string {
  const escaped = text
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replaceAll("'", "\\(aq")
    .replaceAll("`", "\\(ga")
    .replaceAll("^", "\\(ha")
    .replaceAll("~", "\\(ti")
    .replaceAll("…", "\\&...")
    .replaceAll("→", "\\(->")
    .replaceAll("—", "\\(em");
  return /^[.']/.test(escaped) ? `\\&${escaped}` : escaped;
}
