import { ConfigError } from "../errors.ts";
import type { Fields, Reading } from "./fields.ts";
import { textOf } from "./fields.ts";
import type { Value } from "./yaml.ts";
import { wildcardSource } from "./glob.ts";

/** What a team asks of its encrypted files, and which findings it lives with: `check` in `.sops.yaml`, which sops ignores. */
export interface CheckPolicy {
  readonly ignore: readonly IgnoredFinding[];
  /** How many recipients each file needs at least; 0 where nothing is asked. */
  readonly minRecipients: number;
  /** Recipients that each file must have, such as a key in a safe. */
  readonly requiredRecipients: readonly string[];
  /** Days from which on a data key is too old; undefined where nothing is asked. */
  readonly maxAgeDays: number | undefined;
  /** Patterns must also match on Windows, where paths have backslashes. */
  readonly windows: boolean;
}

/** Findings of one rule that are not reported for the files of one pattern. */
export interface IgnoredFinding {
  readonly rule: string;
  /** Matches a path below the configuration's directory, with `/`. */
  readonly matches: (path: string) => boolean;
}

export const noPolicy: CheckPolicy = {
  ignore: [],
  minRecipients: 0,
  requiredRecipients: [],
  maxAgeDays: undefined,
  windows: false,
};

/**
 * Reads the section. Fields that nobody knows get a warning, as everywhere in the file.
 *
 * @param readItem the fields of a list's item
 * @throws {ConfigError} for a value of the wrong type, and for an exception without a rule, a path or a reason
 */
export function readPolicy(
  fields: Fields,
  readItem: (item: Value) => Fields,
  reading: Reading,
): CheckPolicy {
  const ignore = (fields.list("ignore") ?? []).map((item) => readIgnored(readItem(item), reading));
  const minRecipients = fields.integer("min_recipients", { min: 0, max: 1_000_000 }) ?? 0;
  const requiredRecipients = fields.texts("required_recipients");
  const age = fields.value("max_age");
  const maxAgeDays = age === undefined ? undefined : days(age, reading);
  const policy = {
    ignore,
    minRecipients,
    requiredRecipients,
    maxAgeDays,
    windows: fields.bool("windows"),
  };
  fields.finish();
  return policy;
}

function readIgnored(fields: Fields, { path: file }: Reading): IgnoredFinding {
  const [rule, path, reason] = ["rule", "path", "reason"].map((name) => fields.text(name));
  fields.finish();
  for (const [name, text] of Object.entries({ rule, path, reason }))
    if (text === undefined || text.trim() === "")
      throw new ConfigError(`an item of 'ignore' has no ${name} (${file}, line ${fields.line})`, {
        file,
        hint: "Each needs rule (such as SM302), path and reason.",
      });
  return { rule: rule ?? "", matches: pathPattern(path ?? "") };
}

/** `180d`, or a number of days. */
function days(value: Value, reading: Reading): number {
  const [, digits] = /^([1-9][0-9]{0,5})d?$/.exec(textOf(value, "'max_age'", reading)) ?? [];
  if (digits !== undefined) return Number(digits);
  throw new ConfigError(`'max_age' is not a number of days (${reading.path}, line ${value.line})`, {
    file: reading.path,
    hint: "Write it as 180d.",
  });
}

/**
 * A pattern for paths: `*` and `?` stay within a directory, `**` does not; a pattern without `/` matches names at any depth, and
 * one that ends in `/` everything below a directory.
 */
export function pathPattern(pattern: string): (path: string) => boolean {
  const anchored = pattern.startsWith("/") ? pattern.slice(1) : pattern;
  const isName = !pattern.slice(0, -1).includes("/");
  const source = anchored
    .split(/(\*\*\/|\/\*\*$|\*\*|\*|\?)/)
    .map((part) =>
      part === "/**"
        ? "/.*"
        : (wildcardSource(part) ?? part.replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`)),
    )
    .join("");
  const below = pattern.endsWith("/") ? ".*" : "";
  const test = new RegExp(`^${isName ? "(?:.*/)?" : ""}${source}${below}$`, "su");
  return (path) => test.test(path);
}
