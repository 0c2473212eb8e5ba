import type { Warn } from "../../formats/format.ts";
import { SopsmithError } from "../errors.ts";
import { encodeText } from "../tree/text.ts";

/** The settings that say which leaves are encrypted, in the order in which sops looks at them. */
export const SELECTOR_NAMES = [
  "unencrypted_suffix",
  "encrypted_suffix",
  "unencrypted_regex",
  "encrypted_regex",
  "unencrypted_comment_regex",
  "encrypted_comment_regex",
] as const;

export type SelectorName = (typeof SELECTOR_NAMES)[number];

/** The list in sops's "cannot use more than one of …" messages. */
export const SELECTOR_LIST =
  "encrypted_suffix, unencrypted_suffix, encrypted_regex, unencrypted_regex, encrypted_comment_regex, or unencrypted_comment_regex";

/** One setting; the value is not empty. */
export interface Selector {
  name: SelectorName;
  value: string;
}

/** Settings as a file, a rule or the command line gives them; empty ones count as not set. */
export type SelectorValues = { readonly [name in SelectorName]?: string | undefined };

/** In force when no setting is. */
export const defaultSelector: Selector = { name: "unencrypted_suffix", value: "_unencrypted" };

/** The settings that are not empty. More than one is an error that the caller words. */
export function parseSelectors(values: SelectorValues): Selector[] {
  const selectors: Selector[] = [];
  for (const name of SELECTOR_NAMES) {
    const value = values[name];
    if (value !== undefined && value !== "") selectors.push({ name, value });
  }
  return selectors;
}

/** A selector, compiled for one walk over a file. */
export interface Selection {
  /** Whether comments decide, and which way; "none" when keys do. */
  readonly byComment: "none" | "unencrypted" | "encrypted";
  /** Whether one component of a path matches the suffix or the pattern. False for each when comments decide. */
  keySwitches(key: string): boolean;
  /**
   * Whether a comment's text (as it is in the tree when the walk reaches it) matches. False for each when keys decide.
   *
   * The walk keeps a stack with one set of comments for every mapping and list it is inside of:
   * - entering a mapping or a list pushes an empty set, leaving it pops that set;
   * - a comment is added to the innermost set, and then decided about. The comment under decision counts itself
   *   when `byComment` is "unencrypted" (a marker stays plain), and does not when it is "encrypted" (only comments
   *   before it count);
   * - any other item is decided about, with all that is inside it, against every comment of every set; then the innermost set is
   *   emptied.
   *
   * A match so governs the next item that is not a comment, its whole subtree, and the comments up to the end of it.
   */
  commentMatches(text: string): boolean;
  /**
   * Whether a leaf is encrypted.
   *
   * @param anyKeyMatched `keySwitches` is true of some component of its path; a comment has its container's path
   * @param anyCommentMatched `commentMatches` is true of some comment that counts for it
   */
  decide(anyKeyMatched: boolean, anyCommentMatched: boolean): boolean;
}

/** How many keys' answers are remembered; a file seldom has more distinct ones. */
const CACHE_LIMIT = 10_000;

/**
 * Compiles a selector.
 *
 * @param options.onBadPattern "refuse" for a file about to be encrypted for the first time; "never-match", with one warning, for
 * one that is encrypted already (spec file-format D8)
 * @throws {SopsmithError} exit 1 for a pattern that Go refuses, under "refuse"
 */
export async function compileSelection(
  selector: Selector,
  options: { onBadPattern: "refuse" | "never-match"; warn: Warn },
): Promise<Selection> {
  const { name } = selector;
  const encryptsMatches =
    name === "encrypted_suffix" || name === "encrypted_regex" || name === "encrypted_comment_regex";
  if (name === "unencrypted_comment_regex" || name === "encrypted_comment_regex") {
    const matches = await patternTest(selector, options);
    return {
      byComment: encryptsMatches ? "encrypted" : "unencrypted",
      keySwitches: () => false,
      commentMatches: matches,
      decide: (_anyKeyMatched, anyCommentMatched) => anyCommentMatched === encryptsMatches,
    };
  }
  const isSuffix = name === "unencrypted_suffix" || name === "encrypted_suffix";
  return {
    byComment: "none",
    keySwitches: isSuffix
      ? suffixTest(selector.value)
      : remembered(await patternTest(selector, options)),
    commentMatches: () => false,
    decide: (anyKeyMatched) => anyKeyMatched === encryptsMatches,
  };
}

async function patternTest(
  { name, value }: Selector,
  { onBadPattern, warn }: { onBadPattern: "refuse" | "never-match"; warn: Warn },
): Promise<(subject: string) => boolean> {
  const { BadPattern, compileGoRegExp, loadRegExps } = await import("../go/regexp.ts");
  await loadRegExps([value]);
  try {
    const pattern = compileGoRegExp(value);
    return (subject) => pattern.test(subject);
  } catch (cause) {
    if (!(cause instanceof BadPattern)) throw cause;
    const problem = `${name}: ${cause.message}`;
    if (onBadPattern === "refuse")
      throw new SopsmithError("bad-pattern", 1, problem, { hint: cause.hint, cause });
    warn(`${problem}; as in sops, it matches nothing`);
    return () => false;
  }
}

/** sops compares bytes; for text without escaped bytes that is the same as comparing strings. */
function suffixTest(suffix: string): (key: string) => boolean {
  if (suffix.isWellFormed()) return (key) => key.endsWith(suffix);
  const bytes = encodeText(suffix);
  return (key) => {
    const text = encodeText(key);
    return text.length >= bytes.length && text.subarray(text.length - bytes.length).equals(bytes);
  };
}

function remembered(test: (key: string) => boolean): (key: string) => boolean {
  const answers = new Map<string, boolean>();
  return (key) => {
    let answer = answers.get(key);
    if (answer === undefined) {
      if (answers.size >= CACHE_LIMIT) answers.clear();
      answers.set(key, (answer = test(key)));
    }
    return answer;
  };
}

/** A selection by which nothing is encrypted: for walks that only look. */
export const nothingSelected: Selection = {
  byComment: "none",
  keySwitches: () => false,
  commentMatches: () => false,
  decide: () => false,
};
