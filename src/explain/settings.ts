import type { FormatName } from "../../formats/format.ts";
import type { Config, RuleSource } from "../config/config.ts";
import { providers } from "../keys/index.ts";
import type { KeyGroup } from "../keys/provider.ts";
import type { Metadata } from "../metadata/metadata.ts";
import { defaultSelector, parseSelectors, type Selector } from "../metadata/selection.ts";
import { keyReference, type KeyId } from "../people/key-id.ts";
import type { KeyNames } from "../people/names.ts";
import { keysOfRule } from "../people/rule-keys.ts";

/** One setting in force for a file. */
export interface Setting {
  /** As the configuration or the metadata calls it. */
  readonly name: string;
  readonly value: string;
  /** Where it comes from: a noun. */
  readonly from: string;
  /** What else there is to know; a sentence. */
  readonly note: string | undefined;
}

/** What the settings of a file come from. */
export interface SettingSources {
  readonly config: Config | undefined;
  /** The creation rule in force. */
  readonly rule: RuleSource | undefined;
  /** Of a file that is encrypted. */
  readonly metadata: Metadata | undefined;
  readonly format: { readonly name: FormatName; readonly from: string };
  readonly names: KeyNames;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** What decides which values of the file are encrypted, and where that is said. */
export function selectorInForce({ rule, metadata }: Pick<SettingSources, "rule" | "metadata">): {
  selector: Selector;
  from: "file" | "rule" | "default";
} {
  if (metadata !== undefined)
    return metadata.selector.value === ""
      ? { selector: defaultSelector, from: "default" }
      : { selector: metadata.selector, from: "file" };
  const [selector] = parseSelectors(rule?.selectors ?? {});
  return selector === undefined
    ? { selector: defaultSelector, from: "default" }
    : { selector, from: "rule" };
}

const sentence = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

const IN_FILE = "the file itself";

/** The settings in force, in the order in which people ask for them. */
export function settingsInForce(sources: SettingSources): Setting[] {
  const { format, rule, metadata, config } = sources;
  const ruleName = rule === undefined ? "" : `the creation rule on line ${rule.line}`;
  const settings: Setting[] = [...keySettings(sources, ruleName)];
  const { selector, from } = selectorInForce(sources);
  const [ruled] = parseSelectors(rule?.selectors ?? {});
  const wanted = ruled ?? defaultSelector;
  const isOld =
    metadata !== undefined &&
    rule !== undefined &&
    format.name !== "binary" &&
    (wanted.name !== selector.name || wanted.value !== selector.value);
  settings.push(
    format.name === "binary"
      ? { name: "encrypted", value: "all of it", from: "the format", note: undefined }
      : {
          name: selector.name,
          value: selector.value,
          from: from === "file" ? IN_FILE : from === "rule" ? ruleName : "default",
          note: isOld
            ? `${sentence(ruleName)} says ${wanted.name} ${wanted.value}; decrypt the file and encrypt it again to apply that.`
            : undefined,
        },
    {
      name: "mac_only_encrypted",
      value: String(metadata?.macOnlyEncrypted ?? rule?.macOnlyEncrypted ?? false),
      from:
        metadata !== undefined ? IN_FILE : rule?.macOnlyEncrypted === true ? ruleName : "default",
      note:
        metadata !== undefined &&
        rule !== undefined &&
        metadata.macOnlyEncrypted !== rule.macOnlyEncrypted
          ? `${sentence(ruleName)} says ${rule.macOnlyEncrypted}.`
          : undefined,
    },
    { name: "format", value: format.name, from: format.from, note: undefined },
    ...lookSettings(sources),
  );
  if (config?.strict === true)
    settings.push({ name: "strict", value: "true", from: config.path, note: undefined });
  return settings;
}

function* keySettings(
  { rule, metadata, names, env }: SettingSources,
  ruleName: string,
): Iterable<Setting> {
  const ruled = rule === undefined ? undefined : keysOfRule(rule);
  if (metadata !== undefined) {
    const { keyGroups, shamirThreshold } = metadata;
    yield {
      name: "keys",
      value: groupsText(keyGroups, names),
      from: IN_FILE,
      note:
        ruled === undefined || sameGroups(keyGroups, ruled)
          ? undefined
          : `${sentence(ruleName)} says ${groupsText(ruled, names)}; run \`sopsmith updatekeys\` to update the file.`,
    };
    if (keyGroups.length > 1)
      yield {
        name: "shamir_threshold",
        value: `${shamirThreshold} of ${keyGroups.length} groups`,
        from: IN_FILE,
        note: undefined,
      };
    return;
  }
  const variables = providers.filter((provider) => (env[provider.env] ?? "") !== "");
  if (variables.length > 0) {
    yield {
      name: "keys",
      value: variables.map((provider) => env[provider.env]).join(", "),
      from: variables.map((provider) => `$${provider.env}`).join(" and "),
      note:
        ruled === undefined
          ? undefined
          : `The variable replaces all keys of ${ruleName}; unset it to use the keys of the rule.`,
    };
    return;
  }
  if (ruled === undefined || rule === undefined) return;
  yield { name: "keys", value: groupsText(ruled, names), from: ruleName, note: undefined };
  if (ruled.length > 1)
    yield {
      name: "shamir_threshold",
      value: `${rule.shamirThreshold || ruled.length} of ${ruled.length} groups`,
      from: rule.shamirThreshold === 0 ? "default: all groups" : ruleName,
      note: undefined,
    };
}

function* lookSettings({ config, format, env, metadata }: SettingSources): Iterable<Setting> {
  const { name } = format;
  const stores = config?.stores;
  const path = config?.path ?? "";
  const indent =
    name === "binary"
      ? stores?.json_binary.indent
      : name === "yaml" || name === "json"
        ? stores?.[name].indent
        : undefined;
  if (indent !== undefined)
    yield {
      name: "indent",
      value: String(indent),
      from: `stores.${name === "binary" ? "json_binary" : name} in ${path}`,
      note: undefined,
    };
  if (name === "binary") return;
  const { SOPSMITH_LAYOUT: variable = "" } = env;
  const configured = stores?.[name].layout;
  yield {
    name: "layout",
    value: variable || (configured ?? "keep"),
    from:
      variable !== ""
        ? "$SOPSMITH_LAYOUT"
        : configured === undefined
          ? "default"
          : `stores.${name} in ${path}`,
    note:
      metadata === undefined
        ? undefined
        : "A file that sops wrote keeps its layout until you change it with `sopsmith layout`.",
  };
}

/** Keys by name; groups by their number where there are several. */
export function groupsText(groups: readonly (readonly KeyId[])[], names: KeyNames): string {
  const list = (keys: readonly KeyId[]): string =>
    keys.length === 0 ? "none" : keys.map((key) => names.shown(key)).join(", ");
  return groups.length === 1
    ? list(groups[0] ?? [])
    : groups.map((keys, index) => `group ${index + 1}: ${list(keys)}`).join("; ");
}

function sameGroups(a: readonly KeyGroup[], b: readonly (readonly KeyId[])[]): boolean {
  const text = (groups: readonly (readonly KeyId[])[]): string =>
    groups.map((keys) => keys.map(keyReference).toSorted().join(" ")).join("\n");
  return text(a) === text(b);
}
