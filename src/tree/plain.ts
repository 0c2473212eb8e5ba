import { SopsmithError } from "../errors.ts";
import {
  bool,
  bytes,
  entry,
  float,
  int,
  map,
  nil,
  seq,
  str,
  type Documents,
  type Mapping,
  type Node,
} from "./node.ts";
import { leafText, lossyText } from "./text.ts";

/**
 * A document as ordinary JavaScript: integers that a number cannot hold are bigints, timestamps RFC 3339 text, text that is not UTF-8
 * `Uint8Array`. Comments are left out, and of equal keys the last one counts.
 */
export type Plain = string | number | bigint | boolean | null | Uint8Array | Plain[] | PlainObject;

export interface PlainObject {
  [key: string]: Plain;
}

/** A mapping as an object; `__proto__` and the like are ordinary keys of it. */
export function toPlain(root: Mapping): PlainObject {
  const result: PlainObject = {};
  const open: [Node, Plain[] | PlainObject][] = [[root, result]];
  // Containers are made first and filled later, so that deep documents need no deep stack.
  const convert = (node: Node): Plain => {
    if (node.kind === "map" || node.kind === "seq") {
      const container: Plain[] | PlainObject = node.kind === "map" ? {} : [];
      open.push([node, container]);
      return container;
    }
    return scalarToPlain(node);
  };
  for (let task = open.pop(); task; task = open.pop()) {
    const [node, container] = task;
    if (node.kind !== "map" && node.kind !== "seq") continue;
    for (const item of node.items) {
      if (item.kind === "comment") continue;
      if (Array.isArray(container)) {
        if (item.kind !== "entry") container.push(convert(item));
      } else if (item.kind === "entry") {
        define(container, lossyText(item.key), convert(item.value));
      }
    }
  }
  return result;
}

function define(object: PlainObject, key: string, value: Plain): void {
  if (key === "__proto__") {
    Object.defineProperty(object, key, {
      value,
      enumerable: true,
      configurable: true,
      writable: true,
    });
  } else {
    object[key] = value;
  }
}

/** One value of a tree as plain JavaScript. */
export function nodeToPlain(node: Node): Plain {
  switch (node.kind) {
    case "map":
      return toPlain(node);
    case "seq": {
      const wrapped = toPlain(map([entry("v", node)]));
      return wrapped["v"] ?? [];
    }
    default:
      return scalarToPlain(node);
  }
}

function scalarToPlain(node: Exclude<Node, { kind: "map" | "seq" }>): Plain {
  switch (node.kind) {
    case "int": {
      const number = Number(node.value);
      return Number.isSafeInteger(number) ? number : node.value;
    }
    case "null":
      return null;
    case "comment":
      return lossyText(node.value);
    case "str":
      return lossyText(leafText(node));
    case "bytes":
    case "float":
    case "bool":
    case "time":
      return node.value;
    default:
      return node satisfies never;
  }
}

/** What cannot be a value in a document: a function, a symbol, an integer beyond 64 bits. Exit 4. */
export class UnsupportedValue extends SopsmithError {
  constructor(what: string) {
    super("unsupported-value", 4, `${what} cannot be stored in a document`);
  }
}

/**
 * Plain JavaScript as a tree: whole numbers become integers, others floats; `undefined` members of an object are left out.
 *
 * @throws {UnsupportedValue}
 */
export function fromPlain(value: unknown): Node {
  let result: Node = nil();
  const open: { value: unknown; put: (node: Node) => void; depth: number }[] = [
    { value, put: (node) => (result = node), depth: 0 },
  ];
  for (let task = open.pop(); task; task = open.pop()) {
    const { value: at, put, depth } = task;
    // A cycle is the only way to get this deep.
    if (depth > 10_000) throw new UnsupportedValue("An object that contains itself");
    if (Array.isArray(at)) {
      const list = seq(at.map(() => nil()));
      put(list);
      at.forEach((item: unknown, i) =>
        open.push({ value: item, put: (node) => (list.items[i] = node), depth: depth + 1 }),
      );
    } else if (typeof at === "object" && at !== null && !(at instanceof Uint8Array)) {
      const mapping = map([]);
      put(mapping);
      for (const [key, member] of Object.entries(at)) {
        if (member === undefined) continue;
        const added = entry(key, nil());
        mapping.items.push(added);
        open.push({ value: member, put: (node) => (added.value = node), depth: depth + 1 });
      }
    } else {
      put(scalarFromPlain(at));
    }
  }
  return result;
}

function scalarFromPlain(value: unknown): Node {
  switch (typeof value) {
    case "string":
      return str(value.toWellFormed());
    case "boolean":
      return bool(value);
    case "number":
      return Number.isSafeInteger(value) && !Object.is(value, -0)
        ? int(BigInt(value))
        : float(value);
    case "bigint":
      if (BigInt.asIntN(64, value) !== value)
        throw new UnsupportedValue("An integer beyond 64 bits");
      return int(value);
    default:
      if (value === null || value === undefined) return nil();
      if (value instanceof Uint8Array) return bytes(value);
      throw new UnsupportedValue(`A ${typeof value}`);
  }
}

/** An object, or several for a YAML stream, as documents. */
export function documentsFromPlain(value: PlainObject | readonly PlainObject[]): Documents {
  const objects = Array.isArray(value) ? (value as readonly PlainObject[]) : [value as PlainObject];
  return objects.map((object) => {
    const node = fromPlain(object);
    if (node.kind !== "map") throw new UnsupportedValue("A document that is not an object");
    return node;
  });
}
