import type { GroupSource, RuleSource } from "../config/config.ts";
import type { KeyType } from "../keys/provider.ts";
import type { Mapping, Node } from "../tree/node.ts";
import { readText } from "../tree/typed-fields.ts";
import type { KeyId } from "./key-id.ts";

/**
 * The keys that a creation rule names, group by group, read without checking them and without asking anybody: a key of Azure
 * may be without its version.
 */
export function keysOfRule(rule: RuleSource): KeyId[][] {
  if (rule.keyGroups.length > 0) return rule.keyGroups.map(keysOfGroup);
  const flat = [...rule.keys].flatMap(([type, keys]) =>
    "problem" in keys
      ? []
      : keys.items.flatMap((item) => item.split(",")).map((text) => ({ type, id: text.trim() })),
  );
  return [flat.filter(({ id }) => id !== "")];
}

function keysOfGroup({ merge, keys }: GroupSource): KeyId[] {
  const own = [...keys].flatMap(([type, items]) =>
    items.map(({ node }) => ({ type, id: idOf(type, node) })),
  );
  return [...merge.flatMap(keysOfGroup), ...own].filter(({ id }) => id !== "");
}

/** How the types whose items are mappings make an id of one. */
const ids: Readonly<Partial<Record<KeyType, (item: Mapping) => string>>> = {
  kms: (item) => readText(item, "arn"),
  gcp_kms: (item) => readText(item, "resource_id"),
  hckms: (item) => readText(item, "key_id"),
  azure_kv: (item) =>
    `${field(item, "vaultUrl").replace(/\/+$/, "")}/keys/${readText(item, "key")}`,
};

function idOf(type: KeyType, node: Node): string {
  if (node.kind === "map") return ids[type]?.(node) ?? "";
  return node.kind === "str" ? node.value.trim() : "";
}

/** A field whose name is not all lower case. */
function field(item: Mapping, name: string): string {
  for (const entry of item.items)
    if (entry.kind === "entry" && entry.key === name && entry.value.kind === "str")
      return entry.value.value;
  return "";
}
