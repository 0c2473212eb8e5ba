import { ParseError } from "../../src/errors.ts";
import type { Comment, Documents, Mapping, Node, Sequence } from "../../src/tree/node.ts";
import { emitDocuments } from "./emitter.ts";
import { readDocuments } from "./reader.ts";

/**
 * Encrypted documents → YAML text. An encrypted comment in a list is written as a comment line wherever the reader puts that line back into the
 * same list, at the same place; elsewhere as a list item, the form that sops writes (spec file-format 10, D1). What the reader does with a line
 * is found out by reading.
 */
export function emitSealed(documents: Documents, indent: number | undefined): string[] {
  const wanted = encryptedListComments(documents);
  if (wanted.size === 0) return emitDocuments(documents, indent);
  const items = new Set<Comment>();
  for (;;) {
    const chunks = emitDocuments(documents, indent, items);
    const reread = readBack(chunks);
    if (!reread) return emitDocuments(documents, indent, setAbove(documents, wanted));
    const moved = misplaced(documents, reread, wanted, items);
    if (moved.length === 0) return chunks;
    // Writing one as an item may mend or break another: look again.
    for (const comment of moved) items.add(comment);
  }
}

/** The documents in a text; undefined where a comment at the end of a collection's line came out at a place that breaks it. */
function readBack(chunks: readonly string[]): Documents | undefined {
  try {
    return readDocuments(Buffer.from(chunks.join("")));
  } catch (error) {
    if (error instanceof ParseError) return undefined;
    throw error;
  }
}

/** Puts every comment above its value, the form that reads back anywhere; returns `wanted`, to be list items. */
function setAbove(documents: Documents, wanted: ReadonlySet<Comment>): ReadonlySet<Comment> {
  visit(documents, ({ items }) => {
    for (const item of items) if (item.kind === "comment") item.inline = false;
  });
  return wanted;
}

const isEncrypted = (text: string): boolean => text.startsWith("ENC[");

function encryptedListComments(documents: Documents): Set<Comment> {
  const found = new Set<Comment>();
  visit(documents, (container) => {
    if (container.kind !== "seq") return;
    for (const item of container.items)
      if (item.kind === "comment" && isEncrypted(item.value)) found.add(item);
  });
  return found;
}

/** Containers in document order; without recursion. */
export function visit(documents: Documents, see: (container: Mapping | Sequence) => void): void {
  const open: Node[] = [...documents].reverse();
  for (let node = open.pop(); node; node = open.pop()) {
    if (node.kind !== "map" && node.kind !== "seq") continue;
    see(node);
    for (let i = node.items.length - 1; i >= 0; i--) {
      const item = node.items[i] as (typeof node.items)[number];
      if (item.kind === "entry") open.push(item.value);
      else if (item.kind !== "comment") open.push(item);
    }
  }
}

/**
 * Where each encrypted comment of a list stands: the number of its container in document order, and how many elements are in front of it.
 * Ciphertexts are all different, so the text tells them apart.
 */
function places(documents: Documents, asElements: ReadonlySet<string>): Map<string, string> {
  const found = new Map<string, string>();
  let number = 0;
  visit(documents, (container) => {
    number++;
    let elements = 0;
    for (const item of container.items) {
      const text =
        item.kind === "comment" || (item.kind === "str" && asElements.has(item.value))
          ? item.value
          : undefined;
      if (text === undefined) elements++;
      else if (isEncrypted(text))
        found.set(text, `${number}:${elements}:${found.get(text) === undefined}`);
    }
  });
  return found;
}

/** The comments of `wanted`, not yet written as items, that `reread` shows at another place than `documents`. */
function misplaced(
  documents: Documents,
  reread: Documents,
  wanted: ReadonlySet<Comment>,
  items: ReadonlySet<Comment>,
): Comment[] {
  const asElements = new Set([...items].map((comment) => comment.value));
  const want = places(documents, asElements);
  const have = places(reread, asElements);
  const open = [...wanted].filter((comment) => !items.has(comment));
  const moved = open.filter((comment) => want.get(comment.value) !== have.get(comment.value));
  return moved;
}
