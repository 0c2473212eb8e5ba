import {
  comment,
  entry,
  map,
  nil,
  seq,
  type Comment,
  type Entry,
  type Mapping,
  type Node,
  type Sequence,
} from "../../src/tree/node.ts";
import { LF, SPACE } from "./chars.ts";
import { flowAt, isFlowStart } from "./quick-flow.ts";
import {
  blockScalarAt,
  canBegin,
  COLON,
  DASH,
  HASH,
  isBlockStart,
  isQuote,
  isTextKey,
  plainAt,
  quotedAt,
} from "./quick-scalars.ts";

/**
 * A reader of the style that both programs write, and of what most people write: block mappings and lists, keys on one line, each value on
 * its key's line or below it as a block scalar, flow collections, and comments whose place is beyond doubt. No token is made and few
 * characters are looked at one by one, which takes a fraction of the general reader's time.
 *
 * It gives up on everything else, such as anchors, tags, text on several lines, several documents, and whatever is wrong: the general
 * reader then decides from the start, and words the error.
 */

/** A collection whose end has not been read yet. */
interface Open {
  readonly node: Mapping | Sequence;
  /** Where its keys or dashes are. */
  readonly column: number;
  /** The keys of a mapping that has many. */
  keys: Set<string> | undefined;
}

/** Comment lines without an empty line between them, in one column. */
interface Group {
  readonly column: number;
  readonly comments: Comment[];
}

/** From here on a mapping's keys are looked up in a set. */
const MANY_KEYS = 8;

const MAX_DEPTH = 1000;
const MAX_KEY_LENGTH = 1000;

/** The general reader looks a little further for a comment. */
const MAX_GAP = 400;

/**
 * @param text as `decodeStream` gives it
 * @param isAscii no character of it is beyond ASCII
 * @param inFlow an empty set that takes the start of each scalar in a flow collection
 * @returns the one document, as the general reader reads it, except that the `end` of a block collection is not reported; undefined for
 *   text in another style
 */
export function readQuickBlock(
  text: string,
  isAscii: boolean,
  inFlow?: Set<number>,
): Mapping | undefined {
  if (text.charCodeAt(text.length - 2) !== LF) return undefined;
  if (text.includes("\t") || text.includes("\r")) return undefined;
  if (!isAscii && /[\u0085\u2028\u2029\ufeff]/.test(text)) return undefined;
  const reader = new QuickBlockReader(text, inFlow);
  if (reader.read()) return reader.root;
  inFlow?.clear();
  return undefined;
}

class QuickBlockReader {
  readonly root: Mapping = map([], 0);
  private readonly text: string;
  private readonly inFlow: Set<number> | undefined;
  /** The offset of what ends the text. */
  private readonly last: number;
  private at = 0;
  private readonly open: Open[] = [{ node: this.root, column: 0, keys: undefined }];
  /** An entry with nothing on its line: what it holds is below. */
  private waiting: Entry | undefined;
  /** Comments above what comes next, in its column. */
  private above: readonly Comment[] = [];
  /** The comment on the line of the value that was read last. */
  private beside: Comment | undefined;
  private isAfterEmptyLine = false;
  private hasMarker = false;
  private hasItems = false;

  constructor(text: string, inFlow: Set<number> | undefined) {
    this.text = text;
    this.last = text.length - 1;
    this.inFlow = inFlow;
  }

  private get top(): Open {
    return this.open[this.open.length - 1] as Open;
  }

  /** False for text in another style. */
  read(): boolean {
    const { text, last } = this;
    while (this.at < last) {
      const lineStart = this.at;
      let c = text.charCodeAt(this.at);
      while (c === SPACE) c = text.charCodeAt(++this.at);
      const column = this.at - lineStart;
      if (c === LF) {
        this.isAfterEmptyLine = true;
        this.at++;
        continue;
      }
      if (c === HASH) {
        this.at = lineStart;
        if (!this.comments()) return false;
        continue;
      }
      if (!this.hasItems) {
        if (column === 0 && this.skipMarker()) continue;
        this.hasItems = true;
        this.root.start = this.at;
      }
      const isItem = this.isItem(this.at);
      if (!this.arrive(column, isItem) || !this.line(column, isItem)) return false;
      this.isAfterEmptyLine = false;
    }
    return this.hasItems;
  }

  /** Steps over the `---` in front of the document; false where there is none. */
  private skipMarker(): boolean {
    if (this.hasMarker || !this.text.startsWith("---\n", this.at)) return false;
    this.hasMarker = true;
    this.isAfterEmptyLine = false;
    this.at += 4;
    return true;
  }

  /** Does an item of a list begin here? */
  private isItem(at: number): boolean {
    return this.text.charCodeAt(at) === DASH && this.text.charCodeAt(at + 1) === SPACE;
  }

  /** Does what is in this column belong to the entry that waits? A list may be in its key's own column. */
  private isAwaited(column: number, isItem: boolean): boolean {
    const own = this.top.column;
    return this.waiting !== undefined && (column > own || (column === own && isItem));
  }

  /** Opens the collection that begins in this column, or closes those that ended before it. */
  private arrive(column: number, isItem: boolean): boolean {
    const { open, waiting } = this;
    const isAwaited = this.isAwaited(column, isItem);
    this.waiting = undefined;
    if (waiting !== undefined && isAwaited) {
      waiting.value = this.begin(column, isItem);
      return open.length <= MAX_DEPTH;
    }
    let { top } = this;
    while (
      column < top.column ||
      (column === top.column && !isItem && top.node.kind === "seq" && open.length > 1)
    ) {
      open.pop();
      ({ top } = this);
    }
    return column === top.column && isItem === (top.node.kind === "seq");
  }

  private begin(column: number, isItem: boolean): Mapping | Sequence {
    const node = isItem ? seq([], this.at) : map([], this.at);
    this.open.push({ node, column, keys: undefined });
    return node;
  }

  /**
   * Reads comment lines, up to the next line that is none. A comment is above what comes next, or the last in a collection that ends there.
   *
   * @returns false where more than columns decides which of the two it is (spec file-format, Appendix A)
   */
  private comments(): boolean {
    const { text, last } = this;
    const groups: Group[] = [];
    let isTouching = !this.isAfterEmptyLine && (this.hasItems || this.hasMarker);
    /** An empty line comes after comments, and none between them and what is above them. */
    let isFoot = false;
    let isNew = true;
    let column = 0;
    for (let gap = this.at; ;) {
      const lineStart = this.at;
      let c = text.charCodeAt(this.at);
      while (c === SPACE) c = text.charCodeAt(++this.at);
      column = this.at - lineStart;
      if (this.at - gap > MAX_GAP) return false;
      if (c === LF) {
        isFoot ||= isTouching;
        isTouching = false;
        isNew = true;
        this.at++;
        continue;
      }
      if (c !== HASH) {
        this.at = lineStart;
        break;
      }
      const one = this.comment(false);
      const group = groups[groups.length - 1];
      if (isNew || group === undefined || group.column !== column)
        groups.push({ column, comments: [one] });
      else group.comments.push(one);
      isNew = false;
      gap = this.at;
    }
    return this.at < last
      ? this.place(groups, column, isFoot)
      : this.placeLast(groups, isFoot || isTouching);
  }

  /** @param column where what comes next is */
  private place(groups: Group[], column: number, isFoot: boolean): boolean {
    const { top } = this;
    const [first] = groups;
    if (first !== undefined && first.column > column && first.column === top.column) {
      for (const one of first.comments) top.node.items.push(one);
      groups.shift();
    }
    if (groups.some((group) => group.column !== column)) return false;
    const isItem = this.isItem(this.at + column);
    if (isFoot && !this.isAwaited(column, isItem)) {
      const isBesideList = top.node.kind === "seq" && top.column === column;
      if (isItem || isBesideList || !this.hasItems) return false;
    }
    this.above = [...this.above, ...groups.flatMap(({ comments }) => comments)];
    return true;
  }

  /** Places comments at the end of the text. */
  private placeLast(groups: readonly Group[], isFoot: boolean): boolean {
    const { top } = this;
    const isBesideList = top.node.kind === "seq" && top.column === 0;
    if (isFoot && isBesideList) return false;
    if (groups.some(({ column }) => column !== 0)) return false;
    for (const { comments } of groups) for (const one of comments) this.root.items.push(one);
    return true;
  }

  /** Takes the comment at the current place, and its line break. */
  private comment(isInline: boolean): Comment {
    const { text, at: start } = this;
    const end = text.indexOf("\n", start);
    this.at = end + 1;
    return comment(text.slice(start + 1, end), isInline, start, end);
  }

  /** The rest of a line that begins with an item or an entry of the innermost collection. */
  private line(start: number, startsItem: boolean): boolean {
    const { text, open } = this;
    if (this.above.length > 0) {
      const { items } = this.top.node;
      for (const one of this.above) items.push(one);
      this.above = [];
    }
    let column = start;
    let isItem = startsItem;
    let keyEnd = isItem ? -1 : this.keyEnd();
    while (isItem) {
      const list = this.top.node as Sequence;
      let c: number;
      do {
        this.at++;
        column++;
        c = text.charCodeAt(this.at);
      } while (c === SPACE);
      isItem = this.isItem(this.at);
      keyEnd = isItem ? -1 : this.keyEnd();
      if (!isItem && keyEnd < 0) {
        const value = this.value();
        if (value === undefined) return false;
        if (this.beside !== undefined) list.items.push(this.beside);
        list.items.push(value);
        return true;
      }
      list.items.push(this.begin(column, isItem));
      if (open.length > MAX_DEPTH) return false;
    }
    return keyEnd >= 0 && this.entry(keyEnd);
  }

  /** Where the key at the current place ends; -1 where none begins that this reader knows. */
  private keyEnd(): number {
    const { text, at: start } = this;
    const first = text.charCodeAt(start);
    // At the start of a line it would end the document.
    if (text.startsWith("...", start)) return -1;
    if (!canBegin(first)) return isQuote(first) ? this.quotedKeyEnd() : -1;
    for (let end = start + 1; end - start <= MAX_KEY_LENGTH; end++) {
      const c = text.charCodeAt(end);
      if (c >= 97 && c <= 122) continue;
      if (c === COLON && this.isColon(end)) return text.charCodeAt(end - 1) === SPACE ? -1 : end;
      // A bracket also ends the search in each ciphertext.
      if (c < SPACE || c === HASH || isFlowStart(c)) return -1;
    }
    return -1;
  }

  private quotedKeyEnd(): number {
    const end = quotedAt(this.text, this.at)?.end ?? -1;
    return end >= 0 && end - this.at <= MAX_KEY_LENGTH && this.isColon(end) ? end : -1;
  }

  private isColon(at: number): boolean {
    const next = this.text.charCodeAt(at + 1);
    return this.text.charCodeAt(at) === COLON && (next === SPACE || next === LF);
  }

  /** @param end of its key */
  private entry(end: number): boolean {
    const { text, at: start } = this;
    const isQuoted = isQuote(text.charCodeAt(start));
    const key = isQuoted ? (quotedAt(text, start)?.value ?? "") : text.slice(start, end);
    if (!isQuoted && !isTextKey(key)) return false;
    const { items } = this.top.node as Mapping;
    if (this.isRepeated(key)) return false;
    this.at = end + 1;
    let c = text.charCodeAt(this.at);
    while (c === SPACE) c = text.charCodeAt(++this.at);
    if (c === LF || c === HASH) {
      if (c === HASH) items.push(this.comment(false));
      else this.at++;
      const made = entry(key, nil(end + 1, end + 1), start, end);
      items.push(made);
      this.waiting = made;
      return true;
    }
    const value = this.value();
    if (value === undefined) return false;
    const { beside } = this;
    if (beside !== undefined) {
      if (value.kind === "map" || value.kind === "seq")
        value.items.unshift({ ...beside, inline: false });
      else items.push(beside);
    }
    items.push(entry(key, value, start, end));
    return true;
  }

  private isRepeated(key: string): boolean {
    const open = this.top;
    const { items } = open.node as Mapping;
    if (open.keys === undefined) {
      if (items.length < MANY_KEYS) {
        for (const item of items) if (item.kind === "entry" && item.key === key) return true;
        return false;
      }
      open.keys = new Set();
      for (const item of items) if (item.kind === "entry") open.keys.add(item.key);
    }
    if (open.keys.has(key)) return true;
    open.keys.add(key);
    return false;
  }

  /** The value up to the end of the line, or of its lines; the place is then the next line. */
  private value(): Node | undefined {
    const { text, at: start } = this;
    const first = text.charCodeAt(start);
    this.beside = undefined;
    let node: Node | undefined;
    if (canBegin(first)) node = plainAt(text, start);
    else if (isQuote(first)) node = quotedAt(text, start);
    else if (isFlowStart(first)) node = flowAt(text, start, this.inFlow);
    else if (isBlockStart(first)) node = blockScalarAt(text, start, this.top.column);
    // Also a dash with nothing after it.
    else if (first === DASH && text.charCodeAt(start + 1) > SPACE) node = plainAt(text, start);
    return node !== undefined && this.isLast(node.end) ? node : undefined;
  }

  /** Is there nothing but a comment after this place on its line? */
  private isLast(end: number): boolean {
    const { text } = this;
    let at = end;
    let c = text.charCodeAt(at);
    if (c !== LF) {
      while (c === SPACE) c = text.charCodeAt(++at);
      if (c === HASH && at > end && at - end < MAX_GAP) {
        this.at = at;
        this.beside = this.comment(true);
        return true;
      }
    }
    this.at = at + 1;
    return c === LF;
  }
}
