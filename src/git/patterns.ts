/** Kinds of files that hold encrypted values, for rules that name no path. */
export const usualPatterns: readonly string[] = ["*.yaml", "*.yml", "*.json", "*.env", "*.ini"];

/** More patterns than this for one rule say less than the usual ones. */
const LIMIT = 16;

/**
 * Patterns for `.gitattributes` that match every file which these expressions match, and may match more: a file that is not
 * encrypted is left alone by whatever the attribute starts. Where nothing can be said of an expression, these are the usual ones.
 *
 * @param expressions `path_regex` of creation rules, "" for a rule without one
 */
export function attributePatterns(expressions: readonly string[]): string[] {
  const patterns = expressions.flatMap((expression) => patternsOf(expression) ?? usualPatterns);
  return [...new Set(patterns)];
}

/** Undefined for an expression of which nothing can be said. */
function patternsOf(expression: string): string[] | undefined {
  const isAtStart = expression.startsWith("^");
  const isAtEnd = /(?<!\\)(?:\\\\)*\$$/.test(expression);
  const body = expression.slice(isAtStart ? 1 : 0, isAtEnd ? -1 : undefined);
  const texts = expand(body);
  if (texts === undefined) return undefined;
  const patterns = texts.map((text) => patternsFor(text, isAtStart, isAtEnd));
  return patterns.some((pattern) => pattern === undefined)
    ? undefined
    : patterns.flatMap((pattern) => pattern ?? []);
}

/** `*` stands for what an expression leaves open; it may cross directories. */
const OPEN = "*";

/**
 * All texts of an expression that is made of literals, `.`, `.*`, `[…]`, `x?` and one level of `(a|b)`.
 *
 * @returns undefined for any other expression
 */
function expand(body: string): string[] | undefined {
  let texts = [""];
  const add = (pieces: readonly string[]): boolean => {
    texts = texts.flatMap((text) => pieces.map((piece) => text + piece));
    return texts.length <= LIMIT;
  };
  const token =
    /\((?:\?:)?([^()\\[\]]*)\)(\??)|\[(?:\\.|[^\]\\])*\][*+?]?|\\([^A-Za-z0-9])(\??)|\.[*+?]?|([\w\-/~@,=% ])([?*+]?)/suy;
  while (token.lastIndex < body.length) {
    const at = token.exec(body);
    if (at === null) return undefined;
    const [, group, groupOptional, escaped, escapedOptional, literal, repeat = ""] = at;
    let pieces: readonly string[];
    if (group !== undefined) {
      const inner = group.split("|").map(expand);
      if (inner.some((part) => part === undefined)) return undefined;
      pieces = inner.flatMap((part) => part ?? []);
      if (groupOptional !== "") pieces = [...pieces, ""];
    } else if (escaped !== undefined) {
      // What stands for more than itself in a pattern of Git's is left open, and what would end the pattern.
      const text = /[\s*?[\]\\!"]/.test(escaped) ? OPEN : escaped;
      pieces = escapedOptional === "" ? [text] : [text, ""];
    } else if (literal === undefined) pieces = [OPEN];
    else if (repeat === "?") pieces = [literal, ""];
    else pieces = [repeat === "" ? (literal === " " ? OPEN : literal) : OPEN];
    if (!add(pieces)) return undefined;
  }
  return texts;
}

/** Only what is after the last open piece is sure, and the folders before the first. */
function patternsFor(text: string, isAtStart: boolean, isAtEnd: boolean): string[] | undefined {
  const whole = `${isAtStart ? "" : OPEN}${text}`.replaceAll(/\*+/g, OPEN);
  const first = whole.indexOf(OPEN);
  const tail = whole.slice(whole.lastIndexOf(OPEN) + 1);
  if (tail === "") {
    const folders = whole.slice(0, first).split("/").slice(0, -1).join("/");
    return folders === "" ? undefined : [`/${folders}/**`];
  }
  if (first < 0) return isAtEnd ? [`/${whole}`] : beginning(`/${whole}`);
  if (!isAtEnd) return beginning(tail.includes("/") ? `**/*${tail}` : `*${tail}`);
  const folders = whole.slice(0, first).split("/").slice(0, -1).join("/");
  const name = tail.includes("/") ? tail.slice(tail.lastIndexOf("/") + 1) : `*${tail}`;
  return [folders === "" ? name : `/${folders}/**/${name}`];
}

/** Everything whose path goes on after this: in the same name, or below. */
function beginning(pattern: string): string[] {
  if (pattern.endsWith("/")) return [`${pattern}**`];
  return [`${pattern}*`, `${pattern.includes("/") ? "" : "**/"}${pattern}*/**`];
}
