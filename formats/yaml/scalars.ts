import { SPACE, isBlank, isBreak } from "./chars.ts";
import { resolvePlain } from "./resolve.ts";

/** How a string is written (spec file-format 7.4). */
export type StringStyle = "plain" | "single" | "double" | "literal" | "merge";

const BASE_60 = /^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?$/;
const OLD_BOOL = new Set("y Y yes Yes YES on On ON n N no No NO off Off OFF".split(" "));
/**
 * Text that needs no closer look, since no rule of 7.2 or 7.4 touches it: ciphertext, and what begins with a letter, is no mere word, and has
 * colons and spaces only in front of letters, digits, `_` and `/`.
 */
const SURELY_PLAIN =
  /^(?:ENC\[[A-Za-z0-9+/=,:_]*\]|[A-Za-z]+(?:[!$%&()*+,./0-9;<=>?@_~-]|[: ][\w/])[\w!$%&()*+,./;<=>?@~-]*(?:[: ][\w/][\w!$%&()*+,./;<=>?@~-]*)*)$/;

/** Is `text` one that go-yaml would take for something else than a string when written plain? */
const needsQuotes = (text: string): boolean =>
  resolvePlain(text, -1, -1).kind !== "str" || BASE_60.test(text) || OLD_BOOL.has(text);

/**
 * The style go-yaml chooses for a string outside flow collections; `isKey` rules out literal blocks on one line.
 * It departs where go-yaml's own choice does not read back: a text that starts with TAB and holds LF is double-quoted (10, D2).
 */
export function stringStyle(text: string): StringStyle {
  if (SURELY_PLAIN.test(text)) return "plain";
  if (text === "<<") return "merge";
  if (text === "") return "double";
  const facts = analyze(text);
  if (text.includes("\n")) return facts.block && !text.startsWith("\t") ? "literal" : "double";
  if (needsQuotes(text)) return "double";
  return facts.plain ? "plain" : facts.single ? "single" : "double";
}

const isPrintable = (c: number): boolean =>
  c === 10 ||
  (c >= 0x20 && c <= 0x7e) ||
  (c >= 0xa0 && c <= 0xd7ff) ||
  (c >= 0xe000 && c <= 0xfffd && c !== 0xfeff);

const STARTERS = "#,[]{}&*!|>'\"%@`";

function analyze(text: string): { plain: boolean; single: boolean; block: boolean } {
  let plain = !text.startsWith("---") && !text.startsWith("...");
  let single = true;
  let block = true;
  let beforeBlank = true;
  let wasSpace = false;
  let wasBreak = false;
  const last = text.length - 1;
  for (let i = 0; i <= last; i++) {
    const c = text.charCodeAt(i);
    const followed = i === last || isBlank(text.charCodeAt(i + 1));
    if (i === 0) {
      if (STARTERS.includes(text.charAt(0)) || ((c === 45 || c === 63 || c === 58) && followed))
        plain = false;
    } else if ((c === 58 && followed) || (c === 35 && beforeBlank)) {
      plain = false;
    }
    const breaks = isBreak(c);
    if (c === 9) {
      plain = single = false;
    } else if (!isPrintable(c) && !(breaks && c >= 0x2028)) {
      plain = single = block = false;
    }
    if (c === SPACE) {
      if (i === 0 || i === last) plain = false;
      if (i === last) block = false;
      if (wasBreak) plain = single = false;
    } else if (breaks) {
      plain = false;
      if (wasSpace) single = block = false;
    }
    wasSpace = c === SPACE;
    wasBreak = breaks;
    beforeBlank = isBlank(c) || breaks;
  }
  return { plain, single, block };
}

const NAMED: ReadonlyMap<number, string> = new Map([
  [0x00, "0"],
  [0x07, "a"],
  [0x08, "b"],
  [0x09, "t"],
  [0x0a, "n"],
  [0x0b, "v"],
  [0x0c, "f"],
  [0x0d, "r"],
  [0x1b, "e"],
  [0x22, '"'],
  [0x5c, "\\"],
  [0x85, "N"],
  [0x2028, "L"],
  [0x2029, "P"],
]);

const NEEDS_ESCAPE =
  /[^\x20\x21\x23-\x5b\x5d-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd]/;

/** `text` between double quotes. */
export function doubleQuoted(text: string): string {
  // go-yaml tests the start of the value instead of the character at hand: after U+FEFF everything is escaped.
  const all = text.charCodeAt(0) === 0xfeff;
  if (!all && !NEEDS_ESCAPE.test(text)) return `"${text}"`;
  let out = '"';
  for (const char of text) {
    const c = char.codePointAt(0) as number;
    if (!all && c < 0x10000 && isPrintable(c) && !isBreak(c) && c !== 0x22 && c !== 0x5c) {
      out += char;
      continue;
    }
    const name = NAMED.get(c);
    if (name !== undefined) out += `\\${name}`;
    else if (c <= 0xff) out += `\\x${hex(c, 2)}`;
    else if (c <= 0xffff) out += `\\u${hex(c, 4)}`;
    else out += `\\U${hex(c, 8)}`;
  }
  return `${out}"`;
}

const hex = (c: number, width: number): string => c.toString(16).toUpperCase().padStart(width, "0");

/** The chomping mark of a literal block. */
export function chompMark(text: string): string {
  const last = text.length - 1;
  if (!isBreak(text.charCodeAt(last))) return "-";
  return last === 0 || isBreak(text.charCodeAt(last - 1)) ? "+" : "";
}
