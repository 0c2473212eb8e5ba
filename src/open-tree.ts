import type { Warn } from "../formats/format.ts";
import { LeafError, plaintextOf, typeTag, type LeafCipher } from "./crypto/leaf.ts";
import { Mac } from "./crypto/mac.ts";
import type { Nonces } from "./crypto/nonces.ts";
import { SopsmithError } from "./errors.ts";
import type { Slots } from "./layout/slots.ts";
import { goType } from "./go/type.ts";
import type { Selection } from "./metadata/selection.ts";
import { walk, type LeafChange, type MovingPlace } from "./metadata/walk.ts";
import type { Comment, Documents, Leaf, LongText, Scalar } from "./tree/node.ts";

/** The file was changed without the data key, or lost its MAC. Exit 51. */
export class MacMismatch extends SopsmithError {
  constructor(message: string, options: { cause?: unknown; file?: string } = {}) {
    super("mac-mismatch", 51, message, {
      ...options,
      hint: "The file was changed without its key, for example by hand or in a merge. Restore it, or view it with --ignore-mac.",
    });
  }
}

/** What it takes to open a tree's leaves. */
export interface Opening {
  cipher: LeafCipher;
  selection: Selection;
  /** Only encrypted leaves count for the MAC. */
  macOnlyEncrypted: boolean;
  /** Remembers the nonce of each leaf; undefined for a file that is not sealed again. */
  nonces: Nonces | undefined;
  /** Takes what was opened, for a file that keeps its layout. */
  slots?: Slots | undefined;
  warn: Warn;
}

/**
 * Decrypts every selected leaf in place.
 *
 * @returns the MAC of what was found, upper-case hex
 * @throws {LeafError | MacMismatch | UnwalkableTree} with a path, see `pathOfError`
 */
export function openTree(documents: Documents, opening: Opening): string {
  const opener = new Opener(opening);
  walk(documents, opening.selection, opener);
  return opener.mac.digest();
}

class Opener implements LeafChange {
  readonly mac: Mac;
  private readonly opening: Opening;
  private hasWarned = false;
  /**
   * sops forgets that a comment was at the end of its line, and prints it above its value. What is sealed again keeps it there: a file
   * that nobody changed does not change.
   */
  private readonly keepsInline: boolean;

  constructor(opening: Opening) {
    this.opening = opening;
    this.mac = new Mac(opening.macOnlyEncrypted);
    this.keepsInline = opening.nonces !== undefined;
  }

  scalar(leaf: Scalar, place: MovingPlace): Leaf {
    if (!place.isEncrypted) {
      this.mac.add(leaf, false);
      return leaf;
    }
    if (leaf.kind !== "str")
      throw new LeafError(`Expected encrypted value as string, but got ${goType(leaf)}`);
    const { slots } = this.opening;
    // A string of long text is only made where it is needed.
    const sealed = slots === undefined ? "" : leaf.value;
    const opened = this.open(leaf.long ?? leaf.value, place.aad);
    if (opened.kind === "comment") {
      slots?.comment(at(opened, leaf), sealed, place.aad);
      if (place.inList) return opened;
      // Only the `type:` says so, and nothing authenticates it: a comment can never be a key's value (spec file-format D14).
      throw new MacMismatch(`MAC mismatch. A value is marked as a comment`);
    }
    if (opened.kind === "str" && leaf.long === undefined && opened.long === undefined) {
      // The node stays, since a new one in an old tree is what garbage collectors are slow at.
      leaf.value = opened.value;
      this.mac.add(leaf, true);
      if (sealed !== "") slots?.scalar(leaf, sealed);
      return leaf;
    }
    this.mac.add(opened, true);
    slots?.scalar(at(opened, leaf), sealed);
    return at(opened, leaf);
  }

  comment(leaf: Comment, place: MovingPlace, outer: () => string[]): Comment {
    if (!place.isEncrypted || leaf.value === "") return leaf;
    // sops writes a comment after a nested collection in such a way that the reader takes it for one of that collection:
    // then it opens at the place of an enclosing one.
    for (const aad of leaf.value.startsWith("ENC[") ? [place.aad, ...outer()] : []) {
      try {
        const opened = this.open(leaf.value, aad);
        if (opened.kind !== "comment") continue;
        const here = at({ ...opened, inline: this.keepsInline && leaf.inline }, leaf);
        this.opening.slots?.comment(here, leaf.value, aad);
        return here;
      } catch (error) {
        if (!(error instanceof LeafError)) throw error;
      }
    }
    if (!this.hasWarned) {
      this.opening.warn(
        "Found possibly unencrypted comment in file. This is to be expected if the file being decrypted was created with an older version of SOPS.",
      );
      this.hasWarned = true;
    }
    return leaf;
  }

  private open(text: string | LongText, aad: string): Leaf {
    const { cipher, nonces } = this.opening;
    if (typeof text === "string" && (nonces === undefined || text === ""))
      return cipher.openLeaf(text, aad);
    const { leaf, nonce } =
      typeof text === "string" ? cipher.open(text, aad) : cipher.openLong(text, aad);
    const secret = leaf.kind === "comment" ? leaf.value : plaintextOf(leaf);
    nonces?.remember(secret, typeTag(leaf), aad, nonce);
    return leaf;
  }
}

/** The leaf, with the span of the one whose place it takes. */
function at<Opened extends Leaf>(opened: Opened, { start, end }: Leaf): Opened {
  opened.start = start;
  opened.end = end;
  return opened;
}
