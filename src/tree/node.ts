/**
 * The document tree: what every format parses to and emits from.
 *
 * Text that came from bytes that are not UTF-8 is kept in strings by PEP 383's rule: each byte 0x80–0xFF that
 * does not belong to a valid sequence is held as the lone surrogate U+DC80–U+DCFF (see text.ts). Keys and comments are
 * such strings; a value that is not UTF-8 is a `bytes` leaf instead.
 */

/** Where a node was in the text it was parsed from: UTF-16 offsets, `end` exclusive; both -1 for a node made in memory. */
export interface Span {
  start: number;
  end: number;
}

export interface Str extends Span {
  kind: "str";
  value: string;
  /** The same text, where it is long and was kept as bytes (see long-text.ts). */
  readonly long?: LongText;
}

/** Text as bytes. */
export interface LongText {
  /** Its UTF-8, to be gone through as often as one likes; no character is split between two pieces. */
  readonly pieces: Iterable<Uint8Array>;
  /** It is ASCII, without control characters, `"`, `\\`, `<`, `>` and `&`: what JSON writes as it is. */
  readonly isPlain: boolean;
}

/** A value that is not UTF-8, or the whole content of a binary file. Stored as `type:str`. */
export interface Bytes extends Span {
  kind: "bytes";
  value: Uint8Array;
}

/** Integers are signed 64 bit; the YAML reader may leave one up to 2^64-1 in the tree, which the walk then refuses. */
export interface Int extends Span {
  kind: "int";
  value: bigint;
}

/** The largest integer a file can hold. */
export const MAX_INT64: bigint = 2n ** 63n - 1n;

export interface Float extends Span {
  kind: "float";
  value: number;
}

export interface Bool extends Span {
  kind: "bool";
  value: boolean;
}

/** A timestamp as RFC 3339 text: up to 9 fractional digits without trailing zeros, the original offset, `Z` for zero. */
export interface Time extends Span {
  kind: "time";
  value: string;
}

/** `value` is the text after the `#`. `inline`: it was at the end of a value's line (YAML only). */
export interface Comment extends Span {
  kind: "comment";
  value: string;
  inline: boolean;
}

export interface Null extends Span {
  kind: "null";
}

export interface Sequence extends Span {
  kind: "seq";
  /** Elements; a comment is an element too. */
  items: Node[];
}

export interface Mapping extends Span {
  kind: "map";
  /** Entries and comments in document order; keys may repeat. */
  items: Item[];
}

/** A key with its value. The span is the key's. */
export interface Entry extends Span {
  kind: "entry";
  key: string;
  value: Node;
  /** Set when the source's key was not a string (YAML `1:`): how sops describes it, such as `int`. The walk refuses it. */
  foreign?: string;
}

export type Scalar = Str | Bytes | Int | Float | Bool | Time;

/** What is encrypted one by one. */
export type Leaf = Scalar | Comment;

export type Node = Leaf | Null | Sequence | Mapping;

export type Item = Entry | Comment;

/** One YAML document each; every other format has exactly one. */
export type Documents = Mapping[];

export const str = (value: string, start = -1, end = -1): Str => ({
  kind: "str",
  value,
  start,
  end,
});
export const bytes = (value: Uint8Array, start = -1, end = -1): Bytes => ({
  kind: "bytes",
  value,
  start,
  end,
});
export const int = (value: bigint, start = -1, end = -1): Int => ({
  kind: "int",
  value,
  start,
  end,
});
export const float = (value: number, start = -1, end = -1): Float => ({
  kind: "float",
  value,
  start,
  end,
});
export const bool = (value: boolean, start = -1, end = -1): Bool => ({
  kind: "bool",
  value,
  start,
  end,
});
export const time = (value: string, start = -1, end = -1): Time => ({
  kind: "time",
  value,
  start,
  end,
});
export const nil = (start = -1, end = -1): Null => ({ kind: "null", start, end });
export const comment = (value: string, inline = false, start = -1, end = -1): Comment => ({
  kind: "comment",
  value,
  inline,
  start,
  end,
});
export const seq = (items: Node[], start = -1, end = -1): Sequence => ({
  kind: "seq",
  items,
  start,
  end,
});
export const map = (items: Item[], start = -1, end = -1): Mapping => ({
  kind: "map",
  items,
  start,
  end,
});
export const entry = (key: string, value: Node, start = -1, end = -1): Entry => ({
  kind: "entry",
  key,
  value,
  start,
  end,
});

/** The first entry of that key, or undefined. */
export function find(mapping: Mapping, key: string): Entry | undefined {
  for (const item of mapping.items) if (item.kind === "entry" && item.key === key) return item;
  return undefined;
}
