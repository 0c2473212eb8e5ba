import type { Mapping, Node } from "../tree/node.ts";
import type { Path } from "../tree/path.ts";

/** A value that holds no others, or an empty list or mapping, with its path; positions in lists do not count comments. */
export interface FoundNode {
  readonly path: Path;
  readonly node: Node;
}

/** Every leaf of a document, in the order of the document, comments left out. Of equal keys all are there. */
export function leavesOf(root: Mapping): FoundNode[] {
  const found: FoundNode[] = [];
  const open: FoundNode[] = [{ path: [], node: root }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const inside = childrenOf(next);
    if (inside.length === 0) {
      if (next.node !== root) found.push(next);
    } else for (const child of inside.toReversed()) open.push(child);
  }
  return found;
}

function childrenOf({ path, node }: FoundNode): FoundNode[] {
  const children: FoundNode[] = [];
  if (node.kind !== "map" && node.kind !== "seq") return children;
  for (const item of node.items) {
    if (item.kind === "comment") continue;
    if (item.kind === "entry") children.push({ path: [...path, item.key], node: item.value });
    else children.push({ path: [...path, children.length], node: item });
  }
  return children;
}
