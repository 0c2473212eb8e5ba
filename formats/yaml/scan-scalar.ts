import { LF, SPACE, TAB, isBlank, isBlankOrEnd, isBreak, isBreakOrEnd } from "./chars.ts";
import { scanLineComment } from "./comments.ts";
import type { Scanner } from "./scanner.ts";
import { Tok, type ScalarStyle } from "./tokens.ts";

/** Joins two lines: a lone LF becomes a space, further breaks stay, U+2028 and U+2029 are never folded. */
function fold(first: string, rest: string): string {
  return first === "\n" ? (rest === "" ? " " : rest) : first + rest;
}

function push(
  scanner: Scanner,
  start: number,
  end: number,
  value: string,
  style: ScalarStyle,
): void {
  const token = scanner.push(Tok.Scalar, start, end);
  token.value = value;
  token.style = style;
}

/** Leaves the scanner after the white space and line breaks that follow the scalar, as comment attachment expects. */
export function scanPlainScalar(scanner: Scanner): void {
  const { text } = scanner;
  const start = scanner.pos;
  const indent = scanner.indent + 1;
  const inFlow = scanner.flowLevel > 0;
  let value = "";
  let end = start;
  let blanks = "";
  let firstBreak = "";
  let moreBreaks = "";
  let afterBreak = false;
  for (;;) {
    if (scanner.isDocumentIndicator() || scanner.code() === 35) break;
    const from = scanner.pos;
    const to = endOfPlainRun(text, from, inFlow);
    if (to > from) {
      const run = text.slice(from, to);
      if (afterBreak) {
        value += fold(firstBreak, moreBreaks) + run;
        firstBreak = moreBreaks = "";
        afterBreak = false;
      } else {
        value = value === "" ? run : value + blanks + run;
      }
      blanks = "";
      scanner.pos = end = to;
      scanner.newlines = 0;
    }
    let c = scanner.code();
    if (!isBlank(c) && !isBreak(c)) break;
    while (isBlank(c) || isBreak(c)) {
      if (isBlank(c)) {
        if (afterBreak && c === TAB && scanner.column < indent) {
          scanner.fail("found a tab character that violates indentation");
        }
        if (!afterBreak) blanks += text.charAt(scanner.pos);
        scanner.pos++;
      } else if (afterBreak) {
        moreBreaks += scanner.readBreak();
      } else {
        blanks = "";
        firstBreak = scanner.readBreak();
        afterBreak = true;
      }
      c = scanner.code();
    }
    if (!inFlow && scanner.column < indent) break;
  }
  push(scanner, start, end, value, "plain");
  if (afterBreak) scanner.simpleKeyAllowed = true;
}

/** Where the run of characters ends that starts at `at`: at white space, `: `, and in a flow collection at its indicators. */
function endOfPlainRun(text: string, at: number, inFlow: boolean): number {
  for (;;) {
    const c = text.charCodeAt(at);
    // Most characters are letters and digits: look closer only at the rest.
    if (c <= SPACE || c === 0x85 || c === 0x2028 || c === 0x2029) {
      if (isBlankOrEnd(c)) return at;
    } else if (c === 58) {
      if (isBlankOrEnd(text.charCodeAt(at + 1))) return at;
    } else if (inFlow) {
      if (c === 44 || c === 91 || c === 93 || c === 123 || c === 125) return at;
      if (c === 63) return at;
    }
    at++;
  }
}

const ESCAPES: Readonly<Record<string, string>> = {
  "0": "\0",
  a: "\x07",
  b: "\b",
  t: "\t",
  "\t": "\t",
  n: "\n",
  v: "\v",
  f: "\f",
  r: "\r",
  e: "\x1b",
  " ": " ",
  '"': '"',
  "'": "'",
  "/": "/",
  "\\": "\\",
  N: "\x85",
  _: "\xa0",
  L: "\u2028",
  P: "\u2029",
};

export function scanQuotedScalar(scanner: Scanner, single: boolean): void {
  const { text } = scanner;
  const start = scanner.pos++;
  const quote = single ? 39 : 34;
  let value = "";
  for (;;) {
    if (scanner.isDocumentIndicator()) scanner.fail("found unexpected document indicator");
    let afterBreak = false;
    let c = scanner.code();
    let from = scanner.pos;
    while (!isBlankOrEnd(c)) {
      if (c === quote) {
        if (!single || scanner.code(1) !== 39) break;
        value += text.slice(from, scanner.pos + 1);
        scanner.pos += 2;
        from = scanner.pos;
      } else if (c === 92 && !single) {
        value += text.slice(from, scanner.pos);
        if (isBreak(scanner.code(1))) {
          scanner.pos++;
          scanner.skipBreak();
          afterBreak = true;
          from = scanner.pos;
          break;
        }
        value += scanEscape(scanner);
        from = scanner.pos;
      } else {
        scanner.pos = endOfQuotedRun(text, scanner.pos + 1, quote);
      }
      c = scanner.code();
    }
    if (!afterBreak) value += text.slice(from, scanner.pos);
    c = scanner.code();
    if (c === quote && !afterBreak) break;
    let blanks = "";
    let firstBreak = "";
    let moreBreaks = "";
    while (isBlank(c) || isBreak(c)) {
      if (isBlank(c)) {
        if (!afterBreak) blanks += text.charAt(scanner.pos);
        scanner.pos++;
      } else if (afterBreak) {
        moreBreaks += scanner.readBreak();
      } else {
        blanks = "";
        firstBreak = scanner.readBreak();
        afterBreak = true;
      }
      c = scanner.code();
    }
    if (c === 0)
      scanner.fail("found unexpected end of stream while scanning a quoted scalar", start);
    value += afterBreak ? fold(firstBreak, moreBreaks) : blanks;
  }
  scanner.pos++;
  scanner.newlines = 0;
  push(scanner, start, scanner.pos, value, single ? "single" : "double");
}

/** Where the run of characters ends that mean nothing in quotes: a look at each alone would take most of the time of a long ciphertext. */
function endOfQuotedRun(text: string, from: number, quote: number): number {
  let at = from;
  for (;;) {
    const c = text.charCodeAt(at);
    if (!(c > SPACE && c < 127) || c === quote || c === 92) return at;
    at++;
  }
}

/** One escape of a double-quoted scalar, the scanner standing on the backslash. */
function scanEscape(scanner: Scanner): string {
  const escape = escapeAt(scanner.text, scanner.pos);
  if ("wrong" in escape) scanner.fail(escape.wrong);
  scanner.pos += escape.length;
  return escape.value;
}

/**
 * What an escape in double quotes stands for.
 *
 * @param at the offset of its backslash, with a character after it
 * @returns the text and the length of the escape, or what is wrong with it
 */
export function escapeAt(
  text: string,
  at: number,
): { value: string; length: number } | { wrong: string } {
  const letter = text.charAt(at + 1);
  const digits = letter === "x" ? 2 : letter === "u" ? 4 : letter === "U" ? 8 : 0;
  if (digits === 0) {
    const value = ESCAPES[letter];
    return value === undefined ? { wrong: "found unknown escape character" } : { value, length: 2 };
  }
  const hex = text.slice(at + 2, at + 2 + digits);
  if (hex.length < digits || !/^[0-9A-Fa-f]+$/.test(hex))
    return { wrong: "did not find expected hexdecimal number" };
  const code = Number.parseInt(hex, 16);
  if ((code >= 0xd800 && code <= 0xdfff) || code > 0x10ffff)
    return { wrong: "found invalid Unicode character escape code" };
  return { value: String.fromCodePoint(code), length: 2 + digits };
}

/** A `|` or `>` scalar with its header; a comment after the header becomes a line comment of the scalar. */
export function scanBlockScalar(scanner: Scanner, literal: boolean): void {
  const { text } = scanner;
  const start = scanner.pos++;
  scanner.newlines = 0;
  let chomp = "";
  let increment = 0;
  for (let i = 0; i < 2; i++) {
    const c = scanner.code();
    if ((c === 43 || c === 45) && chomp === "") chomp = text.charAt(scanner.pos++);
    else if (c >= 48 && c <= 57 && increment === 0) {
      if (c === 48) scanner.fail("found an indentation indicator equal to 0");
      increment = c - 48;
      scanner.pos++;
    }
  }
  while (isBlank(scanner.code())) scanner.pos++;
  if (scanner.code() === 35) scanLineComment(scanner, start);
  if (!isBreakOrEnd(scanner.code())) scanner.fail("did not find expected comment or line break");
  if (isBreak(scanner.code())) scanner.skipBreak();
  const header: BlockHeader = {
    indent: increment === 0 ? 0 : Math.max(scanner.indent, 0) + increment,
    breaks: "",
  };
  let end = scanner.pos;
  scanIndentation(scanner, header);

  let value = "";
  let lastBreak = "";
  let wasBlank = false;
  while (scanner.column === header.indent && scanner.code() !== 0) {
    const startsBlank = isBlank(scanner.code());
    if (!literal && lastBreak === "\n" && !wasBlank && !startsBlank) {
      if (header.breaks === "") value += " ";
    } else {
      value += lastBreak;
    }
    value += header.breaks;
    header.breaks = "";
    wasBlank = startsBlank;
    const from = scanner.pos;
    let at = from;
    let c = text.charCodeAt(at);
    while (c !== LF && !isBreakOrEnd(c)) c = text.charCodeAt(++at);
    value += text.slice(from, at);
    scanner.pos = end = at;
    scanner.newlines = 0;
    lastBreak = isBreak(c) ? scanner.readBreak() : "";
    scanIndentation(scanner, header);
  }
  if (chomp !== "-") value += lastBreak;
  if (chomp === "+") value += header.breaks;
  push(scanner, start, end, value, literal ? "literal" : "folded");
}

interface BlockHeader {
  /** Column of the content; 0 until known. */
  indent: number;
  /** Line breaks read since the last content line. */
  breaks: string;
}

/** Skips indentation and empty lines in front of a block scalar's next content line, and finds its column when not given. */
function scanIndentation(scanner: Scanner, header: BlockHeader): void {
  let widest = 0;
  for (;;) {
    while ((header.indent === 0 || scanner.column < header.indent) && scanner.code() === SPACE)
      scanner.pos++;
    if (scanner.column > widest) widest = scanner.column;
    if ((header.indent === 0 || scanner.column < header.indent) && scanner.code() === TAB) {
      scanner.fail("found a tab character where an indentation space is expected");
    }
    if (!isBreak(scanner.code())) break;
    header.breaks += scanner.readBreak();
  }
  if (header.indent === 0) header.indent = Math.max(widest, scanner.indent + 1, 1);
}
