import { createHmac } from "node:crypto";
import { walk } from "../metadata/walk.ts";
import { nothingSelected } from "../metadata/selection.ts";
import type { Comment, Documents, Scalar } from "../tree/node.ts";
import { encodeText } from "../tree/text.ts";

/**
 * A digest for each scalar and comment of a decrypted tree, in the order of a walk: equal for equal values at one place, and
 * of no use to anybody without the key.
 *
 * @param key random, forgotten after use
 */
export function digestsOf(documents: Documents, key: Uint8Array): string[] {
  const digests: string[] = [];
  const add = (leaf: Scalar | Comment, aad: string): void => {
    const digest = createHmac("sha256", key).update(encodeText(`${aad}\0${leaf.kind}\0`));
    digests.push(digest.update(bytesOf(leaf)).digest("base64"));
  };
  walk(documents, nothingSelected, {
    scalar: (leaf, { aad }) => {
      add(leaf, aad);
      return leaf;
    },
    comment: (leaf, { aad }) => {
      add(leaf, aad);
      return leaf;
    },
  });
  return digests;
}

function bytesOf(leaf: Scalar | Comment): Uint8Array {
  switch (leaf.kind) {
    case "bytes":
      return leaf.value;
    case "str":
      return leaf.long === undefined
        ? encodeText(leaf.value)
        : Buffer.concat([...leaf.long.pieces]);
    case "comment":
    case "time":
      return encodeText(leaf.value);
    case "int":
    case "float":
    case "bool":
      return encodeText(String(leaf.value));
    default:
      return leaf satisfies never;
  }
}
