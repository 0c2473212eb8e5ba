import { EmitError, ParseError } from "../../src/errors.ts";
import { type Item, type Mapping, type Node } from "../../src/tree/node.ts";
import { goFloat } from "../../src/go/float.ts";
import { flatText } from "../../src/tree/flat-text.ts";
import { encodeText, leafText } from "../../src/tree/text.ts";
import { DEFAULT_SECTION, isSpaceAt, Reader, trim } from "./reader.ts";

const CHUNK_LENGTH = 1 << 16;

/** A key as it is written. */
export function keyName(name: string): string {
  if (/["=:]/.test(name)) return `\`${name}\``;
  return name.includes("`") ? `"""${name}"""` : name;
}

/**
 * A value as sops writes it, or where that would read back as another one (spec file-format 10, D7), in the other quotes. What no
 * quotes can hold stays as sops writes it.
 */
export function valueText(value: string): string {
  const text = sopsText(value);
  if (!/["'`\\\n\r]/.test(value) || readsBackAs(text, value)) return text;
  return (
    ["`", '"""'].map((mark) => mark + value + mark).find((form) => readsBackAs(form, value)) ?? text
  );
}

/** Is this the value, whatever comes after its line? */
export function readsBackAs(text: string, value: string): boolean {
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
export class Writer {
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
    if (!isFirst || name.toUpperCase() !== DEFAULT_SECTION) this.out += `[${name}]\n`;
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
      if (this.out.length >= CHUNK_LENGTH) this.flush();
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

export function fail(message: string): never {
  throw new EmitError(`Error marshaling to INI: ${message}`);
}
