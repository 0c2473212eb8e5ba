import { SopsmithError } from "../errors.ts";

/** Text that a shell could not split into words: a quote or a backslash without its second half. */
export class UnsplittableText extends SopsmithError {
  constructor(reason: string) {
    super("unsplittable-text", 1, reason);
  }
}

/** What a backslash takes the meaning from inside double quotes; before anything else it stands for itself. */
const ESCAPED_IN_QUOTES = '"\\$`\n';

/**
 * Splits a command line into words as a POSIX shell does: single and double quotes, backslashes, and comments from a `#`
 * that begins a word to the end of its line. Nothing is expanded. Backslash and line end together vanish.
 *
 * @returns no words for text that is blank or only a comment
 * @throws {UnsplittableText} the reason, which does not quote the text
 * @see spec keys 2.3, cli 5.4
 */
export function splitWords(text: string): string[] {
  const words: string[] = [];
  // undefined between words, so that '' in quotes still makes a word.
  let word: string | undefined;
  let at = 0;
  while (at < text.length) {
    const char = text.charAt(at);
    if (char === " " || char === "\t" || char === "\n" || char === "\r") {
      if (word !== undefined) words.push(word);
      word = undefined;
      at++;
    } else if (char === "#" && word === undefined) {
      at = endOfLine(text, at);
    } else if (char === "'") {
      const close = text.indexOf("'", at + 1);
      if (close < 0)
        throw new UnsplittableText(`the single quote at position ${at + 1} is not closed`);
      word = (word ?? "") + text.slice(at + 1, close);
      at = close + 1;
    } else if (char === '"') {
      const quoted = readDoubleQuoted(text, at);
      word = (word ?? "") + quoted.text;
      at = quoted.end;
    } else if (char === "\\") {
      if (at + 1 === text.length) throw new UnsplittableText("it ends in a backslash");
      const next = text.charAt(at + 1);
      if (next !== "\n") word = (word ?? "") + next;
      at += 2;
    } else {
      word = (word ?? "") + char;
      at++;
    }
  }
  if (word !== undefined) words.push(word);
  return words;
}

function endOfLine(text: string, from: number): number {
  const end = text.indexOf("\n", from);
  return end < 0 ? text.length : end;
}

/** @param open where the opening quote is; `end` is after the closing one */
function readDoubleQuoted(text: string, open: number): { text: string; end: number } {
  let read = "";
  let at = open + 1;
  while (at < text.length) {
    const char = text.charAt(at);
    if (char === '"') return { text: read, end: at + 1 };
    const next = text.charAt(at + 1);
    if (char === "\\" && next !== "" && ESCAPED_IN_QUOTES.includes(next)) {
      if (next !== "\n") read += next;
      at += 2;
    } else {
      read += char;
      at++;
    }
  }
  throw new UnsplittableText(`the double quote at position ${open + 1} is not closed`);
}
