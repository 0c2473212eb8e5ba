import { SopsmithError } from "../errors.ts";
import { entry, map, seq, str, type Mapping, type Node, type Sequence } from "../tree/node.ts";
import { floatText } from "../go/float.ts";
import { leafText } from "../tree/text.ts";

/**
 * The `sops` block as flat names, for formats without nesting: `__map_KEY` steps into a mapping, `__list_INDEX` into a
 * list, the first key has no marker (spec file-format 5.5).
 */
export interface FlatField {
  name: string;
  value: string;
}

/** Flat names that do not make a tree. Exit 1. */
export class UnflattenError extends SopsmithError {
  constructor(message: string) {
    super("unflatten", 1, `Error while unflattening${message}`, {
      hint: "The variables of the `sops` block were changed by hand or by a merge; restore them from version control.",
    });
  }
}

/** Fields in the order of the block. Empty lists and mappings disappear, as do comments. */
export function flatten(block: Mapping): FlatField[] {
  const fields: FlatField[] = [];
  for (const item of block.items)
    if (item.kind === "entry") flattenInto(fields, item.key, item.value);
  return fields;
}

/** The block is as deep as this program makes it, so recursion is bounded. */
function flattenInto(fields: FlatField[], name: string, node: Node): void {
  switch (node.kind) {
    case "map":
      for (const item of node.items) {
        if (item.kind === "entry") flattenInto(fields, `${name}__map_${item.key}`, item.value);
      }
      return;
    case "seq":
      for (const [index, item] of node.items.entries())
        flattenInto(fields, `${name}__list_${index}`, item);
      return;
    case "str":
    case "bytes":
      fields.push({ name, value: leafText(node) });
      return;
    case "int":
    case "bool":
    case "time":
      fields.push({ name, value: String(node.value) });
      return;
    case "float":
      fields.push({ name, value: floatText(node.value) });
      return;
    case "null":
      fields.push({ name, value: "<nil>" });
      return;
    case "comment":
      return;
    default:
      node satisfies never;
  }
}

/** A mapping being filled, with its entries by key. */
interface OpenMapping {
  node: Mapping;
  children: Map<string, Slot>;
}

/** A list being filled: elements come in any order. */
interface OpenSequence {
  node: Sequence;
  children: Map<number, Slot>;
}

type Slot =
  | { kind: "value"; node: Node }
  | ({ kind: "map" } & OpenMapping)
  | ({ kind: "list" } & OpenSequence);

/**
 * The inverse of `flatten`; the order of the fields does not matter, and all values are strings.
 *
 * @throws {UnflattenError}
 */
export function unflatten(fields: Iterable<FlatField>): Mapping {
  const root: Slot & { kind: "map" } = { kind: "map", node: map([]), children: new Map() };
  const lists: OpenSequence[] = [];
  for (const { name, value } of fields) {
    // "a", "__map_", "b", "__list_", "0": names at even places, what leads to the next one at odd places
    const steps = name.split(/(__map_|__list_)/);
    let holder: Slot = root;
    for (let i = 0; i < steps.length; i += 2) {
      const marker = steps[i + 1];
      const step = steps[i] ?? "";
      const next = child(holder, step, () =>
        marker === undefined ? { kind: "value", node: str(value) } : emptySlot(marker, lists),
      );
      if (next.found && marker === undefined) throw duplicateOrMismatch(next.slot, name);
      if (marker !== undefined && next.slot.kind !== (marker === "__map_" ? "map" : "list"))
        throw typeMismatch();
      holder = next.slot;
    }
  }
  for (const { node, children } of lists) {
    for (let i = 0; i < children.size; i++) {
      const slot = children.get(i);
      if (slot === undefined) throw new UnflattenError(": Incomplete list");
      node.items.push(slot.node);
    }
  }
  return root.node;
}

function emptySlot(marker: string, lists: OpenSequence[]): Slot {
  if (marker === "__map_") return { kind: "map", node: map([]), children: new Map() };
  const list: Slot & { kind: "list" } = { kind: "list", node: seq([]), children: new Map() };
  lists.push(list);
  return list;
}

/** The child of that name, made when it is not there yet. */
function child(holder: Slot, step: string, make: () => Slot): { slot: Slot; found: boolean } {
  if (holder.kind === "value") throw typeMismatch();
  if (holder.kind === "list") {
    const index = /^[+-]?\d{1,15}$/.test(step) ? Number(step) : 0;
    const known = holder.children.get(index);
    if (known !== undefined) return { slot: known, found: true };
    const slot = make();
    holder.children.set(index, slot);
    return { slot, found: false };
  }
  const known = holder.children.get(step);
  if (known !== undefined) return { slot: known, found: true };
  const slot = make();
  holder.children.set(step, slot);
  holder.node.items.push(entry(step, slot.node));
  return { slot, found: false };
}

function duplicateOrMismatch(slot: Slot, name: string): UnflattenError {
  return slot.kind === "value"
    ? new UnflattenError(` ${JSON.stringify(name)}: Duplicate value`)
    : typeMismatch();
}

function typeMismatch(): UnflattenError {
  return new UnflattenError(": Type mismatch");
}
