import { foundFile, namedFile, type HttpResponse, type TlsSettings } from "../../io/host.ts";
import { RemoteFailure, type Wire, wrappedByAnother } from "../remote.ts";
import { mayFollow } from "./servers.ts";

export const CHECK_ADDRESS =
  "check that the key's address is the address of Vault's transit engine";

/** One request, again after a server's error and once more where a standby node names the active one. */
export async function request(
  method: "GET" | "PUT",
  url: string,
  body: string | undefined,
  token: string | undefined,
  wire: Wire,
): Promise<HttpResponse> {
  const { env } = wire.host;
  const headers = {
    ...extraHeaders(env["VAULT_HEADERS"]),
    "content-type": "application/json",
    "x-vault-request": "true",
    ...(token === undefined ? {} : { "x-vault-token": token }),
    ...(env["VAULT_NAMESPACE"] ? { "x-vault-namespace": env["VAULT_NAMESPACE"] } : {}),
  };
  const proxy = env["VAULT_PROXY_ADDR"] || env["VAULT_HTTP_PROXY"];
  const how = {
    method,
    headers,
    body,
    tls: await tlsSettings(wire),
    proxy: proxy ? { url: proxy } : undefined,
  };
  const limit = parseDuration(env["VAULT_CLIENT_TIMEOUT"]);
  const retries = /^\d+$/.test(env["VAULT_MAX_RETRIES"] ?? "")
    ? Number(env["VAULT_MAX_RETRIES"])
    : 2;
  let target = url;
  let isRedirected = Boolean(env["VAULT_DISABLE_REDIRECTS"]);
  for (let attempt = 0; ; attempt++) {
    const response = await wire.send({ ...how, url: target }, limit);
    const location = response.headers["location"];
    if ([301, 302, 307, 308].includes(response.status) && location && !isRedirected) {
      const next = new URL(location, target);
      if (next.protocol === "http:" && target.startsWith("https:"))
        throw new RemoteFailure("Vault redirects to plain HTTP", CHECK_ADDRESS);
      // The body is as secret as the token.
      if (!mayFollow(target, next.href, wire))
        throw new RemoteFailure(
          `Vault redirects to ${next.origin}, another server, which does not get your token`,
          "add it to SOPS_HC_VAULT_ALLOWLIST if you trust it",
        );
      target = next.href;
      isRedirected = true;
    } else if ((response.status < 500 && response.status !== 412) || attempt >= retries) {
      return response;
    } else {
      await new Promise((resolve) => setTimeout(resolve, Math.min(200 * 2 ** attempt, 1000)));
    }
  }
}

/** `VAULT_TOKEN`, else what `vault login` left behind. An agent may add one by itself, so none is no error yet. */
export async function findToken({ host }: Wire): Promise<string | undefined> {
  const { env } = host;
  if (env["VAULT_TOKEN"]) return env["VAULT_TOKEN"].trim();
  const home = env["HOME"] ?? env["USERPROFILE"];
  if (!home) return undefined;
  try {
    const text = Buffer.from(await host.readFile(`${home}/.vault-token`, foundFile))
      .toString("utf8")
      .trim();
    return text === "" ? undefined : text;
  } catch {
    return undefined;
  }
}

async function tlsSettings({ host }: Wire): Promise<TlsSettings | undefined> {
  const { env } = host;
  const read = async (name: string): Promise<Uint8Array | undefined> => {
    const path = env[name];
    if (!path) return undefined;
    try {
      return await host.readFile(path, namedFile);
    } catch {
      throw new RemoteFailure(`the file that ${name} names cannot be read`, `correct ${name}`);
    }
  };
  const file = await read("VAULT_CACERT");
  const bytes = env["VAULT_CACERT_BYTES"];
  const ca = bytes ? [bytes] : file === undefined ? await readFolder(env["VAULT_CAPATH"]) : [file];
  const settings = {
    ca,
    cert: await read("VAULT_CLIENT_CERT"),
    key: await read("VAULT_CLIENT_KEY"),
    serverName: env["VAULT_TLS_SERVER_NAME"] || undefined,
    isUnverified: isTrue(env["VAULT_SKIP_VERIFY"]),
  };
  return Object.values(settings).some((value) => value !== undefined && value !== false)
    ? settings
    : undefined;
}

/** The certificates in a folder, or in one file; undefined where the setting is not there. */
async function readFolder(path: string | undefined): Promise<Uint8Array[] | undefined> {
  if (!path) return undefined;
  const { readdir, readFile, stat } = await import("node:fs/promises");
  const { join } = await import("node:path");
  try {
    if (!(await stat(path)).isDirectory()) return [await readFile(path)];
    const names = await readdir(path);
    return await Promise.all(names.map((name) => readFile(join(path, name))));
  } catch {
    throw new RemoteFailure(
      "the directory that VAULT_CAPATH names cannot be read",
      "correct VAULT_CAPATH",
    );
  }
}

const isTrue = (value: string | undefined): boolean =>
  ["1", "t", "T", "TRUE", "true", "True"].includes(value ?? "");

/** @returns milliseconds, from seconds or a text such as `1m30s`; undefined for anything else */
function parseDuration(value: string | undefined): number | undefined {
  if (!value) return undefined;
  if (/^\d+$/.test(value)) return Number(value) * 1000;
  const units: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
  if (!/^(?:\d+(?:\.\d+)?(?:ms|s|m|h))+$/.test(value)) return undefined;
  return [...value.matchAll(/([\d.]+)(ms|s|m|h)/g)].reduce(
    (sum, [, amount, unit]) => sum + Number(amount) * (units[unit ?? ""] ?? 0),
    0,
  );
}

function extraHeaders(json: string | undefined): Record<string, string> {
  if (!json) return {};
  try {
    const headers: unknown = JSON.parse(json);
    if (typeof headers === "object" && headers !== null)
      return Object.fromEntries(
        Object.entries(headers).map(([name, value]) => [name.toLowerCase(), String(value)]),
      );
  } catch {
    // Told below.
  }
  throw new RemoteFailure("VAULT_HEADERS is not a JSON object", "correct VAULT_HEADERS");
}

export function refusal(
  { status, body }: HttpResponse,
  token: string | undefined,
  path: string,
): RemoteFailure {
  const errors = listErrors(body);
  const said = `Vault answered ${status}${errors === "" ? "" : `: ${errors}`}`;
  if (token === undefined && [400, 401, 403].includes(status))
    return new RemoteFailure(
      `no Vault token was found (${said})`,
      "log in with vault login, or set VAULT_TOKEN",
      "missing",
    );
  if (status === 403)
    return new RemoteFailure(
      said,
      `renew the token with vault login if it has expired, or let its policy update ${path}`,
    );
  if (status === 404) return new RemoteFailure(said, CHECK_ADDRESS);
  if (/not found/i.test(errors))
    return new RemoteFailure(said, "create the key in Vault, or correct its name");
  if (/disallowed by policy|too old/i.test(errors))
    return new RemoteFailure(said, "lower the key's min_decryption_version in Vault");
  if (/message authentication failed|invalid ciphertext|could not decode/i.test(errors))
    return wrappedByAnother(said);
  if (status === 503 || /sealed/i.test(errors))
    return new RemoteFailure(said, "unseal Vault, or wait until it is ready");
  return new RemoteFailure(said, "check Vault's log");
}

function listErrors(body: Uint8Array): string {
  try {
    const { errors } = JSON.parse(Buffer.from(body).toString("utf8")) as { errors?: unknown };
    if (Array.isArray(errors)) return errors.map(String).join(", ");
  } catch {
    // A proxy's page is nothing to show.
  }
  return "";
}
