import type { Placement } from "../../formats/format.ts";
import { EmitError, SopsmithError } from "../errors.ts";
import { entry, map, str, type Documents, type Item, type Mapping } from "../tree/node.ts";
import { leafText } from "../tree/text.ts";
import { flatten, unflatten, UnflattenError, type FlatField } from "./flatten.ts";

const KEY = "sops";
const PREFIX = "sops_";

/** The file has no `sops` block. Exit 1. */
export class MetadataNotFound extends SopsmithError {
  constructor() {
    super("metadata-not-found", 1, "sops metadata not found", {
      hint: "The file is not encrypted, or it is read in the wrong format: check its name, or use --input-type.",
    });
  }
}

/** The `sops` entry is not what it should be. Exit 1. */
export class MetadataMisplaced extends SopsmithError {
  constructor(message: string) {
    super("metadata-misplaced", 1, message, {
      hint: "The `sops` block was changed by hand or by a merge; restore it from version control.",
    });
  }
}

/**
 * Takes the `sops` block out of the documents: it is read from the first one and dropped from the others.
 *
 * @returns the block in its nested form
 * @throws {MetadataNotFound}
 * @throws {MetadataMisplaced} for a block that is no mapping, or one that is there twice
 * @throws {UnflattenError}
 */
export function detach(documents: Documents, placement: Placement): Mapping {
  const [first] = documents;
  if (first === undefined) throw new MetadataNotFound();
  if (placement === "prefix") return detachVariables(first);
  const block = findBlock(first);
  for (const document of documents)
    document.items = document.items.filter((item) => !isEntryOf(item, KEY));
  return placement === "section" ? unflatten(sectionFields(block)) : block;
}

/**
 * Puts the block into documents that have none: a copy into each document; for INI a last section of the last one; for
 * ENV variables after the first one's.
 *
 * @throws {EmitError} when a document has data under a name that is reserved for the block
 */
export function attach(documents: Documents, block: Mapping, placement: Placement): void {
  for (const document of documents) refuseReserved(document, placement);
  switch (placement) {
    case "mapping":
      for (const document of documents) document.items.push(entry(KEY, block));
      return;
    case "section": {
      // The block's line feeds are escaped here; the values of the document's own sections are not.
      const fields = flatten(block).map(({ name, value }) =>
        entry(name, str(value.replaceAll("\n", "\\n"))),
      );
      documents.at(-1)?.items.push(entry(KEY, map(fields)));
      return;
    }
    case "prefix": {
      const [first] = documents;
      for (const { name, value } of flatten(block))
        first?.items.push(entry(PREFIX + name, str(value)));
      return;
    }
    default:
      placement satisfies never;
  }
}

/** Whether plain documents already hold what would be read as a `sops` block (spec file-format section 6). */
export function isSealed(documents: Documents, placement: Placement): boolean {
  const [first] = documents;
  return first !== undefined && first.items.some((item) => isReserved(item, placement));
}

function findBlock(document: Mapping): Mapping {
  const found = document.items.filter((item) => isEntryOf(item, KEY));
  const [only] = found;
  if (only === undefined) throw new MetadataNotFound();
  if (found.length > 1) throw new MetadataMisplaced("Found duplicate sops entry");
  const { value } = only;
  if (value.kind !== "map") throw new MetadataMisplaced("Found sops entry that is not a mapping");
  if (!value.items.some((item) => item.kind === "entry")) throw new MetadataNotFound();
  return value;
}

function sectionFields(section: Mapping): FlatField[] {
  return textFields(section, "").map(({ name, value }) => ({
    name,
    value: value.replaceAll("\\n", "\n"),
  }));
}

function detachVariables(document: Mapping): Mapping {
  const fields = textFields(document, PREFIX);
  if (fields.length === 0) throw new MetadataNotFound();
  document.items = document.items.filter((item) => !isReserved(item, "prefix"));
  return unflatten(fields);
}

/** The entries whose key begins so, without that beginning. */
function textFields(mapping: Mapping, beginning: string): FlatField[] {
  const fields: FlatField[] = [];
  for (const item of mapping.items) {
    if (item.kind !== "entry" || !item.key.startsWith(beginning)) continue;
    const { value } = item;
    if (value.kind !== "str" && value.kind !== "bytes") throw new UnflattenError(": Type mismatch");
    fields.push({ name: item.key.slice(beginning.length), value: leafText(value) });
  }
  return fields;
}

function refuseReserved(document: Mapping, placement: Placement): void {
  for (const item of document.items) {
    if (item.kind !== "entry" || !isReserved(item, placement)) continue;
    const name = JSON.stringify(item.key);
    throw new EmitError(
      placement === "prefix"
        ? `Error marshaling metadata: Found key ${name} in encrypted data, which starts with the reserved key prefix "${PREFIX}" for SOPS metadata`
        : `Error marshaling metadata: Found key ${name} in encrypted data, which is a reserved key used for SOPS metadata`,
      { hint: "Rename that key." },
    );
  }
}

function isReserved(item: Item, placement: Placement): boolean {
  return placement === "prefix"
    ? item.kind === "entry" && item.key.startsWith(PREFIX)
    : isEntryOf(item, KEY);
}

function isEntryOf(item: Item, name: string): item is Item & { kind: "entry" } {
  return item.kind === "entry" && item.key === name;
}
