import type { Chunks, Format, Warn } from "../../formats/format.ts";
import {
  ORPHAN_AAD,
  recordAad,
  sameValues,
  type LayoutReader,
  type SealedText,
} from "../../formats/layout.ts";
import { LeafError, plaintextOf, typeTag, type LeafCipher } from "../crypto/leaf.ts";
import type { Nonces } from "../crypto/nonces.ts";
import type { Metadata } from "../metadata/metadata.ts";
import type { Documents, Leaf } from "../tree/node.ts";
import { attempt } from "./attempt.ts";
import { blockOf, KeptText, readBack, requireSame } from "./kept-text.ts";
import { Slots } from "./slots.ts";

/** What it takes to open what is in no document. */
export interface KeepOpening {
  readonly cipher: LeafCipher;
  /** For a file that is sealed again. */
  readonly nonces: Nonces | undefined;
  /** See `Host.freeMemory`. */
  readonly freeMemory?: (() => void) | undefined;
}

/** The author's own text of a file. */
export interface OwnText {
  readonly text: Uint8Array;
  /** The same, to be sealed again. */
  readonly kept?: KeptText;
}

/** An encrypted text with a marker. */
export class MarkedText {
  /** With the `sops` block until that is detached. */
  readonly documents: Documents;
  /** Takes what is opened. */
  readonly slots: Slots = new Slots();
  /** Undefined when it was opened: the rest of the work needs its memory. */
  private unopened: SealedText | undefined;
  private readonly reader: LayoutReader;
  private readonly format: Format;

  constructor(source: Uint8Array, format: Format, reader: LayoutReader) {
    this.format = format;
    this.reader = reader;
    this.unopened = reader.readSealed(source);
    this.documents = this.unopened.documents;
  }

  private get text(): SealedText {
    if (this.unopened === undefined) throw new Error("the text was opened already");
    return this.unopened;
  }

  /**
   * The plain text, read back: it holds the documents that were opened. To be called once, as the last thing: the encrypted text is let go.
   *
   * @returns undefined where it does not, since nothing else vouches for the layout
   */
  open(documents: Documents, opening: KeepOpening): OwnText | undefined {
    const { format, reader } = this;
    return attempt(() => {
      const text = Buffer.from(this.plainText(opening));
      this.unopened = undefined;
      this.slots.clear();
      opening.freeMemory?.();
      if (opening.nonces === undefined)
        return sameValues(format.parse(text, { sealed: false }), documents) ? { text } : undefined;
      const kept = new KeptText(text, format, reader);
      return sameValues(kept.documents, documents) ? { text, kept } : undefined;
    });
  }

  /** @throws {CannotKeep} */
  private plainText({ cipher, nonces }: KeepOpening): string {
    const open = (sealed: string, aad: string): Leaf | undefined => {
      try {
        const { leaf, nonce } = cipher.open(sealed, aad);
        const secret = leaf.kind === "comment" ? leaf.value : plaintextOf(leaf);
        nonces?.remember(secret, typeTag(leaf), aad, nonce);
        return leaf;
      } catch (error) {
        if (error instanceof LeafError) return undefined;
        throw error;
      }
    };
    const { text } = this;
    const slots = this.slots.all();
    for (const { value, start, end } of text.orphans) {
      const plain = open(value, ORPHAN_AAD);
      if (plain?.kind === "comment") slots.push({ start, end, plain, sealed: value });
    }
    const spellings = new Map<string, string>();
    for (const [name, record] of text.records) {
      const spelling = open(record, recordAad(name));
      if (spelling?.kind === "str") spellings.set(name, spelling.value);
    }
    return text.open(slots, spellings);
  }

  /**
   * The encrypted text with other metadata; values and layout stay. It is read back.
   *
   * @returns undefined where it would hold something else
   */
  withMetadata(metadata: Metadata, indent: number | undefined, explain?: Warn): Chunks | undefined {
    const { format } = this;
    return attempt(() => {
      const block = blockOf(metadata, format);
      const { read, file } = readBack(this.text.withBlock({ block, indent }), this.reader);
      requireSame(read.documents, this.documents, metadata, format);
      return file;
    }, explain);
  }
}

/** Reads an encrypted text with a marker; undefined for every other. */
export async function readMarked(
  source: Uint8Array,
  format: Format,
): Promise<MarkedText | undefined> {
  const reader = await format.layout?.load();
  return reader && attempt(() => new MarkedText(source, format, reader));
}
