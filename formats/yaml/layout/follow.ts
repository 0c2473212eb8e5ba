import { collections } from "../../../src/tree/collections.ts";
import {
  entry,
  map,
  type Documents,
  type Entry,
  type Item,
  type Mapping,
  type Node,
  type Null,
  type Scalar,
  type Sequence,
} from "../../../src/tree/node.ts";
import { CannotKeep, sameValues, type Edit } from "../../layout.ts";
import { isBlank, isBreak } from "../chars.ts";
import type { Spans } from "../reader.ts";
import { lineEnd, lineStart } from "./marker.ts";
import { placeOf, type ScalarPlace } from "./places.ts";
import {
  blockElement,
  blockEntry,
  blockValue,
  elementText,
  flowEntry,
  flowValue,
  inlineScalar,
  isEmpty,
  isScalar,
  literalOf,
  type Manner,
} from "./writing.ts";

/** The text whose values change. */
export interface FollowedText {
  readonly text: string;
  readonly spans: Spans;
  readonly lineBreak: string;
  /** The offset that nothing is added after, for each document. */
  readonly ends: readonly number[];
  /** Indent width where nothing beside a value tells one. */
  readonly indent: number | undefined;
}

/**
 * The edits that make a text hold other documents: values exchanged, entries and elements added and taken out.
 *
 * @param own as they were read from the text
 * @throws {CannotKeep}
 */
export function editsBetween(followed: FollowedText, own: Documents, wanted: Documents): Edit[] {
  if (own.length !== wanted.length) throw new CannotKeep("a document was added or removed");
  const follower = new Follower(followed);
  for (const [i, document] of own.entries())
    follower.document(document, wanted[i] as Mapping, followed.ends[i] ?? 0);
  return follower.edits;
}

/** A node, and what it is in. */
interface Place {
  readonly node: Node;
  /** The collection that it is a value or an element of. */
  readonly parent: Mapping | Sequence;
  /** Its entry; undefined for an element. */
  readonly entry: Entry | undefined;
}

interface Steps {
  step?: number;
  listStep?: number;
}

type Pair = [own: Mapping | Sequence, wanted: Mapping | Sequence, place: Place | undefined];

class Follower {
  readonly edits: Edit[] = [];
  private readonly followed: FollowedText;
  private readonly text: string;
  private readonly open: Pair[] = [];
  /** Nothing is added after it. */
  private end = 0;
  private root: Mapping | undefined;
  /** How far collections are moved in, in most of the document. */
  private usual: Steps | undefined;

  constructor(followed: FollowedText) {
    this.followed = followed;
    this.text = followed.text;
  }

  document(own: Mapping, wanted: Mapping, end: number): void {
    this.end = end;
    this.root = own;
    this.usual = undefined;
    this.open.push([own, wanted, undefined]);
    for (let pair = this.open.pop(); pair; pair = this.open.pop()) {
      const [a, b, place] = pair;
      if (a.kind === "map" && b.kind === "map") this.mapping(a, b, place);
      else if (a.kind === "seq" && b.kind === "seq") this.sequence(a, b, place);
    }
  }

  private mapping(own: Mapping, wanted: Mapping, place: Place | undefined): void {
    const before = entriesOf(own);
    const after = entriesOf(wanted);
    const staying = new Set(after.map(({ key }) => key));
    const known = new Set(before.map(({ key }) => key));
    const left = before.filter(({ key }) => staying.has(key));
    if (left.length === 0 && before.length > 0) return this.remade(own, wanted, place);
    for (const entry of before) if (!staying.has(entry.key)) this.removeEntry(own, before, entry);
    let i = 0;
    for (const entry of after) {
      const same = left[i];
      if (same?.key === entry.key) {
        this.value({ node: same.value, parent: own, entry: same }, entry.value);
        i++;
      } else if (known.has(entry.key)) {
        throw new CannotKeep("entries changed places");
      } else {
        this.addEntry(own, left[i - 1], entry);
      }
    }
    if (i < left.length) throw new CannotKeep("entries changed places");
  }

  private sequence(own: Sequence, wanted: Sequence, place: Place | undefined): void {
    // Comments count: `unset` takes them out like elements.
    const before = own.items;
    const after = wanted.items;
    let start = 0;
    let end = 0;
    if (before.length !== after.length) {
      const most = Math.min(before.length, after.length);
      while (start < most && isSameNode(before[start], after[start])) start++;
      while (
        end < most - start &&
        isSameNode(before[before.length - 1 - end], after[after.length - 1 - end])
      )
        end++;
    }
    const changed = Math.min(before.length, after.length) - end;
    if (elementsOf(wanted).length === 0 && elementsOf(own).length > 0)
      return this.remade(own, wanted, place);
    for (let i = start; i < changed; i++) {
      const [node, to] = [before[i] as Node, after[i] as Node];
      if (node.kind !== "comment" || to.kind === "comment") {
        this.value({ node, parent: own, entry: undefined }, to);
        continue;
      }
      this.removeComment(node.start, node.end);
      this.addElement(own, elementsOf({ items: before.slice(0, i) }).at(-1), to);
    }
    for (const item of before.slice(changed, before.length - end)) this.removeElement(own, item);
    const previous = elementsOf({ items: before.slice(0, changed) }).at(-1);
    for (const item of after.slice(changed, after.length - end))
      this.addElement(own, previous, item);
  }

  private value(place: Place, wanted: Node): void {
    const { node } = place;
    if (node.kind === "comment" || wanted.kind === "comment") {
      if (isSameNode(node, wanted)) return;
      throw new CannotKeep("a comment was changed");
    }
    const areBoth = (kind: Node["kind"]): boolean => node.kind === kind && wanted.kind === kind;
    if ((node.kind === "map" || node.kind === "seq") && (areBoth("map") || areBoth("seq")))
      this.open.push([node, wanted as Mapping | Sequence, place]);
    else if (!isScalar(node) || !isScalar(wanted)) this.exchange(place, wanted);
    else if (!isSameNode(node, wanted)) this.scalar(place, node, wanted);
  }

  /** A collection with nothing left of what was in it. */
  private remade(own: Mapping | Sequence, wanted: Node, place: Place | undefined): void {
    if (place === undefined) throw new CannotKeep("nothing of a document is left");
    this.exchange({ ...place, node: own }, wanted);
  }

  // Scalars

  private scalar(place: Place, own: Scalar | Null, wanted: Scalar | Null): void {
    const { text, edits } = this;
    const { start, end } = own;
    const span = this.followed.spans.scalars.get(start);
    if (start === end && span === undefined) {
      const gap = isBlank(text.charCodeAt(start - 1)) ? "" : " ";
      edits.push({ from: start, to: end, by: gap + this.spelled(place, wanted).trimStart() });
      return;
    }
    // A tag of a string goes where the value is none any more.
    if (span !== undefined && span.tagStart >= 0 && wanted.kind !== "str" && span.tag !== "!")
      return this.exchange(place, wanted);
    const found = placeOf(text, own, this.followed.spans);
    if (found.block !== undefined) return this.block(found, wanted, this.mannerAt(place));
    const { style, isInFlow } = found;
    const quotes: Manner["quotes"] = style === "single" || style === "double" ? style : "plain";
    const manner = { ...this.mannerAt(place), quotes };
    const indent = this.indentBelow(place, manner);
    const literal = isInFlow || quotes !== "plain" ? undefined : literalOf(wanted, indent, manner);
    if (literal === undefined) {
      edits.push({
        from: found.from,
        to: found.to,
        by: inlineScalar(wanted, quotes, { isInFlow }),
      });
      return;
    }
    edits.push({ from: found.from, to: found.to, by: literal.head });
    this.addLines(found.to, literal.lines);
  }

  /** Another value for a block scalar; what follows its head on the line stays. */
  private block(found: ScalarPlace, wanted: Scalar | Null, manner: Manner): void {
    const { block, from, to } = found;
    if (block === undefined) return;
    const { headFrom, headTo, indent } = block;
    const literal = literalOf(wanted, indent, manner);
    if (literal !== undefined) {
      this.edits.push({ from: headFrom, to: headTo, by: literal.head });
      const lineBreak = from === to ? this.followed.lineBreak : "";
      this.edits.push({ from, to, by: literal.lines + lineBreak });
      return;
    }
    const by = inlineScalar(wanted, manner.quotes, { isInFlow: false });
    this.edits.push({ from: headFrom, to: headTo, by });
    if (from < to) this.edits.push({ from: this.beforeBreak(from), to, by: "" });
  }

  private indentBelow({ parent, entry, node }: Place, { step }: Manner): string {
    const column =
      parent.kind === "map" && entry !== undefined
        ? this.column(entry.start) + step
        : this.column(node.start);
    return " ".repeat(Math.max(column, 1));
  }

  /** A value in place of one that has no text: what follows the colon or the dash. */
  private spelled({ parent, entry, node }: Place, wanted: Node): string {
    const manner = this.manner(parent, entry);
    if (this.isFlow(parent)) return flowValue(wanted, manner);
    if (entry !== undefined) return blockValue(wanted, this.column(entry.start), manner);
    const dash = this.dashOf(node);
    return ` ${elementText(wanted, this.column(dash) + 2, manner)}`;
  }

  // Values that are no scalars, or become none

  private exchange(place: Place, wanted: Node): void {
    const { node, parent, entry } = place;
    const end = this.endOf(node);
    if (this.isFlow(parent) || this.isPair(parent)) {
      this.edits.push({
        from: node.start,
        to: end,
        by: flowValue(wanted, this.manner(parent, entry)),
      });
      return;
    }
    const from = entry === undefined ? this.dashOf(node) + 1 : this.colonOf(entry) + 1;
    const by = this.spelled(place, wanted);
    const at = /[\r\n]/.exec(by)?.index ?? by.length;
    // What is after the old value on its line stays on the first line of the new one.
    const rest =
      at < by.length ? (/^[^\r\n]*/.exec(this.text.slice(end, this.end))?.[0] ?? "") : "";
    const behind = this.commentBehind(from, end) + rest;
    const to = end + rest.length;
    this.edits.push({ from, to, by: by.slice(0, at) + behind + by.slice(at) });
  }

  /** A comment after a colon or a dash whose value begins on a later line, with the spaces in front of it. */
  private commentBehind(from: number, end: number): string {
    return /^[ \t]+#[^\r\n]*/.exec(this.text.slice(from, end))?.[0] ?? "";
  }

  // Entries and elements

  private addEntry(own: Mapping, previous: Entry | undefined, { key, value }: Entry): void {
    const manner = this.manner(own, previous);
    if (this.isPair(own)) throw new CannotKeep("a pair in a list would get another entry");
    if (this.isFlow(own))
      return this.addToFlow(
        own,
        previous && this.endOfEntry(previous),
        flowEntry(key, value, manner),
      );
    const beside = previous ?? entriesOf(own)[0];
    if (beside === undefined) throw new CannotKeep("an entry would have no column");
    const column = this.columnOfKey(beside.start);
    const lines = blockEntry(key, value, column, manner);
    if (previous !== undefined) this.addLines(this.endOfEntry(previous), lines);
    else throw new CannotKeep("an entry would come before all others");
  }

  private addElement(own: Sequence, previous: Node | undefined, value: Node): void {
    if (value.kind === "comment") throw new CannotKeep("a comment was added");
    const manner = this.manner(own, undefined);
    if (this.isFlow(own))
      return this.addToFlow(own, previous && this.endOf(previous), flowValue(value, manner));
    const [first] = elementsOf(own);
    const beside = previous ?? first;
    if (beside === undefined) throw new CannotKeep("an element would have no column");
    const dash = this.dashOf(beside);
    const lines = blockElement(value, this.column(dash), manner);
    if (previous !== undefined) return this.addLines(this.endOf(previous), lines);
    const at = lineStart(this.text, dash);
    if (!/^ *$/.test(this.text.slice(at, dash)))
      throw new CannotKeep("an element would come before one that shares its line");
    this.edits.push({ from: at, to: at, by: lines + this.followed.lineBreak });
  }

  private addToFlow(own: Mapping | Sequence, previous: number | undefined, by: string): void {
    if (previous === undefined) {
      const isFilled = own.items.some(({ kind }) => kind !== "comment");
      const at = this.contentOf(own) + 1;
      this.edits.push({ from: at, to: at, by: isFilled ? `${by}, ` : by });
      return;
    }
    this.edits.push({ from: previous, to: previous, by: this.separator(own) + by });
  }

  /** What is between two items of a flow collection: a space, or a line break and the same indentation. */
  private separator(own: Mapping | Sequence): string {
    const items: readonly (Item | Node)[] = own.items;
    const [first, second] = items.filter(({ kind }) => kind !== "comment");
    if (first === undefined || second === undefined) return ", ";
    const end = first.kind === "entry" ? this.endOfEntry(first) : this.endOf(first);
    const between = this.text.slice(end, second.start);
    return /^,(?:[ \t]*[\r\n]+[ \t]*| *)$/.test(between) ? between : ", ";
  }

  private removeEntry(own: Mapping, all: readonly Entry[], entry: Entry): void {
    const next = all[all.indexOf(entry) + 1];
    const previous = all[all.indexOf(entry) - 1];
    const end = this.endOfEntry(entry);
    if (this.isFlow(own))
      return this.removeFromFlow(
        entry.start,
        end,
        previous && this.endOfEntry(previous),
        next?.start,
      );
    this.removeLines(entry.start, end, entry.value, next?.start);
  }

  private removeElement(own: Sequence, item: Node): void {
    if (item.kind === "comment") return this.removeComment(item.start, item.end);
    const elements = elementsOf(own);
    const next = elements[elements.indexOf(item) + 1];
    const previous = elements[elements.indexOf(item) - 1];
    const end = this.endOf(item);
    if (this.isFlow(own))
      return this.removeFromFlow(item.start, end, previous && this.endOf(previous), next?.start);
    this.removeLines(this.dashOf(item), end, item, next && this.dashOf(next));
  }

  private removeFromFlow(
    from: number,
    to: number,
    previousEnd: number | undefined,
    next: number | undefined,
  ): void {
    if (next !== undefined) this.edits.push({ from, to: next, by: "" });
    else this.edits.push({ from: previousEnd ?? from, to, by: "" });
  }

  /** Takes out the lines of an entry or element; the first one on a line that it shares gives its place to the next. */
  private removeLines(from: number, to: number, value: Node, next: number | undefined): void {
    const start = lineStart(this.text, from);
    if (/^ *$/.test(this.text.slice(start, from))) {
      const end = this.lineEnd(this.endWithBlanks(value, to));
      // The last line of a text without a final line break takes the one in front of it along.
      const isCut = end === this.end && start > 0 && !isBreak(this.text.charCodeAt(end - 1));
      this.edits.push({ from: isCut ? this.beforeBreak(start) : start, to: end, by: "" });
    } else if (next !== undefined && /^[-? ]*$/.test(this.text.slice(start, from))) {
      this.edits.push({ from, to: next, by: "" });
    } else {
      throw new CannotKeep("the removed part shares its line with something else");
    }
  }

  /** A comment with its line, or with the spaces in front of it. */
  private removeComment(from: number, to: number): void {
    const start = lineStart(this.text, from);
    if (/^[ \t]*$/.test(this.text.slice(start, from)))
      this.edits.push({ from: start, to: this.lineEnd(to), by: "" });
    else {
      let at = from;
      while (isBlank(this.text.charCodeAt(at - 1))) at--;
      this.edits.push({ from: at, to, by: "" });
    }
  }

  /** Puts lines after the line that `at` is in, and after blank lines that belong to its value. */
  private addLines(at: number, lines: string): void {
    const { lineBreak } = this.followed;
    const end = this.lineEnd(at);
    const isOpen = end === this.end && end > 0 && !isBreak(this.text.charCodeAt(end - 1));
    this.edits.push({ from: end, to: end, by: isOpen ? lineBreak + lines : lines + lineBreak });
  }

  // Places

  private lineEnd(at: number): number {
    return Math.min(lineEnd(this.text, at), Math.max(this.end, at));
  }

  /** The offset in front of the line break that ends at `at`. */
  private beforeBreak(at: number): number {
    const isPair = this.text.charCodeAt(at - 1) === 10 && this.text.charCodeAt(at - 2) === 13;
    return at - (isPair ? 2 : 1);
  }

  private column(at: number): number {
    return at - lineStart(this.text, at);
  }

  /** Where a key begins, or the mark in front of it. */
  private columnOfKey(at: number): number {
    const mark = /\?[ \t]+$/.exec(this.text.slice(lineStart(this.text, at), at));
    return mark?.index ?? this.column(at);
  }

  /** Where a collection's own text begins, after anchor and tag. */
  private contentOf({ start }: { start: number }): number {
    const properties = /(?:[&!]\S*\s+)*/y;
    properties.lastIndex = start;
    properties.exec(this.text);
    return properties.lastIndex;
  }

  private isFlow(node: Mapping | Sequence): boolean {
    const c = this.text.charAt(this.contentOf(node));
    return c === "{" || c === "[";
  }

  /** Is it the one entry of a pair in a flow list, `[a: b]`? */
  private isPair(node: Mapping | Sequence): boolean {
    if (node.kind !== "map" || this.isFlow(node)) return false;
    const [first] = entriesOf(node);
    return first !== undefined && this.followed.spans.inFlow.has(first.start);
  }

  private endOfEntry(entry: Entry): number {
    return Math.max(entry.end, this.endOf(entry.value));
  }

  /** The offset after the last character of what is in a node, without a comment at the end of its line; with blank lines that belong to it. */
  private endOf(node: Node): number {
    let end = 0;
    let last: Node = node;
    const open: Node[] = [node];
    for (let at = open.pop(); at; at = open.pop()) {
      if (at.kind === "comment") continue;
      const isBlock = (at.kind === "map" || at.kind === "seq") && !this.isFlow(at);
      const own = Math.max(at.start, isBlock ? 0 : at.end, isFlowEmpty(at) ? at.start + 2 : 0);
      if (own >= end) [end, last] = [own, at];
      if (at.kind === "map")
        for (const item of at.items) {
          if (item.kind === "comment") continue;
          end = Math.max(end, item.end);
          open.push(item.value);
        }
      else if (at.kind === "seq") for (const item of at.items) open.push(item);
    }
    return this.endWithBlanks(last, end);
  }

  /** Blank lines after a block scalar that keeps them are its own. */
  private endWithBlanks(last: Node, end: number): number {
    if (last.kind !== "str" || last.end !== end || last.start === end) return end;
    if (last.value === "") {
      const { block, from, to } = placeOf(this.text, last, this.followed.spans);
      return block !== undefined && from === to ? block.headTo : end;
    }
    if (!last.value.endsWith("\n\n")) return end;
    const { block } = placeOf(this.text, last, this.followed.spans);
    if (block === undefined || !this.text.slice(block.headFrom, block.headTo).includes("+"))
      return end;
    let at = lineEnd(this.text, end);
    for (;;) {
      const next = lineEnd(this.text, at);
      if (next === at || next > this.end || !/^[ \t]*[\r\n]+$/.test(this.text.slice(at, next)))
        break;
      at = next;
    }
    return this.beforeBreak(at);
  }

  /** @throws {CannotKeep} for an explicit key */
  private colonOf(entry: Entry): number {
    const colon = /\s*:/y;
    colon.lastIndex = entry.end;
    if (!colon.test(this.text)) throw new CannotKeep("an explicit key has another value");
    return colon.lastIndex - 1;
  }

  /** The dash of a list's element. */
  private dashOf({ start }: { start: number }): number {
    let at = start - 1;
    for (; at >= 0; at--) {
      if (this.text.charCodeAt(at) === 45 && /^-(?:\s|$)/.test(this.text.slice(at, at + 2))) break;
    }
    if (at < 0 || !/^-(?:[ \t]*(?:#[^\r\n]*)?[\r\n])*[ \t]*$/.test(this.text.slice(at, start)))
      throw new CannotKeep("the dash of an element is not where it should be");
    return at;
  }

  // How things are written

  private mannerAt({ parent, entry }: Place): Manner {
    return this.manner(parent, entry);
  }

  /** @param beside the entry that a new one follows, or whose value is new */
  private manner(parent: Mapping | Sequence, beside: Entry | undefined): Manner {
    const entries = parent.kind === "map" ? entriesOf(parent) : [];
    const values = parent.kind === "map" ? entries.map(({ value }) => value) : elementsOf(parent);
    const index = beside === undefined ? values.length - 1 : entries.indexOf(beside);
    const near =
      values[index]?.kind === "str" ? values[index] : values.find(({ kind }) => kind === "str");
    const key = entries[index] ?? entries[0];
    return {
      ...this.steps(entries),
      quotes: near === undefined ? "plain" : this.quotesOf(near),
      keyQuotes: key === undefined ? "plain" : this.quotesAt(key.start),
      lineBreak: this.followed.lineBreak,
    };
  }

  /** How far collections below these entries are moved in, or else those of the whole document. */
  private steps(entries: readonly Entry[]): Required<Steps> {
    const { indent = 4 } = this.followed;
    this.usual ??= this.stepsOf(entriesBelow(this.root));
    const own = this.stepsOf(entries);
    const step = own.step ?? this.usual.step ?? indent;
    return { step, listStep: own.listStep ?? this.usual.listStep ?? step };
  }

  private stepsOf(entries: Iterable<Entry>): Steps {
    const found: Steps = {};
    for (const { start, value } of entries) {
      if ((value.kind !== "map" && value.kind !== "seq") || isEmpty(value) || this.isFlow(value))
        continue;
      const [first] = value.kind === "map" ? entriesOf(value) : elementsOf(value);
      if (first === undefined) continue;
      const at = value.kind === "map" ? first.start : this.dashOf(first);
      const step = this.column(at) - this.column(start);
      if (value.kind === "map") found.step ??= step;
      else found.listStep ??= step;
      if (found.step !== undefined && found.listStep !== undefined) break;
    }
    return found;
  }

  private quotesOf(node: Node): Manner["quotes"] {
    const span = this.followed.spans.scalars.get(node.start);
    return this.quotesAt(span?.content ?? node.start);
  }

  private quotesAt(at: number): Manner["quotes"] {
    const c = this.text.charAt(at);
    return c === '"' ? "double" : c === "'" ? "single" : "plain";
  }
}

const entriesOf = ({ items }: Mapping): Entry[] => items.filter((item) => item.kind === "entry");

const elementsOf = ({ items }: Pick<Sequence, "items">): Node[] =>
  items.filter(({ kind }) => kind !== "comment");

function* entriesBelow(root: Mapping | undefined): Generator<Entry> {
  if (root === undefined) return;
  for (const { items } of collections([root]))
    for (const item of items) if (item.kind === "entry") yield item;
}

/** An empty flow collection, whose end is not always told. */
const isFlowEmpty = (node: Node): boolean =>
  (node.kind === "map" || node.kind === "seq") && node.items.length === 0;

function isSameNode(a: Node | undefined, b: Node | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  if (a.kind === "comment" || b.kind === "comment")
    return a.kind === "comment" && b.kind === "comment" && a.value === b.value;
  return sameValues([map([entry("", a)])], [map([entry("", b)])]);
}
