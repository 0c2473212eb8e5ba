import { LeafError } from "./crypto/leaf.ts";
import { Nonces } from "./crypto/nonces.ts";
import { SopsmithError } from "./errors.ts";
import type { Host } from "./io/host.ts";
import { openTree } from "./open-tree.ts";
import type { Sealed } from "./read-back.ts";
import { sealText, sealTree, type Sealing } from "./seal-tree.ts";
import { isCiphertext } from "./tree/compare.ts";
import type { Comment, Documents } from "./tree/node.ts";
import { aadOf, keysOf, type Trail } from "./tree/trail.ts";

/** A tree whose leaves were sealed just now. */
export interface SealedTree {
  readonly sealing: Sealing;
  /** Of what was sealed, upper-case hex. */
  readonly mac: string;
  /** The file is encrypted for the first time. */
  readonly isNew: boolean;
}

/** Answers what reading back asks about a sealed tree: how a comment is written elsewhere, and what the text opens to. */
export function sealedTree({ sealing, mac, isNew }: SealedTree, host: Host): Sealed {
  return {
    isNew,
    textAt: (comment, from, to) => textAt(comment, from, to, sealing),
    // Where no comment says what is encrypted, moving one changes nothing but itself.
    reopen:
      sealing.selection.byComment === "none"
        ? undefined
        : (read) => reopen(read, mac, { ...sealing, nonces: new Nonces(host) }),
  };
}

function textAt(comment: Comment, from: Trail, to: Trail, sealing: Sealing): string | undefined {
  const { selection } = sealing;
  const isMatched = keysOf(to).some((key) => selection.keySwitches(key));
  const isEncrypted = selection.decide(isMatched, false);
  if (!isCiphertext(comment) && (!isEncrypted || comment.value === "")) return comment.value;
  if (!isEncrypted) return undefined;
  const text = isCiphertext(comment) ? openComment(comment, from, sealing) : comment.value;
  return text && sealText(text, "comment", aadOf(to), sealing);
}

/** Undefined for what is no comment's ciphertext made for this place. */
function openComment(comment: Comment, from: Trail, { cipher }: Sealing): string | undefined {
  try {
    const { leaf } = cipher.open(comment.value, aadOf(from));
    return leaf.kind === "comment" ? leaf.value : undefined;
  } catch (error) {
    if (error instanceof LeafError) return undefined;
    throw error;
  }
}

/** Undefined where the text that was read does not have the MAC. */
function reopen(read: Documents, mac: string, sealing: Sealing): (() => Documents) | undefined {
  try {
    if (openTree(read, { ...sealing, warn: () => undefined }) !== mac) return undefined;
  } catch (error) {
    if (error instanceof SopsmithError) return undefined;
    throw error;
  }
  return () => {
    sealing.format.keepMarkersInPlace?.(read);
    sealTree(read, sealing);
    return read;
  };
}
