import { EmitError, ParseError } from "../src/errors.ts";
import {
  comment,
  entry,
  map,
  str,
  type Documents,
  type Entry,
  type Item,
  type Mapping,
  type Node,
} from "../src/tree/node.ts";
import { joinChunks } from "../src/tree/long-text.ts";
import { goFloat } from "../src/go/float.ts";
import { flatText, readsBackFlat } from "../src/tree/flat-text.ts";
import { decodeText, encodeText, leafText, textLeaf } from "../src/tree/text.ts";
import type { Format, Warn } from "./format.ts";
import { jsonText } from "./json/writer.ts";

// The rules are those of the library that sops reads and writes INI with, its oddities included: a file that one of
// the two programs has written must read the same in the other.

const chunkLength = 1 << 16;

/** What keys stand in that come before the first section header. Always there, always first. */
const defaultSection = "DEFAULT";

/** White space as Unicode and Go define it; ECMAScript's own `trim` differs in U+0085 and U+FEFF. */
const wideSpace = /[\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/;

function isSpaceAt(text: string, at: number): boolean {
  const c = text.charCodeAt(at);
  if (c < 0x1680) return c === 0x20 || (c >= 0x09 && c <= 0x0d) || c === 0x85 || c === 0xa0;
  return wideSpace.test(text.charAt(at));
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

const trim = (text: string): string => trimEnd(trimStart(text));

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
  /** Offset behind the delimiter. */
  valueAt: number;
}

/** The key at the start of `line`, or why there is none. */
function readKeyName(line: string): KeyName | string {
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

/** The quotes are removed only when that quote stands nowhere else in the value. */
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

/** As many values as are named of which reading takes something. */
const MAX_WARNINGS = 5;

class Reader {
  readonly text: string;
  readonly warn: Warn;
  /** The file is encrypted: what reading takes from its values was taken before. */
  readonly sealed: boolean;
  /** Start of the next line. */
  at = 0;
  /** Comment lines that the next key or section takes. */
  pending = "";
  pendingStart = 0;
  /** The line that `counted` stands in. */
  lines = 1;
  counted = 0;
  /** How many values lost something. */
  values = 0;

  constructor(text: string, warn: Warn, sealed = true) {
    this.text = text;
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
  }

  takeComment(): { raw: string; start: number } {
    const taken = { raw: trim(this.pending), start: this.pendingStart };
    this.pending = "";
    return taken;
  }

  document(): Mapping {
    const sections: Item[] = [];
    let section = new Section(defaultSection, this.at, this.at);
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
    if (this.pending !== "") {
      this.dropped(
        "comment dropped: INI has no place for one behind the last key",
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
    const section = new Section(name, start, start + close + 1);
    const { raw, start: commentStart } = this.takeComment();
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
    const { raw, start: commentStart } = this.takeComment();
    return { name, start, value, valueStart, valueEnd: this.at, comment: raw, commentStart };
  }

  /** Says what reading takes from a value, of the first few. */
  taken(what: string, at: number): void {
    if (this.sealed) return;
    if (++this.values <= MAX_WARNINGS) this.dropped(what, at);
    else if (this.values === MAX_WARNINGS + 1)
      this.dropped("and more values from here on, of which nothing is said", at);
  }

  /** `rest` is the key's line after the delimiter without leading white space; it begins at `start`. */
  value(rest: string, start: number): string {
    const mark =
      rest.length > 3 && rest.startsWith('"""') ? '"""' : rest.startsWith("`") ? "`" : "";
    if (mark !== "") return this.raw(rest, start, mark);
    const text = trimEnd(rest);
    if (text.endsWith("\\")) return this.continued(text.slice(0, -1));
    const cut = text.search(/[#;]/);
    if (cut !== -1) {
      this.addComment(text.slice(cut), start + cut);
      this.taken(
        `the value ends before \`${text.charAt(cut)}\`, what follows is a comment; put the whole value in backticks if it is not`,
        start,
      );
    }
    const value = cut === -1 ? text : trimEnd(text.slice(0, cut));
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
      if (trim(rest.slice(behind)) !== "")
        this.dropped("text behind the closing quote dropped", start + behind);
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
        const behind = line.slice(end).search(/[#;]/);
        if (behind !== -1) this.addComment(trim(line.slice(end + behind)), from + end + behind);
        return parts.join("");
      }
      parts.push(line);
    }
  }

  /** A value that goes on behind a backslash at the end of its line; comments and quotes mean nothing in it. */
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
  readonly keys = new Map<string, ReadKey>();
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

/** A key as it is written. */
function keyName(name: string): string {
  if (/["=:]/.test(name)) return `\`${name}\``;
  return name.includes("`") ? `"""${name}"""` : name;
}

/**
 * A value as sops writes it, or where that would read back as another one (spec file-format 10, D7), in the other quotes. What no
 * quotes can hold stays as sops writes it.
 */
function valueText(value: string): string {
  const text = sopsText(value);
  if (!/["'`\\\n\r]/.test(value) || readsBackAs(text, value)) return text;
  return (
    ["`", '"""'].map((mark) => mark + value + mark).find((form) => readsBackAs(form, value)) ?? text
  );
}

/** Is this the value, whatever comes after its line? */
function readsBackAs(text: string, value: string): boolean {
  try {
    const [section] = new Reader(`k = ${text}\nend = 1\n`, () => undefined).document().items;
    if (section?.kind !== "entry" || section.value.kind !== "map") return false;
    const [first, second, ...rest] = section.value.items;
    return (
      first?.kind === "entry" &&
      second?.kind === "entry" &&
      rest.length === 0 &&
      second.key === "end" &&
      (first.value.kind === "str" || first.value.kind === "bytes") &&
      leafText(first.value) === value
    );
  } catch (error) {
    if (error instanceof ParseError) return false;
    throw error;
  }
}

function sopsText(value: string): string {
  if (/[\n`]/.test(value)) return `"""${value}"""`;
  if (/[#;]/.test(value)) return `\`${value}\``;
  return isSpaceAt(value, 0) || isSpaceAt(value, value.length - 1) ? `"${value}"` : value;
}

/** How many bytes the text takes in the file. */
function byteLength(text: string): number {
  return text.isWellFormed() ? Buffer.byteLength(text) : encodeText(text).length;
}

/** The lines of a comment. sops trims those of keys only. */
function commentLines(text: string, owner: "section" | "key"): string {
  if (text === "") return "";
  const lines = text.split("\n").map((line) => {
    if (/^[#;]/.test(line)) return `${line.charAt(0)} ${trim(line.slice(1))}\n`;
    return `; ${owner === "key" ? trim(line) : line}\n`;
  });
  return lines.join("");
}

/** Go's `%v` of a timestamp: `2020-01-01 01:02:03.5 +0530 +0530`. */
function goTime(text: string): string {
  const [, day = "", clock = "", hours = "", minutes = ""] =
    /^(.*)T(.*?)(?:Z|([+-]\d\d):(\d\d))$/.exec(text) ?? [];
  return hours === ""
    ? `${day} ${clock} +0000 UTC`
    : `${day} ${clock} ${hours}${minutes} ${hours}${minutes}`;
}

/** What sops writes for a list or mapping as a key's value: Go's `%v`, as in `[1 2]` and `[{b 1}]`. */
function goText(root: Node): string {
  const out: string[] = [];
  const todo: (string | Node | Item)[] = [root];
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    if (typeof next === "string") {
      out.push(next);
    } else if (next.kind === "entry") {
      todo.push("}", next.value, `{${next.key} `);
    } else if (next.kind === "seq" || next.kind === "map") {
      out.push("[");
      todo.push("]");
      for (let i = next.items.length - 1; i >= 0; i--) {
        const item = next.items[i] as Node | Item;
        const isItemComment = next.kind === "map" && item.kind === "comment";
        todo.push(isItemComment ? `{${goScalar(item)} <nil>}` : item);
        if (i > 0) todo.push(" ");
      }
    } else {
      out.push(goScalar(next));
    }
  }
  return out.join("");
}

function goScalar(node: Exclude<Node, { kind: "map" | "seq" }>): string {
  if (node.kind === "float") return goFloat(node.value);
  if (node.kind === "time") return goTime(node.value);
  return node.kind === "comment" ? `{${node.value} ${node.inline}}` : flatText(node);
}

interface WrittenKey {
  value: string;
  comment: string;
}

/** Collects the text of one file. */
class Writer {
  readonly chunks: (string | Uint8Array)[] = [];
  out = "";
  /** Comments that INI has no place for. */
  dropped = 0;

  flush(): void {
    if (this.out !== "")
      this.chunks.push(this.out.isWellFormed() ? this.out : encodeText(this.out));
    this.out = "";
  }

  section(name: string, section: Mapping, isFirst: boolean): void {
    const [head] = section.items;
    if (head?.kind === "comment") this.out += commentLines(head.value, "section");
    const keys = this.keys(head?.kind === "comment" ? section.items.slice(1) : section.items);
    if (!isFirst || name.toUpperCase() !== defaultSection) this.out += `[${name}]\n`;
    const widths = new Map<string, number>();
    let width = 0;
    for (const key of keys.keys()) {
      const own = byteLength(keyName(key));
      widths.set(key, own);
      if (own > width) width = own;
    }
    for (const [key, written] of keys) {
      this.out += commentLines(written.comment, "key");
      this.out += `${keyName(key)}${" ".repeat(width - (widths.get(key) ?? 0))} = ${valueText(written.value)}\n`;
      if (this.out.length >= chunkLength) this.flush();
    }
  }

  /** A comment belongs to the key before it; a repeated key keeps its first place and takes the last value. */
  keys(items: readonly Item[]): Map<string, WrittenKey> {
    const keys = new Map<string, WrittenKey>();
    let last: WrittenKey | undefined;
    for (const item of items) {
      if (item.kind === "comment") {
        if (last === undefined || last.comment !== "") this.dropped++;
        if (last !== undefined) last.comment = item.value;
        continue;
      }
      if (item.key === "") fail("Error encoding key: error creating new key: empty key name");
      const { value } = item;
      const text = value.kind === "seq" || value.kind === "map" ? goText(value) : flatText(value);
      last = keys.get(item.key) ?? { value: text, comment: "" };
      last.value = text;
      keys.set(item.key, last);
    }
    return keys;
  }
}

function fail(message: string): never {
  throw new EmitError(`Error marshaling to INI: ${message}`);
}

/** Why the written form of a key reads back as something else, or undefined. */
function keyTrouble(name: string): string | undefined {
  if (/^[#;]/.test(name))
    return "a key that begins with `#` or `;` reads as a comment, and a key `-` becomes one";
  if (name.startsWith("[")) return "a key that begins with `[` reads as a section";
  const read = readKeyName(`${keyName(name)} = `);
  const readsBack =
    typeof read !== "string" && read.name === name && name !== "-" && !name.includes("\n");
  return readsBack ? undefined : "the key reads back as another one";
}

function sectionTrouble(name: string, isFirst: boolean): string | undefined {
  if (name.includes("\n")) return "a section's name cannot hold a line feed";
  const losesHeader = isFirst && name !== defaultSection && name.toUpperCase() === defaultSection;
  return losesHeader
    ? `a first section of that name is written without a header and reads as ${defaultSection}`
    : undefined;
}

/** Refuses what would be encrypted without complaint and then fail to decrypt in every sops. */
function checkSealable(documents: Documents): void {
  const check = (item: Entry, trouble: string | undefined): void => {
    if (trouble === undefined) return;
    throw new EmitError(`no sops could read this back from an INI file: ${trouble}`, {
      entry: item,
    });
  };
  let isFirst = true;
  for (const section of documents.flatMap((document) => document.items)) {
    if (section.kind === "comment") continue;
    check(section, sectionTrouble(section.key, isFirst));
    isFirst = false;
    const seen = new Set<string>();
    for (const item of section.value.kind === "map" ? section.value.items : []) {
      if (item.kind === "comment") continue;
      check(item, keyTrouble(item.key));
      if (seen.has(item.key))
        check(item, "a key that stands twice in its section keeps one value only");
      seen.add(item.key);
      const { kind } = item.value;
      if (kind === "seq" || kind === "map")
        check(item, "a key's value cannot be a list or mapping");
      if (kind === "null") check(item, "null becomes the text `<nil>`");
    }
  }
}

/** Sections of `key = value` lines with `;` and `#` comments. */
export const ini: Format = {
  name: "ini",
  placement: "section",

  parse(source, { sealed, warn = () => undefined }) {
    return [new Reader(decodeText(source), warn, sealed).document()];
  },

  emit(documents, { warn }) {
    const writer = new Writer();
    const items = documents.flatMap((document) => document.items);
    const sections = items.filter((item) => item.kind === "entry");
    writer.dropped = items.length - sections.length;
    for (const [i, { key, value }] of sections.entries()) {
      if (key === "") fail("Error encoding section : empty section name");
      if (value.kind !== "map")
        fail("Error encoding section: Section values should always be TreeBranches");
      const isFirst = i === 0;
      writer.section(key, value, isFirst);
      const isHeadless =
        isFirst &&
        key.toUpperCase() === defaultSection &&
        value.items.every((item) => item.kind === "comment");
      if (i < sections.length - 1 && !isHeadless) writer.out += "\n";
    }
    writer.flush();
    if (writer.dropped > 0)
      warn?.(`comments dropped: ${writer.dropped}; INI has no place for them`);
    return writer.chunks;
  },

  /** Compact JSON: what sops prints here. */
  emitValue(value) {
    return value.kind === "str" || value.kind === "bytes"
      ? leafText(value)
      : joinChunks(jsonText(value, undefined)).toString();
  },

  asRead: (documents) => {
    const sections = documents.flatMap((document) => document.items);
    const first = sections.find((item) => item.kind === "entry");
    return [
      map(first?.key === defaultSection ? sections : [entry(defaultSection, map([])), ...sections]),
    ];
  },

  checkSealable,

  readsBack: readsBackFlat,
  example() {
    const section = map([
      comment("This is an example file."),
      entry("hello", str("Welcome to SOPS! Edit this file as you please!")),
      entry("example_key", str("example_value")),
    ]);
    return [map([entry("Welcome!", section)])];
  },
};
