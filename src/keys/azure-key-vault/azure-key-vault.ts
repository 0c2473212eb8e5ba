import { entry, find, map, type Mapping } from "../../tree/node.ts";
import { readText } from "../../tree/typed-fields.ts";
import { textLeaf } from "../../tree/text.ts";
import { keyCodec, loadedLater, text, vaultIds } from "../key-codec.ts";
import { itemText, KeySyntaxError, type KeyProvider } from "../provider.ts";

/** Azure Key Vault over its REST API, with tokens from Microsoft's chain of credentials (spec keys section 7). */
export const azureKeyVault: KeyProvider = {
  ...keyCodec({
    type: "azure_kv",
    label: "Azure Key Vault",
    flag: "azure-kv",
    env: "SOPS_AZURE_KEYVAULT_URLS",
    configField: "azure_keyvault",
    groupField: "azure_keyvault",
    fields: [text("name"), text("vault_url"), text("version")],
    identify: display,
    fromText: (part) => {
      const match = /^(https:\/\/[^/]+)\/keys\/([^/]+)(\/[^/]*)?$/.exec(part.trim());
      const [, vaultUrl, name, version = ""] = match ?? [];
      if (vaultUrl === undefined || name === undefined) {
        throw new KeySyntaxError(
          "could not parse an Azure Key Vault key: expected https://VAULT/keys/NAME/VERSION, several separated by commas",
        );
      }
      return { vault_url: vaultUrl, name, version: version.slice(1) };
    },
    fromMapping: (item) =>
      map([
        entry("name", textLeaf(readText(item, "key"))),
        entry("vault_url", textLeaf(configText(item, "vaultUrl"))),
        entry("version", textLeaf(readText(item, "version"))),
      ]),
    complete: async (fields, host) =>
      readText(fields, "version") === ""
        ? (await import("./wrap.ts")).withNewestVersion(fields, host)
        : fields,
  }),
  ruleItem: {
    kind: "map",
    fields: ["vaultUrl", "key", "version"],
    idFields: ["vaultUrl", "key"],
    join: (vaultUrl = "", name = "") => `${vaultUrl.replace(/\/+$/, "")}/keys/${name}`,
    split: (id) => {
      const [, vaultUrl = id, key = "", version = ""] =
        /^(https:\/\/[^/]+)\/keys\/([^/]+)\/?(.*)$/.exec(id) ?? [];
      return version === "" ? { vaultUrl, key } : { vaultUrl, key, version };
    },
  },
  order: { rule: 5, flags: 3 },
  ids: {
    form: /^https:\/\/[^/]+\/keys\/[^/]+/,
    ...vaultIds,
    // Without the version.
    same: (id) => id.replace(/^(https:\/\/[^/]+)\/+(keys\/[^/]+).*$/, "$1/$2"),
    short: (id) => id.replace(/^https:\/\/([^/.]+)[^/]*\/+keys\/([^/]+).*$/, "$1 $2"),
  },
  isWrapped: (enc) => /^[\w-]{16,}={0,2}$/.test(enc),
  isRemote: true,
  logged: { topic: "AZKV", field: "key" },
  ...loadedLater(() => import("./wrap.ts")),
};

function display(fields: Mapping): string {
  return `${readText(fields, "vault_url")}/keys/${readText(fields, "name")}/${readText(fields, "version")}`;
}

/** A field whose name is not all lower case, which the readers of tree/read.ts take for granted. */
function configText(item: Mapping, name: string): string {
  const found = find(item, name);
  return found === undefined || found.value.kind === "null" ? "" : itemText(found.value, name);
}
