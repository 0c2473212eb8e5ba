import { keyPath } from "../check/key-path.ts";
import { jsonLine, printable } from "../io/printable.ts";
import { pathText } from "../tree/path.ts";
import type { ValueChange } from "./compare.ts";
import type { FileDifference, SettingChange } from "./file-difference.ts";

/** What is shown of a changed value; undefined where values are not shown. */
export type ShowValue = ((change: ValueChange) => string) | undefined;

/** Tells differences: the whole text for stdout. */
export type DiffReport = (files: readonly FileDifference[], show: ShowValue) => Iterable<string>;

/** The registry of reports, by the option that asks for each; "" for none. */
export const diffReports: Readonly<Record<"" | "stat" | "json" | "markdown", DiffReport>> = {
  "": textReport,
  stat: statReport,
  json: jsonReport,
  markdown: markdownReport,
};

const wholeFile: Readonly<Record<FileDifference["state"], string>> = {
  added: "new encrypted file",
  removed: "encrypted file removed",
  encrypted: "encrypted now, unencrypted before",
  unencrypted: "UNENCRYPTED now, encrypted before",
  unreadable: "cannot be read",
  changed: "",
};

const AFRESH = "encrypted from scratch, so there is no telling which values changed";
const ROTATED = "data key rotated";

function* textReport(files: readonly FileDifference[], show: ShowValue): Iterable<string> {
  for (const file of files) {
    yield `${line(title(file))}\n`;
    for (const change of file.tree?.changes ?? []) {
      const value = show === undefined ? "" : `: ${show(change)}`;
      yield `  ${change.kind.padEnd(12)} ${line(keyPath(change.path) + value)}\n`;
    }
    for (const text of furtherLines(file)) yield `  ${line(text)}\n`;
  }
}

/** Name, former name and what became of the file as a whole. */
function title({ file, movedFrom, state, reason }: FileDifference): string {
  const from = movedFrom === undefined ? "" : ` (was ${movedFrom})`;
  const what = wholeFile[state];
  return `${file}${from}${what === "" ? "" : `: ${what}`}${reason === undefined ? "" : `: ${reason}`}`;
}

function furtherLines({ tree, recipients, settings }: FileDifference): string[] {
  const { added = 0, removed = 0 } = tree?.comments ?? {};
  return [
    ...recipients.added.map((id) => `+ recipient  ${id}`),
    ...recipients.removed.map((id) => `- recipient  ${id}`),
    ...settings.map((setting) => `${setting.name}: ${changeOf(setting)}`),
    ...(added + removed === 0 ? [] : [`comments: ${added} added, ${removed} removed`]),
    ...(tree?.isRotated === true ? [ROTATED] : []),
    ...(tree?.isAfresh === true ? [AFRESH] : []),
  ];
}

const changeOf = ({ before, after }: SettingChange): string =>
  `${before === "" ? "not set" : before} → ${after === "" ? "not set" : after}`;

function* statReport(files: readonly FileDifference[]): Iterable<string> {
  const width = files.reduce((widest, file) => Math.max(widest, line(title(file)).length), 0);
  for (const file of files) yield `${line(title(file)).padEnd(width)} | ${counts(file)}\n`;
}

/** `1 added, 2 changed, +1 recipient, data key rotated`. */
function counts({ tree, recipients, settings }: FileDifference): string {
  const kinds = new Map<string, number>();
  for (const { kind } of tree?.changes ?? []) kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  const comments = (tree?.comments.added ?? 0) + (tree?.comments.removed ?? 0);
  const parts = [
    ...[...kinds].map(([kind, count]) => `${count} ${kind}`),
    ...(comments === 0 ? [] : [`${comments} comments`]),
    ...(recipients.added.length === 0 ? [] : [`+${recipients.added.length} recipients`]),
    ...(recipients.removed.length === 0 ? [] : [`-${recipients.removed.length} recipients`]),
    ...settings.map(({ name }) => name),
    ...(tree?.isRotated === true ? [ROTATED] : []),
    ...(tree?.isAfresh === true ? ["encrypted from scratch"] : []),
  ];
  return parts.join(", ");
}

function* jsonReport(files: readonly FileDifference[], show: ShowValue): Iterable<string> {
  for (const {
    file,
    movedFrom = null,
    state,
    reason = null,
    tree,
    recipients,
    settings,
  } of files) {
    const values = (tree?.changes ?? []).map((change) => ({
      kind: change.kind,
      path: pathText(change.path),
      ...(show === undefined ? {} : { shown: show(change) }),
    }));
    const { comments = { added: 0, removed: 0 }, isRotated = false, isAfresh = false } = tree ?? {};
    const told = { file, movedFrom, state, reason, values, comments, recipients, settings };
    yield jsonLine({ ...told, rotated: isRotated, encryptedAfresh: isAfresh });
  }
}

/** For a comment on a change: its first line is the mark by which the comment is found again. */
function* markdownReport(files: readonly FileDifference[], show: ShowValue): Iterable<string> {
  yield "<!-- sopsmith -->\n";
  yield files.length === 0 ? "No encrypted file changed.\n" : "### Encrypted files\n";
  for (const file of files) {
    yield `\n**${code(file.file)}**${escaped(title(file).slice(file.file.length))}\n`;
    const changes = file.tree?.changes ?? [];
    if (changes.length > 0) {
      yield `\n| value | change |\n| --- | --- |\n`;
      for (const change of changes) {
        const value = show === undefined ? "" : ` ${code(show(change))}`;
        yield `| ${code(keyPath(change.path))} | ${change.kind}${value} |\n`;
      }
    }
    const further = furtherLines(file);
    if (further.length > 0) yield "\n";
    for (const text of further) yield `- ${escaped(text)}\n`;
  }
}

const line = (text: string): string =>
  printable(text.replaceAll("\n", String.raw`\x0a`).replaceAll("\t", String.raw`\x09`));

/** Text of a stranger's in a Markdown code span, also in a table. */
function code(text: string): string {
  const shown = line(text).replaceAll("|", String.raw`\|`);
  let longest = 0;
  for (const [run] of shown.matchAll(/`+/g)) longest = Math.max(longest, run.length);
  const fence = "`".repeat(longest + 1);
  const gap = shown.startsWith("`") || shown.endsWith("`") ? " " : "";
  return `${fence}${gap}${shown}${gap}${fence}`;
}

/** Text of a stranger's in a line of Markdown: neither markup, nor HTML, nor a mention. */
const escaped = (text: string): string =>
  line(text)
    .replaceAll(/[\\`*_{}[\]()#!|~]/g, String.raw`\$&`)
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll("@", "&#64;");
