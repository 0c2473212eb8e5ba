import type { Documents, Item, Mapping, Node } from "../src/tree/node.ts";

/** The same node without its place in the text, to be compared with one made in memory. For shallow trees. */
export function bare<N extends Node | Item>(node: N): N {
  const copy = { ...node, start: -1, end: -1 };
  if (copy.kind === "map") copy.items = copy.items.map((item) => bare(item));
  else if (copy.kind === "seq") copy.items = copy.items.map((item) => bare(item));
  else if (copy.kind === "entry") copy.value = bare(copy.value);
  else if (copy.kind === "bytes") copy.value = Uint8Array.from(copy.value);
  return copy;
}

export const bareDocuments = (documents: Documents): Documents =>
  documents.map((document: Mapping) => bare(document));
