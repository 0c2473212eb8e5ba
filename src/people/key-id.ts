import { provider, providers } from "../keys/index.ts";
import type { MasterKey } from "../keys/provider.ts";

/** What tells one master key from another: its type and its display string. Every {@link MasterKey} is one. */
export type KeyId = Pick<MasterKey, "type" | "id">;

/**
 * The key that a text names, by its form alone: nothing is looked up, and the key may be malformed.
 *
 * @returns undefined for a text of no key's form, and for several keys separated by commas
 */
export function keyInText(text: string): KeyId | undefined {
  const id = text.trim();
  if (/[,\n]/.test(id)) return undefined;
  const found = providers.find(({ ids }) => ids.form.test(id));
  return found === undefined ? undefined : { type: found.type, id };
}

/**
 * The key that an item of a key group names where the item is a mapping, such as `arn: …`, or `vaultUrl: …` with `key: …`.
 *
 * @param text the text of a field, undefined for an absent one
 * @returns the key, undefined where its one text has no key's form, and the field that ends its id; undefined for a mapping
 *   that is no key
 */
export function keyInMapping(
  text: (field: string) => string | undefined,
): { key: KeyId | undefined; field: string } | undefined {
  for (const { type, ruleItem } of providers) {
    if (ruleItem.kind === "text") continue;
    const { idFields, join } = ruleItem;
    const texts = idFields.flatMap((name) => text(name) ?? []);
    const field = idFields.at(-1);
    if (field === undefined || texts.length < idFields.length) continue;
    return {
      key: join === undefined ? keyInText(texts.join("")) : { type, id: join(...texts) },
      field,
    };
  }
  return undefined;
}

/**
 * A text that is equal for two spellings of one key: without the comment of an SSH key, the role, profile and context of
 * an AWS key, the version of an Azure key, and with the last 16 digits of a PGP fingerprint.
 */
export function keyReference({ type, id }: KeyId): string {
  return `${type} ${provider(type).ids.same?.(id) ?? id}`;
}

/** The key's id in a few characters, for people to tell keys apart; not enough to use it. */
export function shortKey({ type, id }: KeyId): string {
  return provider(type).ids.short?.(id) ?? id;
}
