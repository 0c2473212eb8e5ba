import {
  entry,
  map,
  seq,
  type Entry,
  type Mapping,
  type Node,
  type Sequence,
} from "../../src/tree/node.ts";
import { LF, SPACE } from "./chars.ts";
import {
  canBegin,
  COLON,
  COMMA,
  DASH,
  HASH,
  isDigit,
  isQuote,
  isTextKey,
  quotedAt,
} from "./quick-scalars.ts";
import { resolvePlain } from "./resolve.ts";

const MAX_DEPTH = 100;

const QUESTION = 63;
const BRACKET = 91;
const BRACKET_END = 93;
const BRACE = 123;
const BRACE_END = 125;

export const isFlowStart = (c: number): boolean => c === BRACKET || c === BRACE;

/**
 * A flow collection, on one line or several, as the quick reader takes them: no comments, tags and anchors, each scalar on one line, each
 * key with a value.
 *
 * @param inFlow takes the start of each scalar
 */
export function flowAt(
  text: string,
  start: number,
  inFlow: Set<number> | undefined,
): Mapping | Sequence | undefined {
  return new FlowReader(text, start, inFlow).collection(0);
}

class FlowReader {
  private readonly text: string;
  private at: number;
  private readonly inFlow: Set<number> | undefined;

  constructor(text: string, start: number, inFlow: Set<number> | undefined) {
    this.text = text;
    this.at = start;
    this.inFlow = inFlow;
  }

  collection(depth: number): Mapping | Sequence | undefined {
    if (depth > MAX_DEPTH) return undefined;
    const isMapping = this.text.charCodeAt(this.at) === BRACE;
    const close = isMapping ? BRACE_END : BRACKET_END;
    const node = isMapping ? map([], this.at) : seq([], this.at);
    const keys = new Set<string>();
    this.at++;
    for (let c = this.gap(); c !== close;) {
      if (node.kind === "map") {
        const one = this.entry(c, depth);
        if (one === undefined || keys.has(one.key)) return undefined;
        keys.add(one.key);
        node.items.push(one);
      } else {
        const one = this.value(c, depth);
        if (one === undefined) return undefined;
        node.items.push(one);
      }
      c = this.gap();
      if (c === COMMA) {
        this.at++;
        c = this.gap();
      } else if (c !== close) {
        return undefined;
      }
    }
    node.end = ++this.at;
    return node;
  }

  private entry(c: number, depth: number): Entry | undefined {
    const isQuoted = isQuote(c);
    const key = isQuoted || canBegin(c) ? this.scalar(c) : undefined;
    if (key?.kind !== "str" || this.text.charCodeAt(this.at) !== COLON) return undefined;
    this.at++;
    if (!isQuoted && (!isTextKey(key.value) || this.text.charCodeAt(this.at) > SPACE))
      return undefined;
    const value = this.value(this.gap(), depth);
    return value && entry(key.value, value, key.start, key.end);
  }

  private value(c: number, depth: number): Node | undefined {
    return isFlowStart(c) ? this.collection(depth + 1) : this.scalar(c);
  }

  private scalar(c: number): Node | undefined {
    const start = this.at;
    const node = isQuote(c) ? quotedAt(this.text, start) : this.plain(c);
    if (node === undefined) return undefined;
    this.at = node.end;
    this.inFlow?.add(start);
    return node;
  }

  private plain(first: number): Node | undefined {
    const { text, at: start } = this;
    if (!canBegin(first) && !(first === DASH && isDigit(text.charCodeAt(start + 1))))
      return undefined;
    let end = start;
    for (let at = start; ; at++) {
      const c = text.charCodeAt(at);
      if (c === SPACE) continue;
      if (c === LF || c === COMMA || c === BRACKET_END || c === BRACE_END) break;
      if (c === COLON) {
        if (!canBegin(text.charCodeAt(at + 1))) break;
      } else if (c < SPACE || c === HASH || c === QUESTION || isFlowStart(c)) {
        return undefined;
      }
      end = at + 1;
    }
    return resolvePlain(text.slice(start, end), start, end);
  }

  /** Steps over spaces and line breaks; returns what is there, 0 for what is not for this reader. */
  private gap(): number {
    const { text } = this;
    let lineStart = -1;
    for (; ; this.at++) {
      const c = text.charCodeAt(this.at);
      if (c === LF) lineStart = this.at + 1;
      else if (c !== SPACE) {
        const isIndented = this.at !== lineStart || c === BRACKET_END || c === BRACE_END;
        return c === HASH || !isIndented ? 0 : c;
      }
    }
  }
}
