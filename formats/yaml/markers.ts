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
      putAbove(out);
      if (value.kind === "seq" && value.items.every(({ kind }) => kind === "comment")) {
        for (const comment of value.items as Comment[]) out.push(comment as Item);
        value.items = [];
      }
      open.push(value);
    } else if (value.kind !== "comment" && isInline(out.at(-1)) && isInline(out.at(-2))) {
      // Only one of them has room on the line: the next would govern the value below.
      putAbove(out);
    }
    out.push(item);
  }
  return out;
}

/** Puts the comments at the end of the list on lines of their own. */
function putAbove(items: readonly (Entry | Node)[]): void {
  for (let i = items.length - 1; ; i--) {
    const last = items[i];
    if (last?.kind !== "comment") return;
    last.inline = false;
  }
}

const isInline = (item: Entry | Node | undefined): boolean =>
  item?.kind === "comment" && item.inline;
