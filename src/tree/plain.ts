import { types } from "node:util";
import { SopsmithError } from "../errors.ts";
import { fullTime } from "../go/time.ts";
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
  time,
  type Documents,
  type Mapping,
  type Node,
} from "./node.ts";
import { pathText, type Path } from "./path.ts";
import { leafText, lossyText } from "./text.ts";

/**
 * A value of a document in JavaScript: an integer that a number cannot hold exactly is a bigint, a timestamp is a `Date`, and bytes that are
 * not UTF-8 text are a `Uint8Array`. Comments are left out, and of equal keys the last one counts.
 */
export type Plain =
  | string
  | number
  | bigint
  | boolean
  | null
  | Date
  | Uint8Array
  | Plain[]
  | PlainObject;

/** A mapping of a document: its values by their keys. */
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
    case "time": {
      const date = new Date(node.value);
      // Go knows offsets that JavaScript does not.
      return Number.isNaN(date.getTime()) ? node.value : date;
    }
    case "bytes":
    case "float":
    case "bool":
      return node.value;
    default:
      return node satisfies never;
  }
}

/** A value that no document can hold, such as a function, a `Map` or an integer beyond 64 bits. Exit 4. */
export class UnsupportedValue extends SopsmithError {
  /** @param path where it is in the value that was given */
  constructor(what: string, path: Path, hint?: string) {
    const at = pathText(path);
    const place = at === "" ? "" : `${at}: `;
    super("unsupported-value", 4, `${place}${what} cannot be stored in a document`, {
      hint,
      ...(at === "" ? {} : { path: at }),
    });
  }
}

/** A value's place: the objects around it, the nearest first. */
interface Place {
  readonly step: string | number;
  readonly container: object;
  readonly depth: number;
  readonly outer: Place | undefined;
}

function pathOf(place: Place | undefined): Path {
  const steps: (string | number)[] = [];
  for (let at = place; at; at = at.outer) steps.push(at.step);
  return steps.toReversed();
}

/**
 * Plain JavaScript as a tree: whole numbers become integers, others floats, a `Date` a timestamp.
 *
 * @throws {UnsupportedValue} naming the place of what cannot be stored: `undefined`, functions, symbols, instances of classes (`Map` and `Set`
 * too), integers beyond 64 bits, text with half a surrogate pair, an object that contains itself
 */
export function fromPlain(value: unknown): Node {
  let result: Node = nil();
  const open: { value: unknown; put: (node: Node) => void; place: Place | undefined }[] = [
    { value, put: (node) => (result = node), place: undefined },
  ];
  for (let task = open.pop(); task; task = open.pop()) {
    const { value: at, put, place } = task;
    if (typeof at !== "object" || at === null || at instanceof Uint8Array || types.isDate(at)) {
      put(scalarFromPlain(at, place));
      continue;
    }
    refuseCircle(at, place);
    const inside = (step: string | number): Place => ({
      step,
      container: at,
      depth: (place?.depth ?? 0) + 1,
      outer: place,
    });
    if (Array.isArray(at)) {
      const list = seq(Array.from(at, () => nil()));
      put(list);
      for (let i = 0; i < at.length; i++)
        open.push({ value: at[i], put: (node) => (list.items[i] = node), place: inside(i) });
    } else {
      refuseInstance(at, place);
      const mapping = map([]);
      put(mapping);
      for (const [key, member] of Object.entries(at)) {
        if (!key.isWellFormed()) throw new UnsupportedValue(HALF_PAIR, pathOf(place));
        const added = entry(key, nil());
        mapping.items.push(added);
        open.push({ value: member, put: (node) => (added.value = node), place: inside(key) });
      }
    }
  }
  return result;
}

const HALF_PAIR = "Text with half a surrogate pair";

function refuseCircle(object: object, place: Place | undefined): void {
  for (let at = place; at; at = at.outer)
    if (at.container === object)
      throw new UnsupportedValue("An object that contains itself", pathOf(place));
  if (place !== undefined && place.depth > 10_000)
    throw new UnsupportedValue("A value nested more than 10,000 deep", pathOf(place).slice(0, 8));
}

function refuseInstance(object: object, place: Place | undefined): void {
  const prototype: unknown = Object.getPrototypeOf(object);
  // `Object.prototype` of any realm has no prototype of its own.
  const isPlain =
    prototype === null ||
    (typeof prototype === "object" && Object.getPrototypeOf(prototype) === null);
  if (!isPlain) {
    const name = object.constructor?.name || "a class";
    const hint =
      name === "Map"
        ? "Turn it into an object: Object.fromEntries(map)."
        : name === "Set"
          ? "Turn it into an array: [...set]."
          : "Turn the data to store into a plain object.";
    const what = name === "Object" ? "An object with inherited keys" : `An instance of ${name}`;
    throw new UnsupportedValue(what, pathOf(place), hint);
  }
  if (Object.getOwnPropertySymbols(object).length > 0)
    throw new UnsupportedValue("A key that is a symbol", pathOf(place));
}

function scalarFromPlain(value: unknown, place: Place | undefined): Node {
  switch (typeof value) {
    case "string":
      if (!value.isWellFormed()) throw new UnsupportedValue(HALF_PAIR, pathOf(place));
      return str(value);
    case "boolean":
      return bool(value);
    case "number":
      return Number.isSafeInteger(value) && !Object.is(value, -0)
        ? int(BigInt(value))
        : float(value);
    case "bigint":
      if (BigInt.asIntN(64, value) !== value)
        throw new UnsupportedValue("An integer beyond 64 bits", pathOf(place));
      return int(value);
    case "undefined":
      throw new UnsupportedValue("undefined", pathOf(place), "Leave the key out, or use null.");
    case "object":
      if (value === null) return nil();
      if (value instanceof Uint8Array) return bytes(value);
      if (types.isDate(value)) return timeFromDate(value, place);
      throw new UnsupportedValue("An object", pathOf(place));
    default:
      throw new UnsupportedValue(`A ${typeof value}`, pathOf(place));
  }
}

function timeFromDate(date: Date, place: Place | undefined): Node {
  const instant = Date.prototype.getTime.call(date);
  const text = Number.isNaN(instant) ? undefined : fullTime(new Date(instant).toISOString());
  if (text !== undefined) return time(text);
  const what = Number.isNaN(instant) ? "An invalid Date" : "A Date beyond the years 0 to 9999";
  throw new UnsupportedValue(what, pathOf(place));
}

/**
 * An object, or several for a YAML stream, as documents.
 *
 * @throws {UnsupportedValue}
 */
export function documentsFromPlain(value: unknown): Documents {
  const objects: readonly unknown[] = Array.isArray(value) ? value : [value];
  return objects.map((object) => {
    const node = fromPlain(object);
    if (node.kind === "map") return node;
    throw new UnsupportedValue(
      "A document that is not an object",
      Array.isArray(value) ? [objects.indexOf(object)] : [],
      "The outermost value must be an object, or an array of objects for several documents.",
    );
  });
}
