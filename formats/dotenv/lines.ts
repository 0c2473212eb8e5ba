import { EmitError, ParseError } from "../../src/errors.ts";
import { comment, entry, map, type Item, type Mapping } from "../../src/tree/node.ts";
import { flatText } from "../../src/tree/flat-text.ts";
import { decodeText, encodeText, lineAt, textLeaf } from "../../src/tree/text.ts";
import type { ParseOptions, Warn } from "../format.ts";

const CHUNK_LENGTH = 1 << 16;

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
      `line ${lineAt(text, at)}: Windows line endings: each value will end in \\r; convert the file to LF line endings first`,
    );
}

/**
 * The variables and comments of a file. Offsets are those of the decoded text.
 *
 * @throws {ParseError} with the line
 */
export function readVariables(source: Uint8Array, { sealed, warn }: ParseOptions): Mapping {
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
  return map(items, 0, text.length);
}

/** Their lines. @throws {EmitError} for a value that is not flat */
export function variablesText(items: readonly Item[]): (string | Uint8Array)[] {
  const chunks: (string | Uint8Array)[] = [];
  let out = "";
  const flush = (): void => {
    if (out !== "") chunks.push(out.isWellFormed() ? out : encodeText(out));
    out = "";
  };
  for (const item of items) {
    out += lineOf(item);
    if (out.length >= CHUNK_LENGTH) flush();
  }
  flush();
  return chunks;
}
