import { ConversionError } from "../k8s/conversion-error.ts";
import { mapOf, text, type MapValue, type Value } from "../k8s/value.ts";

/** A block or a bare map of a configuration file, as far as it was asked for. */
export type HclItem =
  | { readonly kind: "map"; readonly value: MapValue }
  | {
      readonly kind: "block";
      readonly type: string;
      readonly labels: readonly string[];
      readonly body: HclBody;
      readonly line: number;
    };

export interface HclBody {
  /** An attribute is read when it is asked for: most hold expressions that need not be literal. */
  readonly attributes: ReadonlyMap<string, () => Value>;
  readonly blocks: readonly { readonly type: string; readonly body: HclBody }[];
}

/** Deeper values are refused, so that nothing runs out of stack. */
const MAX_DEPTH = 1000;

/**
 * Reads the literal subset of HCL: quoted text and heredocs without templates, numbers, booleans, null, objects, tuples,
 * comments, and `jsonencode` and `join` of literals.
 *
 * @throws {ConversionError} `FILE:LINE: …` for text that is not HCL; attributes throw it, when read, for what is no literal
 */
export function readHcl(source: string, file: string): HclItem[] {
  return new HclReader(source, file).items();
}

class HclReader {
  private readonly source: string;
  private readonly file: string;
  private at = 0;
  /** The line of an offset, from which the next is counted on. */
  private counted = { offset: 0, line: 1 };

  constructor(source: string, file: string) {
    this.source = source.startsWith("\ufeff") ? source.slice(1) : source;
    this.file = file;
  }

  items(): HclItem[] {
    const items: HclItem[] = [];
    for (;;) {
      this.skip(true);
      if (this.at >= this.source.length) return items;
      if (this.peek() === "{") {
        const value = this.object(0);
        items.push({ kind: "map", value });
        continue;
      }
      const line = this.line();
      const type = this.word("a block or a map");
      const labels: string[] = [];
      for (this.skip(false); this.peek() !== "{"; this.skip(false)) {
        if (this.peek() === '"') labels.push(this.quotedText());
        else labels.push(this.word("a label or {"));
      }
      items.push({ kind: "block", type, labels, body: this.body(), line });
    }
  }

  private body(): HclBody {
    const attributes = new Map<string, () => Value>();
    const blocks: { type: string; body: HclBody }[] = [];
    this.expect("{");
    for (;;) {
      this.skip(true);
      if (this.take("}")) return { attributes, blocks };
      const name = this.word("an argument or }");
      this.skip(false);
      if (this.take("=")) {
        this.skip(false);
        const start = this.at;
        this.skipExpression();
        attributes.set(name, () => this.readAt(start));
        continue;
      }
      while (this.peek() === '"') {
        this.quotedText();
        this.skip(false);
      }
      blocks.push({ type: name, body: this.body() });
    }
  }

  private readAt(start: number): Value {
    const saved = this.at;
    this.at = start;
    const value = this.value(0);
    this.skip(false);
    if (this.at < this.source.length && !"\r\n}".includes(this.peek())) throw this.noLiteral(start);
    this.at = saved;
    return value;
  }

  // Values.

  private value(depth: number): Value {
    if (depth > MAX_DEPTH) throw this.fail(`more than ${MAX_DEPTH} levels of nesting`);
    const line = this.line();
    const start = this.at;
    switch (this.peek()) {
      case "{":
        return this.object(depth);
      case "[":
        return this.tuple(depth);
      case '"':
        return text(this.quotedText(), line);
      case "<":
        return text(this.heredoc(), line);
      default:
    }
    const number = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?(?![\w.])/y;
    number.lastIndex = this.at;
    const digits = number.exec(this.source)?.[0];
    if (digits !== undefined) {
      this.at += digits.length;
      return numberOf(digits, line);
    }
    const word = this.tryWord();
    if (word === "true" || word === "false") return { kind: "bool", value: word === "true", line };
    if (word === "null") return { kind: "null", line };
    if (word === "jsonencode" || word === "join") return text(this.call(word, depth, start), line);
    throw this.noLiteral(start);
  }

  private object(depth: number): MapValue {
    const line = this.line();
    const entries = new Map<string, Value>();
    this.expect("{");
    for (;;) {
      this.skip(true);
      if (this.take("}")) return mapOf(entries, line);
      const start = this.at;
      const key = this.peek() === '"' ? this.quotedText() : this.tryWord();
      this.skip(false);
      if (key === undefined || (!this.take("=") && !this.take(":"))) throw this.noLiteral(start);
      this.skip(true);
      if (entries.has(key)) throw this.fail(`the key ${JSON.stringify(key)} appears twice`);
      entries.set(key, this.value(depth + 1));
      this.skip(false);
      if (this.take(",") || this.peek() === "}") continue;
      if (!/[\r\n]/.test(this.peek())) throw this.noLiteral(start);
    }
  }

  private tuple(depth: number): Value {
    const line = this.line();
    const items: Value[] = [];
    this.expect("[");
    for (;;) {
      this.skip(true);
      if (this.take("]")) return { kind: "list", items, line };
      const start = this.at;
      items.push(this.value(depth + 1));
      this.skip(true);
      if (!this.take(",") && this.peek() !== "]") throw this.noLiteral(start);
    }
  }

  /** `jsonencode(LITERAL)` or `join(TEXT, [TEXT, …])`. */
  private call(name: "jsonencode" | "join", depth: number, start: number): string {
    this.skip(false);
    if (!this.take("(")) throw this.noLiteral(start);
    const values: Value[] = [];
    for (;;) {
      this.skip(true);
      if (this.take(")")) break;
      values.push(this.value(depth + 1));
      this.skip(true);
      if (!this.take(",") && this.peek() !== ")") throw this.noLiteral(start);
    }
    const [first, second] = values;
    if (name === "jsonencode" && first !== undefined && second === undefined)
      return jsonEncode(first);
    if (name === "join" && first?.kind === "text" && second?.kind === "list") {
      const parts = second.items.map((item) => {
        if (item.kind !== "text") throw this.noLiteral(start);
        return item.value;
      });
      if (values.length === 2) return parts.join(first.value);
    }
    throw this.noLiteral(start);
  }

  // Text.

  private quotedText(): string {
    const start = this.at;
    this.expect('"');
    let out = "";
    for (;;) {
      const char = this.peek();
      if (char === "" || char === "\n" || char === "\r")
        throw this.fail("text without a closing quote");
      if (char === '"') {
        this.at += 1;
        return out;
      }
      if (char === "\\") {
        out += this.escape();
        continue;
      }
      const step = templateStep(this.source, this.at);
      if (step === undefined) throw this.noLiteral(start);
      out += step.text;
      this.at += step.length;
    }
  }

  private escape(): string {
    const simple: Readonly<Record<string, string>> = {
      n: "\n",
      r: "\r",
      t: "\t",
      '"': '"',
      "\\": "\\",
    };
    const letter = this.source.charAt(this.at + 1);
    const plain = Object.hasOwn(simple, letter) ? simple[letter] : undefined;
    if (plain !== undefined) {
      this.at += 2;
      return plain;
    }
    const pattern = letter === "u" ? /\\u([0-9a-fA-F]{4})/y : /\\U([0-9a-fA-F]{8})/y;
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.source);
    const code = Number.parseInt(found?.[1] ?? "", 16);
    if (found === null || code > 0x10ffff)
      throw this.fail("an escape sequence that HCL does not know");
    this.at += found[0].length;
    return String.fromCodePoint(code);
  }

  private heredoc(): string {
    const start = this.at;
    const head = /<<(-?)([\p{L}_][\p{L}\p{N}_-]*)\r?\n/uy;
    head.lastIndex = this.at;
    const found = head.exec(this.source);
    if (found === null) throw this.noLiteral(start);
    this.at += found[0].length;
    const lines: string[] = [];
    for (;;) {
      if (this.at >= this.source.length) {
        this.at = start;
        throw this.fail("a heredoc without its end mark");
      }
      const end = this.source.indexOf("\n", this.at);
      const line = this.source.slice(this.at, end < 0 ? this.source.length : end);
      if (line.trim() === found[2]) {
        this.at += line.trimEnd().length;
        break;
      }
      this.at += line.length + 1;
      lines.push(line);
    }
    const isFilled = (line: string) => line.trim() !== "";
    const blanks = lines.filter(isFilled).map((line) => /^[ \t]*/.exec(line)?.[0].length ?? 0);
    const indent =
      found[1] === "-" && blanks.length > 0 ? blanks.reduce((a, b) => Math.min(a, b)) : 0;
    const body = lines.map((line) => `${isFilled(line) ? line.slice(indent) : line}\n`).join("");
    return this.untemplated(body, start);
  }

  private untemplated(body: string, start: number): string {
    let out = "";
    for (let at = 0; at < body.length;) {
      const step = templateStep(body, at);
      if (step === undefined) throw this.noLiteral(start);
      out += step.text;
      at += step.length;
    }
    return out;
  }

  // Passing over what is not read.

  /** To the end of the expression's line, brackets closed. */
  private skipExpression(): void {
    for (let depth = 0; this.at < this.source.length;) {
      const char = this.peek();
      if (char === '"') {
        this.skipTemplate();
      } else if (char === "<" && /<<-?[\p{L}_]/uy.test(this.source.slice(this.at, this.at + 4))) {
        this.skipHeredoc();
      } else if (/^(?:#|\/\/|\/\*)/.test(this.source.slice(this.at, this.at + 2))) {
        this.skip(false);
      } else if ("{[(".includes(char)) {
        depth += 1;
        this.at += 1;
      } else if ("}])".includes(char)) {
        if (depth === 0) return;
        depth -= 1;
        this.at += 1;
      } else if (char === "\n" && depth === 0) {
        return;
      } else {
        this.at += 1;
      }
    }
  }

  private skipTemplate(): void {
    this.at += 1;
    for (let depth = 0; this.at < this.source.length;) {
      const char = this.peek();
      if (char === "\\") this.at += 2;
      else if (depth === 0 && char === '"') {
        this.at += 1;
        return;
      } else if (depth === 0 && /^(?:\$\$\{|%%\{)/.test(this.source.slice(this.at, this.at + 3))) {
        this.at += 3;
      } else if (/^[$%]\{/.test(this.source.slice(this.at, this.at + 2))) {
        depth += 1;
        this.at += 2;
      } else if (depth > 0 && char === '"') {
        this.skipTemplate();
      } else {
        if (depth > 0 && char === "{") depth += 1;
        if (depth > 0 && char === "}") depth -= 1;
        this.at += 1;
      }
    }
    throw this.fail("text without a closing quote");
  }

  private skipHeredoc(): void {
    const head = /<<-?([\p{L}_][\p{L}\p{N}_-]*)\r?\n/uy;
    head.lastIndex = this.at;
    const found = head.exec(this.source);
    if (found === null) {
      this.at += 2;
      return;
    }
    const end = new RegExp(`^[ \\t]*${found[1] ?? ""}[ \\t\\r]*$`, "mu");
    const rest = end.exec(this.source.slice(this.at + found[0].length));
    if (rest === null) throw this.fail("a heredoc without its end mark");
    this.at += found[0].length + rest.index + rest[0].length;
  }

  /** Blanks and comments; line ends too where they mean nothing. */
  private skip(lines: boolean): void {
    const blank = lines
      ? /(?:[ \t\r\n]+|(?:#|\/\/)[^\n]*|\/\*[^]*?\*\/)+/y
      : /(?:[ \t]+|(?:#|\/\/)[^\n]*|\/\*[^]*?\*\/)+/y;
    blank.lastIndex = this.at;
    this.at += blank.exec(this.source)?.[0].length ?? 0;
  }

  private peek(): string {
    return this.source.charAt(this.at);
  }

  private take(char: string): boolean {
    if (this.peek() !== char) return false;
    this.at += 1;
    return true;
  }

  private expect(char: string): void {
    if (!this.take(char)) throw this.fail(`expected ${char}`);
  }

  private tryWord(): string | undefined {
    const word = /[\p{L}_][\p{L}\p{N}_-]*/uy;
    word.lastIndex = this.at;
    const found = word.exec(this.source)?.[0];
    this.at += found?.length ?? 0;
    return found;
  }

  private word(what: string): string {
    const found = this.tryWord();
    if (found === undefined) throw this.fail(`expected ${what}`);
    return found;
  }

  private line(offset = this.at): number {
    if (offset < this.counted.offset) this.counted = { offset: 0, line: 1 };
    const { counted } = this;
    for (; counted.offset < offset; counted.offset++)
      if (this.source.charCodeAt(counted.offset) === 10) counted.line += 1;
    return counted.line;
  }

  private fail(message: string): ConversionError {
    return new ConversionError(message, { file: this.file, line: this.line() });
  }

  /** Names the expression by its first words; text in it is not shown, it may be a secret. */
  private noLiteral(start: number): ConversionError {
    const name = /^[\p{L}_][\p{L}\p{N}_.[\]-]*\(?/u.exec(this.source.slice(start, start + 60))?.[0];
    const what = name === undefined ? "an expression" : name.endsWith("(") ? `${name}…)` : name;
    return new ConversionError(
      `${what} is not a literal: only text without templates, numbers, true, false, null, maps and lists can become YAML`,
      { file: this.file, line: this.line(start) },
    );
  }
}

/** One step through a template, in which `$${` and `%%{` stand for `${` and `%{`; undefined where an expression begins. */
function templateStep(source: string, at: number): { text: string; length: number } | undefined {
  for (const sign of ["$", "%"]) {
    if (source.startsWith(`${sign}${sign}{`, at)) return { text: `${sign}{`, length: 3 };
    if (source.startsWith(`${sign}{`, at)) return undefined;
  }
  const char = source.charAt(at);
  return { text: char, length: 1 };
}

function numberOf(digits: string, line: number): Value {
  if (/^-?\d+$/.test(digits)) {
    const value = BigInt(digits);
    if (value >= -(2n ** 63n) && value < 2n ** 64n) return { kind: "int", value, line };
  }
  return { kind: "float", value: Number(digits), line };
}

/** Terraform's `jsonencode`: keys sorted, no blanks, `<`, `>`, `&` and line separators escaped. */
function jsonEncode(value: Value): string {
  switch (value.kind) {
    case "null":
      return "null";
    case "bool":
      return String(value.value);
    case "int":
      return value.value.toString();
    case "float":
      return String(value.value);
    case "text":
      return JSON.stringify(value.value).replaceAll(
        /[<>&\u2028\u2029]/g,
        (char) => `\\u${(char.codePointAt(0) as number).toString(16).padStart(4, "0")}`,
      );
    case "list":
      return `[${value.items.map(jsonEncode).join(",")}]`;
    case "map":
      return `{${[...value.entries]
        .toSorted(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
        .map(([key, item]) => `${jsonEncode(text(key))}:${jsonEncode(item)}`)
        .join(",")}}`;
    default:
      return value satisfies never;
  }
}
