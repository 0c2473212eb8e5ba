import { str, type Node, type Str } from "../../src/tree/node.ts";
import { LF, SPACE } from "./chars.ts";
import { resolvePlain } from "./resolve.ts";
import { escapeAt } from "./scan-scalar.ts";

/** The scalars of the quick reader: those that a look at their line is enough for. */

export const HASH = 35;
export const COMMA = 44;
export const DASH = 45;
export const COLON = 58;

const QUOTE = 34;
const APOSTROPHE = 39;
const FOLD = 62;
const BACKSLASH = 92;
const BAR = 124;

export const isQuote = (c: number): boolean => c === QUOTE || c === APOSTROPHE;

export const isBlockStart = (c: number): boolean => c === BAR || c === FOLD;

export const isDigit = (c: number): boolean => c >= 48 && c <= 57;

/** May a plain scalar begin so? Not with an indicator; those that depend on what follows are left out. */
export function canBegin(c: number): boolean {
  return (c >= 97 && c <= 122) || (c >= 65 && c <= 90) || isDigit(c) || c >= 0xa0 || STARTS.has(c);
}

const STARTS: ReadonlySet<number> = new Set(
  Array.from("$()+./;<=\\^_~", (char) => char.charCodeAt(0)),
);

/** Does a plain key stand for text? A number, a word such as `true` and the merge key do not. */
export function isTextKey(key: string): boolean {
  return key !== "<<" && resolvePlain(key, -1, -1).kind === "str";
}

/** A plain scalar outside flow collections, up to the end of its line or a comment. */
export function plainAt(text: string, start: number): Node | undefined {
  let end = text.indexOf("\n", start);
  const space = text.indexOf(" ", start);
  const hasSpace = space >= 0 && space < end;
  if (hasSpace) {
    const hash = text.slice(start, end).indexOf(" #");
    if (hash >= 0) end = start + hash;
    while (text.charCodeAt(end - 1) === SPACE) end--;
  }
  if (text.charCodeAt(end - 1) === COLON) return undefined;
  const value = text.slice(start, end);
  if (hasSpace && value.includes(": ")) return undefined;
  return resolvePlain(value, start, end);
}

/** A scalar in quotes on one line. */
export function quotedAt(text: string, start: number): Str | undefined {
  return text.charCodeAt(start) === QUOTE
    ? doubleQuotedAt(text, start)
    : singleQuotedAt(text, start);
}

function singleQuotedAt(text: string, start: number): Str | undefined {
  let end = text.indexOf("'", start + 1);
  let isDoubled = false;
  while (end >= 0 && text.charCodeAt(end + 1) === APOSTROPHE) {
    isDoubled = true;
    end = text.indexOf("'", end + 2);
  }
  const value = text.slice(start + 1, end);
  if (end < 0 || value.includes("\n")) return undefined;
  return str(isDoubled ? value.replaceAll("''", "'") : value, start, end + 1);
}

function doubleQuotedAt(text: string, start: number): Str | undefined {
  const end = text.indexOf('"', start + 1);
  const value = text.slice(start + 1, end);
  if (end < 0 || value.includes("\n")) return undefined;
  return value.includes("\\") ? escapedAt(text, start) : str(value, start, end + 1);
}

function escapedAt(text: string, start: number): Str | undefined {
  let value = "";
  let from = start + 1;
  for (let at = from; ;) {
    const c = text.charCodeAt(at);
    if (c === LF) return undefined;
    if (c === QUOTE) return str(value + text.slice(from, at), start, at + 1);
    if (c !== BACKSLASH) {
      at++;
      continue;
    }
    const escape = escapeAt(text, at);
    if ("wrong" in escape) return undefined;
    value += text.slice(from, at) + escape.value;
    from = at += escape.length;
  }
}

/**
 * A literal or folded scalar with its lines; its end is that of its last line. Not with a width of its own, blank lines in front, or what
 * is folded in more than one way.
 *
 * @param parent the column of what it is inside of
 */
export function blockScalarAt(text: string, start: number, parent: number): Str | undefined {
  const isStripped = text.charCodeAt(start + 1) === DASH;
  let stop = start + (isStripped ? 2 : 1);
  if (text.charCodeAt(stop) !== LF) return undefined;
  const isFolded = text.charCodeAt(start) === FOLD;
  let width = 0;
  let value = "";
  let gap = "";
  for (let line = stop + 1; ;) {
    let at = line;
    while (text.charCodeAt(at) === SPACE && (width === 0 || at < line + width)) at++;
    const c = text.charCodeAt(at);
    if (c === LF) {
      if (width === 0 || isFolded) return undefined;
      gap += "\n";
      line = at + 1;
      continue;
    }
    const column = at - line;
    if (width === 0) {
      if (column <= parent) return undefined;
      width = column;
    } else if (column < width) {
      break;
    } else if (isFolded && c === SPACE) {
      return undefined;
    }
    const end = text.indexOf("\n", at);
    if (end < 0) break;
    value += gap + text.slice(at, end);
    gap = isFolded ? " " : "\n";
    stop = end;
    line = end + 1;
  }
  return str(isStripped ? value : `${value}\n`, start, stop);
}
