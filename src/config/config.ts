import type { Warn } from "../../formats/format.ts";
import type { LayoutChoice } from "../layout/choice.ts";
import { SELECTOR_NAMES, type SelectorName } from "../metadata/selection.ts";
import { providers } from "../keys/index.ts";
import type { KeyType, RuleItem } from "../keys/provider.ts";
import { entry, map, nil, str, type Node } from "../tree/node.ts";
import { readPolicy, type CheckPolicy } from "./policy.ts";
import { checkMergeDepth, Fields, textOf, visit, type Reading } from "./fields.ts";
import { goDecodedType, type Typed } from "../go/type.ts";
import { parseYaml, type Value } from "./yaml.ts";

/** A configuration file, decoded; what its rules name is checked only for the rule that is selected. */
export interface Config {
  /** As given to `parseConfig`; shown in messages. */
  path: string;
  /** What was parsed: the names of keys are in its anchors and comments. */
  text: Uint8Array;
  /** Undefined when the list is absent or null, which is not the same as empty. */
  creationRules: RuleSource[] | undefined;
  /** Where `publish` sends files. */
  destinationRules: DestinationSource[];
  stores: StoresConfig;
  /** What `sopsmith check` is asked to insist on; read only when it is wanted, so that no other command fails for it. */
  readCheckPolicy(): CheckPolicy;
  /** Commands refuse what they would otherwise warn of. Only sopsmith reads it. */
  strict: boolean;
}

type DestinationText = (typeof destinationTexts)[number];

/** A destination rule as it is written; "" for a text that is not there. */
export interface DestinationSource extends Readonly<Record<DestinationText, string>> {
  readonly line: number;
  readonly vault_kv_version: number | undefined;
  readonly omitExtensions: boolean;
  readonly recreationRule: RuleSource;
  /** For the user, once a file is published by this rule. */
  readonly warnings: readonly string[];
}

interface StoreConfig {
  /** Undefined when it is not set: 0 means something else. */
  indent: number | undefined;
}

interface LayoutConfig {
  /** A field of this program's own, which sops ignores. */
  layout: LayoutChoice | undefined;
}

export interface StoresConfig {
  yaml: StoreConfig & LayoutConfig;
  json: StoreConfig & LayoutConfig;
  json_binary: StoreConfig;
  dotenv: LayoutConfig;
  ini: LayoutConfig;
}

/** A creation rule as it is written. */
export interface RuleSource {
  line: number;
  /** "" matches every file. */
  pathRegex: string;
  /** Flat form. */
  keys: Map<KeyType, FlatKeys>;
  awsProfile: string;
  /** When there is at least one, the flat form is ignored. */
  keyGroups: GroupSource[];
  shamirThreshold: number;
  selectors: Partial<Record<SelectorName, string>>;
  macOnlyEncrypted: boolean;
}

/** The items of a flat key field, or what is wrong with its type. */
type FlatKeys = { items: string[] } | { problem: string };

export interface GroupSource {
  merge: GroupSource[];
  keys: Map<KeyType, KeyItem[]>;
}

/** One item of a key group's list, as the key type's `parseItem` takes it; `problem` is one that makes sops crash. */
interface KeyItem {
  node: Node;
  problem: string | undefined;
}

/**
 * Decodes a configuration file (spec config sections 2, 4, 7 and 9). Fields that no sops reads are ignored, with a warning
 * that names the line.
 *
 * @param path shown in messages
 * @throws {ConfigError} for text that is not YAML, and for values of the wrong type
 */
export async function parseConfig(text: Uint8Array, path: string, warn: Warn): Promise<Config> {
  /** Where warnings about a destination rule are kept until it is used: most commands never look at it. */
  let kept: string[] | undefined;
  const reading: Reading = {
    path,
    warn: (message) => (kept === undefined ? warn(message) : void kept.push(message)),
    visits: 0,
    unknown: 0,
  };
  const top = new Fields(await parseYaml(text, path), "the configuration file", reading);
  const creationRules = top
    .list("creation_rules")
    ?.map((item) => readRule(new Fields(item, "a creation rule", reading)));
  const destinationRules = (top.list("destination_rules") ?? []).map((item) =>
    readDestinationRule(new Fields(item, "a destination rule", reading)),
  );
  const stores = readStores(top.nested("stores", "'stores'"));
  const policy = top.value("check");
  const readCheckPolicy = () =>
    readPolicy(
      new Fields(policy, "'check'", reading),
      (item) => new Fields(item, "an item of 'ignore'", reading),
      reading,
    );
  const strict = top.bool("strict");
  top.finish({ isAnchorAllowed: true });
  return { path, text, creationRules, destinationRules, stores, readCheckPolicy, strict };

  function readRule(fields: Fields): RuleSource {
    const keys = new Map<KeyType, FlatKeys>();
    for (const { type, configField, isTextList = false } of providers) {
      keys.set(
        type,
        isTextList
          ? { items: fields.texts(configField) }
          : flatKeys(fields.value(configField), reading),
      );
    }
    const selectors: RuleSource["selectors"] = {};
    for (const name of SELECTOR_NAMES) selectors[name] = fields.text(name);
    const rule: RuleSource = {
      line: fields.line,
      pathRegex: fields.text("path_regex"),
      keys,
      awsProfile: fields.text("aws_profile"),
      keyGroups: (fields.list("key_groups") ?? []).map((item) => readGroup(item, 0)),
      shamirThreshold:
        fields.integer("shamir_threshold", { min: -(2 ** 31), max: 2 ** 31 - 1 }) ?? 0,
      selectors,
      macOnlyEncrypted: fields.bool("mac_only_encrypted"),
    };
    fields.finish({ notes: ruleNotes });
    return rule;
  }

  function readGroup(item: Value, depth: number): GroupSource {
    checkMergeDepth(depth, item.line, reading);
    const fields = new Fields(item, "a key group", reading);
    const merge = (fields.list("merge") ?? []).map((group) => readGroup(group, depth + 1));
    const keys = new Map<KeyType, KeyItem[]>();
    for (const { type, groupField, ruleItem } of providers) {
      keys.set(
        type,
        (fields.list(groupField) ?? []).map((key) => readKeyItem(ruleItem, groupField, key)),
      );
    }
    fields.finish({ notes: groupNotes });
    return { merge, keys };
  }

  function readKeyItem(ruleItem: RuleItem, field: string, item: Value): KeyItem {
    if (ruleItem.kind === "text") {
      const value = textOf(item, `each item of '${field}'`, reading);
      const problem =
        ruleItem.refusesEmpty === true && value === ""
          ? `an item of '${field}' is empty`
          : undefined;
      return { node: str(value), problem };
    }
    const fields = new Fields(item, `an item of '${field}'`, reading);
    const node = map(ruleItem.fields.map((name) => entry(name, str(fields.text(name)))));
    let problem: string | undefined;
    if (ruleItem.hasContext === true) {
      const context = [...fields.textMap("context")];
      node.items.push(
        entry("context", map(context.map(([key, value]) => entry(key, textOrNull(value))))),
      );
      if (context.some(([, value]) => value === undefined))
        problem = `a value of 'context' in '${field}' is null`;
    }
    fields.finish();
    return { node, problem };
  }

  function readDestinationRule(fields: Fields): DestinationSource {
    const warnings: string[] = [];
    kept = warnings;
    const texts = Object.fromEntries(destinationTexts.map((name) => [name, fields.text(name)]));
    const rule: DestinationSource = {
      ...(texts as Record<DestinationText, string>),
      line: fields.line,
      vault_kv_version: fields.integer("vault_kv_version", { min: 0, max: 100 }),
      omitExtensions: fields.bool("omit_extensions"),
      recreationRule: readRule(fields.nested("recreation_rule", "a recreation rule")),
      warnings,
    };
    fields.finish();
    kept = undefined;
    return rule;
  }
}

const destinationTexts = [
  "path_regex",
  "s3_bucket",
  "s3_prefix",
  "gcs_bucket",
  "gcs_prefix",
  "vault_path",
  "vault_address",
  "vault_kv_mount_name",
] as const;

const ruleNotes = {
  hc_vault: 'did you mean "hc_vault_transit_uri"?',
  hc_vault_uris: 'did you mean "hc_vault_transit_uri"?',
  azure_kv: 'did you mean "azure_keyvault"?',
};

const groupNotes = {
  hc_vault_transit_uri: 'inside a key group, the name is "hc_vault"',
  hc_vault_uris: 'did you mean "hc_vault"?',
  azure_kv: 'did you mean "azure_keyvault"?',
  aws_profile: "it belongs in each item of 'kms'",
};

const textOrNull = (value: string | undefined): Node => (value === undefined ? nil() : str(value));

function readStores(stores: Fields): StoresConfig {
  const read = <Settings>(name: string, take: (store: Fields) => Settings): Settings => {
    const store = stores.nested(name, `'stores.${name}'`);
    const settings = take(store);
    store.finish();
    return settings;
  };
  const indent = (store: Fields): StoreConfig => ({
    indent: store.integer("indent", { min: -1000, max: 1000 }),
  });
  const layout = (store: Fields): LayoutConfig => ({
    layout: store.oneOf("layout", ["keep", "sops"]),
  });
  const both = (store: Fields): StoreConfig & LayoutConfig => ({
    ...indent(store),
    ...layout(store),
  });
  const out = {
    yaml: read("yaml", both),
    json: read("json", both),
    json_binary: read("json_binary", indent),
    dotenv: read("dotenv", layout),
    ini: read("ini", layout),
  };
  stores.finish();
  return out;
}

/** A field that sops decodes without a type and looks at later (spec config 4.1). */
function flatKeys(value: Value | undefined, reading: Reading): FlatKeys {
  if (value === undefined) return { items: [] };
  if (value.kind === "scalar" && value.value.kind === "str") {
    const parts = value.text.split(",").map((part) => part.trim());
    return { items: parts.filter((part) => part !== "") };
  }
  if (value.kind !== "list")
    return { problem: `expected string, []string, or nil, got ${goDecodedType(typedOf(value))}` };
  const items: string[] = [];
  for (const item of value.items) {
    visit(reading, item.line);
    if (item.kind !== "scalar" || item.value.kind !== "str") {
      return { problem: `expected string in list, got ${goDecodedType(typedOf(item))}` };
    }
    items.push(item.text);
  }
  return { items };
}

const typedOf = (value: Value): Typed =>
  value.kind === "scalar" ? value.value : { kind: value.kind === "list" ? "seq" : "map" };
