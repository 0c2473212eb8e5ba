import { readDocuments } from "../../formats/yaml/reader.ts";
import { collections } from "../../src/tree/collections.ts";
import { ParseError } from "../../src/errors.ts";
import type { Node } from "../../src/tree/node.ts";

/** The same; undefined for a text that cannot be read: sops prints some comments between a key and its value (spec file-format 10, D6). */
export function documentsIfReadable(text: string): string[] | undefined {
  try {
    return documentsFromText(text);
  } catch (error) {
    if (error instanceof ParseError) return undefined;
    throw error;
  }
}

/** The keys and values of a YAML text in document order, comments left out. A float without fraction counts as an integer: sops writes it so. */
export function documentsFromText(text: string): string[] {
  const found: string[] = [];
  for (const { items } of collections(readDocuments(Buffer.from(text)))) {
    found.push("(");
    for (const item of items) {
      if (item.kind === "comment") continue;
      found.push(item.kind === "entry" ? `${item.key}: ${shown(item.value)}` : shown(item));
    }
    found.push(")");
  }
  return found;
}

function shown(node: Node): string {
  if (!("value" in node)) return node.kind;
  const { value } = node;
  if (node.kind === "int" || node.kind === "float") return `number ${String(value)}`;
  return `${node.kind} ${value instanceof Uint8Array ? Buffer.from(value).toString("hex") : String(value)}`;
}
