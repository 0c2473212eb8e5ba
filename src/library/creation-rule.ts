import { resolve } from "node:path";
import { loadConfig, type LoadedConfig } from "../config/loaded-config.ts";
import type { CreationRule as Rule } from "../config/match.ts";
import type { Host } from "../io/host.ts";
import type { KeyGroup } from "../keys/provider.ts";
import type { Selector } from "../metadata/selection.ts";
import { checkOptions, path as pathCheck } from "./argument.ts";
import { guarded } from "./border.ts";
import {
  configChecks,
  remember,
  type ConfigOptions,
  type Recipients,
  type SelectionOptions,
} from "./options.ts";
import { hostOf, pathOf, surroundingsChecks, type Surroundings } from "./surroundings.ts";

/** How to encrypt a file: the settings of a creation rule, named like the options of `encrypt`. */
export interface CreationRule extends SelectionOptions {
  /** The key groups. If you pass this very value to `encrypt` or `updateKeys`, it also carries what ids do not say, such as an AWS profile. */
  readonly recipients: readonly Recipients[];
  /** How many of several groups are needed to decrypt; undefined if the rule does not say. */
  readonly shamirThreshold?: number;
}

/** A creation rule and where it is. */
export interface FoundRule {
  /** Its settings, which you can pass to `encrypt`, `encryptObject` or `updateKeys`. */
  readonly rule: CreationRule;
  /** The configuration file. */
  readonly config: string;
  /** The rule's line in it, counted from 1. */
  readonly line: number;
}

/**
 * The creation rule in `.sops.yaml` that matches a path. The file itself need not exist.
 *
 * @param path the path that `path_regex` is matched against
 * @returns the rule; undefined if there is no configuration, it has no creation rules, or none matches
 * @throws {SopsmithError} for a configuration that cannot be read or used, and for wrong arguments
 * @example
 * const found = await creationRule("prod/db.yaml");
 * if (found) await encryptObject({ password: "s3cret" }, found.rule);
 */
export function creationRule(
  path: string | URL,
  options: ConfigOptions & Surroundings = {},
): Promise<FoundRule | undefined> {
  return guarded(async () => {
    pathCheck(path, "path");
    checkOptions(options, { ...configChecks, ...surroundingsChecks });
    const host = hostOf(options);
    const config = await loadedConfig(options, host);
    if (config === undefined) return undefined;
    const { NoMatchingRule, selectRule } = await import("../config/match.ts");
    try {
      const file = resolve(host.cwd(), pathOf(path));
      const rule = await selectRule(config.content, config.path, file, host);
      return rule && { rule: settingsOf(rule), config: config.path, line: rule.line };
    } catch (error) {
      if (error instanceof NoMatchingRule) return undefined;
      throw error;
    }
  });
}

/** The configuration that the options name, else the nearest one. */
export function loadedConfig(
  options: ConfigOptions & Surroundings,
  host: Host,
): Promise<LoadedConfig | undefined> {
  const path = options.config === undefined ? host.env["SOPS_CONFIG"] : pathOf(options.config);
  return loadConfig(path ?? "", host, (message) => options.onWarning?.(message));
}

function settingsOf(rule: Rule): CreationRule {
  const recipients = recipientsOf(rule.keyGroups);
  remember(recipients, rule.keyGroups);
  return {
    recipients,
    ...(rule.threshold > 0 ? { shamirThreshold: rule.threshold } : {}),
    ...(rule.selector === undefined ? {} : selectionOf(rule.selector)),
    ...(rule.macOnlyEncrypted ? { macOnlyEncrypted: true } : {}),
  };
}

/** Groups of keys as the option `recipients` has them. */
export function recipientsOf(groups: readonly KeyGroup[]): readonly Recipients[] {
  return groups.map((group) => {
    const ids: Record<string, string[]> = {};
    for (const { type, id } of group) (ids[type] ??= []).push(id);
    return ids;
  });
}

const optionNames = {
  unencrypted_suffix: "unencryptedSuffix",
  encrypted_suffix: "encryptedSuffix",
  unencrypted_regex: "unencryptedRegex",
  encrypted_regex: "encryptedRegex",
  unencrypted_comment_regex: "unencryptedCommentRegex",
  encrypted_comment_regex: "encryptedCommentRegex",
} as const satisfies Record<Selector["name"], keyof SelectionOptions>;

/** A selector as the option of its name. */
export function selectionOf({ name, value }: Selector): SelectionOptions {
  return { [optionNames[name]]: value };
}
