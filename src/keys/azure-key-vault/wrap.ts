import type { KeyProvider } from "../provider.ts";
import type { HttpClient } from "@azure/core-rest-pipeline";
import type * as Identity from "@azure/identity";
import type { Host, HttpResponse } from "../../io/host.ts";
import { absent } from "../../io/optional-package.ts";
import { withAbsolutePath } from "../../io/program-path.ts";
import { entry, map, type Mapping } from "../../tree/node.ts";
import { readText } from "../../tree/typed-fields.ts";
import { textLeaf } from "../../tree/text.ts";
import {
  answered,
  onWire,
  parseObject,
  RemoteFailure,
  remoteKeys,
  textAt,
  tokenInTime,
  wrappedByAnother,
  type Wire,
} from "../remote.ts";
import { urlPath } from "../url-path.ts";

const calls: Pick<KeyProvider, "wrap" | "unwrap"> = remoteKeys({
  failed: (verb, { id }) => `failed to ${verb} sops data key with Azure Key Vault key '${id}': `,
  wrap: (fields, part, wire) =>
    operate(fields, "encrypt", Buffer.from(part).toString("base64url"), wire),
  async unwrap(fields, enc, wire) {
    if (!/^[\w-]+={0,2}$/.test(enc))
      throw new RemoteFailure(
        "failed to base64 decode Azure Key Vault encrypted key",
        "restore the `sops` block from version control",
        "damaged",
      );
    const value = await operate(fields, "decrypt", enc.replace(/=+$/, ""), wire);
    return new Uint8Array(Buffer.from(value, "base64url"));
  },
});
export const wrap: KeyProvider["wrap"] = calls.wrap;
export const unwrap: KeyProvider["unwrap"] = calls.unwrap;

/**
 * The key with the version that is the newest now.
 *
 * @throws {SopsmithError} exit 1
 */
export async function withNewestVersion(fields: Mapping, host: Host): Promise<Mapping> {
  const version = await onWire(
    host,
    `failed to fetch Azure Key to retrieve key version: ${shownUrl(fields)}: `,
    (wire) => newestVersion(fields, wire),
  );
  const kept = fields.items.filter((item) => item.kind !== "entry" || item.key !== "version");
  return map([...kept, entry("version", textLeaf(version))]);
}

const API_VERSION = "api-version=2025-07-01";

/** For messages. */
const shownUrl = (fields: Mapping): string =>
  `${readText(fields, "vault_url").replace(/\/+$/, "")}/keys/${readText(fields, "name")}`;

/** @throws {RemoteFailure} for a URL or a name that would lead elsewhere */
function keyUrl(fields: Mapping): string {
  const vault = readText(fields, "vault_url").replace(/\/+$/, "");
  // Nothing but a host: what follows it would lead to other parts of the vault.
  if (!/^https:\/\/[\w.-]+(?::\d+)?$/.test(vault))
    throw new RemoteFailure(
      "the vault's URL is not valid",
      "write it as https://NAME.vault.azure.net",
    );
  return `${vault}/keys/${urlPath(readText(fields, "name"), "name of the key")}`;
}

async function newestVersion(fields: Mapping, wire: Wire): Promise<string> {
  const answer = await request("GET", `${keyUrl(fields)}/?${API_VERSION}`, undefined, wire);
  const version = textAt(answer, "key", "kid")?.split("/").at(-1);
  if (!version) throw noResult();
  return version;
}

/** @param value base64url without padding, as is the result */
async function operate(
  fields: Mapping,
  verb: "encrypt" | "decrypt",
  value: string,
  wire: Wire,
): Promise<string> {
  wire.hide(value);
  const text = readText(fields, "version");
  const version = text === "" ? "" : urlPath(text, "version of the key");
  const url = `${keyUrl(fields)}/${version}/${verb}?${API_VERSION}`;
  const body = JSON.stringify({ alg: "RSA-OAEP-256", value });
  const result = textAt(await request("POST", url, body, wire), "value");
  if (!result) throw noResult();
  return result;
}

const noResult = () =>
  new RemoteFailure("the vault answered without a result", "check the vault's URL");

/** Asks without a token first: the refusal names the tenant and for what the token must be (spec keys section 7). */
async function request(
  method: "GET" | "POST",
  url: string,
  body: string | undefined,
  wire: Wire,
): Promise<Record<string, unknown>> {
  const accessToken = await loadCredentials(wire);
  const empty = method === "POST" ? { body: "" } : {};
  const first = await wire.send({ method, url, ...empty });
  const challenge = first.status === 401 ? first.headers["www-authenticate"] : undefined;
  const token = await accessToken(parseChallenge(challenge, url));
  const response = await wire.send({
    method,
    url,
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body,
  });
  if (response.status === 200) return parseObject(response, "the vault");
  throw refusal(response);
}

interface Challenge {
  scope: string;
  tenant: string | undefined;
}

/** @throws {RemoteFailure} when the token would be for another domain than the vault's: it could be misused there */
function parseChallenge(header: string | undefined, url: string): Challenge {
  const { hostname } = new URL(url);
  const named = (name: string) => new RegExp(`\\b${name}="?([^",\\s]+)`).exec(header ?? "")?.[1];
  const resource = named("resource") ?? named("scope")?.replace(/\/\.default$/, "");
  const scope = resource ?? `https://${hostname.split(".").slice(1).join(".")}`;
  const domain = URL.canParse(scope) ? new URL(scope).hostname : "";
  if (domain === "" || !hostname.endsWith(`.${domain}`))
    throw new RemoteFailure(
      `challenge resource "${scope}" doesn't match the requested domain`,
      "check the vault's URL: no token is sent to a server in another domain",
    );
  const authority = named("authorization") ?? named("authorization_uri");
  const tenant =
    authority !== undefined && URL.canParse(authority)
      ? new URL(authority).pathname.split("/")[1]
      : undefined;
  return { scope: `${scope.replace(/\/$/, "")}/.default`, tenant: tenant || undefined };
}

/**
 * What gets a token from the first source of credentials that has one.
 *
 * @throws {MissingPackage}
 */
async function loadCredentials(wire: Wire): Promise<(challenge: Challenge) => Promise<string>> {
  const [sdk, httpClient] = await Promise.all([
    import("@azure/identity").catch(absent("@azure/identity")),
    wireClient(wire),
  ]);
  return (challenge) => accessToken(challenge, sdk, httpClient, wire);
}

async function accessToken(
  { scope, tenant }: Challenge,
  { DefaultAzureCredential }: typeof Identity,
  httpClient: HttpClient,
  wire: Wire,
): Promise<string> {
  try {
    const credential = new DefaultAzureCredential({ httpClient, retryOptions: { maxRetries: 0 } });
    const tenantId = tenant === undefined ? {} : { tenantId: tenant };
    const found = await tokenInTime(wire, (abortSignal) =>
      withAbsolutePath(() => credential.getToken(scope, { abortSignal, ...tenantId })),
    );
    wire.hide(found.token);
    return found.token;
  } catch (error) {
    throw credentialsFailure(error);
  }
}

/** The transport of Microsoft's library: the host's own, with its proxy, certificates and time limits. */
async function wireClient(wire: Wire): Promise<HttpClient> {
  const { createHttpHeaders } = await import("@azure/core-rest-pipeline").catch(
    absent("@azure/core-rest-pipeline"),
  );
  return {
    async sendRequest(request) {
      const { method, url, body, timeout } = request;
      const {
        status,
        headers,
        body: answer,
      } = await wire.send(
        {
          method,
          url,
          headers: request.headers.toJSON(),
          body: typeof body === "string" ? body : undefined,
        },
        timeout > 0 ? timeout : undefined,
      );
      return {
        request,
        status,
        headers: createHttpHeaders({ ...headers }),
        bodyAsText: Buffer.from(answer).toString("utf8"),
      };
    },
  };
}

function credentialsFailure(error: unknown): unknown {
  if (error instanceof RemoteFailure || !(error instanceof Error)) return error;
  const all = "errors" in error && Array.isArray(error.errors) ? (error.errors as unknown[]) : [];
  // The command line tools' own refusals come under another name.
  const real = [...all, error].find(
    (one): one is Error =>
      one instanceof Error && (one.name === "AuthenticationError" || /AADSTS\d+/.test(one.message)),
  );
  if (real !== undefined) {
    const said = /AADSTS\d+:[^\r\n]*/.exec(real.message)?.[0] ?? real.message.split("\n")[0] ?? "";
    return new RemoteFailure(
      `Microsoft Entra ID refused the credentials: ${said}`,
      /AADSTS(?:7000222|700082|70043|50173)|expired/.test(said)
        ? "they have expired: log in again with az login, or make a new client secret"
        : "check AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, or log in with az login",
    );
  }
  return new RemoteFailure(
    error.name === "AggregateAuthenticationError" || error.name === "CredentialUnavailableError"
      ? "no Azure credentials were found"
      : `no Azure credentials could be used: ${error.message}`,
    "log in with az login, or set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET",
    "missing",
  );
}

function refusal(response: HttpResponse): RemoteFailure {
  let error: unknown;
  try {
    error = parseObject(response, "the vault")["error"];
  } catch {
    error = undefined;
  }
  const code = textAt(error, "innererror", "code") ?? textAt(error, "code") ?? "";
  const message = textAt(error, "message") ?? "";
  const said = answered("the vault", response, code, message);
  if (response.status === 401)
    return new RemoteFailure(said, "renew the credentials: log in again with az login");
  if (code === "KeyDisabled" || /disabled/i.test(message))
    return new RemoteFailure(said, "enable the key: az keyvault key set-attributes --enabled true");
  if (response.status === 403)
    return new RemoteFailure(
      said,
      "give these credentials the role Key Vault Crypto User on the vault, or the permissions get, encrypt and decrypt",
    );
  if (response.status === 404)
    return new RemoteFailure(said, "check the key's name and version, and whether it was deleted");
  if (response.status === 400) return wrappedByAnother(said);
  if (response.status === 429 || response.status >= 500)
    return new RemoteFailure(said, "try again later");
  return new RemoteFailure(said, "see what Microsoft says about this error");
}
