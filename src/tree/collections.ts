import type { Documents, Mapping, Node, Sequence } from "./node.ts";

/** Every mapping and list, in document order. What is put into one before the next is asked for is met too. */
export function* collections(documents: Documents): Generator<Mapping | Sequence> {
  const open: Node[] = documents.toReversed();
  for (let node = open.pop(); node; node = open.pop()) {
    if (node.kind !== "map" && node.kind !== "seq") continue;
    yield node;
    for (let i = node.items.length - 1; i >= 0; i--) {
      const item = node.items[i] as (typeof node.items)[number];
      const value = item.kind === "entry" ? item.value : item;
      if (value.kind === "map" || value.kind === "seq") open.push(value);
    }
  }
}
