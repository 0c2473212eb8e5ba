import type { Leaf, Scalar } from "../../../src/tree/node.ts";
import { yamlFloat } from "../../../src/go/float.ts";
import { CannotKeep } from "../../layout.ts";
import { isBreak, LF, SPACE } from "../chars.ts";
import type { Spans } from "../reader.ts";
import { chompMark, doubleQuoted } from "../scalars.ts";
import type { ScalarStyle } from "../tokens.ts";
import { lineEnd, lineStart } from "./marker.ts";

/** Where and how a scalar is written. */
export interface ScalarPlace {
  readonly style: ScalarStyle;
  readonly isInFlow: boolean;
  /** What is exchanged: the scalar, or of a block scalar the lines below its header. */
  readonly from: number;
  readonly to: number;
  /** Of a block scalar. */
  readonly block?: {
    /** From `|` or `>` to the end of its marks. */
    readonly headFrom: number;
    readonly headTo: number;
    /** Spaces in front of the first line that is not blank. */
    readonly indent: string;
    readonly lineBreak: string;
  };
}

/** Tags that decide what a value is. They are exchanged together with it: sops refuses them beside a ciphertext. */
const TYPE_TAGS = new Set(["!!int", "!!float", "!!bool", "!!null", "!!timestamp", "!!binary"]);

/**
 * @param scalar its span
 * @param spans what the reader told of the text
 * @throws {CannotKeep} for an anchor between a tag of `TYPE_TAGS` and its value
 */
export function placeOf(
  text: string,
  scalar: { readonly start: number; readonly end: number },
  spans: Pick<Spans, "scalars" | "inFlow">,
): ScalarPlace {
  const { start, end } = scalar;
  const span = spans.scalars.size === 0 ? undefined : spans.scalars.get(start);
  const isInFlow = spans.inFlow.has(start);
  if (span !== undefined && TYPE_TAGS.has(span.tag)) {
    const from = span.tagStart;
    if (span.anchor !== "" && from === start)
      throw new CannotKeep("an anchor is between a tag and its value");
    return { style: "plain", isInFlow, from, to: end };
  }
  const from = span?.content ?? start;
  switch (text.charCodeAt(from)) {
    case 34:
      return { style: "double", isInFlow, from, to: end };
    case 39:
      return { style: "single", isInFlow, from, to: end };
    case 124:
    case 62:
      return blockPlace(text, from, end);
    default:
      return { style: "plain", isInFlow, from, to: end };
  }
}

function blockPlace(text: string, headFrom: number, end: number): ScalarPlace {
  let headTo = headFrom + 1;
  while (/[-+0-9]/.test(text.charAt(headTo))) headTo++;
  const from = lineEnd(text, headFrom);
  if (from === headFrom || !isBreak(text.charCodeAt(from - 1)))
    throw new CannotKeep("a block scalar has no line of its own");
  const lineBreak =
    text.charCodeAt(from - 2) === 13 && text.charCodeAt(from - 1) === 10
      ? "\r\n"
      : text.charAt(from - 1);
  const to = Math.max(from, end);
  let at = from;
  let column = from;
  while (at < to && (text.charCodeAt(at) === SPACE || isBreak(text.charCodeAt(at))))
    if (isBreak(text.charCodeAt(at++))) column = at;
  // Lines without any text: further right than everything that the scalar is inside of.
  const indent =
    at < to ? text.slice(column, at) : " ".repeat(headFrom - lineStart(text, headFrom));
  return {
    style: text.charCodeAt(headFrom) === 124 ? "literal" : "folded",
    isInFlow: false,
    from,
    to,
    block: { headFrom, headTo, indent, lineBreak },
  };
}

const isText = (leaf: Leaf): boolean => leaf.kind === "str" || leaf.kind === "bytes";

/** How a plain scalar's ciphertext is spelled among the quoted ones of a flow collection: a plain one would end at its first comma. */
const PLAIN_MARK = "\\x5D";

/** A ciphertext in the style of its value. */
export function carried(sealed: string, leaf: Scalar, { style, isInFlow }: ScalarPlace): string {
  switch (style) {
    case "single":
      return `'${sealed}'`;
    case "double":
      return `"${sealed}"`;
    case "plain":
      if (!isInFlow) return sealed;
      return isText(leaf) ? `"${sealed.slice(0, -1)}${PLAIN_MARK}"` : `"${sealed}"`;
    case "literal":
    case "folded":
      return sealed;
    default:
      return style satisfies never;
  }
}

/** The style of the value that a ciphertext in this place stands for. */
export function carriedStyle(text: string, leaf: Leaf, place: ScalarPlace): ScalarStyle {
  if (place.style !== "double") return place.style;
  const isPlain =
    !isText(leaf) || text.startsWith(`${PLAIN_MARK}"`, place.to - PLAIN_MARK.length - 1);
  return isPlain ? "plain" : "double";
}

/**
 * A value's own text in a style; undefined where that style cannot hold it, or can in several ways.
 */
export function rendered(leaf: Leaf, style: ScalarStyle): string | undefined {
  switch (leaf.kind) {
    case "int":
      return String(leaf.value);
    case "float":
      return yamlFloat(leaf.value);
    case "bool":
      return leaf.value ? "true" : "false";
    case "time":
      return leaf.value;
    case "bytes":
    case "comment":
      return undefined;
    case "str":
      if (style === "double") return doubleQuoted(leaf.value);
      if (style !== "plain" && style !== "single") return undefined;
      if (/[\n\r\u0085\u2028\u2029]/.test(leaf.value)) return undefined;
      return style === "plain" ? leaf.value : `'${leaf.value.replaceAll("'", "''")}'`;
    default:
      return leaf satisfies never;
  }
}

/** The head of a block scalar and the lines below it, without the last line break; undefined as above. */
export function renderedBlock(
  value: string,
  style: "literal" | "folded",
  { indent, lineBreak }: Pick<NonNullable<ScalarPlace["block"]>, "indent" | "lineBreak">,
): { head: string; lines: string } | undefined {
  const chomp = chompMark(value);
  const body = chomp === "-" ? value : withoutLastBreaks(value);
  if (body === "" || /^[ \n]/.test(body) || /[\r\u0085\u2028\u2029]/.test(value)) return undefined;
  if (style === "folded" && body.includes("\n")) return undefined;
  const lines = body.split("\n").map((line) => (line === "" ? "" : indent + line));
  return { head: (style === "literal" ? "|" : ">") + chomp, lines: lines.join(lineBreak) };
}

/** Goes from the end: a pattern would try each line break in the middle, with all that follow it. */
function withoutLastBreaks(text: string): string {
  let end = text.length;
  while (text.charCodeAt(end - 1) === LF) end--;
  return text.slice(0, end);
}

/** A record of a block scalar: its head, then its lines. */
export const blockSpelling = (head: string, lines: string): string => `${head}\n${lines}`;

/** @returns undefined for a record of another kind of scalar */
export function takeBlockSpelling(text: string): { head: string; lines: string } | undefined {
  const end = text.indexOf("\n");
  const head = text.slice(0, end);
  return /^[|>][-+0-9]{0,2}$/.test(head) ? { head, lines: text.slice(end + 1) } : undefined;
}
