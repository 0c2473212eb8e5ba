import type { Node, Scalar, Null } from "../../../src/tree/node.ts";
import { CannotKeep } from "../../layout.ts";
import { chompMark, doubleQuoted, stringStyle } from "../scalars.ts";
import { rendered, renderedBlock } from "./places.ts";

/** How new values and keys are written: as those beside them. */
export interface Manner {
  /** Columns that a collection below a key is moved in by. */
  readonly step: number;
  /** Columns that a list below a key is moved in by. */
  readonly listStep: number;
  readonly quotes: "plain" | "single" | "double";
  readonly keyQuotes: "plain" | "single" | "double";
  readonly lineBreak: string;
}

/** Deeper values are written as sops writes them. */
const MAX_DEPTH = 100;

const spaces = (count: number): string => " ".repeat(count);

/** A string on one line. */
export function inlineText(
  value: string,
  quotes: Manner["quotes"],
  { isInFlow }: { isInFlow: boolean },
): string {
  if (!value.isWellFormed()) throw new CannotKeep("a value is not UTF-8");
  if (quotes === "double") return doubleQuoted(value);
  const single = rendered({ kind: "str", value, start: -1, end: -1 }, "single");
  const isPrintable = !/[^\t\u0020-\u007e\u00a0-\ud7ff\ue000-\ufffd]/.test(value);
  if (quotes === "single" && single !== undefined && isPrintable) return single;
  const usual = stringStyle(value);
  if (usual === "plain" && !(isInFlow && /[,[\]{}?]/.test(value))) return value;
  return usual === "single" && single !== undefined ? single : doubleQuoted(value);
}

/** Any scalar on one line. */
export function inlineScalar(
  value: Scalar | Null,
  quotes: Manner["quotes"],
  where: { isInFlow: boolean },
): string {
  switch (value.kind) {
    case "null":
      return "null";
    case "str":
      return inlineText(value.value, quotes, where);
    case "bytes":
      return `!!binary ${Buffer.from(value.value).toString("base64")}`;
    case "int":
    case "float":
    case "bool":
    case "time":
      return rendered(value, "plain") ?? "";
    default:
      return value satisfies never;
  }
}

export const isScalar = (node: Node): node is Scalar | Null =>
  node.kind !== "map" && node.kind !== "seq" && node.kind !== "comment";

/** A value in flow form, on one line. */
export function flowValue(node: Node, manner: Manner, depth = 0): string {
  if (depth > MAX_DEPTH) throw new CannotKeep("a value is nested too deeply");
  if (isScalar(node)) return inlineScalar(node, manner.quotes, { isInFlow: true });
  const parts: string[] = [];
  if (node.kind === "map") {
    for (const item of node.items)
      if (item.kind === "entry") parts.push(flowEntry(item.key, item.value, manner, depth));
    return `{${parts.join(", ")}}`;
  }
  if (node.kind === "seq")
    for (const item of node.items)
      if (item.kind !== "comment") parts.push(flowValue(item, manner, depth + 1));
  return `[${parts.join(", ")}]`;
}

/** An entry of a flow mapping. */
export function flowEntry(key: string, value: Node, manner: Manner, depth = 0): string {
  const name = inlineText(key, manner.keyQuotes, { isInFlow: true });
  return `${name}: ${flowValue(value, manner, depth + 1)}`;
}

/** The lines of an entry of a block mapping, without the last line break. Its key is moved in by `column`. */
export function blockEntry(
  key: string,
  value: Node,
  column: number,
  manner: Manner,
  depth = 0,
): string {
  const name = inlineText(key, manner.keyQuotes, { isInFlow: false });
  return `${spaces(column)}${name}:${blockValue(value, column, manner, depth)}`;
}

/** What follows the colon of a key in that column: a space and a value on the line, or line breaks and lines. */
export function blockValue(node: Node, column: number, manner: Manner, depth = 0): string {
  if (depth > MAX_DEPTH) throw new CannotKeep("a value is nested too deeply");
  if (isScalar(node)) return ` ${blockScalar(node, column + manner.step, manner)}`;
  if (isEmpty(node)) return node.kind === "map" ? " {}" : " []";
  const below = column + (node.kind === "seq" ? manner.listStep : manner.step);
  return manner.lineBreak + blockLines(node, below, manner, depth + 1);
}

/** The lines of a list's element, without the last line break. Its dash is moved in by `column`. */
export function blockElement(node: Node, column: number, manner: Manner, depth = 0): string {
  return `${spaces(column)}- ${elementText(node, column + 2, manner, depth)}`;
}

/** What follows the dash of an element and the space after it. Further lines are moved in by `column`. */
export function elementText(node: Node, column: number, manner: Manner, depth = 0): string {
  if (depth > MAX_DEPTH) throw new CannotKeep("a value is nested too deeply");
  if (isScalar(node)) return blockScalar(node, column, manner);
  if (isEmpty(node)) return node.kind === "map" ? "{}" : "[]";
  return blockLines(node, column, manner, depth + 1).slice(column);
}

function blockLines(node: Node, column: number, manner: Manner, depth: number): string {
  const lines: string[] = [];
  if (node.kind === "map")
    for (const item of node.items)
      if (item.kind === "entry")
        lines.push(blockEntry(item.key, item.value, column, manner, depth));
  if (node.kind === "seq")
    for (const item of node.items)
      if (item.kind !== "comment") lines.push(blockElement(item, column, manner, depth));
  return lines.join(manner.lineBreak);
}

/** A scalar outside flow collections; text of several lines as a literal, whose lines are moved in by `column`. */
function blockScalar(node: Scalar | Null, column: number, manner: Manner): string {
  const literal = literalOf(node, spaces(Math.max(column, 1)), manner);
  if (literal !== undefined) return literal.head + manner.lineBreak + literal.lines;
  return inlineScalar(node, manner.quotes, { isInFlow: false });
}

/** The head and the lines of a text that is written as a literal; undefined for every other scalar. */
export function literalOf(
  node: Scalar | Null,
  indent: string,
  { lineBreak }: Pick<Manner, "lineBreak">,
): { head: string; lines: string } | undefined {
  if (node.kind !== "str" || !node.value.includes("\n")) return undefined;
  // Blank lines that belong to a value would look like those of the file.
  if (stringStyle(node.value) !== "literal" || chompMark(node.value) === "+") return undefined;
  return renderedBlock(node.value, "literal", { indent, lineBreak });
}

export const isEmpty = (node: Node): boolean =>
  (node.kind === "map" || node.kind === "seq") &&
  node.items.every(({ kind }: { kind: string }) => kind === "comment");
