import { ConfigError, SopsmithError } from "../errors.ts";
import type { Host } from "../io/host.ts";
import { entry, find, map, nil, str, type Mapping } from "../tree/node.ts";
import { readText, readTextMap } from "../tree/read.ts";
import { timeText } from "../tree/rfc3339.ts";
import { textLeaf } from "../tree/text.ts";
import {
  itemText,
  KeySyntaxError,
  UnwrapError,
  type KeyProvider,
  type KeyType,
  type MasterKey,
  type StoredField,
} from "./provider.ts";

/**
 * The master key types that this version reads, shows, keeps and writes back, but cannot wrap or unwrap with: their
 * stanzas survive every change to a file that opens through another key.
 */

/** A key of a type that this version cannot wrap with. Exit 1. */
class UnusableKey extends SopsmithError {
  constructor(label: string) {
    super(
      "key-type-unusable",
      1,
      `this version of sopsmith cannot use ${label} keys; use an age recipient instead, or encrypt with Go sops`,
    );
  }
}

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
}

const text = (name: string): StoredField => ({ name, kind: "text" });

function storedOnly(description: Description): KeyProvider {
  const { type, label, fields, identify } = description;
  const storedFields: StoredField[] = [
    ...fields,
    { name: "created_at", kind: "time" } as const,
  ].toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const make = (found: Mapping, host: Host): MasterKey => {
    const created = entry("created_at", str(timeText(host.now())));
    const items = [...found.items.filter((item) => item.kind === "entry"), created];
    const complete = map(items.toSorted((a, b) => (a.key < b.key ? -1 : 1)));
    return { type, id: identify(complete), fields: complete, enc: undefined };
  };
  const parsePart = (part: string, host: Host): MasterKey[] => {
    const found = description.fromText(part);
    if (found === undefined) return [];
    const kept = Object.entries(found).filter(
      ([name, value]) =>
        value !== "" || fields.find((field) => field.name === name)?.omitEmpty !== true,
    );
    return [make(map(kept.map(([name, value]) => entry(name, textLeaf(value)))), host)];
  };
  return {
    type,
    label,
    flag: description.flag,
    env: description.env,
    configField: description.configField,
    groupField: description.groupField,
    storedFields,
    inEveryGroup: description.inEveryGroup ?? false,
    identify,
    parse: (list, host) =>
      list === "" ? [] : list.split(",").flatMap((part) => parsePart(part, host)),
    parseItem: (item, host) => {
      if (description.fromMapping === undefined)
        return parsePart(itemText(item, description.groupField), host);
      if (item.kind !== "map")
        throw new ConfigError(`expected a mapping in '${description.groupField}'`);
      return [make(description.fromMapping(item), host)];
    },
    wrap: () => Promise.reject(new UnusableKey(label)),
    unwrap: () =>
      Promise.reject(
        new UnwrapError(`this version of sopsmith cannot use ${label} keys`, {
          failure: "unusable",
          remedy:
            "open the file with Go sops and add an age recipient to it; this version of sopsmith cannot use its keys",
        }),
      ),
  };
}

export const awsKms = storedOnly({
  type: "kms",
  label: "AWS KMS",
  flag: "kms",
  env: "SOPS_KMS_ARN",
  configField: "kms",
  groupField: "kms",
  fields: [
    text("arn"),
    text("aws_profile"),
    { name: "context", kind: "text-map", omitEmpty: true },
    { name: "role", kind: "text", omitEmpty: true },
  ],
  identify: (fields) => {
    const role = readText(fields, "role");
    const profile = readText(fields, "aws_profile");
    const context = [...readTextMap(fields, "context")]
      .toSorted(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
      .map(([key, value]) => `${key}:${value ?? ""}`)
      .join(",");
    const arn = readText(fields, "arn") + (role === "" ? "" : `+${role}`);
    if (profile !== "") return `${arn}|${context}|${profile}`;
    return context === "" ? arn : `${arn}|${context}`;
  },
  fromText: (part) => {
    const id = part.replaceAll(" ", "");
    const at = id.indexOf("+arn:");
    return at > 0
      ? { arn: id.slice(0, at), aws_profile: "", role: id.slice(at + 1) }
      : { arn: id, aws_profile: "", role: "" };
  },
  fromMapping: (item) => {
    const out = map([
      entry("arn", textLeaf(readText(item, "arn").replaceAll(" ", ""))),
      entry("aws_profile", textLeaf(readText(item, "aws_profile"))),
    ]);
    const role = readText(item, "role");
    if (role !== "") out.items.push(entry("role", textLeaf(role)));
    const context = readTextMap(item, "context");
    if (context.size > 0) {
      const pairs = [...context].map(([key, value]) =>
        entry(key, value === undefined ? nil() : textLeaf(value)),
      );
      out.items.push(entry("context", map(pairs)));
    }
    return out;
  },
});

export const gcpKms = storedOnly({
  type: "gcp_kms",
  label: "GCP KMS",
  flag: "gcp-kms",
  env: "SOPS_GCP_KMS_IDS",
  configField: "gcp_kms",
  groupField: "gcp_kms",
  fields: [text("resource_id")],
  identify: (fields) => readText(fields, "resource_id"),
  fromText: (part) => ({ resource_id: part.replaceAll(" ", "") }),
  fromMapping: (item) =>
    map([entry("resource_id", textLeaf(readText(item, "resource_id").replaceAll(" ", "")))]),
});

export const huaweiKms = storedOnly({
  type: "hckms",
  label: "HuaweiCloud KMS",
  flag: "hckms",
  env: "SOPS_HUAWEICLOUD_KMS_IDS",
  configField: "hckms",
  groupField: "hckms",
  fields: [text("key_id")],
  identify: (fields) => checkHuaweiId(readText(fields, "key_id")),
  fromText: (part) => (part.trim() === "" ? undefined : { key_id: checkHuaweiId(part.trim()) }),
  fromMapping: (item) => map([entry("key_id", textLeaf(checkHuaweiId(readText(item, "key_id"))))]),
});

function checkHuaweiId(id: string): string {
  const at = id.indexOf(":");
  if (at < 0) throw new KeySyntaxError("invalid key ID format: expected 'region:key-uuid'");
  if (at === 0) throw new KeySyntaxError("region cannot be empty in key ID");
  if (at === id.length - 1) throw new KeySyntaxError("key UUID cannot be empty in key ID");
  return id;
}

export const azureKeyVault = storedOnly({
  type: "azure_kv",
  label: "Azure Key Vault",
  flag: "azure-kv",
  env: "SOPS_AZURE_KEYVAULT_URLS",
  configField: "azure_keyvault",
  groupField: "azure_keyvault",
  fields: [text("name"), text("vault_url"), text("version")],
  identify: (fields) =>
    `${readText(fields, "vault_url")}/keys/${readText(fields, "name")}/${readText(fields, "version")}`,
  fromText: (part) => {
    const match = /^(https:\/\/[^/]+)\/keys\/([^/]+)(\/[^/]*)?$/.exec(part.trim());
    const [, vaultUrl, name, version = ""] = match ?? [];
    if (vaultUrl === undefined || name === undefined) {
      throw new KeySyntaxError(
        "could not parse an Azure Key Vault key: expected https://VAULT/keys/NAME/VERSION, several separated by commas",
      );
    }
    return { vault_url: vaultUrl, name, version: checkAzureVersion(version.slice(1)) };
  },
  fromMapping: (item) =>
    map([
      entry("name", textLeaf(readText(item, "key"))),
      entry("vault_url", textLeaf(configText(item, "vaultUrl"))),
      entry("version", textLeaf(checkAzureVersion(readText(item, "version")))),
    ]),
});

/** The newest version would have to be asked of the vault. */
function checkAzureVersion(version: string): string {
  if (version !== "") return version;
  throw new KeySyntaxError(
    "failed to fetch Azure Key to retrieve key version: this version of sopsmith does not contact Azure; name the version in the key",
  );
}

/** A field whose name is not all lower case, which the readers of tree/read.ts take for granted. */
function configText(item: Mapping, name: string): string {
  const found = find(item, name);
  return found === undefined || found.value.kind === "null" ? "" : itemText(found.value, name);
}

export const vaultTransit = storedOnly({
  type: "hc_vault",
  label: "HashiCorp Vault",
  flag: "hc-vault-transit",
  env: "SOPS_VAULT_URIS",
  configField: "hc_vault_transit_uri",
  groupField: "hc_vault",
  fields: [text("engine_path"), text("key_name"), text("vault_address")],
  inEveryGroup: true,
  identify: (fields) =>
    `${readText(fields, "vault_address")}/v1/${readText(fields, "engine_path")}/keys/${readText(fields, "key_name")}`,
  fromText: (part) => (part === "" ? undefined : parseVaultUri(part)),
});

const vaultExample = "https://vault.example.com:8200/v1/transit/keys/keyName";

function parseVaultUri(uri: string): Record<string, string> {
  const match = /^([A-Za-z][A-Za-z0-9+.-]*:\/\/[^/?#]*)([^?#]*)/.exec(uri);
  const [, address, path = ""] = match ?? [];
  if (address === undefined) {
    throw new KeySyntaxError(`missing scheme in Vault URL (should be like this: +${vaultExample})`);
  }
  const segments = path.replace(/^\//, "").replace(/\/$/, "").split("/");
  const isVersion = (segment: string) => /^v\d+$/.test(segment);
  const isRoot = (index: number) =>
    isVersion(segments[index] ?? "") &&
    segments.slice(index + 1, index + 4).filter(Boolean).length === 3;
  if (segments.some((_, index) => index > 0 && segments[index - 1] !== "" && isRoot(index))) {
    throw new KeySyntaxError(
      `running Vault with a prefixed URL is not supported! (Format has to be like ${vaultExample})`,
    );
  }
  if (!isRoot(0)) {
    throw new KeySyntaxError(
      `vault path does not seem to be formatted correctly: (eg. ${vaultExample})`,
    );
  }
  return {
    engine_path: segments.slice(1, -2).filter(Boolean).join("/"),
    key_name: segments.at(-1) ?? "",
    vault_address: address,
  };
}

export const pgp = storedOnly({
  type: "pgp",
  label: "PGP",
  flag: "pgp",
  env: "SOPS_PGP_FP",
  configField: "pgp",
  groupField: "pgp",
  fields: [text("fp")],
  identify: (fields) => readText(fields, "fp"),
  fromText: (part) => ({ fp: part.replaceAll(" ", "") }),
});
