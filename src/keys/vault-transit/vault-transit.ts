import { readText } from "../../tree/typed-fields.ts";
import { keyCodec, loadedLater, text, vaultIds } from "../key-codec.ts";
import { KeySyntaxError, type KeyProvider } from "../provider.ts";

/** HashiCorp Vault's and OpenBao's transit engine over its HTTP API (spec keys section 8). */
export const vaultTransit: KeyProvider = {
  ...keyCodec({
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
  }),
  configFieldName: "vault",
  ruleItem: { kind: "text", refusesEmpty: true },
  order: { rule: 6, flags: 5 },
  ids: {
    form: /^[A-Za-z][A-Za-z0-9+.-]*:\/\/[^/]+\/v\d+\/.+\/keys\/[^/]+\/?$/,
    ...vaultIds,
    same: (id) => id.replace(/\/$/, ""),
    short: (id) => id.replace(/^[a-z]+:\/\//i, ""),
  },
  isWrapped: (enc) => /^vault:v\d+:./.test(enc),
  isRemote: true,
  logged: { topic: "VAULT_TRANSIT", field: "Path", success: "successful" },
  ...loadedLater(() => import("./wrap.ts")),
};

const VAULT_EXAMPLE = "https://vault.example.com:8200/v1/transit/keys/keyName";

function parseVaultUri(uri: string): Record<string, string> {
  const match = /^([A-Za-z][A-Za-z0-9+.-]*:\/\/[^/?#]*)([^?#]*)/.exec(uri);
  const [, address, path = ""] = match ?? [];
  if (address === undefined) {
    throw new KeySyntaxError(
      `missing scheme in Vault URL (should be like this: +${VAULT_EXAMPLE})`,
    );
  }
  const segments = path.replace(/^\//, "").replace(/\/$/, "").split("/");
  // Also where sops ignores the segment: a request would go to another path than the one that is written.
  if (segments.some((segment) => /^(?:\.|%2e){1,2}$/i.test(segment))) {
    throw new KeySyntaxError(
      `vault path has a segment "." or "..": (it should be like ${VAULT_EXAMPLE})`,
    );
  }
  const isVersion = (segment: string) => /^v\d+$/.test(segment);
  const isRoot = (index: number) =>
    isVersion(segments[index] ?? "") &&
    segments.slice(index + 1, index + 4).filter(Boolean).length === 3;
  if (segments.some((_, index) => index > 0 && segments[index - 1] !== "" && isRoot(index))) {
    throw new KeySyntaxError(
      `running Vault with a prefixed URL is not supported! (Format has to be like ${VAULT_EXAMPLE})`,
    );
  }
  if (!isRoot(0)) {
    throw new KeySyntaxError(
      `vault path does not seem to be formatted correctly: (eg. ${VAULT_EXAMPLE})`,
    );
  }
  return {
    engine_path: segments.slice(1, -2).filter(Boolean).join("/"),
    key_name: segments.at(-1) ?? "",
    vault_address: address,
  };
}
