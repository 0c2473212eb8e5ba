/** Why a command line cannot be split; never holds the text. */
export class ShellWordsError extends Error {}

/**
 * A command line as words, by the shell's rules for quotes, backslashes and `#` comments; no variables, no patterns.
 * Like sops, a backslash inside double quotes takes any next character as it is.
 *
 * @throws {ShellWordsError}
 */
export function shellWords(line: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote = "";
  for (let i = 0; i < line.length; i++) {
    const c = line.charAt(i);
    if (c === "\\" && quote !== "'") {
      if (++i === line.length) throw new ShellWordsError("EOF found after escape character");
      word = (word ?? "") + line.charAt(i);
    } else if (quote !== "") {
      if (c === quote) quote = "";
      else word = (word ?? "") + c;
    } else if (c === '"' || c === "'") {
      quote = c;
      word ??= "";
    } else if (c === " " || c === "\t" || c === "\n" || c === "\r") {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (c === "#" && word === undefined) {
      const end = line.indexOf("\n", i);
      i = end < 0 ? line.length : end;
    } else {
      word = (word ?? "") + c;
    }
  }
  if (quote !== "") throw new ShellWordsError("EOF found when expecting closing quote");
  if (word !== undefined) words.push(word);
  return words;
}
