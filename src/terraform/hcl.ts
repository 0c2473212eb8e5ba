import { ConversionError, type Spot } from "../k8s/conversion-error.ts";
import { plainDecimal } from "../go/float.ts";
import { pathText, type MapValue, type Value } from "../k8s/value.ts";

/** How values are written. */
export interface HclStyle {
  /** Keys without quotes where HCL allows it. */
  readonly bareKeys: boolean;
  /** `join`: text with line breaks that no heredoc can hold as `join("\n", […])`; else as one quoted line. */
  readonly multiline: "quoted" | "join";
  /** Normalise text that is not in Unicode NFC instead of refusing it; called with the path of each. */
  readonly onNotNfc: ((path: string) => void) | undefined;
  /** Where the value comes from, for messages. */
  readonly spot: Spot;
}

/**
 * A value as HCL that Terraform reads back exactly, in the bytes of tfk8s wherever those do (spec terraform section 4).
 *
 * @param indent blanks in front of the line in which the value begins
 * @param path where the value stands in its manifest, for messages
 * @throws {ConversionError} for text and keys that Terraform would change, and numbers that JSON cannot hold
 */
export function emitHcl(
  value: Value,
  style: HclStyle,
  indent = 0,
  path: readonly (string | number)[] = [],
): string {
  const chunks: string[] = [];
  new Printer(style, chunks).value(value, indent, path);
  return chunks.join("");
}

class Printer {
  private readonly style: HclStyle;
  private readonly out: string[];

  constructor(style: HclStyle, out: string[]) {
    this.style = style;
    this.out = out;
  }

  value(value: Value, indent: number, path: readonly (string | number)[]): void {
    switch (value.kind) {
      case "null":
        this.out.push("null");
        return;
      case "bool":
        this.out.push(String(value.value));
        return;
      case "int":
        this.out.push(value.value.toString());
        return;
      case "float":
        if (!Number.isFinite(value.value))
          throw this.refusal(
            `${pathText(path)}: ${Number.isNaN(value.value) ? ".nan" : ".inf"} has no JSON form`,
            value.line,
          );
        this.out.push(plainDecimal(value.value));
        return;
      case "text":
        this.out.push(this.text(value.value, indent, path, value.line));
        return;
      case "list":
        this.list(value.items, indent, path);
        return;
      case "map":
        this.map(value, indent, path);
        return;
      default:
        value satisfies never;
    }
  }

  private list(items: readonly Value[], indent: number, path: readonly (string | number)[]): void {
    if (items.length === 0) {
      this.out.push("[]");
      return;
    }
    const inner = " ".repeat(indent + 2);
    this.out.push("[\n");
    for (const [index, item] of items.entries()) {
      this.out.push(inner);
      this.value(item, indent + 2, [...path, index]);
      // Behind a heredoc's end mark nothing may stand.
      this.out.push(this.endsInHeredoc(item) ? `\n${inner},\n` : ",\n");
    }
    this.out.push(`${" ".repeat(indent)}]`);
  }

  private endsInHeredoc(item: Value): boolean {
    return item.kind === "text" && holdsAsHeredoc(this.normal(item.value));
  }

  private map({ entries }: MapValue, indent: number, path: readonly (string | number)[]): void {
    if (entries.size === 0) {
      this.out.push("{}");
      return;
    }
    const inner = " ".repeat(indent + 2);
    this.out.push("{\n");
    let isFirst = true;
    for (const key of [...entries.keys()].toSorted(byBytes)) {
      const value = entries.get(key) as Value;
      this.out.push(`${inner}${this.key(key, isFirst, path, value.line)} = `);
      this.value(value, indent + 2, [...path, key]);
      this.out.push("\n");
      isFirst = false;
    }
    this.out.push(`${" ".repeat(indent)}}`);
  }

  private key(
    key: string,
    isFirst: boolean,
    path: readonly (string | number)[],
    line: number,
  ): string {
    // Not softened by onNotNfc: two keys could become one.
    if (!isNfc(key))
      throw this.refusal(
        `${pathText([...path, key])}: Terraform would change this key (it is not in Unicode NFC, at character ${firstNotNfc(key)})`,
        line,
      );
    // A map whose first word is `for` is a `for` expression.
    const isBare =
      this.style.bareKeys && /^[A-Za-z][0-9A-Za-z_-]+$/.test(key) && !(isFirst && key === "for");
    return isBare ? key : quoted(key);
  }

  private text(
    source: string,
    indent: number,
    path: readonly (string | number)[],
    line: number,
  ): string {
    if (!isNfc(source) && this.style.onNotNfc === undefined)
      throw this.refusal(
        `${pathText(path)}: Terraform would change this text (it is not in Unicode NFC, at character ${firstNotNfc(source)}); put it into binaryData, or into data of a Secret, as base64`,
        line,
      );
    const value = this.normal(source);
    if (value !== source) this.style.onNotNfc?.(pathText(path));
    if (holdsAsHeredoc(value)) return heredoc(value, indent, "EOT");
    if (this.style.multiline === "join" && value.includes("\n"))
      return joined(value.split("\n"), indent);
    return quoted(value);
  }

  private normal(source: string): string {
    return this.style.onNotNfc === undefined ? source : source.normalize("NFC");
  }

  private refusal(message: string, line: number): ConversionError {
    return new ConversionError(message, { ...this.style.spot, line });
  }
}

/** Go's order of strings: by UTF-8 bytes, which is by code points. */
export function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** Terraform puts every text into this form, and no way of writing it avoids that. */
export const isNfc = (source: string): boolean => source.normalize("NFC") === source;

/** Position of the first character that Terraform would change, from 1. */
export function firstNotNfc(source: string): number {
  const before = [...source];
  const after = [...source.normalize("NFC")];
  return before.findIndex((char, i) => char !== after[i]) + 1;
}

const PRINTABLE = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u;
const ONLY_PRINTABLE = /^[\p{L}\p{M}\p{N}\p{P}\p{S} \t\n]*$/u;

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['"', '\\"'],
  ["\\", "\\\\"],
  ["\n", "\\n"],
  ["\r", "\\r"],
  ["\t", "\\t"],
]);

/** Text between double quotes, safe from interpolation and template directives. */
export function quoted(source: string): string {
  let out = "";
  for (const char of source) {
    const escape = ESCAPES.get(char);
    if (escape !== undefined) out += escape;
    else if (PRINTABLE.test(char)) out += char;
    else {
      const code = char.codePointAt(0) as number;
      const hex = code.toString(16);
      out += code > 0xffff ? `\\U${hex.padStart(8, "0")}` : `\\u${hex.padStart(4, "0")}`;
    }
  }
  return `"${withoutTemplates(out)}"`;
}

/** Text in which `${` and `%{` stand for themselves. */
function withoutTemplates(source: string): string {
  return source.replaceAll("${", "$$${").replaceAll("%{", "%%{");
}

/** Characters that join the blank in front of them, which Terraform then takes away with the indent. */
const JOINS_BLANK = /^[ \t]*[\p{M}\p{Emoji_Modifier}\u0e33\u0eb3\uff9e\uff9f]/u;

/** Whether Terraform reads the text back exactly from an indented heredoc (spec terraform 4, S). */
export function holdsAsHeredoc(source: string): boolean {
  if (!source.endsWith("\n") || source.indexOf("\n") === source.length - 1) return false;
  if (!ONLY_PRINTABLE.test(source)) return false;
  const lines = source.split("\n");
  return (
    lines.every((line) => !/[ \t]$/.test(line) && !JOINS_BLANK.test(line)) &&
    lines.some((line) => line !== "" && !/^[ \t]/.test(line))
  );
}

/** @param word what ends the heredoc, made longer where the text has such a line */
export function heredoc(source: string, indent: number, word: string): string {
  const lines = source.slice(0, -1).split("\n");
  const trimmed = new Set(lines.map((line) => line.trim()));
  let mark = word;
  while (trimmed.has(mark)) mark += "_";
  const blanks = " ".repeat(indent);
  const body = lines.map((line) => (line === "" ? "\n" : `${blanks}${withoutTemplates(line)}\n`));
  return `<<-${mark}\n${body.join("")}${blanks}${mark}`;
}

function joined(lines: readonly string[], indent: number): string {
  const inner = " ".repeat(indent + 2);
  return `join("\\n", [\n${lines.map((line) => `${inner}${quoted(line)},\n`).join("")}${" ".repeat(indent)}])`;
}
