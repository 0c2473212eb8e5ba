import type { Alias, Document, Node, Pair, YAMLMap, YAMLParseError } from "yaml";
import { resolvePlain, resolveTagged, type Resolved } from "../../formats/yaml/resolve.ts";
import { ConfigError } from "../errors.ts";
import { str } from "../tree/node.ts";

/**
 * The configuration file's YAML as go-yaml v3 understands it: the first document only, aliases followed, merge keys merged,
 * duplicate keys noticed. Aliases share their target, so the result is a graph without cycles.
 */
export type Value = ScalarValue | ListValue | MapValue;

interface Common {
  /** From 1. */
  line: number;
  /** Whether an anchor is on the value or inside it. */
  hasAnchor: boolean;
}

export interface ScalarValue extends Common {
  kind: "scalar";
  text: string;
  /** What go-yaml resolves it to. */
  value: Resolved;
  isQuoted: boolean;
}

interface ListValue extends Common {
  kind: "list";
  items: Value[];
}

export interface MapValue extends Common {
  kind: "map";
  entries: Map<string, Entry>;
  /** A key that is written twice: an error once the mapping is decoded. */
  duplicate: { key: string; line: number; firstLine: number } | undefined;
}

export interface Entry {
  line: number;
  value: Value;
}

/** An error in the file's text, worded as sops does up to the line. Exit 1. */
export function decodeError(
  path: string,
  line: number | undefined,
  problem: string,
  cause?: unknown,
): ConfigError {
  const where = line === undefined ? "" : `line ${line}: `;
  return new ConfigError(
    `error loading config: Could not unmarshal config file: yaml: ${where}${problem}, in ${path}`,
    { cause, file: path },
  );
}

/** Deeper nesting is an error. */
const MAX_DEPTH = 1000;

/** What go-yaml's reader refuses anywhere in the text. */
const FORBIDDEN = /[^\t\n\r\u0020-\u007e\u0085\u00a0-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u;

/** Entries copied by merge keys. */
const MAX_MERGED = 100_000;

/**
 * @returns undefined for a file without content
 * @throws {ConfigError} for text that is not YAML or is not UTF-8, or that expands without bound
 */
export async function parseYaml(source: Uint8Array, path: string): Promise<Value | undefined> {
  const { Composer, LineCounter, Parser, isAlias, isMap, isScalar, isSeq } = await import("yaml");
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(source);
  } catch (cause) {
    throw decodeError(path, undefined, "invalid leading UTF-8 octet", cause);
  }
  if (FORBIDDEN.test(text))
    throw decodeError(path, undefined, "control characters are not allowed");
  const lines = new LineCounter();
  const lineOf = (node: { range?: readonly number[] | null | undefined }): number =>
    lines.linePos(node.range?.[0] ?? 0).line;

  let first: Document.Parsed | undefined;
  try {
    const composer = new Composer({ schema: "failsafe", uniqueKeys: false, prettyErrors: false });
    for (first of composer.compose(new Parser(lines.addNewLine).parse(text))) break;
  } catch (cause) {
    if (cause instanceof RangeError)
      throw decodeError(path, undefined, "exceeded max depth", cause);
    throw cause;
  }
  if (first === undefined) return undefined;
  const [error] = first.errors;
  if (error !== undefined)
    throw decodeError(path, lines.linePos(error.pos[0]).line, describe(error), error);

  /** An anchor's value; undefined while inside it. */
  const anchors = new Map<string, Value | undefined>();
  let merged = 0;

  function convert(node: Node | null, line: number, depth: number): Value {
    if (depth > MAX_DEPTH) throw decodeError(path, line, "exceeded max depth");
    if (node === null)
      return {
        kind: "scalar",
        text: "",
        value: resolvePlain("", 0, 0),
        isQuoted: false,
        line,
        hasAnchor: false,
      };
    if (isAlias(node)) return follow(node);
    const { anchor } = node;
    if (anchor !== undefined) anchors.set(anchor, undefined);
    const value = convertContent(node, depth);
    if (anchor !== undefined) {
      value.hasAnchor = true;
      anchors.set(anchor, value);
    }
    return value;
  }

  function convertContent(node: Node, depth: number): Value {
    const line = lineOf(node);
    if (isScalar(node)) {
      const source = node.source ?? "";
      const isQuoted = node.type !== undefined && node.type !== "PLAIN";
      const value = resolve(source, isQuoted, node.tag);
      if (value === undefined)
        throw decodeError(path, line, `cannot decode a scalar as a ${shortTag(node.tag ?? "")}`);
      return {
        kind: "scalar",
        // Of binary data, what it encodes.
        text: value.kind === "str" ? value.value : source,
        value,
        isQuoted,
        line,
        hasAnchor: false,
      };
    }
    if (isSeq(node)) {
      const items = node.items.map((item) => convert(item as Node | null, line, depth + 1));
      return { kind: "list", items, line, hasAnchor: items.some((item) => item.hasAnchor) };
    }
    if (isMap(node)) return convertMap(node, line, depth);
    throw decodeError(path, line, "did not find expected node content");
  }

  function convertMap(node: YAMLMap, line: number, depth: number): MapValue {
    const out: MapValue = {
      kind: "map",
      entries: new Map(),
      duplicate: undefined,
      line,
      hasAnchor: false,
    };
    let merge: Entry | undefined;
    for (const pair of node.items as Pair<Node, Node | null>[]) {
      const key = convert(pair.key, line, depth + 1);
      if (key.kind !== "scalar")
        throw decodeError(path, key.line, "a mapping key must be a scalar");
      const value = convert(pair.value, key.line, depth + 1);
      out.hasAnchor ||= key.hasAnchor || value.hasAnchor;
      const isMerge = key.text === "<<" && !key.isQuoted;
      const earlier = isMerge ? merge : out.entries.get(key.text);
      if (earlier !== undefined)
        out.duplicate ??= { key: key.text, line: key.line, firstLine: earlier.line };
      else if (isMerge) merge = { line: key.line, value };
      else out.entries.set(key.text, { line: key.line, value });
    }
    if (merge !== undefined) addMerged(out, merge);
    return out;
  }

  /** The mapping's own keys win over merged ones, and mappings merged first over later ones. */
  function addMerged(target: MapValue, { value, line }: Entry): void {
    for (const from of value.kind === "list" ? value.items : [value]) {
      if (from.kind !== "map") {
        throw decodeError(path, line, "map merge requires map or sequence of maps as the value");
      }
      merged += from.entries.size + 1;
      if (merged > MAX_MERGED)
        throw decodeError(path, line, "document contains excessive aliasing");
      for (const [key, entry] of from.entries)
        if (!target.entries.has(key)) target.entries.set(key, entry);
    }
  }

  function follow(alias: Alias): Value {
    const name = alias.source;
    const target = anchors.get(name);
    if (target !== undefined) return { ...target, hasAnchor: false };
    const problem = anchors.has(name)
      ? "an anchor's value contains itself"
      : "unknown anchor referenced";
    throw decodeError(path, lineOf(alias), problem);
  }

  return first.contents === null ? undefined : convert(first.contents, 1, 0);
}

/** The parser's own words, without the pieces of the text that some of them quote. */
function describe({ code, message }: YAMLParseError): string {
  switch (code) {
    case "RESOURCE_EXHAUSTION":
      return "exceeded max depth";
    case "TAG_RESOLVE_FAILED":
      return "a tag cannot be resolved";
    case "BAD_DQ_ESCAPE":
      return "found unknown escape character";
    default:
      return message.replace(/: .*/su, "");
  }
}

/** Undefined for text that the tag does not allow. */
function resolve(text: string, quoted: boolean, tag: string | undefined): Resolved | undefined {
  if (tag !== undefined && tag !== "!")
    return resolveTagged(shortTag(tag), text, { start: 0, end: 0, quoted });
  return quoted ? str(text) : resolvePlain(text, 0, 0);
}

const shortTag = (tag: string): string => tag.replace(/^tag:yaml\.org,2002:/, "!!");
