import { isUtf8 } from "node:buffer";
import { decodeStream } from "../../formats/yaml/chars.ts";
import { Parser, type Event } from "../../formats/yaml/parser.ts";
import { isExcessiveAliasing } from "../../formats/yaml/reader.ts";
import { resolvePlain } from "../../formats/yaml/resolve.ts";
import { ParseError } from "../errors.ts";
import { ConversionError, located, type Spot } from "./conversion-error.ts";
import { floatKey } from "../go/float.ts";
import { readKubeJson, type JsonDocument } from "./kube-json.ts";
import { pathText, text, type Value } from "./value.ts";
import { isBase64 } from "../tree/text.ts";

/** One YAML document that is not empty. */
export interface KubeDocument {
  readonly value: Value;
  /** Its first line, from 1. */
  readonly line: number;
  /** Its number in the file, from 1, empty ones counted. */
  readonly number: number;
}

/**
 * Reads YAML or JSON as kubectl does: YAML 1.1 scalars decoded to JSON types, aliases and merge keys resolved, the last of
 * duplicate keys counts (spec terraform section 3). A document that begins with `{` is read as JSON if it is JSON.
 *
 * @param warn duplicate keys, and words such as `yes` and `on` that YAML 1.1 reads as booleans
 * @throws {ConversionError} `FILE:LINE: document N: …` for what Kubernetes refuses, cannot hold or would silently drop
 */
export function readKubeYaml(
  source: Uint8Array,
  file: string,
  warn: (message: string) => void,
): KubeDocument[] {
  let decoded: string;
  const { rest, found } = takeJson(source);
  try {
    decoded = decodeStream(rest);
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
    throw new ConversionError(plainMessage(error), { file, line: error.line }, error);
  }
  refuseOddSeparators(decoded, file);
  return new Reader(decoded, file, warn, found).read();
}

/**
 * The documents that are JSON, by the line in which they begin; in the rest, which keeps its lines, each is `null`.
 * YAML knows no `\/` and no surrogate pairs, so that such documents cannot be left to its reader.
 */
function takeJson(source: Uint8Array): {
  rest: Uint8Array;
  found: ReadonlyMap<number, JsonDocument>;
} {
  const found = new Map<number, JsonDocument>();
  const decoded = isUtf8(source) ? Buffer.from(source).toString() : "";
  if (!/(?:^|[\r\n])\ufeff?(?:---)?[ \t]*\{/.test(decoded)) return { rest: source, found };
  let line = 1;
  const pieces = decoded.split(
    /(?<=(?:^|[\r\n])---)(?=[ \t]*(?:[\r\n{]|$))|(?=(?<=[\r\n])---[ \t]*(?:[\r\n{]|$))/,
  );
  const kept = pieces.map((piece) => {
    const [, before = "", text = "", after = ""] = /^(\ufeff?\s*)(\{.*\})(\s*)$/s.exec(piece) ?? [];
    const start = line + breaksIn(before);
    const read = text === "" ? undefined : readKubeJson(text, start, MAX_DEPTH);
    line += breaksIn(piece);
    if (read === undefined) return piece;
    found.set(start, read);
    return `${before === "" ? " " : before}null${"\n".repeat(breaksIn(text))}${after}`;
  });
  return { rest: Buffer.from(kept.join("")), found };
}

const breaksIn = (text: string): number => text.match(/\r\n|\n|\r/g)?.length ?? 0;

const plainMessage = (error: ParseError): string => error.what.replace(/^yaml: /, "");

/** Kubernetes cuts the text at every line that begins with `---`, and reads no directives. */
function refuseOddSeparators(source: string, file: string): void {
  let line = 0;
  for (const content of source.split(/\r\n|\n|\r/)) {
    line += 1;
    if (/^---[^ \t\0{]/.test(content))
      throw new ConversionError(
        'a line that begins with "---" separates documents: put the text after it on the next line',
        { file, line },
      );
    if (content.startsWith("%YAML"))
      throw new ConversionError("Kubernetes does not read %YAML lines: remove this one", {
        file,
        line,
      });
  }
}

/** Deeper documents than any resource are refused, so that nothing that follows runs out of stack. */
const MAX_DEPTH = 1000;

interface Node {
  value: Value;
  /** How many values it holds, aliases expanded. */
  size: number;
  /** A plain `<<`. */
  isMerge: boolean;
}

interface Frame {
  kind: "map" | "list";
  line: number;
  anchor: string;
  children: Node[];
}

class Reader {
  private readonly text: string;
  private readonly file: string;
  private readonly warn: (message: string) => void;
  private readonly json: ReadonlyMap<number, JsonDocument>;
  private readonly parser: Parser;
  private readonly lineStarts: readonly number[];
  /** Undefined while the anchored value is still open. */
  private readonly anchors = new Map<string, Node | undefined>();
  private number = 0;
  private nodes = 0;
  private aliased = 0;
  private stack: Frame[] = [];

  constructor(
    source: string,
    file: string,
    warn: (message: string) => void,
    json: ReadonlyMap<number, JsonDocument>,
  ) {
    this.json = json;
    this.text = source;
    this.file = file;
    this.warn = warn;
    this.parser = new Parser(source);
    this.lineStarts = startsOf(source);
  }

  read(): KubeDocument[] {
    const documents: KubeDocument[] = [];
    try {
      for (;;) {
        const event = this.parser.next();
        if (event.type === "stream-end") return documents;
        if (event.type !== "document-start") continue;
        this.number += 1;
        this.anchors.clear();
        this.nodes = this.aliased = 0;
        const value = this.orJson(this.compose().value);
        if (value.kind !== "null") documents.push({ value, line: value.line, number: this.number });
      }
    } catch (error) {
      if (!(error instanceof ParseError)) throw error;
      throw this.located(error);
    }
  }

  /** The JSON document in whose place `null` stands. */
  private orJson(value: Value): Value {
    const json = value.kind === "null" ? this.json.get(value.line) : undefined;
    for (const { key, line } of json?.duplicates ?? [])
      this.say(`the key ${pathText([key])} appears twice; the last one counts`, line);
    return json?.value ?? value;
  }

  private located(error: ParseError): ConversionError {
    const behindEnd =
      error.what.includes("<document start>") &&
      /^\.\.\.[ \t]*(?:#.*)?$/m.test(this.text.slice(0, this.lineStarts[(error.line ?? 1) - 1]));
    return new ConversionError(
      behindEnd
        ? 'text after "..." would be ignored by Kubernetes: separate documents with "---"'
        : plainMessage(error),
      this.spot(error.line ?? 1),
      error,
    );
  }

  private spot(line: number): Spot {
    return { file: this.file, line, document: Math.max(this.number, 1) };
  }

  private refuse(message: string, line: number): never {
    throw new ConversionError(message, this.spot(line));
  }

  private lineOf(offset: number): number {
    let low = 0;
    let high = this.lineStarts.length;
    while (low + 1 < high) {
      const middle = (low + high) >> 1;
      if ((this.lineStarts[middle] ?? 0) <= offset) low = middle;
      else high = middle;
    }
    return low + 1;
  }

  /** One value with everything in it. */
  private compose(): Node {
    this.stack = [];
    for (;;) {
      const event = this.parser.next();
      let done: Node;
      switch (event.type) {
        case "mapping-start":
        case "sequence-start":
          if (this.stack.length >= MAX_DEPTH)
            this.refuse(`more than ${MAX_DEPTH} levels of nesting`, this.lineOf(event.start));
          this.stack.push({
            kind: event.type === "mapping-start" ? "map" : "list",
            line: this.lineOf(event.start),
            anchor: event.anchor,
            children: [],
          });
          if (event.anchor !== "") this.anchors.set(event.anchor, undefined);
          continue;
        case "mapping-end":
        case "sequence-end": {
          const frame = this.stack.pop() as Frame;
          done = this.close(frame);
          if (frame.anchor !== "") this.anchors.set(frame.anchor, done);
          break;
        }
        case "scalar":
          done = this.scalar(event);
          if (event.anchor !== "") this.anchors.set(event.anchor, done);
          break;
        case "alias":
          done = this.alias(event);
          break;
        default:
          return this.parser.fail("did not find expected node content", event.start);
      }
      this.nodes += 1;
      const parent = this.stack.at(-1);
      if (parent === undefined) return done;
      parent.children.push(done);
    }
  }

  private close({ kind, line, children }: Frame): Node {
    const size = children.reduce((sum, child) => sum + child.size, 1);
    if (kind === "list")
      return {
        value: { kind, items: children.map(({ value }) => value), line },
        size,
        isMerge: false,
      };
    const entries = new Map<string, Value>();
    const written = new Set<string>();
    for (let i = 0; i + 1 < children.length; i += 2) {
      const [key, { value }] = [children[i] as Node, children[i + 1] as Node];
      if (key.isMerge) {
        this.merge(value, entries, key.value.line);
        continue;
      }
      const name = this.keyText(key.value);
      if (written.has(name))
        this.say(`the key ${pathText([name])} appears twice; the last one counts`, key.value.line);
      written.add(name);
      entries.set(name, value);
    }
    return { value: { kind, entries, line }, size, isMerge: false };
  }

  private say(message: string, line: number): void {
    this.warn(located(message, this.spot(line)));
  }

  /** A merge key sets what its mappings hold where it stands: keys behind it win, those in front of it lose, as in kubectl. */
  private merge(value: Value, entries: Map<string, Value>, line: number): void {
    const maps = value.kind === "list" ? value.items.toReversed() : [value];
    for (const source of maps) {
      if (source.kind !== "map")
        this.refuse("a merge key << needs a map or a list of maps as its value", line);
      for (const [key, merged] of source.entries) entries.set(key, merged);
    }
  }

  private keyText(key: Value): string {
    switch (key.kind) {
      case "text":
        return key.value;
      case "bool":
        return String(key.value);
      case "int":
        if (key.value < 2n ** 63n) return key.value.toString();
        return this.refuse("a number this large cannot be a key: quote it", key.line);
      case "float":
        return floatKey(key.value);
      case "null":
      case "list":
      case "map":
        return this.refuse(
          `a key is ${key.kind === "null" ? "null" : `a ${key.kind}`}: only text can be a key`,
          key.line,
        );
      default:
        return key satisfies never;
    }
  }

  private scalar(event: Event): Node {
    const { tag, style, start } = event;
    const line = this.lineOf(start);
    const isPlain = style === "plain";
    const isImplicit = tag === "" && isPlain;
    const isMerge = event.value === "<<" && (isImplicit || tag === "!!merge");
    if (style === "double") this.refuseSlashEscape(event, line);
    const value = isImplicit ? resolve(event.value, line) : this.tagged(event, line);
    if (value.kind === "bool" && value.spelling !== undefined)
      this.say(
        `${value.spelling} is read as the boolean ${String(value.value)}, as in YAML 1.1; quote it if it is text`,
        line,
      );
    return { value, size: 1, isMerge };
  }

  /** YAML 1.1, and with it Kubernetes, does not know JSON's `\/`. */
  private refuseSlashEscape({ start, end }: Event, line: number): void {
    if (/(?:^|[^\\])(?:\\\\)*\\\//.test(this.text.slice(start, end)))
      this.refuse('found unknown escape character: write "/" instead of "\\/"', line);
  }

  private tagged(event: Event, line: number): Value {
    const { tag, value } = event;
    switch (tag) {
      case "!!binary": {
        const compact = value.replaceAll(/[\r\n]/g, "");
        if (!isBase64(compact)) this.refuse("!!binary value contains invalid base64 data", line);
        try {
          const bytes = Buffer.from(compact, "base64");
          return text(
            new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes),
            line,
          );
        } catch {
          return this.refuse(
            "this !!binary value is not UTF-8, and Kubernetes would silently replace its bytes: put it as base64 text into binaryData, or into data of a Secret",
            line,
          );
        }
      }
      case "!!int":
      case "!!float":
      case "!!bool":
      case "!!null": {
        const found = resolve(value, line);
        if (found.kind === tag.slice(2)) return found;
        if (tag === "!!float" && found.kind === "int")
          return { kind: "float", value: Number(found.value), line };
        return this.refuse(`a value cannot be read as ${tag}`, line);
      }
      default:
        return text(value, line);
    }
  }

  private alias(event: Event): Node {
    const line = this.lineOf(event.start);
    const target = this.anchors.get(event.value);
    if (target === undefined) {
      // The name is not shown: a password that begins with `*` looks like an alias.
      this.refuse(
        this.anchors.has(event.value)
          ? "anchor value contains itself"
          : "unknown anchor referenced: put quotes around a value that begins with *",
        line,
      );
    }
    this.aliased += target.size;
    this.nodes += target.size;
    if (isExcessiveAliasing(this.aliased, this.nodes))
      this.refuse("document contains excessive aliasing", line);
    return { value: target.value, size: target.size, isMerge: false };
  }
}

function startsOf(source: string): number[] {
  const starts = [0];
  for (const match of source.matchAll(/\r\n|\n|\r/g)) starts.push(match.index + match[0].length);
  return starts;
}

const WORDS = new Map<string, boolean>([
  ...["y", "Y", "yes", "Yes", "YES", "on", "On", "ON"].map((word) => [word, true] as const),
  ...["n", "N", "no", "No", "NO", "off", "Off", "OFF"].map((word) => [word, false] as const),
]);

/** What a plain scalar stands for (spec terraform 1.5). */
function resolve(source: string, line: number): Value {
  const word = WORDS.get(source);
  if (word !== undefined) return { kind: "bool", value: word, spelling: source, line };
  const found = resolvePlain(source, 0, 0);
  switch (found.kind) {
    case "null":
      return { kind: "null", line };
    case "bool":
      return { kind: "bool", value: found.value, line };
    case "int":
      // `0o-7` is a number for sops's reader only.
      return /^-?0o[-+]/.test(source)
        ? text(source, line)
        : { kind: "int", value: found.value, line };
    case "float":
      return { kind: "float", value: found.value, line };
    default:
      // Dates are text in JSON.
      return text(source, line);
  }
}
