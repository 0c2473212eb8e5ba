import {
  entry,
  map,
  type Entry,
  type Mapping,
  type Node,
  type Sequence,
} from "../../src/tree/node.ts";
import { entriesOf, entryChanges } from "../entry-changes.ts";
import { CannotKeep, sameValues, type Edit } from "../layout.ts";
import { scalarText, type JsonStyle } from "./style.ts";

/** Deeper values are written as sops writes them. */
const MAX_DEPTH = 100;

/**
 * The edits that make a JSON text hold another document: values exchanged, members and elements added and taken out.
 *
 * @param own as it was read from the text
 * @throws {CannotKeep}
 */
export function editsBetween(
  text: string,
  own: Mapping,
  wanted: Mapping,
  style: JsonStyle,
): Edit[] {
  const follower = new Follower(text, style);
  follower.pairs.push([own, wanted]);
  for (let pair = follower.pairs.pop(); pair; pair = follower.pairs.pop()) {
    const [a, b] = pair;
    if (a.kind === "map" && b.kind === "map") follower.mapping(a, b);
    else if (a.kind === "seq" && b.kind === "seq") follower.sequence(a, b);
  }
  return follower.edits;
}

class Follower {
  readonly edits: Edit[] = [];
  readonly pairs: [own: Mapping | Sequence, wanted: Mapping | Sequence][] = [];
  private readonly text: string;
  private readonly style: JsonStyle;

  constructor(text: string, style: JsonStyle) {
    this.text = text;
    this.style = style;
  }

  mapping(own: Mapping, wanted: Mapping): void {
    const { kept, removed, added } = entryChanges(own, wanted);
    if (kept.length === 0 && (removed.length > 0 || added.length > 0))
      return this.exchange(own, wanted);
    for (const pair of kept) this.value(pair.own.value, pair.wanted.value);
    this.remove(own, removed);
    for (const { entry: item, behind } of added) this.add(own, behind, item);
  }

  sequence(own: Sequence, wanted: Sequence): void {
    const before = own.items;
    const after = wanted.items;
    const most = Math.min(before.length, after.length);
    let start = 0;
    let end = 0;
    if (before.length !== after.length) {
      while (start < most && isSame(before[start], after[start])) start++;
      while (end < most - start && isSame(before.at(-1 - end), after.at(-1 - end))) end++;
    }
    if (before.length !== after.length && most === 0) return this.exchange(own, wanted);
    const paired = most - end;
    for (let i = start; i < paired; i++) this.value(before[i] as Node, after[i] as Node);
    this.remove(own, before.slice(paired, before.length - end));
    for (const item of after.slice(paired, after.length - end))
      this.add(own, before[paired - 1], item);
  }

  private value(own: Node, wanted: Node): void {
    if (own.kind === "map" || own.kind === "seq") {
      if (wanted.kind === own.kind) this.pairs.push([own, wanted]);
      else this.exchange(own, wanted);
    } else if (!isSame(own, wanted)) this.exchange(own, wanted);
  }

  private exchange(own: Node, wanted: Node): void {
    const by = this.written(wanted, this.linesAt(own.start));
    this.edits.push({ from: own.start, to: own.end, by });
  }

  /** Takes out members or elements, each with the comma after it; the last ones with that in front of them. */
  private remove(own: Mapping | Sequence, gone: readonly (Node | Entry)[]): void {
    if (gone.length === 0) return;
    const items: readonly (Node | Entry | undefined)[] = own.items;
    const isGone = new Set<Node | Entry | undefined>(gone);
    let left = items.length;
    while (isGone.has(items[left - 1])) left--;
    const last = items[left - 1];
    const end = items.at(-1);
    if (last === undefined || end === undefined) throw new CannotKeep("nothing is left");
    for (const [i, item] of items.entries()) {
      const next = items[i + 1];
      if (i < left && item !== undefined && next !== undefined && isGone.has(item))
        this.edits.push({ from: item.start, to: next.start, by: "" });
    }
    if (left < items.length) this.edits.push({ from: endOf(last), to: endOf(end), by: "" });
  }

  private add(own: Mapping | Sequence, behind: Node | Entry | undefined, item: Node | Entry): void {
    const separator = this.separatorOf(own);
    const lines = /\r?\n[ \t]*$/.exec(separator)?.[0];
    const text =
      item.kind === "entry"
        ? JSON.stringify(item.key) + this.colonOf(own) + this.written(item.value, lines)
        : this.written(item, lines);
    const [first] = own.items;
    const at = behind === undefined ? first?.start : endOf(behind);
    if (at === undefined) throw new CannotKeep("nothing shows how a member is written");
    const by = behind === undefined ? text + separator : separator + text;
    this.edits.push({ from: at, to: at, by });
  }

  /** What is between two members: the comma, and white space without blank lines. */
  private separatorOf(own: Mapping | Sequence): string {
    const [first, second] = own.items.slice(-2);
    if (first === undefined) return ", ";
    const isAlone = second === undefined;
    const gap = isAlone
      ? this.text.slice(own.start + 1, first.start)
      : this.text.slice(endOf(first), second.start);
    const space = /\r?\n[ \t]*$/.exec(gap)?.[0] ?? /[ \t]*$/.exec(gap)?.[0] ?? "";
    const isSpaced = this.style.gap !== "" || this.colonOf(own).endsWith(" ");
    return isAlone && space === "" && isSpaced ? ", " : `,${space}`;
  }

  private colonOf(own: Mapping | Sequence): string {
    const [first] = own.kind === "map" ? entriesOf(own) : [];
    const between = first && this.text.slice(first.end, first.value.start);
    return between !== undefined && /^[ \t]*:[ \t]*$/.test(between) ? between : ": ";
  }

  /** A line break with the indentation of the line that a value begins on; undefined for a file on one line. */
  private linesAt(at: number): string | undefined {
    const { lines } = this.style;
    if (lines === undefined) return undefined;
    const start = this.text.lastIndexOf("\n", at - 1) + 1;
    const indent = /^[ \t]*/.exec(this.text.slice(start, at))?.[0] ?? "";
    return (lines.startsWith("\r") ? "\r\n" : "\n") + indent;
  }

  /** A value of which nothing is in the text yet. */
  private written(node: Node, lines: string | undefined, depth = 0): string {
    if (depth > MAX_DEPTH) throw new CannotKeep("a value is nested too deeply");
    if (node.kind === "comment") throw new CannotKeep("a comment was added");
    if (node.kind !== "map" && node.kind !== "seq") return scalarText(node);
    const inner = lines === undefined ? undefined : lines + this.style.unit;
    const parts: string[] = [];
    for (const item of node.items) {
      if (item.kind === "comment") continue;
      const isEntry = item.kind === "entry";
      const value = this.written(isEntry ? item.value : item, inner, depth + 1);
      parts.push(isEntry ? `${JSON.stringify(item.key)}: ${value}` : value);
    }
    const [open, close] = node.kind === "map" ? "{}" : "[]";
    if (parts.length === 0) return `${open}${close}`;
    if (inner === undefined) return `${open}${parts.join(", ")}${close}`;
    return open + parts.map((part) => inner + part).join(",") + lines + close;
  }
}

/** Where a member or element ends, without its comma. */
const endOf = (item: Node | Entry): number => (item.kind === "entry" ? item.value.end : item.end);

const isSame = (a: Node | undefined, b: Node | undefined): boolean =>
  a !== undefined && b !== undefined && sameValues([map([entry("", a)])], [map([entry("", b)])]);
