import type { HttpResponse, TlsSettings } from "../io/host.ts";
import type { Mapping } from "../tree/node.ts";
import { readText } from "../tree/read.ts";
import { keyCodec, text } from "./key-codec.ts";
import { KeySyntaxError, type KeyProvider } from "./provider.ts";
import { parseObject, RemoteFailure, remoteKeys, textAt, type Wire } from "./remote.ts";

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
  ...remoteKeys({
    failed: (verb, { fields }) =>
      `failed to ${verb} sops data key ${verb === "encrypt" ? "to" : "from"} Vault transit backend '${pathOf(fields, verb)}': `,
    async wrap(fields, part, wire) {
      const plaintext = Buffer.from(part).toString("base64");
      const ciphertext = textAt(await write(fields, "encrypt", { plaintext }, wire), "ciphertext");
      if (!ciphertext) throw new RemoteFailure("no encrypted data", checkAddress);
      return ciphertext;
    },
    async unwrap(fields, enc, wire) {
      const plaintext = textAt(
        await write(fields, "decrypt", { ciphertext: enc }, wire),
        "plaintext",
      );
      if (!plaintext) throw new RemoteFailure("no decrypted data", checkAddress);
      return new Uint8Array(Buffer.from(plaintext, "base64"));
    },
  }),
};

const vaultExample = "https://vault.example.com:8200/v1/transit/keys/keyName";
const checkAddress = "check that the key's address is that of Vault's transit engine";

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

const pathOf = (fields: Mapping, verb: string): string =>
  `${readText(fields, "engine_path")}/${verb}/${readText(fields, "key_name")}`;

/** @returns the `data` of the answer */
async function write(
  fields: Mapping,
  verb: "encrypt" | "decrypt",
  body: Record<string, string>,
  wire: Wire,
): Promise<unknown> {
  const { env } = wire.host;
  const address = readText(fields, "vault_address");
  checkAllowlist(address, env["SOPS_HC_VAULT_ALLOWLIST"] ?? "");
  if (readText(fields, "engine_path") === "")
    throw new RemoteFailure("transit backend is empty", checkAddress);
  const token = await findToken(wire);
  wire.hide(token);
  const base = (env["VAULT_AGENT_ADDR"] || address).replace(/\/+$/, "");
  const path = pathOf(fields, verb).split("/").map(encodeURIComponent).join("/");
  const response = await request("PUT", `${base}/v1/${path}`, JSON.stringify(body), token, wire);
  if (response.status >= 200 && response.status < 300)
    return parseObject(response, "Vault")["data"];
  throw refusal(response, token, pathOf(fields, verb));
}

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
        throw new RemoteFailure("Vault redirects to plain HTTP", checkAddress);
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
    const text = Buffer.from(await host.readFile(`${home}/.vault-token`))
      .toString("utf8")
      .trim();
    return text === "" ? undefined : text;
  } catch {
    return undefined;
  }
}

/** @throws {RemoteFailure} for an address that `SOPS_HC_VAULT_ALLOWLIST` does not name */
function checkAllowlist(address: string, allowlist: string): void {
  if (allowlist === "" || allowlist === "all") return;
  const remedy = `add the address to SOPS_HC_VAULT_ALLOWLIST, or unset it, if you trust that server with your token`;
  const refused = new RemoteFailure(`Allowlist does not allow ${address}`, remedy);
  if (allowlist === "none") throw refused;
  const prefixes = allowlist.split(",").map((prefix, index) => {
    if (prefix.trim() === "")
      throw new RemoteFailure(
        `SOPS_HC_VAULT_ALLOWLIST's entry ${index + 1} is empty`,
        "take the extra comma out",
      );
    return `${prefix.trim().replace(/\/$/, "")}/`;
  });
  if (!prefixes.some((prefix) => `${address}/`.startsWith(prefix))) throw refused;
}

async function tlsSettings({ host }: Wire): Promise<TlsSettings | undefined> {
  const { env } = host;
  const read = async (name: string): Promise<Uint8Array | undefined> => {
    const path = env[name];
    if (!path) return undefined;
    try {
      return await host.readFile(path);
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
    throw new RemoteFailure("what VAULT_CAPATH names cannot be read", "correct VAULT_CAPATH");
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
  throw new RemoteFailure("VAULT_HEADERS is no JSON object", "correct VAULT_HEADERS");
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
  if (status === 404) return new RemoteFailure(said, checkAddress);
  if (/not found/i.test(errors))
    return new RemoteFailure(said, "create the key in Vault, or correct its name");
  if (/disallowed by policy|too old/i.test(errors))
    return new RemoteFailure(said, "lower the key's min_decryption_version in Vault");
  if (/message authentication failed|invalid ciphertext|could not decode/i.test(errors))
    return new RemoteFailure(
      said,
      "restore the `sops` block from version control: the data key was not wrapped with this key",
      "damaged",
    );
  if (status === 503 || /sealed/i.test(errors))
    return new RemoteFailure(said, "unseal Vault, or wait until it is ready");
  return new RemoteFailure(said, "look into Vault's log");
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
