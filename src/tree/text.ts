import { isAscii, isUtf8 } from "node:buffer";
import { bytes, str, type Bytes, type Str } from "./node.ts";

/**
 * Bytes → text. Bytes that are not UTF-8 become lone surrogates U+DC80–U+DCFF, so that `encodeText` gives the same
 * bytes back (PEP 383, "surrogateescape").
 */
export function decodeText(source: Uint8Array): string {
  const buffer = Buffer.from(source.buffer, source.byteOffset, source.byteLength);
  if (isAscii(buffer)) return buffer.toString("latin1");
  if (isUtf8(buffer)) return buffer.toString("utf8");
  let out = "";
  let from = 0; // start of a run of valid sequences
  for (let i = 0; i < buffer.length;) {
    const length = sequenceLength(buffer, i);
    if (length > 0) {
      i += length;
      continue;
    }
    out += buffer.toString("utf8", from, i) + String.fromCharCode(0xdc00 + (buffer[i] as number));
    from = ++i;
  }
  return out + buffer.toString("utf8", from);
}

/** Length of the valid UTF-8 sequence at `i`, or 0 (RFC 3629 table 3-7: no overlong forms, no surrogates). */
function sequenceLength(b: Buffer, i: number): number {
  const first = b[i] as number;
  if (first < 0x80) return 1;
  const length = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  if (length === 0 || i + length > b.length) return 0;
  const second = b[i + 1] as number;
  const low = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const high = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  if (second < low || second > high) return 0;
  for (let k = 2; k < length; k++) if (((b[i + k] as number) & 0xc0) !== 0x80) return 0;
  return length;
}

/** Text → bytes; the inverse of `decodeText`. */
export function encodeText(text: string): Buffer {
  if (text.isWellFormed()) return Buffer.from(text, "utf8");
  const parts: Buffer[] = [];
  let from = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c < 0xdc80 || c > 0xdcff) continue;
    const before = i > 0 ? text.charCodeAt(i - 1) : 0;
    if (before >= 0xd800 && before <= 0xdbff) continue; // the low half of a real pair
    parts.push(Buffer.from(text.slice(from, i), "utf8"), Buffer.of(c - 0xdc00));
    from = i + 1;
  }
  parts.push(Buffer.from(text.slice(from), "utf8"));
  return Buffer.concat(parts);
}

/** A value's leaf: `str` for UTF-8 text, `bytes` for text with escaped bytes. */
export function textLeaf(text: string, start = -1, end = -1): Str | Bytes {
  return text.isWellFormed() ? str(text, start, end) : bytes(encodeText(text), start, end);
}

/** The text of a `str` or `bytes` leaf, bytes that are not UTF-8 escaped. */
export function leafText(leaf: Str | Bytes): string {
  return leaf.kind === "str" ? leaf.value : decodeText(leaf.value);
}

/** The same with each byte that is not UTF-8 replaced by U+FFFD, for formats that hold only Unicode text. */
export function lossyText(text: string): string {
  return text.isWellFormed() ? text : text.toWellFormed();
}

/**
 * The same text in one piece. What `+` gives is a tree of all its parts until someone reads a character of it, and costs many times
 * its length while it is kept.
 */
export function flattened(text: string): string {
  return Number.isNaN(text.charCodeAt(0)) ? "" : text;
}

/** Is this base64 with its padding and nothing else? True for the empty text. */
export function isBase64(text: string): boolean {
  return /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text);
}

/** Line number (from 1) of an offset into `text`: LF, CR LF and CR end a line. */
export function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let i = 0; i < offset && i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 10 || (c === 13 && text.charCodeAt(i + 1) !== 10)) line++;
  }
  return line;
}
