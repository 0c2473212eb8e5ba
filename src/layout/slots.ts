import type { Slot } from "../../formats/layout.ts";
import type { Comment, Leaf } from "../tree/node.ts";

/** A comment of a text. What it is sealed for is settled when the encrypted text has been read back. */
export interface CommentSlot {
  readonly plain: Comment;
  /** Undefined while it stays unencrypted. */
  sealed: { readonly text: string; readonly aad: string } | undefined;
}

/** What one walk over documents sealed or opened, besides what it left in them. */
export class Slots {
  readonly scalars: Slot[] = [];
  readonly comments: CommentSlot[] = [];

  /** @param sealed its ciphertext */
  scalar(plain: Leaf, sealed: string): void {
    this.scalars.push({ start: plain.start, end: plain.end, plain, sealed });
  }

  /** @param sealed its ciphertext; undefined for one that is not encrypted */
  comment(plain: Comment, sealed: string | undefined, aad: string): void {
    this.comments.push({ plain, sealed: sealed === undefined ? undefined : { text: sealed, aad } });
  }

  clear(): void {
    this.scalars.length = 0;
    this.comments.length = 0;
  }

  /** Those that have a ciphertext. */
  all(): Slot[] {
    const all = [...this.scalars];
    for (const { plain, sealed } of this.comments)
      if (sealed !== undefined)
        all.push({ start: plain.start, end: plain.end, plain, sealed: sealed.text });
    return all;
  }
}
