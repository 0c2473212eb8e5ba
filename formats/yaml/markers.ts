import type { Comment, Documents, Entry, Node } from "../../src/tree/node.ts";

/**
 * Where comments say what is encrypted, a comment must govern the same value when the file is read. The printer puts one at the end of a
 * collection's line, and those in an empty list, at a later line (spec file-format 7.7): they are written above the key instead.
 */
export function keepMarkersInPlace(documents: Documents): void {
  const open: Node[] = [...documents];
  for (let node = open.pop(); node; node = open.pop()) {
    if (node.kind === "map") node.items = withMarkersAbove(node.items, open);
    else if (node.kind === "seq") node.items = withMarkersAbove(node.items, open);
  }
}

/** @param open takes the collections among the items */
function withMarkersAbove<Item extends Entry | Node>(items: Item[], open: Node[]): Item[] {
  const out: Item[] = [];
  for (const item of items) {
    const value: Node = item.kind === "entry" ? item.value : item;
    if (value.kind === "map" || value.kind === "seq") {
      for (let last = out.at(-1), i = out.length - 1; last?.kind === "comment"; last = out[--i]) {
        last.inline = false;
      }
      if (value.kind === "seq" && value.items.every(({ kind }) => kind === "comment")) {
        for (const comment of value.items as Comment[]) out.push(comment as Item);
        value.items = [];
      }
      open.push(value);
    }
    out.push(item);
  }
  return out;
}
