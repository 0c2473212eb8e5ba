import { posix, win32 } from "node:path";
import { ConfigError, SopsmithError } from "../errors.ts";
import type { Host } from "../io/host.ts";
import { withAwsSettings } from "../keys/aws-kms/aws-kms.ts";
import { providersInRules } from "../keys/index.ts";
import type { KeyGroup } from "../keys/provider.ts";
import { BadPattern, compileGoRegExp, loadRegExps, type GoRegExp } from "../go/regexp.ts";
import {
  parseSelectors,
  SELECTOR_LIST,
  SELECTOR_NAMES,
  type Selector,
  type SelectorName,
  type SelectorValues,
} from "../metadata/selection.ts";
import type { Config, GroupSource, RuleSource } from "./config.ts";

/** The creation rule that governs a file, its keys parsed. */
export interface CreationRule {
  /** At least one; a group may be empty, which is an error once a data key is to be wrapped. */
  keyGroups: KeyGroup[];
  /** 0 when the rule does not set it. */
  threshold: number;
  selector: Selector | undefined;
  macOnlyEncrypted: boolean;
  /** Where the rule is in its configuration file, counted from 1. */
  line: number;
}

/** The configuration has creation rules, none of them for the file. Exit 1. */
export class NoMatchingRule extends ConfigError {
  constructor(configPath: string, file: string, subject: string) {
    super("error loading config: no matching creation rules found", {
      file,
      hint: `No path_regex in ${configPath} matches ${JSON.stringify(subject)}. \`sopsmith explain FILE\` shows why.`,
    });
  }
}

/**
 * Finds the creation rule for a file and parses its keys (spec config sections 3–5).
 *
 * @param configPath absolute, or relative to the working directory
 * @param filePath the file, or the name given in its place; it need not exist
 * @param context AWS KMS encryption context of the keys of a flat `kms` field
 * @returns undefined when the configuration has no list of creation rules
 * @throws {NoMatchingRule}
 * @throws {ConfigError} when the rule that matches cannot be used
 */
export async function selectRule(
  config: Config,
  configPath: string,
  filePath: string,
  host: Host,
  context?: Map<string, string>,
): Promise<CreationRule | undefined> {
  if (config.creationRules === undefined) return undefined;
  const subject = ruleSubject(configPath, filePath, host);
  const rule = await firstMatch(config, subject);
  if (rule === undefined) throw new NoMatchingRule(config.path, filePath, subject);
  return loadRule(rule, config.path, host, context);
}

async function firstMatch(config: Config, subject: string): Promise<RuleSource | undefined> {
  for (const rule of config.creationRules ?? [])
    if (rule.pathRegex === "" || (await pathPattern(rule, config.path)).test(subject)) return rule;
  return undefined;
}

/**
 * The path that `path_regex` is matched against: absolute and lexically cleaned, without the configuration's directory when
 * the file is below that. A configuration in the root directory strips nothing, as in sops.
 */
export function ruleSubject(
  configPath: string,
  filePath: string,
  host: Pick<Host, "cwd" | "platform">,
): string {
  const paths = host.platform === "win32" ? win32 : posix;
  const file = paths.resolve(host.cwd(), filePath);
  const prefix = paths.dirname(paths.resolve(host.cwd(), configPath)) + paths.sep;
  return file.startsWith(prefix) ? file.slice(prefix.length) : file;
}

/** The settings in force: for each, a flag that is not empty, else the rule's. More than one is for the caller to refuse. */
export function mergeSelectors(flags: SelectorValues, rule: CreationRule | undefined): Selector[] {
  const values: Partial<Record<SelectorName, string>> = {};
  if (rule?.selector !== undefined) values[rule.selector.name] = rule.selector.value;
  for (const name of SELECTOR_NAMES) {
    const flag = flags[name];
    if (flag !== undefined && flag !== "") values[name] = flag;
  }
  return parseSelectors(values);
}

async function pathPattern(rule: RuleSource, path: string): Promise<GoRegExp> {
  await loadRegExps([rule.pathRegex]);
  try {
    return compileGoRegExp(rule.pathRegex);
  } catch (cause) {
    if (!(cause instanceof BadPattern)) throw cause;
    const where = `in the path_regex of the creation rule on line ${rule.line} of ${path}`;
    throw new ConfigError(`can not compile regexp: ${cause.message}, ${where}`, {
      hint: cause.hint,
      cause,
      file: path,
    });
  }
}

/**
 * A rule's keys and settings.
 *
 * @throws {ConfigError} when it cannot be used
 */
export async function loadRule(
  rule: RuleSource,
  path: string,
  host: Host,
  context?: Map<string, string>,
): Promise<CreationRule> {
  const selectors = parseSelectors(rule.selectors);
  if (selectors.length > 1) {
    throw new ConfigError(
      `error loading config: cannot use more than one of ${SELECTOR_LIST} for the same rule`,
      {
        file: path,
        hint: `The creation rule on line ${rule.line} of ${path} sets ${selectors.map(({ name }) => name).join(" and ")}.`,
      },
    );
  }
  const keyGroups: KeyGroup[] = [];
  if (rule.keyGroups.length === 0) keyGroups.push(await flatGroup(rule, host, context));
  for (const group of rule.keyGroups)
    keyGroups.push(withoutDuplicates(await groupKeys(group, host)));
  return {
    keyGroups,
    threshold: rule.shamirThreshold,
    selector: selectors[0],
    macOnlyEncrypted: rule.macOnlyEncrypted,
    line: rule.line,
  };
}

async function flatGroup(
  rule: RuleSource,
  host: Host,
  context?: Map<string, string>,
): Promise<KeyGroup> {
  const group: KeyGroup = [];
  for (const keyProvider of providersInRules) {
    const { configField, configFieldName = configField } = keyProvider;
    const keys = rule.keys.get(keyProvider.type) ?? { items: [] };
    if ("problem" in keys) {
      throw new ConfigError(
        `invalid ${configFieldName} key configuration: invalid ${configField} key configuration: ${keys.problem}`,
      );
    }
    const parsed =
      keys.items.length === 0 ? [] : await keyProvider.parse(keys.items.join(","), host);
    // `aws_profile` beside a flat `kms` field holds for each of its keys.
    const settings = { profile: rule.awsProfile, ...(context === undefined ? {} : { context }) };
    for (const one of parsed.map((key) => withAwsSettings(key, settings))) group.push(one);
  }
  return group;
}

async function groupKeys(source: GroupSource, host: Host): Promise<KeyGroup> {
  const group: KeyGroup = [];
  for (const merged of source.merge)
    for (const key of await groupKeys(merged, host)) group.push(key);
  for (const keyProvider of providersInRules) {
    for (const { node, problem } of source.keys.get(keyProvider.type) ?? []) {
      if (problem !== undefined)
        throw new SopsmithError("rule-key", 2, `error loading config: ${problem}`);
      for (const key of await keyProvider.parseItem(node, host)) group.push(key);
    }
  }
  return group;
}

/** The first of each type and display string is kept. */
function withoutDuplicates(group: KeyGroup): KeyGroup {
  const seen = new Set<string>();
  return group.filter(({ type, id }) => {
    const name = `${type} ${id}`;
    if (seen.has(name)) return false;
    seen.add(name);
    return true;
  });
}
