import { findCommand } from "../command.ts";
import { commands } from "../commands/index.ts";
import { candidatesFor, type Candidate } from "./candidates.ts";
import { shells, type Shell } from "./scripts.ts";

/**
 * What our completion scripts ask for: `__complete SHELL POSITION WORD…`, position 1 being the first word after the
 * program's name, words as typed, quotes included.
 *
 * @returns one candidate on each line; but for bash with a tab and what it does
 */
export async function answerScript(args: readonly string[]): Promise<string> {
  const [name, position, ...typed] = args;
  const shell = shells.find((known) => known === name);
  const at = Number(position) - 1;
  if (shell === undefined || !Number.isSafeInteger(at) || at < 0) return "";
  const raw = shell === "bash" ? rejoin(typed, at) : { words: typed, at };
  const word = raw.words[raw.at] ?? "";
  const words = raw.words.map(unquoted);
  const isQuoted = /^['"]/.test(word);
  const candidates = await candidatesFor({ words, at: raw.at });
  return candidates
    .map(({ value, about }) => {
      const shown = isQuoted ? insideQuotes(value, word.charAt(0), shell) : quotedFor(value, shell);
      return `${shown}${shell === "bash" || about === "" ? "" : `\t${about}`}\n`;
    })
    .join("");
}

/** bash takes `--output=x` apart into three words. */
function rejoin(typed: readonly string[], at: number): { words: string[]; at: number } {
  const words: string[] = [];
  let position = at;
  for (const [i, word] of typed.entries()) {
    if (word === "=" && words.at(-1)?.startsWith("-") === true) {
      // As two words: the value is completed by itself.
      if (i <= at) position -= 1;
      if (i === at) {
        words.push("");
        position += 1;
      }
      continue;
    }
    words.push(word);
  }
  return { words, at: position };
}

/** A word without the quotes of the shell; the last one may still be open. */
function unquoted(word: string): string {
  const quote = word.charAt(0);
  if (quote === "'" || quote === '"') {
    const inner = word.slice(1);
    return inner.endsWith(quote) ? inner.slice(0, -1) : inner;
  }
  return word.replaceAll(/\\(.)/g, "$1");
}

function insideQuotes(value: string, quote: string, shell: Shell): string {
  // fish and PowerShell quote by themselves.
  if (shell === "fish" || shell === "powershell") return quotedFor(value, shell);
  return quote === '"' ? value.replaceAll(/["$`\\]/g, "\\$&") : value.replaceAll("'", `'\\''`);
}

function quotedFor(value: string, shell: Shell): string {
  if (shell === "fish" || /^[\w@%+=:,./-]+$/.test(value)) return value;
  if (shell === "powershell") return `'${value.replaceAll("'", "''")}'`;
  // A path is easier to read in quotes; a file name must still begin with what was typed.
  return value.startsWith("[")
    ? `'${value.replaceAll("'", `'\\''`)}'`
    : value.replaceAll(/[^\w@%+=:,./-]/gu, "\\$&");
}

/**
 * What the completion scripts of sops ask for: the words so far and, as the last one, `--generate-bash-completion`.
 *
 * @see spec cli 5.14
 */
export async function answerSops(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<string> {
  const words = argv.slice(0, -1);
  const last = words.at(-1) ?? "";
  const isFlag = last.startsWith("-");
  const [first] = words;
  const group = findCommand(first, commands);
  const lists =
    words.length === 0 || (words.length === 1 && group !== undefined && "commands" in group);
  if (!isFlag && !lists) return "";
  const at = isFlag ? words.length - 1 : words.length;
  const found = (await candidatesFor({ words: isFlag ? words : [...words, ""], at })).filter(
    ({ about }) => isFlag || about !== "",
  );
  const withHelp: Candidate[] = isFlag ? found : [...found, { value: "h", about: "show help" }];
  const isForZsh = env["_CLI_ZSH_AUTOCOMPLETE_HACK"] === "1";
  return withHelp
    .map(({ value, about }) => `${value}${isForZsh && !isFlag ? `:${about}` : ""}\n`)
    .join("");
}
