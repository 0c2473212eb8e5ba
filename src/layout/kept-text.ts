import type { Chunks, Format, Warn } from "../../formats/format.ts";
import {
  CannotKeep,
  ORPHAN_AAD,
  recordAad,
  recordName,
  sameMeaning,
  sameText,
  sameValues,
  type LayoutReader,
  type PlainText,
  type SealedText,
  type Slot,
} from "../../formats/layout.ts";
import { plaintextOf } from "../crypto/leaf.ts";
import { emitMetadata, parseMetadata, type Metadata } from "../metadata/metadata.ts";
import { attach, detach } from "../metadata/placement.ts";
import type { Selection } from "../metadata/selection.ts";
import { walk } from "../metadata/walk.ts";
import { joinChunks } from "../tree/long-text.ts";
import { map, type Comment, type Documents, type Item } from "../tree/node.ts";
import { attempt } from "./attempt.ts";
import type { LayoutOptions } from "./choice.ts";
import { Slots } from "./slots.ts";

/** How often comments are sealed anew for the place where the encrypted text has them. */
const MAX_ROUNDS = 3;

/** What it takes to write an encrypted file. */
export interface KeepSealing {
  readonly selection: Selection;
  readonly metadata: Metadata;
  readonly format: Format;
  readonly indent: number | undefined;
  /** A text as `ENC[…]`. */
  seal(plaintext: string | Uint8Array, type: string, aad: string): string;
  readonly explain?: Warn | undefined;
  /** See `Host.freeMemory`. */
  readonly freeMemory?: (() => void) | undefined;
}

/** A plain text whose layout goes into the encrypted file. */
export class KeptText {
  /** To be sealed in place; see `PlainText.documents`. */
  readonly documents: Documents;
  /** Takes what is sealed. */
  readonly slots: Slots = new Slots();
  private readonly text: PlainText;
  private readonly reader: LayoutReader;
  private readonly source: Uint8Array;
  private readonly format: Format;

  constructor(source: Uint8Array, format: Format, reader: LayoutReader) {
    this.source = source;
    this.format = format;
    this.reader = reader;
    this.text = reader.readPlain(source);
    this.documents = this.text.documents;
  }

  /** The plain text. */
  toString(): string {
    return Buffer.from(this.source).toString("utf8");
  }

  /** The documents as the format's own reader has them, for a file without layout after all. */
  plainDocuments(): Documents {
    return this.format.parse(this.source, { sealed: false });
  }

  /**
   * The text changed so that it holds the documents, which were made from those in it.
   *
   * @returns undefined where that cannot be done
   */
  follow(
    documents: Documents,
    { indent, explain }: { indent: number | undefined; explain: Warn },
  ): KeptText | undefined {
    return attempt(() => {
      const source = Buffer.from(this.text.follow(documents, indent));
      const changed = new KeptText(source, this.format, this.reader);
      const isSame = this.format.layout?.holdsTextOnly === true ? sameText : sameMeaning;
      if (isSame(documents, changed.documents)) return changed;
      throw new CannotKeep("the change cannot be made in its text");
    }, explain);
  }

  /**
   * The encrypted text of the documents, whose scalars are sealed by now. It is read back: it holds the same keys and ciphertexts in the same
   * order, each comment is sealed for the place where it is read, none is unencrypted where the selection wants it encrypted, and
   * opened again the text is the one that was sealed, byte for byte.
   *
   * @returns undefined where it would be read in another way
   */
  seal(sealing: KeepSealing): Chunks | undefined {
    return attempt(() => this.sealed(sealing), sealing.explain);
  }

  private sealed(sealing: KeepSealing): Chunks {
    const { text, slots } = this;
    const { metadata, format, indent, seal, freeMemory } = sealing;
    for (const orphan of text.orphans)
      slots.comment(orphan, seal(orphan.value, "comment", ORPHAN_AAD), ORPHAN_AAD);
    const spellings = new Map<string, string>();
    const records = new Map<string, string>();
    for (const { plain, sealed } of slots.all()) {
      const spelling =
        plain.kind === "comment" ? text.commentSpelling?.(plain) : text.spelling(plain);
      if (spelling === undefined) continue;
      const name = recordName(sealed);
      spellings.set(name, spelling);
      records.set(name, seal(spelling, "str", recordAad(name)));
    }
    const block = blockOf(metadata, format);
    for (let round = 0; round < MAX_ROUNDS; round++) {
      freeMemory?.();
      const pieces = text.seal({ slots: slots.all(), records, block, indent });
      const { read, file } = readBack(pieces, this.reader);
      freeMemory?.();
      requireSame(read.documents, this.documents, metadata, format);
      const found = settle(read, slots, sealing);
      if (found === undefined) continue;
      const opened = Buffer.from(read.open(found, spellings));
      if (opened.equals(this.source)) return file;
      throw new CannotKeep("the encrypted text would decrypt to a different text");
    }
    throw new CannotKeep("a comment would not stay in its collection");
  }
}

/**
 * Reads a plain text together with its layout.
 *
 * @returns undefined for a text that cannot keep it, or cannot be read: then the format's own reader has the word
 */
export async function readKept(
  source: Uint8Array,
  format: Format,
  { explain }: LayoutOptions,
): Promise<KeptText | undefined> {
  const reader = await format.layout?.load();
  return reader && attempt(() => new KeptText(source, format, reader), explain);
}

/** Reads a text that is going to be written. */
export function readBack(
  pieces: Iterable<string>,
  reader: LayoutReader,
): { read: SealedText; file: Chunks } {
  const found = reader.readBack?.(pieces);
  if (found !== undefined) return { read: found.read, file: [found.text] };
  const bytes = joinChunks(pieces);
  return { read: reader.readSealed(bytes), file: [bytes] };
}

/**
 * Detaches the `sops` block of documents that were read from an encrypted text, and compares the rest and the block with what was meant.
 *
 * @throws {CannotKeep}
 */
export function requireSame(
  read: Documents,
  documents: Documents,
  metadata: Metadata,
  { placement }: Format,
): void {
  const stored = emitMetadata(parseMetadata(detach(read, placement)));
  // Written and read once, as what is compared with it.
  const meant = emitMetadata(parseMetadata(emitMetadata(metadata)));
  if (!sameValues(read, documents) || !sameValues([stored], [meant]))
    throw new CannotKeep("the encrypted text would be read differently");
}

/** What the format puts into a document for the `sops` block. */
export function blockOf(metadata: Metadata, { placement }: Format): readonly Item[] {
  const holder = map([]);
  attach([holder], emitMetadata(metadata), placement);
  return holder.items;
}

/**
 * Finds the slots in the encrypted text. Seals comments anew whose place there is not the one they were sealed for, and seals or leaves
 * unencrypted what the selection wants so at that place.
 *
 * @param read the encrypted text, which has the same values as the plain one
 * @returns undefined when a comment was sealed anew
 * @throws {CannotKeep} where comments would decide about other values than in the plain text
 */
function settle(
  read: SealedText,
  { scalars, comments }: Slots,
  { selection, seal }: KeepSealing,
): Slot[] | undefined {
  const found: Slot[] = [];
  const isByComment = selection.byComment !== "none";
  const places = new Map<string, { aad: string; isEncrypted: boolean; comment: Comment }>();
  const exposed = new Set<string>();
  let next = scalars[0];
  walk(read.documents, selection, {
    // In the order in which they were sealed.
    scalar(leaf, { isEncrypted }) {
      const isSealed = leaf.kind === "str" && leaf.value === next?.sealed;
      if (isByComment && isEncrypted !== isSealed && plaintextOf(leaf).length > 0)
        throw new CannotKeep("a comment would select another value");
      if (isSealed && next !== undefined) {
        const { plain, sealed } = next;
        next = scalars[found.push({ start: leaf.start, end: leaf.end, plain, sealed })];
      }
      return leaf;
    },
    comment(leaf, { aad, isEncrypted }) {
      if (leaf.value.startsWith("ENC["))
        places.set(leaf.value, { aad, isEncrypted, comment: leaf });
      else if (isEncrypted) exposed.add(leaf.value);
      return leaf;
    },
  });
  for (const comment of read.orphans)
    places.set(comment.value, { aad: ORPHAN_AAD, isEncrypted: true, comment });
  let isSettled = true;
  for (const slot of comments) {
    const { plain, sealed } = slot;
    const place = sealed === undefined ? undefined : places.get(sealed.text);
    if (sealed === undefined && !exposed.has(plain.value)) continue;
    const aad = place?.aad ?? ORPHAN_AAD;
    if (place?.isEncrypted === false) {
      slot.sealed = undefined;
    } else if (aad !== sealed?.aad) {
      slot.sealed = { text: seal(plain.value, "comment", aad), aad };
    } else {
      if (place !== undefined)
        found.push({
          start: place.comment.start,
          end: place.comment.end,
          plain,
          sealed: sealed.text,
        });
      continue;
    }
    isSettled = false;
  }
  return isSettled ? found : undefined;
}
