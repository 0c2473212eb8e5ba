import { LONG_TEXT } from "../../src/tree/long-text.ts";
import type { Item, Mapping, Node } from "../../src/tree/node.ts";

/** Bytes that cannot be in a string as they are, or that JSON in Go's style would not write so. */
const special = new Uint8Array(256).fill(1, 0x80).fill(1, 0, 0x20);
for (const c of '"\\<>&') special[c.charCodeAt(0)] = 1;

const QUOTE = 0x22;

/**
 * Stretches between two quotes that are long and without any escape: [start, end) in bytes. Some may not be the content of
 * a string but are between two strings.
 */
export function longStrings(source: Uint8Array): { start: number; end: number }[] {
  const found: { start: number; end: number }[] = [];
  const bytes = Buffer.from(source.buffer, source.byteOffset, source.byteLength);
  // Wherever such a string begins, one of the places looked at falls into it.
  const step = LONG_TEXT / 2;
  for (let last = 0, at = step; at < bytes.length; at = Math.max(last, at) + step) {
    const end = bytes.indexOf(QUOTE, at);
    if (end < 0) break;
    const before = bytes.subarray(last, at).lastIndexOf(QUOTE);
    const start = last + before + 1;
    if (before >= 0 && end - start >= LONG_TEXT && isPlain(bytes, start, end))
      found.push({ start, end });
    last = end;
  }
  return found;
}

function isPlain(bytes: Uint8Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (special[bytes[i] as number] !== 0) return false;
  return true;
}

/**
 * Puts the spans of a tree right that was read from a text without the content of some strings.
 *
 * @param outside what is missing, by the offset of the quote before it in the text that was read, in ascending order
 */
export function restoreSpans(root: Mapping, outside: ReadonlyMap<number, Uint8Array>): void {
  const restored = (offset: number): number => {
    let missing = 0;
    for (const [at, { length }] of outside) if (at + 1 < offset) missing += length;
    return offset + missing;
  };
  const open: (Node | Item)[] = [root];
  for (let node = open.pop(); node; node = open.pop()) {
    node.start = restored(node.start);
    node.end = restored(node.end);
    if (node.kind === "entry") open.push(node.value);
    else if (node.kind === "map" || node.kind === "seq")
      for (const item of node.items) open.push(item);
  }
}
