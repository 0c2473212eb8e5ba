import { KrmError } from "./problem.ts";

/** Space within a line, in a class of a regular expression. */
const SPACE = String.raw` \t\v\f\r\u0085\u00a0`;
const beforeStatement = new RegExp(
  String.raw`(?:[${SPACE}\n\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]|#[^\n]*)*`,
  "y",
);
const statement = new RegExp(String.raw`(?:export[${SPACE}]+)?([^=:\n]*)([=:]?)`, "y");
const spaces = new RegExp(`[${SPACE}]*`, "y");
const trailingComment = new RegExp(`^(.*[${SPACE}])#.*$`, "s");
const usualName = new RegExp(`^[A-Za-z0-9_.${SPACE}]*$`);
const outerSpace = new RegExp(`^[${SPACE}]+|[${SPACE}]+$`, "g");

/**
 * The variables of a `.env` text by the rules of KSOPS, which differ from those of sops: `export`, `KEY: value`, quotes, `\n` between
 * double quotes, comments after the last space and `#`, and `$NAME` for a variable in front, but not between single quotes.
 *
 * @throws {KrmError} that names the line, and never quotes it
 */
export function parseGodotenv(text: string): Map<string, string> {
  const variables = new Map<string, string>();
  const source = text.replace(/^\ufeff/, "").replaceAll("\r\n", "\n");
  const failAt = (offset: number, what: string): never => {
    throw new KrmError(`line ${source.slice(0, offset).split("\n").length}: ${what}`);
  };
  let at = 0;
  for (;;) {
    at = skip(beforeStatement, source, at);
    if (at >= source.length) return variables;
    statement.lastIndex = at;
    const [whole = "", name = "", sign = ""] = statement.exec(source) ?? [];
    const key = name.replace(outerSpace, "");
    if (sign === "") failAt(at, "a variable without =");
    if (!usualName.test(key)) failAt(at, "a variable's name contains an unusual character");
    at = skip(spaces, source, at + whole.length);
    const quote = source.charAt(at);
    if (quote === '"' || quote === "'") {
      const end = closing(source, at, quote);
      if (end === undefined) return failAt(at, "a quoted value without a closing quote");
      const inner = trimmed(source.slice(at + 1, end), quote);
      variables.set(key, quote === "'" ? inner : expand(unescaped(inner), variables));
      at = end + 1;
      continue;
    }
    const [line = ""] = source.slice(at).split(/[\n\r]/, 1);
    const value = line.replace(trailingComment, "$1").replace(outerSpace, "");
    variables.set(key, expand(value, variables));
    at += line.length;
  }
}

function skip(what: RegExp, source: string, at: number): number {
  what.lastIndex = at;
  return at + (what.exec(source)?.[0].length ?? 0);
}

/** Where the value's own quote is next without a backslash in front. */
function closing(source: string, at: number, quote: string): number | undefined {
  for (let end = source.indexOf(quote, at + 1); end >= 0; end = source.indexOf(quote, end + 1))
    if (source.charAt(end - 1) !== "\\") return end;
  return undefined;
}

/** Quotes that are doubled at an end fall off, too. */
function trimmed(text: string, quote: string): string {
  let [from, to] = [0, text.length];
  while (from < to && text.charAt(from) === quote) from += 1;
  while (to > from && text.charAt(to - 1) === quote) to -= 1;
  return text.slice(from, to);
}

const unescaped = (text: string): string =>
  text
    .replaceAll(/\\./g, (pair) => (pair === "\\n" ? "\n" : pair === "\\r" ? "\r" : pair))
    .replaceAll(/\\([^$])/g, "$1");

/** A variable that is not known is empty. `$(` is no more than `$`, as KSOPS has it. */
const expand = (text: string, variables: ReadonlyMap<string, string>): string =>
  text.replaceAll(
    /(\\)?\$\(?\{?([A-Z0-9_]+)?\}?/g,
    (whole: string, slash: string | undefined, name: string | undefined) =>
      slash !== undefined
        ? whole.slice(1)
        : name === undefined
          ? whole
          : (variables.get(name) ?? ""),
  );
