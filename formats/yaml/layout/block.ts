import {
  entry,
  find,
  map,
  str,
  type Item,
  type Mapping,
  type Node,
} from "../../../src/tree/node.ts";
import { LAYOUT_VERSION } from "../../layout.ts";
import { emitDocuments } from "../emitter.ts";
import { FIELD, lineEnd, lineStart, RECORDS_FIELD, type Marker } from "./marker.ts";
import { flowEntry } from "./writing.ts";

/** How a `sops` block is written. */
export interface BlockStyle {
  readonly indent: number | undefined;
  /** Spaces in front of the document's own keys. */
  readonly margin: string;
  readonly lineBreak: string;
}

/**
 * The lines of a `sops` block.
 *
 * @param marker comment lines for the head of the block
 */
export function blockText(
  block: readonly Item[],
  marker: readonly string[],
  { indent, margin, lineBreak }: BlockStyle,
): string {
  const lines = emitDocuments([map([...block])], { indent, sealed: true })
    .join("")
    .split("\n");
  const width = /^ */.exec(lines[1] ?? "")?.[0] ?? "";
  lines.splice(1, 0, ...marker.map((line) => width + line));
  return lines.map((line) => (line === "" ? line : margin + line)).join(lineBreak);
}

/** The same as an entry of a flow mapping, on one line. The marker is in fields. */
export function flowBlockText(
  block: readonly Item[],
  { records }: Pick<Marker, "records">,
): string {
  const fields = [entry(FIELD, str(LAYOUT_VERSION))];
  if (records.size > 0) {
    const own = [...records].map(([name, sealed]) => entry(name, str(sealed)));
    fields.push(entry(RECORDS_FIELD, map(own)));
  }
  const manner = {
    step: 0,
    listStep: 0,
    quotes: "double",
    keyQuotes: "double",
    lineBreak: "\n",
  } as const;
  const entries = block.flatMap((item) =>
    item.kind === "entry" && item.value.kind === "map"
      ? [flowEntry(item.key, map([...item.value.items, ...fields]), manner)]
      : [],
  );
  return entries.join(", ");
}

/** Is a document a mapping in `{…}`? Tag, anchor and comments may be in front of it. */
export function isFlowRoot(text: string, document: Mapping | undefined): boolean {
  if (document === undefined) return false;
  const head = /(?:[!&][^\s{]*\s+|#[^\r\n]*[\r\n]\s*)*\{/y;
  head.lastIndex = Math.max(document.start, 0);
  return head.test(text);
}

/**
 * Where the `sops` block of a document is: its lines, with the last one's break. In a flow mapping, it is the entry with the comma or space
 * in front of it. Undefined without one.
 */
export function blockRange(text: string, document: Mapping): [number, number] | undefined {
  const block = find(document, "sops");
  if (block === undefined) return undefined;
  if (isFlowRoot(text, document)) return [block.start - 1, block.value.end];
  const end = Math.max(block.end, lastOffset(text, block.value));
  return [lineStart(text, block.start), lineEnd(text, end)];
}

/** The offset after the last character of what is in a node. The end of a block collection is not where its last value ends. */
function lastOffset(text: string, node: Node): number {
  let end = 0;
  const open: Node[] = [node];
  for (let at = open.pop(); at; at = open.pop()) {
    const isBlock =
      (at.kind === "map" || at.kind === "seq") && !"{[".includes(text.charAt(at.start));
    end = Math.max(end, at.start, isBlock ? 0 : at.end);
    if (at.kind === "map")
      for (const item of at.items) open.push(item.kind === "entry" ? item.value : item);
    if (at.kind === "seq") for (const one of at.items) open.push(one);
  }
  return end;
}
