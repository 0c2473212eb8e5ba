import { plaintextOf } from "../crypto/leaf.ts";
import type { Leaf } from "../tree/node.ts";

/** A decrypted value as a reader sees it: text in quotes, `–` for none. */
export function shownLeaf(leaf: Leaf | undefined): string {
  if (leaf === undefined) return "–";
  if (leaf.kind === "comment") return `#${leaf.value}`;
  const text = plaintextOf(leaf);
  return leaf.kind === "str" ? JSON.stringify(leaf.value) : Buffer.from(text).toString();
}
