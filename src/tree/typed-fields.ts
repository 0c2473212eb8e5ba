import { SopsmithError } from "../errors.ts";
import { parseBool } from "../go/parse-bool.ts";
import { parseInt64 } from "../go/parse-int.ts";
import { goDecodedType } from "../go/type.ts";
import { map, type Mapping, type Node } from "./node.ts";
import { floatText } from "../go/float.ts";
import { leafText } from "./text.ts";

/**
 * Readers of one field of a mapping that stores settings: the `sops` block and the keys in it. They convert as sops does
 * (spec file-format 5.4): names match without regard to case, an exact match first; comments are passed over; null and
 * an absent field read as the empty value. `path` names the mapping in messages: `age[0]`, or "" for the block itself.
 */

/** A field of a type that cannot be converted. Names the field and the types, never the value. Exit 1. */
export class FieldError extends SopsmithError {
  constructor(problem: string) {
    super("metadata-field", 1, `decoding failed due to the following error(s):\n\n${problem}`, {
      hint: "The `sops` block was changed by hand or by a merge; restore it from version control.",
    });
  }
}

/** A stored time that is not RFC 3339. Exit 1. */
export class TimeError extends SopsmithError {
  constructor(field: string) {
    super(
      "metadata-time",
      1,
      `parsing time in '${field}': expected RFC 3339, such as 2006-01-02T15:04:05Z`,
      {
        hint: "The `sops` block was changed by hand or by a merge; restore it from version control.",
      },
    );
  }
}

/** The value of a field; undefined when it is absent or null. */
export function readField(mapping: Mapping, name: string): Node | undefined {
  let exact: Node | undefined;
  let similar: Node | undefined;
  for (const item of mapping.items) {
    if (item.kind !== "entry") continue;
    if (item.key === name) exact = item.value;
    else if (item.key.length === name.length && item.key.toLowerCase() === name)
      similar = item.value;
  }
  const value = exact ?? similar;
  return value === undefined || value.kind === "null" ? undefined : value;
}

export function readText(mapping: Mapping, name: string, path = ""): string {
  const value = readField(mapping, name);
  return value === undefined ? "" : textOf(value, fieldPath(path, name));
}

/** A text, or a time without quotes, as other programs than sops write it. */
export function readTimeText(mapping: Mapping, name: string, path = ""): string {
  const value = readField(mapping, name);
  return value?.kind === "time" ? value.value : readText(mapping, name, path);
}

export function readBool(mapping: Mapping, name: string, path = ""): boolean {
  const value = readField(mapping, name);
  if (value === undefined) return false;
  switch (value.kind) {
    case "bool":
      return value.value;
    case "int":
      return value.value !== 0n;
    case "float":
      return value.value !== 0;
    case "str": {
      const parsed = value.value === "" ? false : parseBool(value.value);
      if (parsed !== undefined) return parsed;
      throw new FieldError(
        `'${fieldPath(path, name)}' cannot parse value as 'bool': strconv.ParseBool: invalid syntax`,
      );
    }
    default:
      throw mismatch(fieldPath(path, name), "bool", value);
  }
}

export function readInt(mapping: Mapping, name: string, path = ""): number {
  const value = readField(mapping, name);
  if (value === undefined) return 0;
  switch (value.kind) {
    case "int":
      return Number(value.value);
    case "float":
      return Number.isFinite(value.value) ? Math.trunc(value.value) : 0;
    case "bool":
      return value.value ? 1 : 0;
    case "str": {
      const number = value.value === "" ? 0n : parseInt64(value.value);
      if (number === undefined) {
        throw new FieldError(
          `'${fieldPath(path, name)}' cannot parse value as 'int': strconv.ParseInt: invalid syntax`,
        );
      }
      return Number(number);
    }
    default:
      throw mismatch(fieldPath(path, name), "int", value);
  }
}

/** The mappings in a list; a single mapping counts as a list of one, an empty one as the empty list. */
export function readMappings(mapping: Mapping, name: string, path = ""): Mapping[] {
  const value = readField(mapping, name);
  if (value === undefined) return [];
  const field = fieldPath(path, name);
  if (value.kind === "map") return value.items.some((item) => item.kind === "entry") ? [value] : [];
  const items =
    value.kind === "seq" ? value.items.filter((item) => item.kind !== "comment") : [value];
  return items.map((item, index) => {
    if (item.kind === "map") return item;
    if (item.kind === "null") return map([]);
    throw new FieldError(
      `'${field}[${index}]' expected a map or struct, got "${goDecodedType(item)}"`,
    );
  });
}

/** Texts by name in file order, a repeated name with its last value; null values as undefined. */
export function readTextMap(
  mapping: Mapping,
  name: string,
  path = "",
): Map<string, string | undefined> {
  const value = readField(mapping, name);
  const out = new Map<string, string | undefined>();
  if (value === undefined || (value.kind === "seq" && value.items.length === 0)) return out;
  const field = fieldPath(path, name);
  if (value.kind !== "map")
    throw new FieldError(`'${field}' expected a map, got '${goDecodedType(value)}'`);
  for (const item of value.items) {
    if (item.kind !== "entry") continue;
    out.set(item.key, item.value.kind === "null" ? undefined : textOf(item.value, `${field}[…]`));
  }
  return out;
}

export function fieldPath(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}

function textOf(value: Node, field: string): string {
  switch (value.kind) {
    case "str":
    case "bytes":
      return leafText(value);
    case "int":
      return value.value.toString();
    case "float":
      return floatText(value.value);
    case "bool":
      return value.value ? "1" : "0";
    default:
      throw mismatch(field, "string", value);
  }
}

function mismatch(field: string, expected: string, value: Node): FieldError {
  return new FieldError(
    `'${field}' expected type '${expected}', got unconvertible type '${goDecodedType(value)}'`,
  );
}
