import { isUtf8 } from "node:buffer";
import type { Warn } from "../format.ts";
import { ParseError } from "../../src/errors.ts";
import {
  bool,
  entry,
  float,
  int,
  map,
  nil,
  seq,
  str,
  type Mapping,
  type Node,
} from "../../src/tree/node.ts";
import { LONG_TEXT, longStr } from "../../src/tree/long-text.ts";
import { decodeText, lineAt, lossyText } from "../../src/tree/text.ts";
import { longStrings, restoreSpans } from "./long-strings.ts";

/** Levels of nesting; what Go's encoding/json accepts. */
export const MAX_DEPTH = 10_000;

const int64 = { min: -(2n ** 63n), max: 2n ** 63n - 1n };

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const COMMA = 0x2c;
const COLON = 0x3a;
const MINUS = 0x2d;

const isDigit = (c: number): boolean => c >= 0x30 && c <= 0x39;

/** A container whose end has not been read yet. In a mapping the key waits for its value. */
interface Open {
  node: Extract<Node, { kind: "map" | "seq" }>;
  key: string;
  keyStart: number;
  keyEnd: number;
}

const opened = (node: Open["node"]): Open => ({ node, key: "", keyStart: -1, keyEnd: -1 });

/** A character in quotes, as Go shows it; what is not printable ASCII as its number. */
function quotedCharacter(code: number): string {
  const character = String.fromCodePoint(code);
  if (character === "'") return String.raw`'\''`;
  const escape = JSON.stringify(character).slice(1, -1);
  if (code < 0x20) return `'${escape}'`;
  if (code < 0x7f) return `'${character === "\\" ? escape : character}'`;
  const digits = code.toString(16);
  return code > 0xffff
    ? String.raw`'\U${digits.padStart(8, "0")}'`
    : String.raw`'\u${digits.padStart(4, "0")}'`;
}

/** Reads one JSON text. Lone surrogates are already replaced in `text`; offsets are those of the decoded file. */
class Reader {
  readonly text: string;
  readonly sealed: boolean;
  readonly warn: Warn | undefined;
  /** Strings whose content is not in the text, by where they start. They are taken out when they are read. */
  readonly outside: Map<number, Uint8Array>;
  at = 0;

  constructor(
    text: string,
    sealed: boolean,
    warn: Warn | undefined,
    outside: ReadonlyMap<number, Uint8Array> = new Map(),
  ) {
    this.text = text;
    this.sealed = sealed;
    this.warn = warn;
    this.outside = new Map(outside);
  }

  /** An error at the current place; `what` quotes no more of the text than one character. */
  fail(what: string, at = this.at): never {
    throw new ParseError(`Could not unmarshal input data: ${what}`, lineAt(this.text, at));
  }

  /** An unexpected character at the current place, or the end of the text. */
  unexpected(where: string): never {
    const code = this.text.codePointAt(this.at);
    return this.fail(
      code === undefined ? "unexpected EOF" : `invalid character ${quotedCharacter(code)} ${where}`,
    );
  }

  /** The next character that is not white space, not consumed; NaN at the end. */
  peek(): number {
    for (;;) {
      const c = this.text.charCodeAt(this.at);
      if (c !== 0x20 && c !== 0x0a && c !== 0x0d && c !== 0x09) return c;
      this.at++;
    }
  }

  /** The string whose opening quote is the current character. */
  string(): string {
    const { text } = this;
    const start = this.at;
    let escaped = false;
    let i = start + 1;
    for (;;) {
      const c = text.charCodeAt(i);
      if (c === QUOTE) break;
      if (c === BACKSLASH) {
        escaped = true;
        const next = text.charAt(i + 1);
        if (next === "" || !'"\\/bfnrtu'.includes(next))
          this.unexpectedAt(i + 1, "in string escape code");
        if (next === "u") {
          for (let k = i + 2; k < i + 6; k++) {
            if (!/^[0-9a-fA-F]/.test(text.charAt(k)))
              this.unexpectedAt(k, "in \\u hexadecimal character escape");
          }
        }
        i += 2;
      } else if (c >= 0x20) {
        i++;
      } else {
        this.unexpectedAt(i, "in string literal");
      }
    }
    this.at = i + 1;
    if (!escaped) return text.slice(start + 1, i);
    const value = JSON.parse(text.slice(start, this.at)) as string;
    const kept = lossyText(value);
    if (kept !== value && !this.sealed)
      this.warn?.(
        `line ${lineAt(text, start)}: an escape for half a surrogate pair becomes U+FFFD, as in sops`,
      );
    return kept;
  }

  /** Passes over the empty string that stands for one whose content is elsewhere. */
  outsideAt(start: number): Uint8Array | undefined {
    const content = this.outside.get(start);
    if (content === undefined) return undefined;
    this.outside.delete(start);
    this.at = start + 2;
    return content;
  }

  /** `offset` may lie after the end of the text. */
  unexpectedAt(offset: number, where: string): never {
    this.at = Math.min(offset, this.text.length);
    return this.unexpected(where);
  }

  /** The number, `true`, `false`, `null` or string at the current character `c`. */
  scalar(c: number): Node {
    const start = this.at;
    if (c === QUOTE) {
      const long = this.outside.size > 0 ? this.outsideAt(start) : undefined;
      if (long) return longStr({ pieces: [long], isPlain: true }, start, this.at);
      const value = this.string();
      return str(value, start, this.at);
    }
    if (c === MINUS || isDigit(c)) return this.number();
    if (this.text.startsWith("true", start)) return bool(true, start, (this.at += 4));
    if (this.text.startsWith("false", start)) return bool(false, start, (this.at += 5));
    if (this.text.startsWith("null", start)) return nil(start, (this.at += 4));
    return this.unexpected("looking for beginning of value");
  }

  digits(): void {
    if (!isDigit(this.text.charCodeAt(this.at))) this.unexpected("in numeric literal");
    while (isDigit(this.text.charCodeAt(this.at))) this.at++;
  }

  /** An integer literal within int64 is an int; every other number is a float. */
  number(): Node {
    const { text } = this;
    const start = this.at;
    let isInt = true;
    if (text.charCodeAt(this.at) === MINUS) this.at++;
    if (text.charAt(this.at) === "0") this.at++;
    else this.digits();
    if (text.charAt(this.at) === ".") {
      isInt = false;
      this.at++;
      this.digits();
    }
    if (text.charAt(this.at) === "e" || text.charAt(this.at) === "E") {
      isInt = false;
      this.at++;
      if (text.charAt(this.at) === "+" || text.charAt(this.at) === "-") this.at++;
      this.digits();
    }
    const literal = text.slice(start, this.at);
    // Only a float is ever written so into an encrypted file, and its sign is in the MAC.
    if (this.sealed && literal === "-0") return float(-0, start, this.at);
    if (isInt && literal.length < 16) return int(BigInt(Number(literal)), start, this.at);
    if (isInt && literal.length <= 20) {
      const value = BigInt(literal);
      if (value >= int64.min && value <= int64.max) return int(value, start, this.at);
    }
    const value = Number(literal);
    if (!Number.isFinite(value))
      this.fail("strconv.ParseFloat: parsing a number: value out of range", start);
    return float(value, start, this.at);
  }

  /** The object that is the whole document; `at` ends after it. */
  document(): Mapping {
    const root = map([], this.at);
    this.at++;
    const open: Open[] = [opened(root)];
    for (let top = open.at(-1); top !== undefined; top = open.at(-1)) {
      const node = this.element(top);
      if (node === undefined) {
        top.node.end = ++this.at;
        open.pop();
        continue;
      }
      if (top.node.kind === "seq") top.node.items.push(node);
      else top.node.items.push(entry(top.key, node, top.keyStart, top.keyEnd));
      if (node.kind === "map" || node.kind === "seq") {
        if (open.length === MAX_DEPTH)
          this.fail(`exceeded max depth of ${MAX_DEPTH} levels`, node.start);
        open.push(opened(node));
      }
    }
    return root;
  }

  /**
   * The next value in `top`, its key in `top`; a container's opening bracket is consumed, its content is not.
   * Undefined at `top`'s closing bracket, which is not consumed.
   */
  element(top: Open): Node | undefined {
    const isMap = top.node.kind === "map";
    let c = this.peek();
    if (c === (isMap ? CLOSE_BRACE : CLOSE_BRACKET)) return undefined;
    if (top.node.items.length > 0) {
      if (isMap && Number.isNaN(c))
        this.fail("Expected JSON object key, got the end of the file instead");
      if (c !== COMMA)
        this.unexpected(isMap ? "after object key:value pair" : "after array element");
      this.at++;
      c = this.peek();
    }
    if (isMap) {
      if (Number.isNaN(c)) this.fail("Expected JSON object key, got the end of the file instead");
      if (c !== QUOTE) this.unexpected("looking for beginning of object key string");
      top.keyStart = this.at;
      top.key = this.string();
      top.keyEnd = this.at;
      if (this.peek() !== COLON) this.unexpected("after object key");
      this.at++;
      c = this.peek();
    }
    if (c === OPEN_BRACE) return map([], this.at++);
    if (c === OPEN_BRACKET) return seq([], this.at++);
    return this.scalar(c);
  }
}

const ONLY_OBJECTS = "SOPS only supports JSON files with a top-level object (starting with '{'),";

/**
 * The object that a file holds. Offsets are those of the decoded text.
 *
 * @throws {ParseError} with the line
 */
export function readJson(source: Uint8Array, sealed: boolean, warn?: Warn): Mapping {
  if (!sealed && !isUtf8(source)) refuseBytes(source);
  return (
    (source.length < LONG_TEXT ? undefined : parseLong(source, sealed, warn)) ??
    read(new Reader(lossyText(decodeText(source)), sealed, warn))
  );
}

/** sops makes U+FFFD of bytes that are not UTF-8; where they are the user's own they would be lost. */
function refuseBytes(source: Uint8Array): never {
  const text = decodeText(source);
  const at = text.search(/\p{Cs}/u);
  throw new ParseError("Could not unmarshal input data: invalid UTF-8", lineAt(text, at), {
    hint: "Save the file as UTF-8, or encrypt it as binary (--input-type binary).",
  });
}

/**
 * Reads a text whose long strings are never made strings: the reader sees them empty.
 *
 * @returns undefined for a text without any, and for what it does not understand: that is read, or refused, as it is
 */
function parseLong(source: Uint8Array, sealed: boolean, warn?: Warn): Mapping | undefined {
  const found = longStrings(source);
  if (found.length === 0) return undefined;
  const outside = new Map<number, Uint8Array>();
  let text = "";
  let from = 0;
  for (const { start, end } of found) {
    text += decodeText(source.subarray(from, start));
    outside.set(text.length - 1, source.subarray(start, end));
    from = end;
  }
  const reader = new Reader(
    lossyText(text + decodeText(source.subarray(from))),
    sealed,
    warn,
    outside,
  );
  let root: Mapping;
  try {
    root = read(reader);
  } catch (error) {
    if (error instanceof ParseError) return undefined;
    throw error;
  }
  // One that was not met as a value is a key, or not a string at all.
  if (reader.outside.size > 0) return undefined;
  restoreSpans(root, outside);
  return root;
}

function read(reader: Reader): Mapping {
  const c = reader.peek();
  if (Number.isNaN(c)) reader.fail("EOF");
  if (c === OPEN_BRACKET) {
    reader.fail(
      `${ONLY_OBJECTS} not arrays or other types. Got delimiter [ instead. To encrypt this file, wrap it in an object, e.g., {"data": [...]}`,
    );
  }
  if (c !== OPEN_BRACE) {
    const { kind } = reader.scalar(c);
    reader.fail(`${ONLY_OBJECTS} not other JSON types. Got a value of type ${kind} instead`);
  }
  const root = reader.document();
  // sops drops such text without a word; where it is the user's own it would be lost.
  if (!reader.sealed && !Number.isNaN(reader.peek()))
    reader.fail("there is text after the top-level object");
  return root;
}
