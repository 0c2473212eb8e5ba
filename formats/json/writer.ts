import { EmitError } from "../../src/errors.ts";
import { type Item, type LongText, type Node } from "../../src/tree/node.ts";
import { jsonFloat } from "../../src/go/float.ts";
import { flattened, leafText } from "../../src/tree/text.ts";
import type { Chunks } from "../format.ts";
import { MAX_DEPTH } from "./reader.ts";

/** sops has no limit; each level of nesting takes as much. */
const MAX_INDENT = 100;

const CHUNK_LENGTH = 1 << 16;

const escapes: Record<string, string> = {
  '"': '\\"',
  "\\": "\\\\",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
};

/** A superset of what needs escaping, quick to test for. */
// oxlint-disable-next-line no-control-regex -- JSON escapes control characters
const SUSPECT = /["\\<>&\u0000-\u001f\u2028\u2029\ud800-\udfff]/;

/** With the `u` flag `\p{Cs}` is a lone surrogate only, that is a byte that was not UTF-8. */
// oxlint-disable-next-line no-control-regex -- JSON escapes control characters
const SPECIAL = /["\\<>&\u0000-\u001f\u2028\u2029\p{Cs}]/gu;

function quoted(text: string): string {
  if (!SUSPECT.test(text)) return `"${text}"`;
  const body = text.replace(SPECIAL, (c) => {
    const code = c.charCodeAt(0);
    return (
      escapes[c] ??
      (code >= 0xd800 && code <= 0xdfff ? "\\ufffd" : `\\u${code.toString(16).padStart(4, "0")}`)
    );
  });
  return `"${body}"`;
}

function scalarText(node: Exclude<Node, { kind: "map" | "seq" }>, isSealed: boolean): string {
  switch (node.kind) {
    case "str":
    case "bytes":
      return quoted(leafText(node));
    case "comment":
    case "time":
      return quoted(node.value);
    case "int":
      return String(node.value);
    case "float":
      // sops prints `-0`, which it reads as an integer without a sign.
      return isSealed && Object.is(node.value, -0) ? "-0.0" : jsonFloat(node.value);
    case "bool":
      return node.value ? "true" : "false";
    case "null":
      return "null";
    default:
      return node satisfies never;
  }
}

interface Written {
  items: readonly (Node | Item)[];
  next: number;
  isEmpty: boolean;
  close: "}" | "]";
}

/**
 * JSON text; comments are left out. `indent` is one level's white space; undefined writes everything on one line without spaces.
 *
 * @param options.end text after the last bracket
 * @param options.isSealed the file is encrypted: a negative zero keeps its sign, which its MAC has
 *
 * @throws {EmitError} for NaN, an infinity, or nesting that no JSON reader takes back
 */
export function jsonText(
  root: Node,
  indent: string | undefined,
  { end = "", isSealed = false }: { end?: string; isSealed?: boolean } = {},
): Chunks {
  const chunks: (string | LongText)[] = [];
  const open: Written[] = [];
  let out = "";
  const colonText = indent === undefined ? ":" : ": ";
  const newlines: string[] = [];
  const newline = (): string =>
    (newlines[open.length] ??= indent === undefined ? "" : `\n${indent.repeat(open.length)}`);
  const write = (node: Node): void => {
    if (node.kind === "str" && node.long?.isPlain === true) {
      chunks.push(`${out}"`, node.long);
      out = '"';
      return;
    }
    if (node.kind !== "map" && node.kind !== "seq") {
      out += scalarText(node, isSealed);
      return;
    }
    if (open.length === MAX_DEPTH)
      throw new EmitError(`json: exceeded max depth of ${MAX_DEPTH} levels`);
    out += node.kind === "map" ? "{" : "[";
    open.push({
      items: node.items,
      next: 0,
      isEmpty: true,
      close: node.kind === "map" ? "}" : "]",
    });
  };
  write(root);
  for (let top = open.at(-1); top !== undefined; top = open.at(-1)) {
    if (out.length >= CHUNK_LENGTH) {
      chunks.push(flattened(out));
      out = "";
    }
    const item = top.items[top.next++];
    if (item === undefined) {
      open.pop();
      out += top.isEmpty ? top.close : newline() + top.close;
    } else if (item.kind !== "comment") {
      if (!top.isEmpty) out += ",";
      out += newline();
      top.isEmpty = false;
      if (item.kind === "entry") {
        out += quoted(item.key);
        out += colonText;
        write(item.value);
      } else {
        write(item);
      }
    }
  }
  chunks.push(flattened(out + end));
  return { [Symbol.iterator]: () => piecesOf(chunks) };
}

function* piecesOf(chunks: readonly (string | LongText)[]): Generator<string | Uint8Array> {
  for (const chunk of chunks) {
    if (typeof chunk === "string") yield chunk;
    else yield* chunk.pieces;
  }
}

/** One level's white space. */
export function indentOf(width: number | undefined): string {
  if (width === undefined || width === -1) return "\t";
  if (width < -1) {
    throw new EmitError(
      "Error marshaling to json: JSON Indentation parameter smaller than -1 is not accepted",
    );
  }
  if (width > MAX_INDENT)
    throw new EmitError(`Error marshaling to json: the indent is greater than ${MAX_INDENT}`);
  return " ".repeat(width);
}
