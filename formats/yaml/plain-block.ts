import {
  entry,
  map,
  nil,
  seq,
  str,
  type Entry,
  type Mapping,
  type Node,
  type Sequence,
} from "../../src/tree/node.ts";
import { LF, SPACE } from "./chars.ts";
import { resolvePlain } from "./resolve.ts";

/**
 * A reader of the one style in which both programs write nearly every document: block mappings and lists, keys of letters and
 * digits, each value on its key's line or below it as a literal. No token is made and few characters are looked at one by one,
 * which takes a fraction of the general reader's time.
 *
 * It gives up on everything else, such as comments, anchors, tags, flow collections, several documents, and whatever is wrong:
 * the general reader then decides from the start, and words the error.
 */

/** A collection whose end has not been read yet. */
interface Open {
  readonly node: Mapping | Sequence;
  /** Where its keys or dashes are. */
  readonly column: number;
  /** The keys of a mapping that has many. */
  keys: Set<string> | undefined;
}

/** From here on a mapping's keys are looked up in a set. */
const MANY_KEYS = 8;

const MAX_DEPTH = 1000;
const MAX_KEY_LENGTH = 1000;

const QUOTE = 34;
const APOSTROPHE = 39;
const DASH = 45;
const COLON = 58;
const BAR = 124;

/**
 * @param text as `decodeStream` gives it
 * @param isAscii no character of it is beyond ASCII
 * @returns the one document, as the general reader reads it, except that the `end` of a collection is not reported; undefined for
 *   text in another style
 */
export function readPlainBlock(text: string, isAscii: boolean): Mapping | undefined {
  const last = text.length - 1;
  if (text.charCodeAt(0) === LF || text.charCodeAt(last - 1) !== LF) return undefined;
  if (text.includes("\t") || text.includes("\r")) return undefined;
  if (!isAscii && /[\u0085\u2028\u2029\ufeff]/.test(text)) return undefined;
  const reader = new PlainBlockReader(text);
  return reader.read(last) ? reader.root : undefined;
}

class PlainBlockReader {
  readonly root: Mapping = map([], 0);
  private readonly text: string;
  private at = 0;
  private readonly open: Open[] = [{ node: this.root, column: 0, keys: undefined }];
  /** An entry with nothing on its line: what it holds is below. */
  private waiting: Entry | undefined;

  constructor(text: string) {
    this.text = text;
  }

  /** False for text in another style. */
  read(last: number): boolean {
    const { text } = this;
    while (this.at < last) {
      const lineStart = this.at;
      let c = text.charCodeAt(this.at);
      while (c === SPACE) c = text.charCodeAt(++this.at);
      const column = this.at - lineStart;
      if (c === LF) {
        if (column > 0) return false;
        this.at++;
        continue;
      }
      const isItem = c === DASH && text.charCodeAt(this.at + 1) === SPACE;
      if (!this.arrive(column, isItem) || !this.line(column, isItem)) return false;
    }
    return this.root.items.length > 0;
  }

  /** Opens the collection that begins in this column, or closes those that ended before it. */
  private arrive(column: number, isItem: boolean): boolean {
    const { open, waiting } = this;
    let top = open[open.length - 1] as Open;
    if (waiting !== undefined) {
      this.waiting = undefined;
      // A list may be in its key's own column.
      if (column > top.column || (column === top.column && isItem)) {
        waiting.value = this.begin(column, isItem);
        return open.length <= MAX_DEPTH;
      }
    }
    while (
      column < top.column ||
      (column === top.column && !isItem && top.node.kind === "seq" && open.length > 1)
    ) {
      open.pop();
      top = open[open.length - 1] as Open;
    }
    return column === top.column && isItem === (top.node.kind === "seq");
  }

  private begin(column: number, isItem: boolean): Mapping | Sequence {
    const node = isItem ? seq([], this.at) : map([], this.at);
    this.open.push({ node, column, keys: undefined });
    return node;
  }

  /** The rest of a line that begins with an item or an entry of the innermost collection. */
  private line(start: number, startsItem: boolean): boolean {
    let column = start;
    let isItem = startsItem;
    while (isItem) {
      const list = (this.open[this.open.length - 1] as Open).node as Sequence;
      this.at += 2;
      column += 2;
      const c = this.text.charCodeAt(this.at);
      isItem = c === DASH && this.text.charCodeAt(this.at + 1) === SPACE;
      const isEntry = !isItem && this.keyEnd() > 0;
      if (!isItem && !isEntry) {
        const value = this.value();
        if (value === undefined) return false;
        list.items.push(value);
        return true;
      }
      list.items.push(this.begin(column, isItem));
      if (this.open.length > MAX_DEPTH) return false;
    }
    return this.entry();
  }

  /** Where the key at the current place ends; -1 where none of the plain kind begins. */
  private keyEnd(): number {
    const { text } = this;
    let end = this.at;
    for (;;) {
      const c = text.charCodeAt(end);
      if (
        (c >= 97 && c <= 122) ||
        c === 95 ||
        (c >= 65 && c <= 90) ||
        (c >= 48 && c <= 57) ||
        // - . / but not in front.
        (c >= 45 && c <= 47 && end > this.at)
      ) {
        end++;
      } else if (c === COLON && end > this.at && end - this.at <= MAX_KEY_LENGTH) {
        const next = text.charCodeAt(end + 1);
        return next === SPACE || next === LF ? end : -1;
      } else {
        return -1;
      }
    }
  }

  private entry(): boolean {
    const { text } = this;
    const start = this.at;
    const end = this.keyEnd();
    if (end < 0) return false;
    const key = text.slice(start, end);
    if (!isTextKey(key) || this.isRepeated(key)) return false;
    const { node } = this.open[this.open.length - 1] as Open;
    if (text.charCodeAt(end + 1) === LF) {
      const made = entry(key, nil(end + 1, end + 1), start, end);
      (node as Mapping).items.push(made);
      this.waiting = made;
      this.at = end + 2;
      return true;
    }
    this.at = end + 2;
    const value = this.value();
    if (value === undefined) return false;
    (node as Mapping).items.push(entry(key, value, start, end));
    return true;
  }

  private isRepeated(key: string): boolean {
    const open = this.open[this.open.length - 1] as Open;
    const items = open.node.items as Entry[];
    if (open.keys === undefined) {
      if (items.length < MANY_KEYS) {
        for (const item of items) if (item.key === key) return true;
        return false;
      }
      open.keys = new Set(items.map((item) => item.key));
    }
    if (open.keys.has(key)) return true;
    open.keys.add(key);
    return false;
  }

  /** The value up to the end of the line, and a literal's lines; the place is then the next line. */
  private value(): Node | undefined {
    const { text, at: start } = this;
    const end = text.indexOf("\n", start);
    const first = text.charCodeAt(start);
    this.at = end + 1;
    switch (first) {
      case QUOTE:
      case APOSTROPHE:
        return quoted(text, start, end, first);
      case BAR:
        return this.literal(start, end);
      case DASH:
        // Also the end of a document, and a dash with nothing after it.
        if (!isDigit(text.charCodeAt(start + 1))) return undefined;
        break;
      default:
        if (!canBegin(first)) return emptyCollection(text.slice(start, end), start);
    }
    const final = text.charCodeAt(end - 1);
    if (final === COLON || final === SPACE) return undefined;
    const value = text.slice(start, end);
    const space = text.indexOf(" ", start);
    if (space >= 0 && space < end && (value.includes(": ") || value.includes(" #")))
      return undefined;
    return resolvePlain(value, start, end);
  }

  private literal(start: number, end: number): Node | undefined {
    const { text } = this;
    const isStripped = end - start === 2 && text.charCodeAt(start + 1) === DASH;
    if (end - start !== 1 && !isStripped) return undefined;
    const parent = (this.open[this.open.length - 1] as Open).column;
    let width = 0;
    let value = "";
    let stop = end;
    for (;;) {
      let at = stop + 1;
      while (text.charCodeAt(at) === SPACE && (width === 0 || at <= stop + width)) at++;
      const column = at - stop - 1;
      const c = text.charCodeAt(at);
      // Empty lines and what is in front of them have rules of their own.
      if (c === LF) return undefined;
      if (width === 0) {
        if (column <= parent) return undefined;
        width = column;
      } else if (column < width) {
        break;
      }
      const lineEnd = text.indexOf("\n", at);
      if (lineEnd < 0) break;
      value += text.slice(at, lineEnd + 1);
      stop = lineEnd;
    }
    this.at = stop + 1;
    return str(isStripped ? value.slice(0, -1) : value, start, stop);
  }
}

function emptyCollection(text: string, start: number): Node | undefined {
  return text === "[]" ? seq([], start) : text === "{}" ? map([], start) : undefined;
}

/** A scalar in quotes without an escape that ends with its line. */
function quoted(text: string, start: number, end: number, mark: number): Node | undefined {
  if (end - start < 2 || text.charCodeAt(end - 1) !== mark) return undefined;
  const value = text.slice(start + 1, end - 1);
  const isPlain = mark === QUOTE ? !/["\\]/.test(value) : !value.includes("'");
  return isPlain ? str(value, start, end) : undefined;
}

const isDigit = (c: number): boolean => c >= 48 && c <= 57;

/** May a plain scalar begin so? Not with an indicator; those that depend on what follows are left out. */
function canBegin(c: number): boolean {
  return (
    (c >= 97 && c <= 122) ||
    (c >= 65 && c <= 90) ||
    isDigit(c) ||
    c === 95 || // _
    c === 47 || // /
    c === 46 || // .
    c === 43 || // +
    c === 36 || // $
    c === 40 || // (
    c === 126 || // ~
    c >= 0xa0
  );
}

/** Does a plain key stand for text? A number or a word such as `true` does not. */
function isTextKey(key: string): boolean {
  return resolvePlain(key, -1, -1).kind === "str";
}
