import { ConfigError } from "../errors.ts";
import type { Host } from "../io/host.ts";
import { entry, map, str, type Mapping } from "../tree/node.ts";
import { timeText } from "../go/time.ts";
import { textLeaf } from "../tree/text.ts";
import {
  itemText,
  type KeyIds,
  type KeyProvider,
  type KeyType,
  type MasterKey,
  type RuleItem,
  type StoredField,
} from "./provider.ts";

/** What tells one key type's texts, configuration and stored form from another's. */
interface Description {
  type: KeyType;
  label: string;
  flag: string;
  env: string;
  configField: string;
  groupField: string;
  /** Beside `created_at` and `enc`. */
  fields: readonly StoredField[];
  inEveryGroup?: boolean;
  identify(fields: Mapping): string;
  /** One key's fields from one part of a comma-separated text; undefined for a part that is passed over. */
  fromText(part: string): Record<string, string> | undefined;
  /** One key's fields from a mapping in `key_groups`; without it, items are texts. */
  fromMapping?(item: Mapping): Mapping;
  /** The last step of making a key from a text or an item: fills in what only others know. */
  complete?(fields: Mapping, host: Host): Promise<Mapping>;
}

/** An item of a key group that is a mapping with this one text. */
export const oneField = (name: string): RuleItem => ({
  kind: "map",
  fields: [name],
  idFields: [name],
  split: (text) => ({ [name]: text }),
});

/** What the keys of a vault have in common: an address that ends in `keys` and a name, which files have apart. */
export const vaultIds: Pick<KeyIds, "inMessage" | "name" | "stored"> = {
  inMessage: /\bhttps?:\/\/[^\s,;"'()]+\/keys\/[^\s,;"'()]+/,
  name: { pattern: /\/keys\/([^/]+)/, source: "cloud name" },
  stored: (same) => same.split("/").at(-1) ?? "",
};

type Codec = Omit<
  KeyProvider,
  "isRemote" | "logged" | "isWrapped" | "wrap" | "unwrap" | "ruleItem" | "order" | "ids"
>;

/**
 * The reading and writing half of a key type whose keys remember when they were made and are listed with commas: every
 * type but age.
 */
export function keyCodec(description: Description): Codec {
  const { type, fields, identify } = description;
  const storedFields: StoredField[] = [
    ...fields,
    { name: "created_at", kind: "time" } as const,
  ].toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const make = async (found: Mapping, host: Host): Promise<MasterKey> => {
    const known = (await description.complete?.(found, host)) ?? found;
    const created = entry("created_at", str(timeText(host.now())));
    const items = [...known.items.filter((item) => item.kind === "entry"), created];
    const complete = map(items.toSorted((a, b) => (a.key < b.key ? -1 : 1)));
    return { type, id: identify(complete), fields: complete, enc: undefined };
  };
  const parsePart = async (part: string, host: Host): Promise<MasterKey[]> => {
    const found = description.fromText(part);
    if (found === undefined) return [];
    const kept = Object.entries(found).filter(
      ([name, value]) =>
        value !== "" || fields.find((field) => field.name === name)?.omitEmpty !== true,
    );
    return [await make(map(kept.map(([name, value]) => entry(name, textLeaf(value)))), host)];
  };
  return {
    type,
    label: description.label,
    flag: description.flag,
    env: description.env,
    configField: description.configField,
    groupField: description.groupField,
    storedFields,
    inEveryGroup: description.inEveryGroup ?? false,
    rotationDays: 180,
    identify,
    async parse(list, host) {
      const keys: MasterKey[] = [];
      for (const part of list === "" ? [] : list.split(","))
        for (const one of await parsePart(part, host)) keys.push(one);
      return keys;
    },
    async parseItem(item, host) {
      if (description.fromMapping === undefined)
        return parsePart(itemText(item, description.groupField), host);
      if (item.kind !== "map")
        throw new ConfigError(`expected a mapping in '${description.groupField}'`);
      return [await make(description.fromMapping(item), host)];
    },
  };
}

/** `wrap` and `unwrap` from a module that is loaded when one of them is first called: most runs need no other type than age. */
export function loadedLater(
  load: () => Promise<Pick<KeyProvider, "wrap" | "unwrap">>,
): Pick<KeyProvider, "wrap" | "unwrap"> {
  return {
    wrap: async (...given) => (await load()).wrap(...given),
    unwrap: async (...given) => (await load()).unwrap(...given),
  };
}

/** A stored field that holds a text. */
export const text = (name: string): StoredField => ({ name, kind: "text" });

/** The form of `enc` where a service answers in base64: at least a nonce and a tag. */
export const isBase64 = (enc: string): boolean =>
  enc.length >= 24 && /^[A-Za-z0-9+/\s]+={0,2}\s*$/.test(enc);
