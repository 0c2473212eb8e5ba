import type { GroupSource, RuleSource } from "../config/config.ts";
import { provider } from "../keys/index.ts";
import type { KeyType } from "../keys/provider.ts";
import { find, type Mapping, type Node } from "../tree/node.ts";
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

function idOf(type: KeyType, node: Node): string {
  const { ruleItem } = provider(type);
  if (node.kind === "map" && ruleItem.kind === "map") {
    const texts = ruleItem.idFields.map((name) => fieldOf(node, name));
    return ruleItem.join?.(...texts) ?? texts.join("");
  }
  return node.kind === "str" ? node.value.trim() : "";
}

function fieldOf(item: Mapping, name: string): string {
  const value = find(item, name)?.value;
  return value?.kind === "str" ? value.value : "";
}
