import { SopsmithError } from "../errors.ts";
import { pathOfError, walk, type LeafChange, type MovingPlace } from "../metadata/walk.ts";
import { nothingSelected } from "../metadata/selection.ts";
import type { Comment, Documents, Leaf, Scalar } from "../tree/node.ts";
import { scalarText } from "./identity.ts";

/** A leaf of a file resolved by hand that no version of the file has at that place. Exit 1. */
export class UnknownLeaf extends SopsmithError {
  constructor(message: string) {
    super("merge-unknown-value", 1, message, {
      hint: "Lines may only be chosen, not typed. To write a new value, leave the markers and run sopsmith mergetool without --accept.",
    });
  }
}

/**
 * What each leaf of an encrypted file opens to, by its place and stored text: nobody without the key can add one, so a leaf that is found here
 * was sealed for that place.
 */
export class KnownLeaves {
  private readonly opened = new Map<string, Leaf>();

  /**
   * @param sealed the file's tree as it is stored
   * @param opened the same tree, decrypted
   */
  add(sealed: Documents, opened: Documents): void {
    const slots = leavesOf(sealed).map(({ leaf, aad }) => slotOf(leaf, aad));
    for (const [index, { leaf }] of leavesOf(opened).entries()) {
      const slot = slots[index];
      if (slot !== undefined && !this.opened.has(slot)) this.opened.set(slot, leaf);
    }
  }

  /**
   * Puts what was sealed in the place of each leaf.
   *
   * @throws {UnknownLeaf} naming the path, never the value
   */
  open(documents: Documents): void {
    const known = (leaf: Leaf, { aad }: MovingPlace): Leaf => {
      const found = this.opened.get(slotOf(leaf, aad));
      if (found === undefined)
        throw new UnknownLeaf("no version of the file has this value at this place");
      return { ...found };
    };
    const change: LeafChange = {
      scalar: known,
      comment(leaf, place) {
        const found = known(leaf, place);
        return found.kind === "comment" ? { ...found, inline: leaf.inline } : leaf;
      },
    };
    try {
      walk(documents, nothingSelected, change);
    } catch (error) {
      if (!(error instanceof UnknownLeaf)) throw error;
      throw new UnknownLeaf(`${error.message}: ${pathOfError(error)}`);
    }
  }
}

function leavesOf(documents: Documents): { leaf: Leaf; aad: string }[] {
  const found: { leaf: Leaf; aad: string }[] = [];
  const note = <L extends Scalar | Comment>(leaf: L, { aad }: MovingPlace): L => {
    found.push({ leaf, aad });
    return leaf;
  };
  walk(documents, nothingSelected, { scalar: note, comment: note });
  return found;
}

function slotOf(leaf: Leaf, aad: string): string {
  const text = leaf.kind === "comment" ? `comment ${leaf.value}` : scalarText(leaf);
  return `${aad.length} ${aad} ${text}`;
}
