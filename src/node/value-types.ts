import { looksSealed, sealedText } from "../crypto/ciphertext.ts";
import { splitCiphertext } from "../crypto/leaf.ts";
import type { Item, Mapping, Node, Sequence } from "../tree/node.ts";
import { variableKey } from "./env-text.ts";

/** The type of a value, as far as a file tells it without a key: any of the leaves, or an object, or a list. */
export interface ValueType {
  /** TypeScript's names. */
  readonly leaves: Set<string>;
  object?: Map<string, Member>;
  list?: ValueType;
}

/** A key of an object. */
export interface Member {
  type: ValueType;
  isOptional: boolean;
  /** What unencrypted comments say of it. */
  notes: readonly string[];
}

/** Nobody writes types for deeper values by hand either. */
const DEEPEST = 64;

/**
 * The type of a document's values, from an encrypted file as it is: ciphertexts say whether they hold text, a number, a boolean or a time.
 *
 * @param isVariables an ENV file: `export` in front of a name is no part of it
 */
export function typeOf(root: Mapping, isVariables: boolean): ValueType {
  return objectType(root, 0, isVariables ? variableKey : (key) => key);
}

function valueType(node: Node, depth: number): ValueType {
  if (depth > DEEPEST) return leaf("unknown");
  if (node.kind === "map") return objectType(node, depth, (key) => key);
  return node.kind === "seq" ? listType(node, depth) : leaf(leafType(node));
}

function objectType({ items }: Mapping, depth: number, nameOf: (key: string) => string): ValueType {
  const object = new Map<string, Member>();
  let notes: string[] = [];
  let last: Member | undefined;
  for (const item of items) {
    if (item.kind === "entry") {
      last = { type: valueType(item.value, depth + 1), isOptional: false, notes };
      // Of equal keys the last one counts.
      object.set(nameOf(item.key), last);
      notes = [];
      continue;
    }
    const note = noteOf(item);
    if (note === undefined) continue;
    if (item.inline && last !== undefined) last.notes = [...last.notes, note];
    else notes.push(note);
  }
  return { leaves: new Set(), object };
}

function noteOf(item: Exclude<Item, { kind: "entry" }>): string | undefined {
  const note = item.value.trim();
  return note === "" || looksSealed(note) || note.startsWith("sopsmith-layout") ? undefined : note;
}

function listType({ items }: Sequence, depth: number): ValueType {
  let element: ValueType = { leaves: new Set() };
  let isFirst = true;
  for (const item of items) {
    if (item.kind === "comment") continue;
    const type = valueType(item, depth + 1);
    element = isFirst ? type : eitherType(element, type);
    isFirst = false;
  }
  return { leaves: new Set(), list: element };
}

const leaf = (name: string): ValueType => ({ leaves: new Set([name]) });

function leafType(node: Exclude<Node, Mapping | Sequence>): string {
  switch (node.kind) {
    case "str":
      return sealedType(sealedText(node) ?? "");
    case "int":
      return Number.isSafeInteger(Number(node.value)) ? "number" : "bigint";
    case "float":
      return "number";
    case "bool":
      return "boolean";
    case "time":
      return "Date";
    case "bytes":
      return "Uint8Array";
    case "null":
      return "null";
    case "comment":
      return "string";
    default:
      return node satisfies never;
  }
}

function sealedType(text: string): string {
  const parts = looksSealed(text) ? splitCiphertext(text) : undefined;
  switch (parts?.type) {
    case "int":
      // More than 15 digits may be beyond what a number holds exactly.
      return Buffer.from(parts.data, "base64").length > 15 ? "number | bigint" : "number";
    case "float":
      return "number";
    case "bool":
      return "boolean";
    case "time":
      return "Date";
    default:
      return "string";
  }
}

/** The type of what may be the one or the other; keys that one of two objects lacks are optional. */
export function eitherType(a: ValueType, b: ValueType): ValueType {
  const result: ValueType = { leaves: new Set([...a.leaves, ...b.leaves]) };
  const list = a.list && b.list ? eitherType(a.list, b.list) : (a.list ?? b.list);
  if (list !== undefined) result.list = list;
  const object = a.object && b.object ? eitherObject(a.object, b.object) : (a.object ?? b.object);
  if (object !== undefined) result.object = object;
  return result;
}

function eitherObject(a: Map<string, Member>, b: Map<string, Member>): Map<string, Member> {
  const result = new Map<string, Member>();
  for (const key of new Set([...a.keys(), ...b.keys()])) {
    const [one, other] = [a.get(key), b.get(key)];
    if (one !== undefined && other !== undefined)
      result.set(key, {
        type: eitherType(one.type, other.type),
        isOptional: one.isOptional || other.isOptional,
        notes: one.notes.length > 0 ? one.notes : other.notes,
      });
    else {
      const only = one ?? other;
      if (only !== undefined) result.set(key, { ...only, isOptional: true });
    }
  }
  return result;
}
