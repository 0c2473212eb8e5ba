import { posix, win32 } from "node:path";
import type { Config, RuleSource } from "../config/config.ts";
import { ruleSubject } from "../config/match.ts";
import { pathPattern } from "../config/policy.ts";
import { BadPattern, compileGoRegExp, loadRegExps, type GoRegExp } from "../go/regexp.ts";
import type { Host } from "../io/host.ts";
import { wildcardSource } from "../config/glob.ts";

/** A piece of a text, and where in it that is. */
export interface Piece {
  readonly text: string;
  /** In UTF-16 units; `end` exclusive. */
  readonly start: number;
  readonly end: number;
}

/** What one creation rule makes of a file. */
export interface ExplainedRule {
  readonly source: RuleSource;
  /**
   * `in force`: the first that matches. `shadowed`: it matches too, but an earlier one does, or stops the search. `broken`: its
   * pattern does not compile, so that every command that comes to it fails.
   */
  readonly state: "in force" | "shadowed" | "no match" | "broken";
  /** What its pattern matches of the text; undefined without a match, and for a rule without a pattern. */
  readonly matched: Piece | undefined;
  /** Of a pattern that does not match, the longest beginning that does, "" for none. */
  readonly reaches: string;
  /** Why it is broken. */
  readonly problem: string | undefined;
  /** A sentence about what was probably meant; undefined where nothing is likely. */
  readonly hint: string | undefined;
}

/** How the creation rules of a configuration treat a file. */
export interface ExplainedRules {
  /** The text that patterns are matched against. */
  readonly subject: string;
  /** The file is below the configuration's directory, so that its path counts from there. Else its whole path is matched. */
  readonly isBelow: boolean;
  /** In their order. */
  readonly rules: readonly ExplainedRule[];
  /** Undefined where none matches, or one that cannot be used comes first. */
  readonly inForce: RuleSource | undefined;
}

/**
 * Matches a file with all creation rules, beyond the first that takes it.
 *
 * @param configPath absolute, or relative to the working directory
 * @param file need not exist
 */
export async function explainRules(
  config: Config,
  configPath: string,
  file: string,
  host: Pick<Host, "cwd" | "platform">,
): Promise<ExplainedRules> {
  const paths = host.platform === "win32" ? win32 : posix;
  const subject = ruleSubject(configPath, file, host);
  const absolute = paths.resolve(host.cwd(), file);
  const isBelow = subject !== absolute;
  const about: About = {
    subject,
    absolute,
    isBelow,
    isWindows: host.platform === "win32",
    fromHere: paths.relative(host.cwd(), absolute),
    fromConfig: paths.relative(paths.dirname(paths.resolve(host.cwd(), configPath)), absolute),
    name: paths.basename(absolute),
  };
  const rules: ExplainedRule[] = [];
  let stopped: RuleSource | undefined;
  let inForce: RuleSource | undefined;
  for (const source of config.creationRules ?? []) {
    const one = await explainRule(source, about);
    const isFirst = stopped === undefined;
    if (one.state !== "no match") stopped ??= source;
    if (one.state === "in force" && isFirst) inForce = source;
    if (one.state !== "in force" || isFirst) rules.push(one);
    else {
      const hint = `The creation rule on line ${stopped?.line} comes first, and only the first match counts.`;
      rules.push({ ...one, state: "shadowed", hint });
    }
  }
  return { subject, isBelow, rules, inForce };
}

/** The text to match, and what people take it for. */
interface About {
  readonly subject: string;
  readonly absolute: string;
  readonly isBelow: boolean;
  readonly isWindows: boolean;
  /** From the working directory. */
  readonly fromHere: string;
  /** From the configuration's directory; leads upwards for a file that is not below it. */
  readonly fromConfig: string;
  readonly name: string;
}

/** Whether it matches by itself; whether it is the first is for the caller to say. */
async function explainRule(source: RuleSource, about: About): Promise<ExplainedRule> {
  const { pathRegex } = source;
  const plain = {
    source,
    matched: undefined,
    reaches: "",
    problem: undefined,
    hint: undefined,
  };
  if (pathRegex === "") return { ...plain, state: "in force" };
  const pattern = await compiled(pathRegex);
  if (pattern instanceof BadPattern) {
    const isGlob = pathPattern(pathRegex)(about.fromConfig.replaceAll("\\", "/"));
    const hint = isGlob || pathRegex.startsWith("*") ? globHint(pathRegex) : pattern.hint;
    return { ...plain, state: "broken", problem: pattern.message, hint };
  }
  const found = pattern.find(about.subject);
  if (found !== undefined) {
    const text = about.subject.slice(found.start, found.end);
    return { ...plain, state: "in force", matched: { text, ...found } };
  }
  return {
    ...plain,
    state: "no match",
    reaches: await longestBeginning(pathRegex, about.subject),
    hint: await hintFor(pathRegex, about),
  };
}

async function compiled(pattern: string): Promise<GoRegExp | BadPattern> {
  await loadRegExps([pattern]);
  try {
    return compileGoRegExp(pattern);
  } catch (error) {
    if (error instanceof BadPattern) return error;
    throw error;
  }
}

/** Longer patterns are not taken apart. */
const LONGEST = 300;

/** The longest beginning of a pattern that is a pattern of its own and matches; an anchor alone says nothing. */
async function longestBeginning(pattern: string, subject: string): Promise<string> {
  if (pattern.length > LONGEST) return "";
  for (let length = pattern.length - 1; length > 0; length--) {
    const beginning = pattern.slice(0, length);
    // Half of an escape, or of a character.
    if (/(?:^|[^\\])(?:\\\\)*\\$/.test(beginning) || !beginning.isWellFormed()) continue;
    const one = await compiled(beginning);
    if (one instanceof BadPattern || !one.test(subject)) continue;
    return beginning === "^" ? "" : beginning;
  }
  return "";
}

const globHint = (pattern: string): string =>
  `This looks like a shell pattern, but path_regex is a regular expression: ${globAsRegex(pattern)}`;

/** What a pattern of the shell is as a regular expression. */
function globAsRegex(pattern: string): string {
  const source = pattern
    .replace(/^\.?\//, "")
    .split(/(\*\*\/|\*\*|\*|\?)/)
    .map((part) => wildcardSource(part) ?? part.replaceAll(/[.+^$(){}|[\]]/g, String.raw`\$&`))
    .join("");
  return pattern.includes("/") ? `^${source}$` : `(^|/)${source}$`;
}

/** The first guess that would make the pattern match. */
async function hintFor(pattern: string, about: About): Promise<string | undefined> {
  const { subject, absolute, isBelow, isWindows, fromHere, fromConfig, name } = about;
  const matches = async (other: string, text: string): Promise<boolean> => {
    const one = await compiled(other);
    return !(one instanceof BadPattern) && one.test(text);
  };
  const slashed = subject.replaceAll("\\", "/");
  const unanchored = pattern.replace(/^\^/, "");
  const isAnchored = unanchored !== pattern;
  const guesses: readonly (readonly [() => boolean | Promise<boolean>, string])[] = [
    [
      () => isWindows && matches(pattern, slashed),
      String.raw`On Windows, paths have backslashes: write [/\\] for each / in the pattern, which matches everywhere.`,
    ],
    [
      () => isWindows && isAnchored && matches(unanchored, slashed),
      String.raw`On Windows, paths have backslashes: write [/\\] for each / in the pattern. Then ^ is wrong too: the path is matched from its beginning, ${quoted(subject)}.`,
    ],
    [
      () => !isWindows && subject.includes("\\") && matches(pattern, slashed),
      "The path has backslashes, which are part of a name on this system: write it with /.",
    ],
    [
      () => !isWindows && matches(pattern.replaceAll(/\\\\(?!\])/g, "/"), subject),
      String.raw`The pattern has backslashes, as on Windows: write [/\\] for each, which matches everywhere.`,
    ],
    [
      () => !isBelow && matches(pattern, fromConfig),
      "The file is not below the directory of the configuration, so its whole path is matched.",
    ],
    [
      () => isBelow && matches(pattern, absolute),
      `The path is relative to the directory of the configuration, not to the root: ${quoted(subject)}.`,
    ],
    [
      () => isBelow && fromHere !== subject && matches(pattern, fromHere),
      `The path is relative to the directory of the configuration, not to the working directory: ${quoted(subject)}.`,
    ],
    [
      async () =>
        (await matches(pattern, `./${slashed}`)) || (await matches(pattern, `/${slashed}`)),
      `The path that is matched does not begin with ./ or /: ${quoted(subject)}.`,
    ],
    [
      () => isAnchored && name !== subject && matches(pattern, name),
      `^ is the beginning of the path, not of the file's name: ${quoted(subject)}. Write (^|/) for the beginning of a name.`,
    ],
    [
      () => isAnchored && matches(unanchored, subject),
      `Without ^ it would match: the path begins with ${quoted(firstPart(subject))}.`,
    ],
    [
      () => pattern.endsWith("$") && matches(pattern.replace(/\$$/, ""), subject),
      "Without $ it would match: the path continues after the part that the pattern matches.",
    ],
    [
      () => matches(`(?i)${pattern}`, subject),
      "It would match if case did not matter, but it does.",
    ],
    [
      () => /[*?]/.test(pattern) && pathPattern(pattern)(fromConfig.replaceAll("\\", "/")),
      globHint(pattern),
    ],
  ];
  for (const [isIt, hint] of guesses) if (await isIt()) return hint;
  return undefined;
}

const quoted = (text: string): string => JSON.stringify(text);

const firstPart = (path: string): string => /^[/\\]?[^/\\]*[/\\]?/.exec(path)?.[0] ?? path;
