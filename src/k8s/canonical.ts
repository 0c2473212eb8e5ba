import type { Item, Mapping, Node } from "../tree/node.ts";
import { find } from "../tree/node.ts";
import { compareBytes } from "./sops-secret.ts";

/**
 * Puts the keys of every map below `spec` into byte order, the order in which the API server hands them out, and drops comments between
 * list items, which the API server refuses once they are encrypted. A comment in front of a key moves with it.
 *
 * @returns what was changed
 */
export function makeCanonical(document: Mapping): { sorted: boolean; droppedComments: number } {
  const spec = find(document, "spec")?.value;
  const result = { sorted: false, droppedComments: 0 };
  const open: Node[] = spec === undefined ? [] : [spec];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (node.kind === "seq") {
      const kept = node.items.filter((item) => item.kind !== "comment");
      result.droppedComments += node.items.length - kept.length;
      node.items = kept;
      for (const one of kept) open.push(one);
    } else if (node.kind === "map") {
      const sorted = sortedItems(node.items);
      if (sorted.some((item, index) => item !== node.items[index])) result.sorted = true;
      node.items = sorted;
      for (const item of sorted) if (item.kind === "entry") open.push(item.value);
    }
  }
  return result;
}

function sortedItems(items: readonly Item[]): Item[] {
  const groups: { key: string; items: Item[] }[] = [];
  let waiting: Item[] = [];
  for (const item of items) {
    waiting.push(item);
    if (item.kind !== "entry") continue;
    groups.push({ key: item.key, items: waiting });
    waiting = [];
  }
  const sorted = groups.toSorted((a, b) => compareBytes(a.key, b.key));
  return [...sorted.flatMap((group) => group.items), ...waiting];
}
