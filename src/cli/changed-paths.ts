import type { Documents, Node, Null, Scalar } from "../tree/node.ts";
import { pathText } from "../tree/path.ts";

/** So many are named; the rest is counted. */
const SHOWN_PATHS = 10;

/**
 * Says which values of a file were added, removed or changed: their places, never what they are. Comments do not count.
 *
 * @returns such as `added ["a"], changed ["b"][0]`; undefined when the values are the same
 */
export function changedPaths(before: Documents, after: Documents): string | undefined {
  const [old, now] = [leavesOf(before), leavesOf(after)];
  const added = [...now.keys()].filter((path) => !old.has(path));
  const removed = [...old.keys()].filter((path) => !now.has(path));
  const changed = [...now].filter(([path, text]) => old.has(path) && old.get(path) !== text);
  const parts = [
    part("added", added),
    part("removed", removed),
    part(
      "changed",
      changed.map(([path]) => path),
    ),
  ].filter((text) => text !== "");
  return parts.length === 0 ? undefined : parts.join(", ");
}

function part(what: string, paths: readonly string[]): string {
  if (paths.length === 0) return "";
  const more = paths.length - SHOWN_PATHS;
  const shown = paths.slice(0, SHOWN_PATHS).join(" ");
  return `${what} ${shown}${more > 0 ? ` and ${more} more` : ""}`;
}

/** Every value with its place; of several documents, the place begins with the document's number. */
function leavesOf(documents: Documents): Map<string, string> {
  const leaves = new Map<string, string>();
  const waiting = documents
    .map((document, index): [path: string, node: Node] => [
      documents.length > 1 ? `document ${index + 1} ` : "",
      document,
    ])
    .toReversed();
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const [path, node] = next;
    if (node.kind === "comment") continue;
    if (node.kind !== "map" && node.kind !== "seq") {
      leaves.set(path, textOf(node));
      continue;
    }
    let position = 0;
    const inside: [path: string, node: Node][] = [];
    for (const item of node.items) {
      if (item.kind === "comment") continue;
      if (item.kind === "entry") inside.push([path + pathText([item.key]), item.value]);
      else inside.push([path + pathText([position++]), item]);
    }
    // The last one comes out first.
    for (const child of inside.toReversed()) waiting.push(child);
    if (node.items.length === 0) leaves.set(path, node.kind);
  }
  return leaves;
}

/** Tells values apart, also those that are written alike. */
function textOf(node: Scalar | Null): string {
  if (node.kind === "null") return node.kind;
  const text = node.kind === "bytes" ? Buffer.from(node.value).toString("base64") : node.value;
  return `${node.kind} ${text}`;
}
