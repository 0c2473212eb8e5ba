import type { FormatName } from "../../formats/format.ts";
import type { Random } from "./random.ts";

/** A random document as source text, and which rows of the specification it was made to reach. */
export interface Sample {
  source: Uint8Array;
  rows: Set<string>;
}

export interface Generator {
  format: FormatName;
  /** Every row, named by section of spec file-format. `refused`: sops refuses a document that has it. */
  rows: readonly string[];
  refused: ReadonlySet<string>;
  /** `index` cycles through the rows, so that a few hundred documents reach each one. */
  generate(random: Random, index: number): Sample;
}

/** Named ways to make a piece of text; the names are rows. */
export type Table<Arguments extends unknown[] = [random: Random]> = Record<
  string,
  (...args: Arguments) => string
>;

export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

/** The n-th entry, counted around. */
export function nth<T>(choices: readonly T[], n: number): T {
  const choice = choices[n % choices.length];
  if (choice === undefined) throw new RangeError("nothing to choose from");
  return choice;
}

/** Characters of every kind that the formats treat in their own way. */
export const oddCharacters: readonly string[] = [
  "\u{1F600}",
  "\u{10FFFF}",
  "\u2028",
  "\u2029",
  "\u0085",
  "\ufeff",
  "\u00a0",
  "\u007f",
  "\u0080",
  "\u200b",
  "\ufffd",
  "\ufffe",
  "é",
  "漢",
  "\t",
  "'",
  '"',
  "\\",
  "`",
  "%",
  "$",
  "#",
  ";",
  "=",
  ":",
  ",",
  "<",
  ">",
  "&",
  "[",
  "]",
  "{",
  "}",
  "|",
  "@",
  "!",
  "*",
  "?",
  "-",
  ".",
  "/",
  "~",
  " ",
];

const plainLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";

export function word(random: Random, length = 1 + random.below(8)): string {
  let text = random.pick([..."abcdefghijklmnopqrstuvwxyz"]);
  while (text.length < length) text += random.pick([...plainLetters]);
  return text;
}

/** Text of ordinary and odd characters, without line feeds. */
export function oddText(random: Random, length = random.below(12)): string {
  let text = "";
  for (let i = 0; i < length; i++)
    text += random.oneIn(3) ? random.pick(oddCharacters) : random.pick([...plainLetters]);
  return text;
}
