import { ParseError } from "../../src/errors.ts";
import { comment, entry, map, type Item, type Mapping } from "../../src/tree/node.ts";
import { textLeaf } from "../../src/tree/text.ts";
import type { Warn } from "../format.ts";

// The rules are those of the library that sops reads and writes INI with, its oddities included: a file that one of
// the two programs has written must read the same in the other.

/** What keys are in that come before the first section header. Always there, always first. */
export const DEFAULT_SECTION = "DEFAULT";

/** White space as Unicode and Go define it; ECMAScript's own `trim` differs in U+0085 and U+FEFF. */
const WIDE_SPACE = /[\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/;

export function isSpaceAt(text: string, at: number): boolean {
  const c = text.charCodeAt(at);
  if (c < 0x1680) return c === 0x20 || (c >= 0x09 && c <= 0x0d) || c === 0x85 || c === 0xa0;
  return WIDE_SPACE.test(text.charAt(at));
}

function trimStart(text: string): string {
  let start = 0;
  while (start < text.length && isSpaceAt(text, start)) start++;
  return text.slice(start);
}

function trimEnd(text: string): string {
  let end = text.length;
  while (end > 0 && isSpaceAt(text, end - 1)) end--;
  return text.slice(0, end);
}

export const trim = (text: string): string => trimEnd(trimStart(text));

/**
 * A comment's text without the introducers at its beginning; those of later lines stay. Empty comment lines at the
 * beginning go too: sops keeps them, and then crashes when it writes the decrypted file.
 */
function commentText(raw: string): string {
  const text = trim(raw);
  if (text.startsWith(";")) return text.replace(/^[; \n]+/, "");
  return text.startsWith("#") ? text.replace(/^[# \n]+/, "") : text;
}

/** Where a key name ends and its value begins. */
interface KeyName {
  name: string;
  /** Offset after the delimiter. */
  valueAt: number;
}

/** The key at the start of `line`, or why there is none. */
export function readKeyName(line: string): KeyName | string {
  const mark =
    line.length > 6 && line.startsWith('"""')
      ? '"""'
      : line.startsWith('"')
        ? '"'
        : line.startsWith("`")
          ? "`"
          : "";
  let end = 0;
  if (mark !== "") {
    end = line.indexOf(mark, mark.length);
    if (end === -1) return "missing closing key quote";
  }
  const offset = line.slice(end + mark.length).search(/[=:]/);
  if (offset === -1) return "key-value delimiter not found";
  const delimiter = end + mark.length + offset;
  if (mark !== "") return { name: trim(line.slice(mark.length, end)), valueAt: delimiter + 1 };
  return delimiter === 0
    ? "empty key name"
    : { name: trim(line.slice(0, delimiter)), valueAt: delimiter + 1 };
}

/** The quotes are removed only when that quote is nowhere else in the value. */
function unquoted(text: string): string {
  const first = text.charAt(0);
  const isQuoted =
    (first === '"' || first === "'") &&
    text.length >= 2 &&
    text.indexOf(first, 1) === text.length - 1;
  return isQuoted ? text.slice(1, -1) : text;
}

interface ReadKey {
  name: string;
  start: number;
  value: string;
  valueStart: number;
  valueEnd: number;
  /** Raw text, "" for none. */
  comment: string;
  commentStart: number;
}

/** Where the texts of a file are. */
export interface Places {
  /** By where their values start. */
  readonly keys: Map<number, KeyPlace>;
  /** By where their first line starts. */
  readonly comments: Map<number, CommentPlace>;
  /** Lines of comments after the last key. */
  last: readonly Piece[];
  /** Comments after closing quotes, which reading drops. */
  readonly dropped: Piece[];
}

export interface KeyPlace {
  /** The value with its quotes. */
  readonly from: number;
  readonly to: number;
  /** Behind the `=` or `:`. */
  readonly valueAt: number;
  /** The offset after the line break of the value's last line. */
  readonly lineEnd: number;
}

/** A comment of one section or key. */
export interface CommentPlace {
  readonly pieces: readonly Piece[];
  /** Of the line that it belongs to. */
  readonly line: { readonly start: number; readonly end: number };
}

/** A comment on one line, from its introducer on. */
export interface Piece {
  readonly from: number;
  readonly to: number;
}

/** As many values as are named of which reading takes something. */
const MAX_WARNINGS = 5;

export class Reader {
  readonly text: string;
  readonly warn: Warn;
  /** The file is encrypted: what reading takes from its values was taken before. */
  readonly sealed: boolean;
  /** Start of the next line. */
  at = 0;
  /** Comment lines that the next key or section takes. */
  pending = "";
  pendingStart = 0;
  /** The lines of `pending`. */
  pieces: Piece[] = [];
  /** Takes where everything is, for who wants to know. */
  readonly places: Places | undefined;
  /** Where the value that was read last ends. */
  valueTo = 0;
  /** The line that `counted` is in. */
  lines = 1;
  counted = 0;
  /** How many values lost something. */
  values = 0;

  constructor(text: string, warn: Warn, sealed = true, places?: Places) {
    this.text = text;
    this.places = places;
    this.warn = warn;
    this.sealed = sealed;
    if (text.startsWith("\ufeff")) this.at = 1;
    else if (/^(?:\udcfe\udcff|\udcff\udcfe)/.test(text)) this.at = 2; // the byte order marks of UTF-16
  }

  /** Calls must come in the order of their offsets: what was counted is not counted again. */
  lineOf(offset: number): number {
    for (;;) {
      const feed = this.text.indexOf("\n", this.counted);
      if (feed === -1 || feed >= offset) return this.lines;
      this.counted = feed + 1;
      this.lines++;
    }
  }

  fail(what: string, at: number): never {
    throw new ParseError(`Could not unmarshal input data: ${what}`, this.lineOf(at));
  }

  dropped(what: string, at: number): void {
    this.warn(`line ${this.lineOf(at)}: ${what}`);
  }

  /** What sops drops without a word cannot be kept. */
  dropsNothing(text: string, at: number): void {
    if (this.places !== undefined && trim(text) !== "")
      this.dropped("text after a header or closing quote would be dropped", at);
  }

  /** The next line with its line feed; "" at the end of the file. */
  line(): string {
    const feed = this.text.indexOf("\n", this.at);
    const start = this.at;
    this.at = feed === -1 ? this.text.length : feed + 1;
    return this.text.slice(start, this.at);
  }

  addComment(text: string, start: number): void {
    if (this.pending === "") this.pendingStart = start;
    this.pending += text;
    this.pieces.push({ from: start, to: start + trimEnd(text).length });
  }

  /** @param lineStart of the line that the comment belongs to */
  takeComment(lineStart: number): { raw: string; start: number } {
    const taken = { raw: trim(this.pending), start: this.pendingStart };
    const line = { start: lineStart, end: this.at };
    if (taken.raw !== "") this.places?.comments.set(taken.start, { pieces: this.pieces, line });
    this.pending = "";
    this.pieces = [];
    return taken;
  }

  document(): Mapping {
    const sections: Item[] = [];
    let section = new Section(DEFAULT_SECTION, this.at, this.at);
    while (this.at < this.text.length) {
      const from = this.at;
      const raw = this.line();
      const line = trimStart(raw);
      const start = from + raw.length - line.length;
      if (line === "") continue;
      if (line.startsWith("#") || line.startsWith(";")) {
        this.addComment(line, start);
      } else if (line.startsWith("[")) {
        sections.push(section.toEntry(from));
        section = this.section(line, start);
      } else {
        const key = this.key(line, start, section);
        section.keys.set(key.name, key);
      }
    }
    sections.push(section.toEntry(this.text.length));
    if (this.pending !== "" && this.places !== undefined) {
      this.places.last = this.pieces;
    } else if (this.pending !== "") {
      this.dropped(
        "comment dropped: INI has no place for one after the last key",
        this.pendingStart,
      );
    }
    return map(sections, 0, this.text.length);
  }

  section(line: string, start: number): Section {
    const close = line.lastIndexOf("]");
    if (close === -1) this.fail("unclosed section: the line has no `]`", start);
    const name = line.slice(1, close);
    if (name === "") this.fail("empty section name", start);
    const behind = line.slice(close + 1).search(/[#;]/);
    if (behind !== -1) this.addComment(line.slice(close + 1 + behind), start + close + 1 + behind);
    this.dropsNothing(line.slice(close + 1, behind === -1 ? undefined : close + 1 + behind), start);
    const section = new Section(name, start, start + close + 1);
    const { raw, start: commentStart } = this.takeComment(start);
    if (raw !== "") {
      section.items.push(comment(commentText(raw), false, commentStart, commentStart + raw.length));
    }
    return section;
  }

  /** The key of `line`, which begins at `start`, with its value, for which more lines may be read. */
  key(line: string, start: number, section: Section): ReadKey {
    const key = readKeyName(line);
    if (typeof key === "string") return this.fail(key, start);
    if (key.name === "") this.fail("error creating new key: empty key name", start);
    const name = key.name === "-" ? `#${++section.dashes}` : key.name;
    if (section.keys.has(name))
      this.dropped("an earlier value of this key in its section is dropped", start);
    const rest = trimStart(line.slice(key.valueAt));
    const valueStart = start + line.length - rest.length;
    const value = this.value(rest, valueStart);
    this.places?.keys.set(valueStart, {
      from: valueStart,
      to: Math.max(this.valueTo, valueStart),
      valueAt: start + key.valueAt,
      lineEnd: this.at,
    });
    const { raw, start: commentStart } = this.takeComment(start);
    return { name, start, value, valueStart, valueEnd: this.at, comment: raw, commentStart };
  }

  /** Says what reading takes from a value, of the first few. */
  taken(what: string, at: number): void {
    if (this.sealed) return;
    if (++this.values <= MAX_WARNINGS) this.dropped(what, at);
    else if (this.values === MAX_WARNINGS + 1) this.dropped("further values are not listed", at);
  }

  /** `rest` is the key's line after the delimiter without leading white space; it begins at `start`. */
  value(rest: string, start: number): string {
    const mark =
      rest.length > 3 && rest.startsWith('"""') ? '"""' : rest.startsWith("`") ? "`" : "";
    if (mark !== "") return this.raw(rest, start, mark);
    const text = trimEnd(rest);
    if (text.endsWith("\\")) {
      const value = this.continued(text.slice(0, -1));
      this.valueTo = start + trimEnd(this.text.slice(start, this.at)).length;
      return value;
    }
    const cut = text.search(/[#;]/);
    if (cut !== -1) {
      this.addComment(text.slice(cut), start + cut);
      this.taken(
        `the value ends before \`${text.charAt(cut)}\`; the rest is read as a comment: put the whole value in backticks if it is not one`,
        start,
      );
    }
    const value = cut === -1 ? text : trimEnd(text.slice(0, cut));
    this.valueTo = start + value.length;
    const bare = unquoted(value);
    if (bare !== value)
      this.taken(
        "the quotes around the value are dropped; put it in backticks to keep them",
        start,
      );
    return bare;
  }

  /**
   * A value in `"""` or backticks: up to the last such mark of the line, or else of the first line below that has one
   * and does not end in a backslash.
   */
  raw(rest: string, start: number, mark: string): string {
    const close = rest.lastIndexOf(mark);
    if (close >= mark.length) {
      const behind = close + mark.length;
      this.valueTo = start + behind;
      const text = trim(rest.slice(behind));
      const at = start + rest.indexOf(text, behind);
      if (this.places !== undefined && /^[#;]/.test(text))
        this.places.dropped.push({ from: at, to: at + text.length });
      else if (text !== "") this.dropped("text after the closing quote dropped", start + behind);
      return rest.slice(mark.length, close);
    }
    const parts = [rest.slice(mark.length)];
    for (;;) {
      const from = this.at;
      const line = this.line();
      if (line === "") this.fail("missing closing key quote from this line on", start);
      const end = line.lastIndexOf(mark);
      if (end !== -1 && !trimEnd(line).endsWith("\\")) {
        parts.push(line.slice(0, end));
        this.valueTo = from + end + mark.length;
        const behind = line.slice(end).search(/[#;]/);
        this.dropsNothing(
          line.slice(end + mark.length, behind === -1 ? undefined : end + behind),
          start,
        );
        if (behind !== -1) this.addComment(trim(line.slice(end + behind)), from + end + behind);
        return parts.join("");
      }
      parts.push(line);
    }
  }

  /** A value that goes on after a backslash at the end of its line; comments and quotes mean nothing in it. */
  continued(first: string): string {
    const parts = [first];
    for (;;) {
      const line = trim(this.line());
      if (!line.endsWith("\\")) return parts.join("") + line;
      parts.push(line.slice(0, -1));
    }
  }
}

/** A section while it is read. */
class Section {
  readonly name: string;
  readonly start: number;
  readonly end: number;
  /** Only the section's comment until `toEntry`. */
  readonly items: Item[] = [];
  /** A repeated key keeps its first place and takes value and comment of the last. */
  readonly keys: Map<string, ReadKey> = new Map();
  /** How many keys `-` there were. */
  dashes = 0;

  constructor(name: string, start: number, end: number) {
    this.name = name;
    this.start = start;
    this.end = end;
  }

  toEntry(end: number): Item {
    for (const key of this.keys.values()) {
      const value = textLeaf(key.value, key.valueStart, key.valueEnd);
      this.items.push(entry(key.name, value, key.start, key.valueStart));
      if (key.comment !== "") {
        const commentEnd = key.commentStart + key.comment.length;
        this.items.push(comment(commentText(key.comment), false, key.commentStart, commentEnd));
      }
    }
    return entry(this.name, map(this.items, this.end, end), this.start, this.end);
  }
}
