import { mapOf, text, type Value } from "./value.ts";

/** A JSON document among YAML ones. */
export interface JsonDocument {
  readonly value: Value;
  /** Duplicate keys, of which the last counts. */
  readonly duplicates: readonly { readonly key: string; readonly line: number }[];
}

/**
 * JSON as kubectl reads it before it tries YAML: `\/`, surrogate pairs, tabs and characters that YAML refuses are all right.
 *
 * @param line number of the source's first line, from 1
 * @param maxDepth deeper documents are left to the YAML reader, which refuses them
 * @returns undefined for text that is not JSON, and for JSON that Kubernetes could not hold as it is (half a surrogate pair, a number
 *   beyond a double): the YAML reader then says what is wrong
 */
export function readKubeJson(
  source: string,
  line: number,
  maxDepth: number,
): JsonDocument | undefined {
  try {
    JSON.parse(source);
  } catch {
    return undefined;
  }
  return new JsonReader(source, line, maxDepth).read();
}

const TOKEN = /[ \t\r\n]*([{}[\],:]|"(?:[^"\\]|\\.)*"|[-+.0-9A-Za-z]+)/y;

/** Reads text that is known to be JSON. */
class JsonReader {
  private readonly source: string;
  private line: number;
  private readonly depth: number;
  private at = 0;
  private isUnholdable = false;
  private readonly duplicates: { key: string; line: number }[] = [];

  constructor(source: string, line: number, depth: number) {
    this.source = source;
    this.line = line;
    this.depth = depth;
  }

  read(): JsonDocument | undefined {
    const value = this.value(this.next(), 0);
    return this.isUnholdable ? undefined : { value, duplicates: this.duplicates };
  }

  private next(): string {
    TOKEN.lastIndex = this.at;
    const [matched = "", token = ""] = TOKEN.exec(this.source) ?? [];
    this.at += matched.length;
    for (const _ of matched.matchAll(/\r\n|\n|\r/g)) this.line += 1;
    return token;
  }

  private value(token: string, depth: number): Value {
    const { line } = this;
    if (depth > this.depth) {
      // Nothing deeper is read.
      this.isUnholdable = true;
      this.at = this.source.length;
      return { kind: "null", line };
    }
    switch (token.charAt(0)) {
      case "{":
        return this.map(depth, line);
      case "[":
        return this.list(depth, line);
      case '"':
        return text(this.text(token), line);
      case "t":
      case "f":
        return { kind: "bool", value: token === "true", line };
      case "n":
        return { kind: "null", line };
      default:
        return this.number(token, line);
    }
  }

  private map(depth: number, line: number): Value {
    const entries = new Map<string, Value>();
    for (let token = this.next(); token !== "}" && token !== ""; token = this.next()) {
      if (token === ",") continue;
      const key = this.text(token);
      if (entries.has(key)) this.duplicates.push({ key, line: this.line });
      this.next();
      entries.set(key, this.value(this.next(), depth + 1));
    }
    return mapOf(entries, line);
  }

  private list(depth: number, line: number): Value {
    const items: Value[] = [];
    for (let token = this.next(); token !== "]" && token !== ""; token = this.next())
      if (token !== ",") items.push(this.value(token, depth + 1));
    return { kind: "list", items, line };
  }

  private text(token: string): string {
    const value = String(JSON.parse(token));
    if (!value.isWellFormed()) this.isUnholdable = true;
    return value;
  }

  private number(token: string, line: number): Value {
    if (/^-?\d+$/.test(token)) {
      const value = BigInt(token);
      if (value >= -(2n ** 63n) && value < 2n ** 64n) return { kind: "int", value, line };
    }
    const value = Number(token);
    if (!Number.isFinite(value)) this.isUnholdable = true;
    return { kind: "float", value, line };
  }
}
