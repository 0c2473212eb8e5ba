import type { Host } from "../../io/host.ts";
import { isLoopback } from "../../io/loopback.ts";
import { RemoteFailure, type Wire } from "../remote.ts";

/**
 * Refuses to send the Vault token to a server that the user has not named. Where neither `VAULT_ADDR` nor
 * `SOPS_HC_VAULT_ALLOWLIST` is set, every server is taken, as in sops.
 *
 * @param address from a file: a scheme, a host and perhaps a path
 * @throws {RemoteFailure} for another server, and for an address that is not a plain one
 */
export function checkServer(address: string, wire: Wire): void {
  const { env } = wire.host;
  const server = parseServer(address);
  const { origin, hostname, protocol } = new URL(server);
  const list = env["SOPS_HC_VAULT_ALLOWLIST"] ?? "";
  const named = originOf(env["VAULT_ADDR"]);
  const isAllowed =
    list !== "none" &&
    (list === "all" ||
      (list === "" && named === undefined) ||
      origin === named ||
      isListed(server, list));
  if (!isAllowed)
    throw new RemoteFailure(
      `Allowlist does not allow ${server}`,
      "set VAULT_ADDR to it, or add it to SOPS_HC_VAULT_ALLOWLIST, if you trust that server with your Vault token",
    );
  if (protocol === "http:" && !isLoopback(hostname))
    wire.host.warn(
      `${server}: the Vault token and the data key are sent without encryption; use https`,
    );
}

/** Whether a redirect may be followed with the token: it stays on its server, or leads to one that the user named. */
export function mayFollow(from: string, to: string, { host: { env } }: Wire): boolean {
  const { origin } = new URL(to);
  if (origin === new URL(from).origin || origin === originOf(env["VAULT_ADDR"])) return true;
  const list = env["SOPS_HC_VAULT_ALLOWLIST"] ?? "";
  return list !== "" && list !== "none" && list !== "all" && isListed(to, list);
}

/**
 * A host for work on strangers' files, such as the operator's: where the user has named no server of Vault, none gets the token.
 */
export function withNamedServersOnly(host: Host): Host {
  const names = ["VAULT_ADDR", "VAULT_AGENT_ADDR", "SOPS_HC_VAULT_ALLOWLIST"];
  if (names.some((name) => host.env[name])) return host;
  return { ...host, env: { ...host.env, SOPS_HC_VAULT_ALLOWLIST: "none" } };
}

/** The address as `URL` spells it, without a slash at its end. */
function parseServer(address: string): string {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  const path = address.replace(/^[^/]*\/\/[^/]*/, "").replace(/\/+$/, "");
  if (
    url === undefined ||
    !/^https?:\/\//i.test(address) ||
    /[\s\\?#@]/.test(address) ||
    path
      .split("/")
      .slice(1)
      .some((segment) => /^(?:|\.|%2e){0,2}$/i.test(segment))
  )
    throw new RemoteFailure(
      `${JSON.stringify(address)} is not the address of a Vault server`,
      "write it as https://HOST:PORT",
    );
  return `${url.origin}${url.pathname}`.replace(/\/+$/, "");
}

function originOf(address: string | undefined): string | undefined {
  if (!address || !URL.canParse(address)) return undefined;
  const { origin } = new URL(address);
  return origin === "null" ? undefined : origin;
}

function isListed(server: string, list: string): boolean {
  if (list === "" || list === "none") return false;
  const prefixes = list.split(",").map((prefix, index) => {
    const text = prefix.trim();
    if (text === "")
      throw new RemoteFailure(
        `SOPS_HC_VAULT_ALLOWLIST's entry ${index + 1} is empty`,
        "remove the extra comma",
      );
    const spelled = URL.canParse(text) && originOf(text) !== undefined ? new URL(text).href : text;
    return `${spelled.replace(/\/+$/, "")}/`;
  });
  return prefixes.some((prefix) => `${server}/`.startsWith(prefix));
}
