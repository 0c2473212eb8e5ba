import type { LongText, Str } from "./node.ts";

/** Bytes from which on text that came as bytes is kept so: strings of it would take its size several times over. */
export const LONG_TEXT: number = 1 << 18;

/** A leaf of long text. A string is only made of it, and then kept, where something asks for its value. */
export function longStr(long: LongText, start = -1, end = -1): Str {
  let text: string | undefined;
  return {
    kind: "str",
    get value() {
      return (text ??= joinChunks(long.pieces).toString("utf8"));
    },
    start,
    end,
    long,
  };
}

/** Text and bytes, one after the other, as bytes; text as UTF-8. What is one piece of bytes already is not copied. */
export function joinChunks(chunks: Iterable<string | Uint8Array>): Buffer {
  const parts = Array.from(chunks);
  const [only] = parts;
  if (parts.length === 1 && only instanceof Uint8Array)
    return Buffer.from(only.buffer, only.byteOffset, only.byteLength);
  let size = 0;
  for (const part of parts) size += Buffer.byteLength(part);
  const joined = Buffer.allocUnsafe(size);
  let at = 0;
  for (const part of parts) {
    if (typeof part === "string") {
      at += joined.write(part, at);
    } else {
      joined.set(part, at);
      at += part.length;
    }
  }
  return joined;
}
