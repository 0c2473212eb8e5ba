import { goType } from "../src/go/type.ts";
import { EmitError, ParseError } from "../src/errors.ts";
import { comment, entry, map, str, type Item } from "../src/tree/node.ts";
import { flatText, readsBackFlat } from "../src/tree/flat-text.ts";
import { decodeText, encodeText, lineAt, textLeaf } from "../src/tree/text.ts";
import type { Format, Warn } from "./format.ts";
import { refuseMoreDocuments } from "./json.ts";

const chunkLength = 1 << 16;

function lineOf(item: Item): string {
  // A comment of several lines, which INI has, would go on as variables.
  if (item.kind === "comment") return `#${item.value.replaceAll("\n", "\n#")}\n`;
  if (item.value.kind === "seq" || item.value.kind === "map") {
    throw new EmitError(`cannot use complex value in dotenv file; offending key ${item.key}`);
  }
  return `${item.key}=${flatText(item.value).replaceAll("\n", "\\n")}\n`;
}

/**
 * An encrypted file in which every line ends in CR LF, as Git's `core.autocrlf` makes them, without the CRs: no line of the `sops` block ends in
 * one by itself.
 */
function withoutReturns(text: string, sealed: boolean): string {
  if (!sealed || !text.includes("\r\n") || /(?<!\r)\n/.test(text)) return text;
  return text.replaceAll("\r\n", "\n").replace(/\r$/, "");
}

/** Says what a plain file holds that other programs do not take for a part of names and values. */
function warnOfLostText(text: string, warn: Warn | undefined): void {
  if (text.startsWith("\ufeff"))
    warn?.(
      "the file begins with a byte order mark, which becomes part of its first line: remove it",
    );
  const at = text.indexOf("\r\n");
  if (at >= 0)
    warn?.(
      `line ${lineAt(text, at)}: Windows line ends: each value will end in \\r; convert the file to LF line ends first`,
    );
}

/** `KEY=value` lines and `#` comments. Nothing is trimmed or unquoted; `\n` in a value is a line feed. */
export const dotenv: Format = {
  name: "dotenv",
  placement: "prefix",

  parse(source, { sealed, warn }) {
    const text = withoutReturns(decodeText(source), sealed);
    if (!sealed) warnOfLostText(text, warn);
    const items: Item[] = [];
    let start = 0;
    for (let line = 1; start < text.length; line++) {
      const feed = text.indexOf("\n", start);
      const end = feed === -1 ? text.length : feed;
      const content = text.slice(start, end);
      if (content.startsWith("#")) {
        items.push(comment(content.slice(1), false, start, end));
      } else if (content !== "") {
        const equals = content.indexOf("=");
        if (equals === -1)
          throw new ParseError("invalid dotenv input line: there is no `=` in it", line);
        const value = content.slice(equals + 1).replaceAll("\\n", "\n");
        const split = start + equals;
        items.push(entry(content.slice(0, equals), textLeaf(value, split + 1, end), start, split));
      }
      start = end + 1;
    }
    return [map(items, 0, text.length)];
  },

  emit([document]) {
    const chunks: (string | Uint8Array)[] = [];
    let out = "";
    const flush = (): void => {
      if (out !== "") chunks.push(out.isWellFormed() ? out : encodeText(out));
      out = "";
    };
    for (const item of document?.items ?? []) {
      out += lineOf(item);
      if (out.length >= chunkLength) flush();
    }
    flush();
    return chunks;
  },

  emitValue(value) {
    throw new EmitError(`the dotenv store only supports emitting strings, got ${goType(value)}`);
  },

  asRead: (documents) => documents.slice(0, 1),

  layout: {
    holdsTextOnly: true,
    isMarked: (source) =>
      Buffer.from(source.buffer, source.byteOffset, source.byteLength).includes(
        "sops_sopsmith_layout=",
      ),
    load: () => import("./dotenv/layout.ts"),
  },

  checkSealable(documents) {
    refuseMoreDocuments(documents);
    for (const item of documents[0]?.items ?? []) {
      if (item.kind === "comment") continue;
      const refuse = (reason: string): never => {
        throw new EmitError(`no sops could read this back from a dotenv file: ${reason}`, {
          entry: item,
        });
      };
      if (item.key.startsWith("#"))
        refuse("a variable whose name begins with `#` reads as a comment");
      if (/[=\n]/.test(item.key)) refuse("a variable's name cannot hold `=` or a line feed");
      if (item.value.kind === "null") refuse("null becomes the text `<nil>`");
    }
  },

  // A backslash and an `n` are read as a line feed.
  readsBack: (leaf) => readsBackFlat(leaf) && !(leaf.kind === "str" && leaf.value.includes("\\n")),
  example() {
    const document = map([
      comment(" This is an example file."),
      entry("hello", str("Welcome to SOPS! Edit this file as you please!")),
      entry("example_key", str("example_value")),
      entry("example_multiline", str("foo\nbar\nbaz")),
    ]);
    return [document];
  },
};
