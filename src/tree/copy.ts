import type { Documents, Item, Node } from "./node.ts";

/** Documents of their own: changing them in place changes nothing in those that they were made from. */
export const copyDocuments = (documents: Documents): Documents =>
  documents.map((document) => ({ ...document, items: document.items.map(copyItem) }));

function copyItem(item: Item): Item {
  return item.kind === "comment" ? { ...item } : { ...item, value: copyNode(item.value) };
}

function copyNode(node: Node): Node {
  switch (node.kind) {
    case "map":
      return { ...node, items: node.items.map(copyItem) };
    case "seq":
      return { ...node, items: node.items.map(copyNode) };
    default:
      return { ...node };
  }
}

/** Is any node nested in more than so many collections? */
export function isDeeperThan(documents: Documents, limit: number): boolean {
  let level: Node[] = [...documents];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > limit) return true;
    const next: Node[] = [];
    for (const node of level)
      if (node.kind === "seq") for (const item of node.items) next.push(item);
      else if (node.kind === "map")
        for (const item of node.items) next.push(item.kind === "comment" ? item : item.value);
    level = next.filter(({ kind }) => kind === "map" || kind === "seq");
  }
  return false;
}
