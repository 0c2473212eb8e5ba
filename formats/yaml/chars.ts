import { isAscii, isUtf8 } from "node:buffer";
import { ParseError } from "../../src/errors.ts";
import { lineAt } from "../../src/tree/text.ts";

export const TAB = 9;
export const LF = 10;
export const CR = 13;
export const SPACE = 32;
export const BOM = 0xfeff;

/** Ends every text that the scanner reads; cannot occur inside, since control characters are refused. */
export const END = 0;

export const isBlank = (c: number): boolean => c === SPACE || c === TAB;

/** YAML 1.1 line breaks, as go-yaml reads them. */
export const isBreak = (c: number): boolean =>
  c === LF || c === CR || c === 0x85 || c === 0x2028 || c === 0x2029;

export const isBreakOrEnd = (c: number): boolean => c === END || isBreak(c);

export const isBlankOrEnd = (c: number): boolean =>
  c === SPACE || c === TAB || c === END || isBreak(c);

/** Letters, digits, `_` and `-`: what anchors and tag handles are made of. */
export const isWordChar = (c: number): boolean =>
  (c >= 48 && c <= 57) || (c >= 65 && c <= 90) || (c >= 97 && c <= 122) || c === 95 || c === 45;

// The characters that go-yaml's reader lets through; U+FEFF is one of them.
const FORBIDDEN = /[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u;

/**
 * Texts with END after them, as the scanner reads it. The result is one piece: what `+` makes stays two even when it is read, and looking up a
 * character in that takes twice as long.
 */
export const ended = (pieces: readonly string[]): string => [...pieces, "\0"].join("");

/**
 * The text of a YAML stream, without byte order mark and with one END after it. UTF-16 with a byte order mark is read as go-yaml does.
 *
 * @throws {ParseError} for bytes that are not UTF-8 and for control characters
 */
export function decodeStream(source: Uint8Array): string {
  const buffer = Buffer.from(source.buffer, source.byteOffset, source.byteLength);
  let text: string;
  if (buffer[0] === 0xff && buffer[1] === 0xfe) {
    text = new TextDecoder("utf-16le").decode(buffer);
    if (buffer.length % 2 === 1) throw new ParseError("yaml: incomplete UTF-16 character");
  } else if (buffer[0] === 0xfe && buffer[1] === 0xff) {
    if (buffer.length % 2 === 1) throw new ParseError("yaml: incomplete UTF-16 character");
    text = new TextDecoder("utf-16le").decode(Buffer.from(buffer).swap16());
  } else {
    if (isAscii(buffer)) return decodeAscii(buffer);
    if (!isUtf8(buffer)) {
      throw new ParseError("yaml: invalid UTF-8", lineOfInvalidByte(buffer), {
        hint: "Save the file as UTF-8, or encrypt it as binary (--input-type binary).",
      });
    }
    text = buffer.toString("utf8");
    if (text.charCodeAt(0) === BOM) text = text.slice(1);
  }
  const bad = FORBIDDEN.exec(text);
  if (bad) refuseControl(text, bad.index);
  return ended([text]);
}

/**
 * The text of a stream whose bytes would be those of some texts, as `decodeStream` gives it.
 *
 * @param pieces well-formed Unicode
 * @throws {ParseError} for control characters
 */
export function joinStream(pieces: readonly string[]): {
  text: string;
  isAscii: boolean;
  byteOrderMark: string;
} {
  const joined = ended(pieces);
  const byteOrderMark = joined.charCodeAt(0) === BOM ? joined.charAt(0) : "";
  const text = joined.slice(byteOrderMark.length);
  const isAscii = text.search(FORBIDDEN_ASCII) === text.length - 1;
  const bad = isAscii ? -1 : text.slice(0, -1).search(FORBIDDEN);
  if (bad >= 0) refuseControl(text, bad);
  return { text, isAscii, byteOrderMark };
}

function refuseControl(text: string, at: number): never {
  throw new ParseError("yaml: control characters are not allowed", lineAt(text, at), {
    hint: "Write control characters as escapes in double quotes.",
  });
}

// What is forbidden of ASCII. An expression without Unicode's tables is ready sooner.
const FORBIDDEN_ASCII = /[^\t\n\r\x20-\x7e]/;

function decodeAscii(buffer: Buffer): string {
  // One string, and no second copy of it.
  const withEnd = Buffer.allocUnsafe(buffer.length + 1);
  withEnd.set(buffer);
  withEnd[buffer.length] = END;
  const text = withEnd.toString("latin1");
  const bad = text.search(FORBIDDEN_ASCII);
  if (bad < buffer.length) refuseControl(text, bad);
  return text;
}

function lineOfInvalidByte(buffer: Buffer): number {
  let line = 1;
  let from = 0;
  while (from < buffer.length) {
    const lf = buffer.indexOf(LF, from);
    const end = lf < 0 ? buffer.length : lf + 1;
    if (!isUtf8(buffer.subarray(from, end))) break;
    from = end;
    line++;
  }
  return line;
}
