import { NoMatchingRule, type CreationRule } from "../config/match.ts";
import { SopsmithError } from "../errors.ts";
import type { KeyGroup, MasterKey } from "../keys/provider.ts";
import type { Metadata } from "../metadata/metadata.ts";
import { UnwalkableTree } from "../metadata/walk.ts";
import { coverageOf, uncovered } from "../metadata/coverage.ts";
import {
  compileSelection,
  defaultSelector,
  type Selection,
  type Selector,
} from "../metadata/selection.ts";
import type { Documents } from "../tree/node.ts";
import { pathText, type Path } from "../tree/path.ts";
import type { KeyNames } from "../people/names.ts";
import type { Call } from "./command.ts";
import * as flags from "./flags.ts";
import type { Stores } from "./formats.ts";
import { creationRule } from "./creation-rule.ts";
import { namesIn } from "./named-keys.ts";
import type { Source } from "./source.ts";

/** `--strict`, or `strict: true` in the configuration: what would be a warning ends the command, with nothing written. Exit 1. */
class NotAsRuled extends SopsmithError {
  constructor(file: string, findings: readonly string[], hint: string) {
    super("not-as-ruled", 1, findings.map((finding) => `${file}: ${finding}`).join("\n"), {
      file,
      hint: `${hint} Nothing was written, because of --strict or "strict: true" in the configuration.`,
    });
  }
}

/**
 * The creation rule for a file that exists already, for commands that can do without.
 *
 * @returns undefined where there is none, or none that can be used
 * @throws {SopsmithError} for one that cannot be used, where strictness is asked for
 */
export async function ruleFor(
  call: Call,
  source: Source,
  stores: Stores,
): Promise<CreationRule | undefined> {
  try {
    return await creationRule(call, source, stores);
  } catch (error) {
    if (!(error instanceof SopsmithError)) throw error;
    if (isStrict(call, stores) && !(error instanceof NoMatchingRule)) throw error;
    return undefined;
  }
}

const isStrict = ({ options }: Call, { config }: Stores): boolean =>
  options.on(flags.strict) || config?.content.strict === true;

function settle(call: Call, stores: Stores, findings: readonly string[], hint: string): void {
  if (findings.length === 0) return;
  if (isStrict(call, stores)) throw new NotAsRuled(stores.verb.file, findings, hint);
  for (const finding of findings) stores.verb.warn(finding);
}

/**
 * Compares who can open a file with its creation rule: a warning for each recipient that is not in the rule, for those of
 * the rule that the file lacks, for each that is in another key group, and for another number of groups or threshold.
 *
 * @param metadata as it is about to be written
 * @param changed keys that this command adds and removes itself; `gets` is what a recipient gets by it: "the new data key"
 * @throws {NotAsRuled}
 */
export function reviewRecipients(
  call: Call,
  stores: Stores,
  rule: CreationRule | undefined,
  metadata: { readonly keyGroups: readonly KeyGroup[]; readonly shamirThreshold: number },
  changed: {
    readonly added: readonly KeyName[];
    readonly removed: readonly KeyName[];
    readonly gets: string;
    readonly names: KeyNames;
  },
): void {
  if (rule === undefined) return;
  const findings = recipientFindings(metadata, rule, placeOf(rule, stores), changed).map((text) =>
    changed.names.inText(text),
  );
  settle(call, stores, findings, "`sopsmith updatekeys` updates a file to match its rule.");
}

type KeyName = Pick<MasterKey, "type" | "id">;

function recipientFindings(
  { keyGroups, shamirThreshold }: Parameters<typeof reviewRecipients>[3],
  rule: CreationRule,
  where: string,
  { added, removed, gets }: Parameters<typeof reviewRecipients>[4],
): string[] {
  const has = groupsByKey(keyGroups);
  const wants = groupsByKey(rule.keyGroups);
  const [asked, gone] = [added, removed].map((keys) => new Set(keys.map(nameOf)));
  const findings: string[] = [];
  const hasSameCount = keyGroups.length === rule.keyGroups.length;
  for (const [name, { id, groups }] of has) {
    const wanted = wants.get(name);
    if (asked?.has(name) === true) continue;
    if (wanted === undefined)
      findings.push(`${id} is not in the creation rule on ${where}, but gets ${gets}`);
    else if (hasSameCount && groups.join() !== wanted.groups.join())
      findings.push(
        `${id} is in ${groupList(groups)}, but in ${groupList(wanted.groups)} of the creation rule on ${where}`,
      );
  }
  const lacking = [...wants].filter(([name]) => !has.has(name) && gone?.has(name) !== true);
  const ids = lacking.map(([, { id }]) => id);
  if (ids.length > 0)
    findings.push(
      `${listed(ids, ids.length)} in the creation rule on ${where}, but cannot open the file`,
    );
  if (!hasSameCount)
    findings.push(
      `it has ${counted(keyGroups.length)}, but the creation rule on ${where} has ${rule.keyGroups.length}`,
    );
  else if (rule.threshold > 0 && keyGroups.length > 1 && shamirThreshold !== rule.threshold)
    findings.push(
      `its shamir_threshold is ${shamirThreshold}, but the creation rule on ${where} has ${rule.threshold}`,
    );
  return [...new Set(findings)];
}

const nameOf = ({ type, id }: KeyName): string => `${type} ${id}`;

const counted = (groups: number): string => `${groups} key ${groups === 1 ? "group" : "groups"}`;

/** In which groups each key is, counted from 1. */
function groupsByKey(all: readonly KeyGroup[]): Map<string, { id: string; groups: number[] }> {
  const found = new Map<string, { id: string; groups: number[] }>();
  for (const [index, keys] of all.entries())
    for (const [name, { id }] of new Map(keys.map((key) => [nameOf(key), key]))) {
      const { groups } = found.get(name) ?? { groups: [] };
      found.set(name, { id, groups: [...groups, index + 1] });
    }
  return found;
}

const groupList = (groups: readonly number[]): string =>
  `key ${groups.length === 1 ? "group" : "groups"} ${groups.join(" and ")}`;

/**
 * Both reviews, for a command that sets the value at a path. Where no creation rule says what is to be encrypted, that
 * value is measured by the default selection.
 *
 * @throws {NotAsRuled}
 */
export async function reviewSet(
  call: Call,
  source: Source,
  stores: Stores,
  { documents, metadata, path }: { documents: Documents; metadata: Metadata; path: Path },
): Promise<void> {
  const { selector } = metadata;
  const rule = await ruleFor(call, source, stores);
  reviewRecipients(call, stores, rule, metadata, {
    added: [],
    removed: [],
    gets: "the new values",
    names: await namesIn(stores),
  });
  await reviewSelection(call, stores, rule, documents, selector);
  if (rule !== undefined || selector.value === "" || isSame(selector, defaultSelector)) return;
  const [used, usual] = await Promise.all([compile(selector), compile(defaultSelector)]);
  const missed = uncovered(documents, used, usual, Infinity).paths;
  const set = missed.filter((one) => one.startsWith(pathText(path)));
  if (set.length > 0)
    settle(
      call,
      stores,
      [`${listed(set, set.length)} left unencrypted by ${text(selector)}`],
      REMEDY,
    );
}

/** How many paths a message names. */
const SHOWN_PATHS = 3;

/**
 * Looks at what is left unencrypted: a warning for values that the creation rule would encrypt, and where nothing is
 * encrypted at all.
 *
 * @param documents decrypted, as they are about to be sealed
 * @param selector what decides about the file; its value is empty for a binary file
 * @throws {NotAsRuled}
 */
export async function reviewSelection(
  call: Call,
  stores: Stores,
  rule: CreationRule | undefined,
  documents: Documents,
  selector: Selector,
): Promise<void> {
  let findings: readonly string[];
  try {
    findings = await selectionFindings(stores, rule, documents, selector);
  } catch (error) {
    // Sealing refuses such a tree, and says where in the file it is.
    if (error instanceof UnwalkableTree) return;
    throw error;
  }
  settle(call, stores, findings, REMEDY);
}

async function selectionFindings(
  stores: Stores,
  rule: CreationRule | undefined,
  documents: Documents,
  selector: Selector,
): Promise<string[]> {
  const used = selector.value === "" ? defaultSelector : selector;
  const selection = await compile(used);
  const findings: string[] = [];
  const wanted = rule?.selector ?? defaultSelector;
  if (rule !== undefined && selector.value !== "" && !isSame(used, wanted)) {
    const { count, paths } = uncovered(documents, selection, await compile(wanted), SHOWN_PATHS);
    if (count > 0)
      findings.push(
        `${listed(paths, count)} left unencrypted by ${text(used)}; the creation rule on ${placeOf(rule, stores)} would encrypt ${count === 1 ? "it" : "them"}`,
      );
  }
  const coverage = coverageOf(documents, selection);
  if (coverage === "no value")
    findings.push("no value was encrypted: all values are null or empty text");
  if (coverage === "none") {
    const place =
      rule?.selector !== undefined && isSame(rule.selector, used)
        ? ` (${placeOf(rule, stores)})`
        : "";
    findings.push(`no value was encrypted: ${text(used)}${place} ${reach(used)}`);
  }
  return findings;
}

const REMEDY = "Correct the selection, or the creation rule.";

const compile = (selector: Selector): Promise<Selection> =>
  compileSelection(selector, { onBadPattern: "never-match", warn: () => undefined });

const text = ({ name, value }: Selector): string => `${name} ${value}`;

/** The first paths of some, and a verb. */
function listed(paths: readonly string[], count: number): string {
  const shown = paths.slice(0, SHOWN_PATHS);
  const more = count > shown.length ? ` and ${count - shown.length} more` : "";
  return `${shown.join(", ")}${more} ${count === 1 ? "is" : "are"}`;
}

const isSame = (a: Selector, b: Selector): boolean => a.name === b.name && a.value === b.value;

const placeOf = ({ line }: CreationRule, { config }: Stores): string =>
  `line ${line} of ${config?.path ?? ".sops.yaml"}`;

function reach({ name }: Selector): string {
  if (name.startsWith("unencrypted")) return "leaves every value as it is";
  return name.endsWith("comment_regex") ? "matches no comment" : "matches no key";
}
