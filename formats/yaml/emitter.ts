import { EmitError } from "../../src/errors.ts";
import { yamlFloat } from "../../src/go/float.ts";
import { encodeText, flattened } from "../../src/tree/text.ts";
import type {
  Comment,
  Documents,
  Entry,
  Leaf,
  Mapping,
  Node,
  Null,
  Sequence,
} from "../../src/tree/node.ts";
import { SPACE, isBreak } from "./chars.ts";
import { chompMark, doubleQuoted, stringStyle } from "./scalars.ts";

/** The indent width that go-yaml uses for a configured one (spec file-format 6.4). */
export function indentWidth(indent: number | undefined): number {
  if (indent === undefined || indent === 0) return 4;
  if (indent < 0) {
    throw new EmitError("YAML Negative indentation not accepted", {
      hint: "Use an indent from 2 to 9.",
    });
  }
  return indent === 1 || indent > 9 ? 2 : indent;
}

export interface PrintOptions {
  indent?: number | undefined;
  /** The file is encrypted. Then a negative zero keeps its sign, which its MAC has. */
  sealed: boolean;
  /** Comments are printed where they are in the tree, never at a later line. Default: as sops does (spec file-format 7.7). */
  commentsInPlace?: boolean;
  /** The text `<<` is quoted instead of tagged `!!merge`. */
  quoteMergeKeys?: boolean;
}

/** A printed stream. */
export interface Printed {
  chunks: string[];
  /** A comment came out at a later line than its own, where it may break the text (spec file-format 10, D6). */
  hasLateComments: boolean;
}

/**
 * Documents → YAML text, byte for byte as sops 3.13.2 prints them, but for values that its printer loses (spec file-format 10: D2, D3).
 */
export function printDocuments(documents: Documents, options: PrintOptions): Printed {
  const emitter = new Emitter(indentWidth(options.indent), options);
  documents.forEach((document, i) => {
    emitter.document(document, i === 0);
  });
  return { chunks: emitter.finish(), hasLateComments: emitter.hasLateComments };
}

/** The text alone. */
export const emitDocuments = (documents: Documents, options: PrintOptions): string[] =>
  printDocuments(documents, options).chunks;

/** One value as a document of its own. */
export function emitValue(value: Node): string {
  const emitter = new Emitter(4, { sealed: false });
  emitter.document(value, true);
  return emitter.finish().join("");
}

interface Frame {
  node: Mapping | Sequence;
  /** Next item to look at. */
  next: number;
  /** Indentation to return to. */
  outer: number;
  /** Comments of the collection itself, printed when it ends (as go-yaml does). */
  line: string;
  foot: string;
  first: boolean;
}

const CHUNK = 1 << 16;

/**
 * A printer with the pending-comment state of go-yaml's emitter: a comment set by one event may come out at a later one, and files show it
 * (spec file-format 7.7).
 */
class Emitter {
  private readonly width: number;
  private readonly isSealed: boolean;
  private readonly inPlace: boolean;
  private readonly mergeKey: string;
  hasLateComments = false;
  private readonly chunks: string[] = [];
  private out = "";
  private column = 0;
  private indent = -1;
  private footIndent = -1;
  /** The last character written is white space or an indicator that needs none after it. */
  private whitespace = true;
  /** Only indentation is on the line so far. */
  private indention = true;
  private head = "";
  private line = "";
  private foot = "";
  private tail = "";
  private keyLine = "";
  private readonly stack: Frame[] = [];

  constructor(
    width: number,
    { sealed, commentsInPlace = false, quoteMergeKeys = false }: PrintOptions,
  ) {
    this.width = width;
    this.isSealed = sealed;
    this.inPlace = commentsInPlace;
    this.mergeKey = quoteMergeKeys ? '"<<"' : "!!merge <<";
  }

  finish(): string[] {
    if (this.out !== "") this.chunks.push(flattened(this.out));
    return this.chunks;
  }

  document(root: Node, first: boolean): void {
    if (!first) {
      this.writeIndent();
      this.write("---");
      this.whitespace = false;
      this.indention = false;
      this.writeIndent();
    }
    if (
      root.kind === "map" &&
      !root.items.some((item) => item.kind === "entry") &&
      root.items.length > 0
    ) {
      this.head = commentText(root.items as Comment[]);
      this.processHead();
      this.write("{}");
      this.whitespace = false;
      this.indention = false;
    } else {
      this.value(root, "", "", "root");
      this.run();
    }
    this.footIndent = 0;
    this.processFoot();
    this.footIndent = -1;
    this.writeIndent();
  }

  private run(): void {
    for (
      let frame = this.stack[this.stack.length - 1];
      frame;
      frame = this.stack[this.stack.length - 1]
    ) {
      if (this.out.length > CHUNK) {
        this.chunks.push(flattened(this.out));
        this.out = "";
      }
      if (frame.node.kind === "map") this.mappingStep(frame, frame.node);
      else this.sequenceStep(frame, frame.node);
    }
  }

  private mappingStep(frame: Frame, node: Mapping): void {
    const { items } = node;
    let head: Comment[] | undefined;
    let line: Comment[] | undefined;
    let i = frame.next;
    let item = items[i];
    while (item?.kind === "comment") {
      if (this.isInline(items, i)) (line ??= []).push(item);
      else (head ??= []).push(item);
      item = items[++i];
    }
    frame.next = i + 1;
    if (item === undefined) {
      this.setPending("", "", "", commentText([...(head ?? []), ...(line ?? [])]));
      this.processHead();
      this.endFrame(frame);
      return;
    }
    // The first entry's head comment was printed or is pending as the mapping's own.
    this.setPending(frame.first || !head ? "" : commentText(head), "", "", "");
    frame.first = false;
    this.processHead();
    this.writeIndent();
    if (this.line !== "") {
      this.keyLine = this.line;
      this.line = "";
    }
    this.entry(item, line ? commentText(line) : "");
  }

  private entry(item: Entry, line: string): void {
    const { key } = item;
    const style = stringStyle(key);
    let simple = true;
    if (style === "plain" && key.length <= 42) {
      this.plain(key);
    } else {
      simple = isSimpleKey(key, style);
      if (!simple) this.indicator("?", true);
      const outer = this.indent;
      this.indent = this.deeper(false, true);
      this.string(key, style, Math.max(outer, 0));
      this.indent = outer;
    }
    if (simple) {
      this.write(":");
      this.whitespace = false;
      this.indention = false;
    } else {
      this.processLine();
      this.processFoot();
      this.writeIndent();
      this.indicator(":", true);
    }
    const { value } = item;
    if (this.keyLine !== "") {
      if (value.kind === "map" || value.kind === "seq") {
        const kept = this.line;
        this.line = this.keyLine;
        this.processLine();
        this.line = kept;
        this.keyLine = "";
      } else if (line === "" && this.line === "") {
        this.line = this.keyLine;
        this.keyLine = "";
      }
    }
    this.value(value, line, "", "entry");
    this.processLine();
    this.processFoot();
  }

  private sequenceStep(frame: Frame, node: Sequence): void {
    const { items } = node;
    let head: Comment[] | undefined;
    let line: Comment[] | undefined;
    let i = frame.next;
    let item = items[i];
    while (item?.kind === "comment") {
      if (this.isInline(items, i)) (line ??= []).push(item);
      else (head ??= []).push(item);
      item = items[++i];
    }
    frame.next = i + 1;
    if (item === undefined) {
      this.endFrame(frame);
      return;
    }
    let foot = "";
    const rest = this.trailing(items, i + 1);
    if (rest) {
      foot = commentText(rest);
      frame.next = items.length;
    }
    let above = frame.first || !head ? "" : commentText(head);
    if (!this.inPlace && (item.kind === "map" || item.kind === "seq")) {
      const own = this.leading(item);
      above = above && own ? `${above}\n${own}` : above || own;
    }
    frame.first = false;
    this.setPending(above, "", "", "");
    this.processHead();
    this.writeIndent();
    this.indicator("-", true);
    this.value(item, line ? commentText(line) : "", foot, "item");
    this.processLine();
    this.processFoot();
  }

  /** Comments after the last element, or undefined when there is another element or none. */
  private trailing(items: readonly Node[], from: number): Comment[] | undefined {
    if (from >= items.length) return undefined;
    const rest: Comment[] = [];
    const inline: Comment[] = [];
    for (let i = from; i < items.length; i++) {
      const item = items[i] as Node;
      if (item.kind !== "comment") return undefined;
      (item.inline ? inline : rest).push(item);
    }
    return [...rest, ...inline];
  }

  /** Is the comment at the end of its value's line? */
  private isInline(items: Mapping["items"] | Node[], at: number): boolean {
    const item = items[at];
    if (item?.kind !== "comment" || !item.inline) return false;
    if (!this.inPlace) return true;
    let next = at;
    while (items[next]?.kind === "comment") next++;
    const owner = items[next];
    const value = owner?.kind === "entry" ? owner.value : owner;
    return value !== undefined && value.kind !== "map" && value.kind !== "seq";
  }

  private endFrame(frame: Frame): void {
    this.setPending("", frame.line, frame.foot, "");
    this.indent = frame.outer;
    this.stack.pop();
    if (frame.line === "" && frame.foot === "") return;
    if (this.inPlace) this.processFoot();
    else this.hasLateComments = true;
  }

  /** The comments in front of a collection's first element or entry, or all of them when it has none. */
  private leading(node: Mapping | Sequence): string {
    const head: Comment[] = [];
    const inline: Comment[] = [];
    for (const [i, item] of node.items.entries()) {
      if (item.kind !== "comment") return commentText(head);
      (this.isInline(node.items, i) ? inline : head).push(item);
    }
    return commentText([...head, ...inline]);
  }

  private value(node: Node, line: string, foot: string, at: "root" | "entry" | "item"): void {
    if (node.kind !== "map" && node.kind !== "seq") {
      this.setPending("", line, foot, "");
      const outer = this.indent;
      this.indent = this.deeper(at === "item", true);
      this.scalar(node, Math.max(outer, 0));
      this.indent = outer;
      return;
    }
    const head = at === "item" && !this.inPlace ? "" : this.leading(node);
    this.setPending(head, "", "", "");
    if (at !== "root") {
      // Comments still pending from a collection that ended come out here, at the outer indentation.
      this.processLine();
      this.processFoot();
    }
    const empty = !node.items.some((item) => item.kind !== "comment");
    const outer = this.indent;
    const inner = this.deeper(at === "item", empty);
    if (!empty) {
      this.indent = inner;
      this.stack.push({ node, next: 0, outer, line, foot, first: true });
      return;
    }
    this.indicator(node.kind === "map" ? "{" : "[", true);
    this.setPending("", line, foot, "");
    if (node.kind === "map") {
      this.indent = inner;
      this.processHead();
      this.indent = outer;
    } else if (this.column === 0) {
      this.writeIndent();
    }
    this.write(node.kind === "map" ? "}" : "]");
    this.whitespace = false;
    this.indention = false;
    this.processLine();
    this.processFoot();
  }

  private deeper(inItem: boolean, flow: boolean): number {
    if (this.indent < 0) return flow ? this.width : 0;
    if (inItem) return this.indent + 2;
    return this.width * Math.floor((this.indent + this.width) / this.width);
  }

  private scalar(node: Leaf | Null, parentIndent: number): void {
    switch (node.kind) {
      case "str":
        return this.string(node.value, undefined, parentIndent);
      case "bytes":
        return this.binary(node.value, parentIndent);
      case "comment":
        return this.string(node.value, undefined, parentIndent);
      case "null":
        return this.plain("null");
      case "bool":
        return this.plain(node.value ? "true" : "false");
      case "int":
        return this.plain(String(node.value));
      case "float":
        // sops prints `-0`, which is read as an integer without a sign.
        return this.plain(
          this.isSealed && Object.is(node.value, -0) ? "-0.0" : yamlFloat(node.value),
        );
      case "time":
        return this.plain(node.value);
      default:
        return node satisfies never;
    }
  }

  private plain(text: string): void {
    this.space();
    this.write(text);
  }

  private string(text: string, chosen?: ReturnType<typeof stringStyle>, parentIndent = 0): void {
    if (!text.isWellFormed()) return this.binary(encodeText(text), parentIndent);
    const style = chosen ?? stringStyle(text);
    switch (style) {
      case "plain":
        return this.plain(text);
      case "merge":
        return this.plain(this.mergeKey);
      case "double":
        return this.plain(doubleQuoted(text));
      case "single":
        return this.single(text);
      case "literal":
        return this.literal(text, parentIndent);
      default:
        return style satisfies never;
    }
  }

  /** Bytes that are not UTF-8: base64 in lines of 70 characters. */
  private binary(value: Uint8Array, parentIndent: number): void {
    const base64 = Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64");
    this.plain("!!binary");
    if (base64.length <= 70) return this.plain(base64);
    this.literal(base64.replaceAll(/.{1,70}/g, "$&\n"), parentIndent);
  }

  private single(text: string): void {
    this.space();
    let out = "'";
    for (let i = 0; i < text.length; i++) {
      const c = text.charCodeAt(i);
      if (isBreak(c)) {
        // Only U+2028 and U+2029 get here; the indentation after them is skipped on reading.
        out += text.charAt(i);
        while (isBreak(text.charCodeAt(i + 1))) out += text.charAt(++i);
        if (i + 1 < text.length) out += " ".repeat(Math.max(this.indent, 0));
      } else {
        out += c === 39 ? "''" : text.charAt(i);
      }
    }
    this.write(`${out}'`);
  }

  private literal(text: string, parentIndent: number): void {
    this.space();
    const first = text.charCodeAt(0);
    const digit = first === SPACE || isBreak(first) ? String(this.indent - parentIndent) : "";
    this.write(`|${digit}${chompMark(text)}`);
    if (this.line === "") this.putBreak();
    else this.processLine();
    this.whitespace = true;
    let breaks = true;
    let from = 0;
    for (let i = 0; i < text.length; i++) {
      const c = text.charCodeAt(i);
      if (isBreak(c)) {
        if (i > from) this.write(text.slice(from, i));
        from = i + 1;
        if (c === 10) {
          this.putBreak();
        } else {
          this.write(text.charAt(i));
          this.column = 0;
          this.indention = true;
        }
        breaks = true;
      } else if (breaks) {
        this.writeIndent();
        this.indention = false;
        this.whitespace = false;
        breaks = false;
      }
    }
    if (from < text.length) this.write(text.slice(from));
    this.whitespace = breaks;
  }

  // Comments

  /** go-yaml forgets a comment that is still pending when another comes; here both are printed. */
  private setPending(head: string, line: string, foot: string, tail: string): void {
    if (head !== "") this.head = joined(this.head, head);
    if (line !== "") this.line = joined(this.line, line);
    if (foot !== "") this.foot = joined(this.foot, foot);
    if (tail !== "") this.tail = joined(this.tail, tail);
  }

  private processHead(): void {
    if (this.tail !== "") {
      this.writeIndent();
      this.comment(this.tail);
      this.tail = "";
      this.footIndent = Math.max(this.indent, 0);
    }
    if (this.head === "") return;
    this.writeIndent();
    this.comment(this.head);
    this.head = "";
  }

  private processLine(): void {
    if (this.line === "") return;
    if (!this.whitespace) this.write(" ");
    this.comment(this.line);
    this.line = "";
  }

  private processFoot(): void {
    if (this.foot === "") return;
    this.writeIndent();
    this.comment(this.foot);
    this.foot = "";
    this.footIndent = Math.max(this.indent, 0);
  }

  private comment(text: string): void {
    let breaks = false;
    let pound = false;
    let from = 0;
    for (let i = 0; i <= text.length; i++) {
      const c = i < text.length ? text.charCodeAt(i) : 10;
      if (!isBreak(c)) continue;
      if (i > from) {
        if (breaks) this.writeIndent();
        if (!pound && text.charCodeAt(from) !== 35) this.write("# ");
        pound = true;
        this.write(text.slice(from, i));
        this.indention = false;
        breaks = false;
      }
      if (i === text.length) break;
      from = i + 1;
      if (c === 10) {
        this.putBreak();
      } else {
        this.write(text.charAt(i));
        this.column = 0;
        this.indention = true;
      }
      breaks = true;
      pound = false;
    }
    if (!breaks) this.putBreak();
    this.whitespace = true;
  }

  // Text

  private write(text: string): void {
    this.out += text;
    this.column += text.length;
  }

  private space(): void {
    if (!this.whitespace) this.write(" ");
    this.whitespace = false;
    this.indention = false;
  }

  private indicator(text: string, isIndention: boolean): void {
    if (!this.whitespace) this.write(" ");
    this.write(text);
    this.whitespace = false;
    this.indention = this.indention && isIndention;
  }

  private putBreak(): void {
    this.out += "\n";
    this.column = 0;
    this.indention = true;
  }

  private writeIndent(): void {
    const indent = Math.max(this.indent, 0);
    if (!this.indention || this.column > indent || (this.column === indent && !this.whitespace))
      this.putBreak();
    if (this.footIndent === indent) this.putBreak();
    if (this.column < indent)
      this.write((indents[indent - this.column] ??= " ".repeat(indent - this.column)));
    this.whitespace = true;
    this.footIndent = -1;
  }
}

/** Blanks, by their number. */
const indents: string[] = [];

const joined = (text: string, more: string): string => (text === "" ? more : `${text}\n${more}`);

/** A key fits on one line: no break, at most 128 bytes with its tag. */
function isSimpleKey(key: string, style: string): boolean {
  if (!key.isWellFormed()) return Math.ceil(encodeText(key).length / 3) * 4 + 8 <= 78;
  for (let i = 0; i < key.length; i++) if (isBreak(key.charCodeAt(i))) return false;
  return Buffer.byteLength(key, "utf8") + (style === "merge" ? 7 : 0) <= 128;
}

function commentText(comments: readonly Comment[]): string {
  return comments.map((c) => `#${c.value}`).join("\n");
}
