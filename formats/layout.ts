import { flatText } from "../src/tree/flat-text.ts";
import { compareDocuments } from "../src/tree/compare.ts";
import type { Comment, Documents, Item, Leaf, Null, Scalar } from "../src/tree/node.ts";
import { flattened } from "../src/tree/text.ts";

/**
 * How a format keeps its author's layout: quotes, blank lines, indentation, comments where they are.
 *
 * The encrypted file is the author's own text with each value and each comment exchanged for its ciphertext, and the `sops` block added. What
 * the text itself cannot show, such as the spelling of `0x1F`, rides in *records*: the value's source text, sealed too. A *marker*
 * in the block says that the file is kept so. sops reads all of it, and drops marker and records when it rewrites the file, so that
 * a marker never lies: a file without it is one that sops wrote, and is read and written exactly as sops does.
 *
 * ```
 * encrypt   text ─readPlain→ documents with their places in the text ─seal leaves→ slots ─PlainText.seal→ encrypted text
 * decrypt   text ─readSealed→ documents with their places in the text ─open leaves→ slots ─SealedText.open→ plain text
 * change    plain text and changed documents ─PlainText.follow→ plain text in which only those places differ
 * ```
 *
 * A layout knows neither keys nor ciphers, and nothing of it is trusted: the caller parses every text made here and compares it with the
 * documents that it was made for. Offsets are those of `Span`, into the text that was read.
 */
export interface Layout {
  /** Does an encrypted text carry the marker? A quick look, for every file that is opened: false for certain, or true for likely. */
  isMarked(source: Uint8Array): boolean;
  /** Every value is text: a number that takes the place of one becomes its text. Default: no. */
  readonly holdsTextOnly?: boolean;
  /** The rest is only loaded where it is needed. */
  load(): Promise<LayoutReader>;
}

export interface LayoutReader {
  /**
   * A plain text whose layout is to be kept.
   *
   * @throws {CannotKeep}
   * @throws {ParseError} where `Format.parse` refuses it too, though perhaps with other words
   */
  readPlain(source: Uint8Array): PlainText;
  /**
   * An encrypted text with a marker.
   *
   * @throws {CannotKeep} when there is none
   * @throws {ParseError}
   */
  readSealed(source: Uint8Array): SealedText;
  /**
   * The same of a text that was made just now, and that text, to be written. Default: `readSealed` of its bytes. A large text takes less
   * memory without them.
   */
  readBack?(pieces: Iterable<string>): { read: SealedText; text: string };
}

/** The text cannot be kept as it is, and why: a clause for `--verbose`. The caller goes on without layout. */
export class CannotKeep extends Error {}

/** A place that holds a value in the plain text and its ciphertext in the encrypted one. */
export interface Slot {
  /** Where it is in the text that was read, whichever of the two that was. */
  readonly start: number;
  readonly end: number;
  readonly plain: Leaf;
  /** `ENC[…]` */
  readonly sealed: string;
}

export interface PlainText {
  /** As they will be read from the encrypted text: comments may be elsewhere than `Format.parse` of the plain text puts them. */
  readonly documents: Documents;
  /** Comments that are in none of the documents, since the reader drops them. They are sealed with `ORPHAN_AAD`. */
  readonly orphans: readonly Comment[];
  /** The source text of a value that is going to be encrypted, unless it is what `SealedText.open` writes for it anyway. */
  spelling(leaf: Scalar): string | undefined;
  /** The same for a comment of a document. Default: none has one. */
  commentSpelling?(comment: Comment): string | undefined;
  /**
   * The encrypted text.
   *
   * @throws {CannotKeep}
   */
  seal(parts: SealedParts): Iterable<string>;
  /**
   * The plain text changed in such a way that it is read as `wanted`, which are these documents with values set, added or
   * taken away. The caller compares.
   *
   * @param indent width where nothing beside a new value tells one
   * @throws {CannotKeep}
   */
  follow(wanted: Documents, indent: number | undefined): string;
}

export interface SealedParts {
  /** In any order; leaves that stay unencrypted have none. */
  readonly slots: readonly Slot[];
  /** Sealed spellings, by `recordName` of their leaf's ciphertext. */
  readonly records: ReadonlyMap<string, string>;
  /** What `attach` puts into a document for the `sops` block. */
  readonly block: readonly Item[];
  /** Indent width of what has no indentation of its own; undefined is the format's default. */
  readonly indent: number | undefined;
}

export interface SealedText {
  /** With the `sops` block, as `Format.parse` reads them. */
  readonly documents: Documents;
  /** Sealed comments that are in none of the documents. */
  readonly orphans: readonly Comment[];
  /** As in `SealedParts`. */
  readonly records: ReadonlyMap<string, string>;
  /**
   * The plain text.
   *
   * @param spellings opened records, by the same names
   * @throws {CannotKeep}
   */
  open(slots: readonly Slot[], spellings: ReadonlyMap<string, string>): string;
  /** The encrypted text with another `sops` block. */
  withBlock(parts: Pick<SealedParts, "block" | "indent">): Iterable<string>;
}

/** Version of the marker, and of all that it stands for. */
export const LAYOUT_VERSION = "1";

/** Additional data of comments that belong to no collection. */
export const ORPHAN_AAD = ":";

/** The name of a ciphertext's record: the first characters of its tag. */
export function recordName(sealed: string): string {
  const tag = sealed.lastIndexOf(",tag:");
  return sealed.slice(tag + 5, tag + 13);
}

/** Additional data of the record with that name. No path of a document is the same: each key in one has ":" after it. */
export const recordAad = (name: string): string => `sops:layout:${name}`;

/** Exchange the text from `from` to `to`. */
export interface Edit {
  readonly from: number;
  readonly to: number;
  readonly by: string;
}

const CHUNK = 1 << 16;

/** Makes a text with edits, from its start to its end, in pieces. */
class Splicer {
  private readonly text: string;
  private readonly chunks: string[] = [];
  private out = "";
  private at = 0;

  constructor(text: string) {
    this.text = text;
  }

  /** @throws {CannotKeep} for an edit in front of the end of the one before */
  make({ from, to, by }: Edit): void {
    if (from < this.at || to < from) throw new CannotKeep("two values are at one place");
    this.out += this.text.slice(this.at, from);
    this.out += by;
    this.at = to;
    if (this.out.length < CHUNK) return;
    this.chunks.push(flattened(this.out));
    this.out = "";
  }

  finish(): string[] {
    this.chunks.push(this.out + this.text.slice(this.at));
    return this.chunks;
  }
}

const byPlace = (a: Edit, b: Edit): number => a.from - b.from || a.to - b.to;

/**
 * A text with edits made, in pieces.
 *
 * @param edits in any order; two at one place keep theirs
 * @throws {CannotKeep} for edits that overlap
 */
export function splice(text: string, edits: readonly Edit[]): string[] {
  const splicer = new Splicer(text);
  for (const edit of edits.toSorted(byPlace)) splicer.make(edit);
  return splicer.finish();
}

/**
 * The same for slots. There may be very many: no edit outlives its slot.
 *
 * @param editsOf one edit, or two of which the second may lie after the next slot
 * @param others edits besides
 */
export function spliceSlots(
  text: string,
  slots: readonly Slot[],
  editsOf: (slot: Slot) => readonly [Edit, Edit?],
  others: readonly Edit[],
): string[] {
  const splicer = new Splicer(text);
  const waiting = others.toSorted(byPlace);
  let next = 0;
  let second: Edit | undefined;
  const makeUpTo = (at: number): void => {
    for (;;) {
      const other = waiting[next];
      const isSecond = second !== undefined && (other === undefined || second.from <= other.from);
      const edit = isSecond ? second : other;
      if (edit === undefined || edit.from > at) return;
      splicer.make(edit);
      if (isSecond) second = undefined;
      else next++;
    }
  };
  for (const slot of slots.toSorted((a, b) => a.start - b.start)) {
    makeUpTo(slot.start);
    const [first, behind] = editsOf(slot);
    splicer.make(first);
    if (behind === undefined) continue;
    if (second !== undefined) throw new CannotKeep("two values are at one place");
    second = behind;
  }
  makeUpTo(text.length);
  return splicer.finish();
}

/** Do two streams of documents hold the same keys and values, in the same order? Comments do not count. */
export function sameValues(a: Documents, b: Documents): boolean {
  return compareDocuments(a, b, isSameLeaf).difference === undefined;
}

/** The same where `a` may have been made by a program: a float without fraction is written as an integer, as by sops. */
export function sameMeaning(a: Documents, b: Documents): boolean {
  const isSame = (x: Scalar | Null, y: Scalar | Null): boolean =>
    isSameLeaf(x, y) ||
    (x.kind === "float" && y.kind === "int" && Object.is(x.value, Number(y.value)));
  return compareDocuments(a, b, isSame).difference === undefined;
}

/** The same where `b` is read from a format that holds text only: each of its values is the text of the other. */
export function sameText(a: Documents, b: Documents): boolean {
  const isSame = (x: Scalar | Null, y: Scalar | Null): boolean =>
    isSameLeaf(x, y) || (x.kind !== "null" && y.kind === "str" && flatText(x) === y.value);
  return compareDocuments(a, b, isSame).difference === undefined;
}

function isSameLeaf(a: Scalar | Null, b: Scalar | Null): boolean {
  if (a.kind !== b.kind) return false;
  if (a.kind === "bytes" && b.kind === "bytes") return Buffer.compare(a.value, b.value) === 0;
  return "value" in a && "value" in b ? Object.is(a.value, b.value) : a.kind === "null";
}
