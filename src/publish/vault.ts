import { isDeepStrictEqual } from "node:util";
import type { DestinationSource } from "../config/config.ts";
import type { Host } from "../io/host.ts";
import { onWire, parseObject, type Wire } from "../keys/remote.ts";
import { urlPath } from "../keys/url-path.ts";
import { findToken, refusal, request } from "../keys/vault-transit/api.ts";
import { checkServer } from "../keys/vault-transit/servers.ts";
import type { DataDestination } from "./destination.ts";

const DEFAULT_ADDRESS = "https://127.0.0.1:8200";

/** Vault's key-value engine, version 2 or 1, with the variables of Vault's own client. */
export const vault: DataDestination = {
  field: "vault_path",
  takes: "data",
  locate,
  upload: (json, rule, name, host) => {
    const url = locate(rule, name, host);
    return onWire(host, `Failed to upload to ${url}: `, async (wire) => {
      checkServer(addressOf(rule, host), wire);
      const target = `${addressOf(rule, host).replace(/\/+$/, "")}/v1/${urlPath(secretPath(rule, name), "path")}`;
      const token = await findToken(wire);
      wire.hide(token);
      if (await holds(target, json, rule, token, wire)) return "unchanged";
      const body = isVersion2(rule) ? `{"data":${json}}` : json;
      const response = await request("PUT", target, body, token, wire);
      if (response.status < 200 || response.status > 299)
        throw refusal(response, token, secretPath(rule, name));
      return "uploaded";
    });
  },
};

const isVersion2 = ({ vault_kv_version }: DestinationSource): boolean => vault_kv_version !== 1;

const withSlash = (text: string): string => (text.endsWith("/") ? text : `${text}/`);

function secretPath(rule: DestinationSource, name: string): string {
  const mount = withSlash(rule.vault_kv_mount_name || "secret");
  return `${mount}${isVersion2(rule) ? "data/" : ""}${withSlash(rule.vault_path)}${name}`;
}

const addressOf = ({ vault_address }: DestinationSource, { env }: Host): string =>
  vault_address || env["VAULT_ADDR"] || DEFAULT_ADDRESS;

function locate(rule: DestinationSource, name: string, host: Host): string {
  return `${addressOf(rule, host).replace(/\/+$/, "")}/v1/${secretPath(rule, name)}`;
}

/** Whether the secret is there already, as it is to be. An answer that does not tell is a warning: the upload decides. */
async function holds(
  url: string,
  json: string,
  rule: DestinationSource,
  token: string | undefined,
  wire: Wire,
): Promise<boolean> {
  const response = await request("GET", url, undefined, token, wire);
  if (response.status === 404) return false;
  if (response.status === 200) {
    const { data } = parseObject(response, "Vault");
    const stored =
      isVersion2(rule) && typeof data === "object" && data !== null && "data" in data
        ? data.data
        : data;
    return isDeepStrictEqual(stored, JSON.parse(json));
  }
  wire.host.warn(`Cannot check if destination secret already exists in ${url}`);
  return false;
}
