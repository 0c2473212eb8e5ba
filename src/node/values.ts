import { nodeToPlain } from "../tree/plain.ts";
import type { Mapping, Node } from "../tree/node.ts";
import type { Path } from "../tree/path.ts";

/**
 * What a program gets of a decrypted document: integers that a number cannot hold exactly are bigints, times `Date`, text that is not UTF-8
 * `Uint8Array`.
 */
export type ConfigValue =
  | string
  | number
  | bigint
  | boolean
  | null
  | Date
  | Uint8Array
  | ConfigValue[]
  | ConfigObject;

export interface ConfigObject {
  [key: string]: ConfigValue;
}

/**
 * A document as JavaScript values, comments left out; of equal keys the last one counts.
 *
 * @param replaced gives the value of a leaf where it is not the document's own
 */
export function valuesOf(
  root: Mapping,
  replaced: (node: Node, path: Path) => ConfigValue | undefined = () => undefined,
): ConfigObject {
  const result: ConfigObject = {};
  const open: { node: Node; path: Path; into: ConfigValue[] | ConfigObject }[] = [
    { node: root, path: [], into: result },
  ];
  const convert = (node: Node, path: Path): ConfigValue => {
    if (node.kind === "map" || node.kind === "seq") {
      const into: ConfigValue[] | ConfigObject = node.kind === "map" ? {} : [];
      open.push({ node, path, into });
      return into;
    }
    return replaced(node, path) ?? leafValue(node);
  };
  for (let task = open.pop(); task !== undefined; task = open.pop()) {
    const { node, path, into } = task;
    if (node.kind !== "map" && node.kind !== "seq") continue;
    for (const item of node.items) {
      if (item.kind === "comment") continue;
      if (Array.isArray(into)) {
        if (item.kind !== "entry") into.push(convert(item, [...path, into.length]));
      } else if (item.kind === "entry") {
        const key = item.key.toWellFormed();
        const value = convert(item.value, [...path, item.key]);
        // `__proto__` is a key like any other.
        Object.defineProperty(into, key, {
          value,
          enumerable: true,
          configurable: true,
          writable: true,
        });
      }
    }
  }
  return result;
}

function leafValue(node: Exclude<Node, { kind: "map" | "seq" }>): ConfigValue {
  return node.kind === "time" ? new Date(node.value) : nodeToPlain(node);
}
