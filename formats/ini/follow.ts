import { flatText } from "../../src/tree/flat-text.ts";
import type { Entry, Mapping, Node } from "../../src/tree/node.ts";
import { entriesOf, entryChanges } from "../entry-changes.ts";
import { CannotKeep, type Edit } from "../layout.ts";
import { readsBackAs, keyName, valueText } from "./writer.ts";
import type { KeyPlace, Places } from "./reader.ts";

/** The text whose values change. */
export interface FollowedText {
  readonly text: string;
  readonly places: Places;
  readonly lineBreak: string;
}

/**
 * The edits that make an INI text hold another document: values exchanged, keys and sections added and taken out.
 *
 * @param own as it was read from the text
 * @throws {CannotKeep}
 */
export function editsBetween(followed: FollowedText, own: Mapping, wanted: Mapping): Edit[] {
  const follower = new Follower(followed);
  const { kept, removed, added } = entryChanges(own, wanted);
  for (const pair of kept) follower.section(pair.own, pair.wanted.value);
  for (const section of removed) follower.removeSection(section);
  for (const { entry, behind } of added) {
    if (behind !== entriesOf(own).at(-1))
      throw new CannotKeep("a section was added between others");
    follower.addSection(own, entry);
  }
  return follower.edits;
}

class Follower {
  readonly edits: Edit[] = [];
  private readonly text: string;
  private readonly places: Places;
  private readonly lineBreak: string;

  constructor({ text, places, lineBreak }: FollowedText) {
    this.text = text;
    this.places = places;
    this.lineBreak = lineBreak;
  }

  section(own: Entry, wanted: Node): void {
    const { kept, removed, added } = entryChanges(mappingOf(own.value), mappingOf(wanted));
    for (const pair of kept) this.value(pair.own, pair.wanted);
    for (const key of removed) {
      const { lineEnd } = this.placeOf(key);
      this.removeLines(this.lineStart(key.start), lineEnd);
    }
    const keys = entriesOf(mappingOf(own.value));
    for (const { entry, behind } of added) {
      const beside = behind ?? keys[0];
      const line = this.keyLine(entry, beside, keys);
      if (behind !== undefined) this.addLine(this.placeOf(behind).lineEnd, line);
      else if (own.start < own.end) this.addLine(this.lineEnd(own.end), line);
      else this.addAtStart(own.start, line, entry === added.at(-1)?.entry);
    }
  }

  removeSection(section: Entry): void {
    const keys = entriesOf(mappingOf(section.value));
    const last = keys.at(-1);
    if (section.start === section.end)
      throw new CannotKeep("a section without a header was removed");
    const end = last === undefined ? this.lineEnd(section.end) : this.placeOf(last).lineEnd;
    const from = this.lineStart(section.start);
    // Of the empty lines before and after it, those before stay.
    const isApart = from === 0 || /\n[ \t]*\r?\n$/.test(this.text.slice(0, from));
    const empty = isApart ? /^(?:[ \t]*\r?\n)+/.exec(this.text.slice(end))?.[0].length : 0;
    this.removeLines(from, end + (empty ?? 0));
  }

  addSection(own: Mapping, { key, value }: Entry): void {
    const keys = entriesOf(own).flatMap((section) => entriesOf(mappingOf(section.value)));
    const lines = [`[${key}]`];
    for (const entry of entriesOf(mappingOf(value)))
      lines.push(this.keyLine(entry, keys.at(-1), []));
    const isFirst = this.text.trim() === "";
    this.addLine(this.text.length, (isFirst ? "" : this.lineBreak) + lines.join(this.lineBreak));
  }

  private value(own: Entry, wanted: Entry): void {
    const value = flatText(wanted.value);
    if (flatText(own.value) === value) return;
    const { from, to, valueAt } = this.placeOf(own);
    const source = this.text.slice(from, to);
    if (source === "") {
      const gap = this.text.charAt(valueAt - 2) === " " ? " " : "";
      this.edits.push({ from: valueAt, to: valueAt, by: gap + valueText(value) });
      return;
    }
    const quote = source.length > 1 && /^["'`]/.test(source) ? source.charAt(0) : "";
    const same = quote + value + quote;
    const by = quote !== "" && readsBackAs(same, value) ? same : valueText(value);
    this.edits.push({ from, to, by });
  }

  /** The line of a new key, written as the one beside it. */
  private keyLine(
    { key, value }: Entry,
    beside: Entry | undefined,
    keys: readonly Entry[],
  ): string {
    const name = keyName(key);
    const text = valueText(flatText(value));
    if (beside === undefined) return `${name} = ${text}`;
    const { valueAt } = this.placeOf(beside);
    const start = this.lineStart(beside.start);
    const head = this.text.slice(start, valueAt);
    const delimiter = head.slice(-1);
    const gap = /[ \t]*$/.exec(head.slice(0, -1))?.[0] ?? "";
    const behind = /^[ \t]*(?=\S)/.exec(this.text.slice(valueAt))?.[0] ?? (gap === "" ? "" : " ");
    const indent = /^[ \t]*/.exec(head)?.[0] ?? "";
    const columns = new Set(keys.map((other) => this.columnOf(other)));
    const isAligned = keys.length > 1 && columns.size === 1 && this.hasSeveralLengths(keys);
    const padded = isAligned
      ? (indent + name).padEnd(head.length - 1 - (gap === "" ? 0 : 1)) + (gap === "" ? "" : " ")
      : indent + name + gap;
    return padded + delimiter + behind + text;
  }

  private columnOf(key: Entry): number {
    return this.placeOf(key).valueAt - this.lineStart(key.start);
  }

  private hasSeveralLengths(keys: readonly Entry[]): boolean {
    return new Set(keys.map(({ key }) => key.length)).size > 1;
  }

  private addLine(at: number, line: string): void {
    const isOpen = at === this.text.length && at > 0 && !this.text.endsWith("\n");
    this.edits.push({
      from: at,
      to: at,
      by: isOpen ? this.lineBreak + line : line + this.lineBreak,
    });
  }

  /** An empty line comes after the last one that is added. */
  private addAtStart(at: number, line: string, isLast: boolean): void {
    const isApart = /^[ \t]*(?:\r?\n|$)/.test(this.text.slice(at));
    this.addLine(at, isLast && !isApart ? line + this.lineBreak : line);
  }

  /** The last line of a text without a final line break takes the one in front of it along. */
  private removeLines(from: number, to: number): void {
    const isOpen = to === this.text.length && !this.text.endsWith("\n");
    const cut = isOpen ? (/\r?\n$/.exec(this.text.slice(0, from))?.[0].length ?? 0) : 0;
    this.edits.push({ from: from - cut, to, by: "" });
  }

  private placeOf({ value }: Entry): KeyPlace {
    const place = this.places.keys.get(value.start);
    if (place === undefined) throw new CannotKeep("a key cannot be found");
    return place;
  }

  private lineStart(at: number): number {
    return this.text.lastIndexOf("\n", at - 1) + 1;
  }

  private lineEnd(at: number): number {
    const feed = this.text.indexOf("\n", at);
    return feed === -1 ? this.text.length : feed + 1;
  }
}

function mappingOf(node: Node): Mapping {
  if (node.kind !== "map") throw new CannotKeep("a section is not a mapping");
  return node;
}
