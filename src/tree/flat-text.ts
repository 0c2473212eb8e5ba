import { EmitError } from "../errors.ts";
import { flatFloat, floatText } from "../go/float.ts";
import { leafText } from "./text.ts";
import type { Node, Scalar } from "./node.ts";

/**
 * A value in ENV and INI files. Bytes that are not UTF-8 are held as lone surrogates (see text.ts). Timestamps lose their
 * fraction and null is `<nil>`: sops writes them so.
 *
 * @throws {EmitError} for a mapping or a list
 */
export function flatText(node: Node): string {
  switch (node.kind) {
    case "str":
    case "bytes":
      return leafText(node);
    case "int":
      return String(node.value);
    case "float":
      return flatFloat(node.value);
    case "bool":
      return node.value ? "true" : "false";
    case "time":
      return node.value.replace(/\.\d+/, "");
    case "comment":
      return node.value;
    case "null":
      return "<nil>";
    case "seq":
    case "map":
      throw new EmitError("cannot use a list or mapping where only text is allowed");
    default:
      return node satisfies never;
  }
}

/**
 * Does a scalar's text in an ENV or INI file, where everything is read as a string, stand for the bytes that its MAC was made of?
 */
export function readsBackFlat(leaf: Scalar): boolean {
  switch (leaf.kind) {
    case "str":
    case "bytes":
    case "int":
      return true;
    case "bool":
      return false; // `true`, but hashed as `True`
    case "float":
      return flatFloat(leaf.value) === floatText(leaf.value);
    case "time":
      return !leaf.value.includes(".");
    default:
      return leaf satisfies never;
  }
}
