import { jsonFloat } from "../../src/go/float.ts";
import type { Mapping, Null, Scalar } from "../../src/tree/node.ts";
import { leafText } from "../../src/tree/text.ts";
import { entriesOf } from "../entry-changes.ts";
import { indentOf } from "./writer.ts";

/** A value as it is written where no record says otherwise. */
export function scalarText(leaf: Scalar | Null): string {
  switch (leaf.kind) {
    case "str":
    case "bytes":
      return JSON.stringify(leafText(leaf));
    case "time":
      return JSON.stringify(leaf.value);
    case "int":
    case "bool":
      return String(leaf.value);
    case "float":
      return jsonFloat(leaf.value);
    case "null":
      return "null";
    default:
      return leaf satisfies never;
  }
}

/** How members of the top-level object are written. */
export interface JsonStyle {
  /** White space in front of each. */
  readonly gap: string;
  /** A line break with the indentation of its lines; undefined for a file on one line. */
  readonly lines: string | undefined;
  /** One level's indentation. */
  readonly unit: string;
}

/** How the top-level object of a text is written: as its first member, or its last where the first follows the bracket on its line. */
export function styleOf(text: string, root: Mapping, indent: number | undefined): JsonStyle {
  const first = root.items[0]?.start ?? root.start + 1;
  const own = text.slice(root.start + 1, first);
  const [before, last] = entriesOf(root).slice(-2);
  const behind = last && before && text.slice(before.value.end, last.start).split(",")[1];
  const gap = own.includes("\n") || behind?.includes("\n") !== true ? own : behind;
  const lines = /\r?\n[ \t]*$/.exec(gap)?.[0];
  const unit = lines?.replace(/^\r?\n/, "");
  return {
    gap: lines ?? gap,
    lines,
    unit: unit === undefined || unit === "" ? indentOf(indent) : unit,
  };
}
