import type { RE2JS } from "re2js";
import { SopsmithError } from "../errors.ts";

/** A compiled pattern. */
export interface GoRegExp {
  /** Whether it matches anywhere in the subject. A byte that is not UTF-8 (a lone surrogate, see tree/text.ts) counts as U+FFFD. */
  test(subject: string): boolean;
  /** The leftmost match, in UTF-16 units, `end` exclusive; undefined for none. */
  find(subject: string): { readonly start: number; readonly end: number } | undefined;
}

/** A pattern that Go does not accept. The message names the reason in Go's words and the position, never the pattern. */
export class BadPattern extends SopsmithError {
  constructor(reason: string, position: number | undefined, options: { cause?: unknown } = {}) {
    const where = position === undefined ? "" : ` at character ${position}`;
    super("bad-pattern", 1, `error parsing regexp: ${reason}${where}`, {
      ...options,
      hint: "Patterns are RE2, as in Go's regexp package: no look-around, no backreferences.",
    });
  }
}

let engine: typeof RE2JS | undefined;

/**
 * Loads the regular expression engine when one of the patterns needs it. To be awaited before `compileGoRegExp`.
 */
export async function loadRegExps(patterns: readonly string[]): Promise<void> {
  if (engine !== undefined || patterns.every((pattern) => literalMatcher(pattern) !== undefined))
    return;
  ({ RE2JS: engine } = await import("re2js"));
}

/**
 * Compiles a pattern with the syntax and meaning of Go 1.26's `regexp` (spec config section 10); matching takes time
 * linear in the subject. Characters added to Unicode after version 15 have re2js's newer category and case folding.
 *
 * @throws {BadPattern} for a pattern that Go refuses
 */
export function compileGoRegExp(pattern: string): GoRegExp {
  if (!pattern.isWellFormed()) throw new BadPattern("invalid UTF-8", undefined);
  const literal = literalMatcher(pattern);
  if (literal !== undefined)
    return {
      test: (subject) => literal.test(wellFormed(subject)),
      find: (subject) => literal.find(wellFormed(subject)),
    };
  if (engine === undefined) throw new TypeError("loadRegExps was not awaited for this pattern");
  try {
    const compiled = engine.compile(translate(pattern));
    return {
      test: (subject) => compiled.test(wellFormed(subject)),
      find: (subject) => {
        const matcher = compiled.matcher(wellFormed(subject));
        return matcher.find() ? { start: matcher.start(), end: matcher.end() } : undefined;
      },
    };
  } catch (cause) {
    if (cause instanceof RangeError)
      throw new BadPattern("expression nests too deeply", undefined, { cause });
    throw badPattern(pattern, cause);
  }
}

const wellFormed = (subject: string): string =>
  subject.isWellFormed() ? subject : subject.toWellFormed();

/** One character without special meaning, or an escaped ASCII punctuation mark. */
const PLAIN = String.raw`(?:[^\\.+*?()|[\]{}^$]|\\[!-/:-@[-\x60{-~])`;

/** `^`, then plain text or one group of plain alternatives, then `$`; either anchor may be missing. */
const LITERAL_SHAPE = new RegExp(
  String.raw`^(\^?)(?:(${PLAIN}*)|\((?:\?:)?(${PLAIN}*(?:\|${PLAIN}*)*)\))(\$?)$`,
  "su",
);

/** Beyond this a pattern is not worth a special case. */
const LITERAL_LIMIT = 1000;

/** A pattern of the literal shape; undefined for any other. */
function literalMatcher(pattern: string): GoRegExp | undefined {
  if (pattern.length > LITERAL_LIMIT) return undefined;
  const shape = LITERAL_SHAPE.exec(pattern);
  if (shape === null) return undefined;
  const texts = alternatives(shape[2] ?? shape[3] ?? "");
  const atStart = shape[1] === "^";
  const atEnd = shape[4] === "$";
  const test = ((): GoRegExp["test"] => {
    if (atStart && atEnd) {
      const set = new Set(texts);
      return (subject) => set.has(subject);
    }
    if (atStart) return (subject) => texts.some((text) => subject.startsWith(text));
    if (atEnd) return (subject) => texts.some((text) => subject.endsWith(text));
    return (subject) => texts.some((text) => subject.includes(text));
  })();
  const startOf = (text: string, subject: string): number => {
    if (!atEnd) return atStart ? (subject.startsWith(text) ? 0 : -1) : subject.indexOf(text);
    const start = subject.length - text.length;
    return subject.endsWith(text) && (!atStart || start === 0) ? start : -1;
  };
  const find: GoRegExp["find"] = (subject) => {
    let found: { start: number; end: number } | undefined;
    // Of those that begin at the same place, the first counts.
    for (const text of texts) {
      const start = startOf(text, subject);
      if (start >= 0 && (found === undefined || start < found.start))
        found = { start, end: start + text.length };
    }
    return found;
  };
  return { test, find };
}

/** Splits at each `|` that is not escaped and takes the backslashes away. */
function alternatives(text: string): string[] {
  const texts: string[] = [];
  let current = "";
  for (let i = 0; i < text.length; i++) {
    if (text[i] === "|") {
      texts.push(current);
      current = "";
    } else current += text[i] === "\\" ? text[++i] : text[i];
  }
  return [...texts, current];
}

/**
 * Rewrites a Go pattern where re2js reads it otherwise than Go. Everything else, errors included, passes through.
 *
 * - Unicode class names: Go ignores case, spaces, `-` and `_` in them and knows the long category names and `ASCII`.
 * - Group names: Go lets two groups share a name; names mean nothing here, so they are dropped.
 * - `[` and `:` inside a class that no `:]` follows are two characters.
 *
 * @param starts receives [offset in the result, offset in the pattern] of each token
 * @see go regexp/syntax/parse.go: parse, parseClass, parseNamedClass, unicodeTable
 */
function translate(pattern: string, starts?: [number, number][]): string {
  const lastPosixEnd = pattern.lastIndexOf(":]");
  let out = "";
  let isInClass = false;
  let i = 0;
  const take = (length: number, replacement = pattern.slice(i, i + length)): void => {
    starts?.push([out.length, i]);
    out += replacement;
    i += length;
  };
  while (i < pattern.length) {
    const c = pattern[i];
    const next = pattern[i + 1];
    if (c === "\\") {
      if (next === "Q" && !isInClass) {
        const end = pattern.indexOf("\\E", i + 2);
        take((end < 0 ? pattern.length : end + 2) - i);
      } else if (next === "p" || next === "P") {
        const length = unicodeClassLength(pattern, i);
        take(length, unicodeClass(pattern.slice(i, i + length), isInClass));
      } else take(2);
    } else if (isInClass) {
      if (c === "]") {
        take(1);
        isInClass = false;
      } else if (c === "[" && next === ":") {
        if (lastPosixEnd < i + 2) take(1, "\\[");
        else take(pattern.indexOf(":]", i + 2) + 2 - i);
      } else take(1);
    } else if (c === "[") {
      // A `]` in the first place is a member.
      const negation = next === "^" ? 1 : 0;
      take(1 + negation);
      if (pattern[i] === "]") take(1);
      isInClass = true;
    } else if (c === "(" && next === "?") {
      const name = /\(\?P?<\w+>/y;
      name.lastIndex = i;
      const found = name.exec(pattern);
      if (found === null) take(1);
      else take(found[0].length, "(");
    } else take(1);
  }
  return out;
}

/** Length of `\pX` or `\p{…}` at `i`; of the rest of the pattern when the brace is not closed. */
function unicodeClassLength(pattern: string, i: number): number {
  if (pattern[i + 2] !== "{")
    return 2 + String.fromCodePoint(pattern.codePointAt(i + 2) ?? 0).length;
  const end = pattern.indexOf("}", i);
  return (end < 0 ? pattern.length : end + 1) - i;
}

/** `\p…` as re2js wants it; `\p{}`, which it refuses, for a name that Go does not know. */
function unicodeClass(text: string, isInClass: boolean): string {
  const isBraced = text[2] === "{";
  if (isBraced && !text.endsWith("}")) return text;
  const name = isBraced ? text.slice(3, -1) : text.slice(2);
  const isNegated = (text[1] === "P") !== name.startsWith("^");
  const table = unicodeTable(canonicalName(name.replace(/^\^/u, "")));
  if (table === undefined) return "\\p{}";
  if (table !== "ASCII") return `\\${isNegated ? "P" : "p"}{${table}}`;
  const ascii = isNegated ? "[:^ascii:]" : "[:ascii:]";
  return isInClass ? ascii : `[${ascii}]`;
}

/** Blanks, `-` and `_` dropped, the first letter upper case, the others lower case (ASCII letters only). */
function canonicalName(name: string): string {
  const bare = name.replace(/[-_ ]/gu, "");
  const first = bare.slice(0, 1).replace(/[a-z]/u, (c) => c.toUpperCase());
  return first + bare.slice(1).replace(/[A-Z]/gu, (c) => c.toLowerCase());
}

function unicodeTable(name: string): string | undefined {
  if (name === "" || notInGo.has(name)) return undefined;
  return categoryNames.get(name) ?? name;
}

/** Long category names, canonical, and the two short ones whose canonical form differs. */
const categoryNames = new Map(
  Object.entries({
    Ascii: "ASCII",
    Lc: "LC",
    Casedletter: "LC",
    Closepunctuation: "Pe",
    Combiningmark: "M",
    Connectorpunctuation: "Pc",
    Control: "Cc",
    Cntrl: "Cc",
    Currencysymbol: "Sc",
    Dashpunctuation: "Pd",
    Decimalnumber: "Nd",
    Digit: "Nd",
    Enclosingmark: "Me",
    Finalpunctuation: "Pf",
    Format: "Cf",
    Initialpunctuation: "Pi",
    Letter: "L",
    Letternumber: "Nl",
    Lineseparator: "Zl",
    Lowercaseletter: "Ll",
    Mark: "M",
    Mathsymbol: "Sm",
    Modifierletter: "Lm",
    Modifiersymbol: "Sk",
    Nonspacingmark: "Mn",
    Number: "N",
    Openpunctuation: "Ps",
    Other: "C",
    Otherletter: "Lo",
    Othernumber: "No",
    Otherpunctuation: "Po",
    Othersymbol: "So",
    Paragraphseparator: "Zp",
    Privateuse: "Co",
    Punctuation: "P",
    Punct: "P",
    Separator: "Z",
    Spaceseparator: "Zs",
    Spacingmark: "Mc",
    Surrogate: "Cs",
    Symbol: "S",
    Titlecaseletter: "Lt",
    Unassigned: "Cn",
    Uppercaseletter: "Lu",
  }),
);

/** Names that re2js knows and Go does not: properties, and scripts that came after Unicode 15. */
const notInGo = new Set(
  "Alphabetic Dash Emoji Lowercase Math Uppercase Unknown Garay Sidetic Sunuwar Todhri".split(" "),
);

/** Reasons that concern the pattern as a whole. */
const WITHOUT_POSITION = new Set([
  "missing closing )",
  "unexpected )",
  "expression nests too deeply",
  "expression too large",
]);

/** Turns re2js's error, which quotes the offending fragment, into one that gives the fragment's position. */
function badPattern(pattern: string, cause: unknown): unknown {
  if (!(cause instanceof Error) || !("error" in cause) || typeof cause.error !== "string")
    return cause;
  const reason = cause.error;
  const fragment = "input" in cause && typeof cause.input === "string" ? cause.input : "";
  if (fragment === "" || WITHOUT_POSITION.has(reason)) return new BadPattern(reason, undefined);
  const starts: [number, number][] = [];
  const translated = translate(pattern, starts);
  const start = starts.find(([offset]) => translated.startsWith(fragment, offset));
  return new BadPattern(
    reason,
    start === undefined ? undefined : Array.from(pattern.slice(0, start[1])).length + 1,
  );
}
