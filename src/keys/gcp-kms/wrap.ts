import type { KeyProvider } from "../provider.ts";
import type { JWTInput } from "google-auth-library";
import { namedFile, type HttpResponse } from "../../io/host.ts";
import { absent } from "../../io/optional-package.ts";
import { withAbsolutePath } from "../../io/program-path.ts";
import type { Mapping } from "../../tree/node.ts";
import { readText } from "../../tree/typed-fields.ts";
import {
  answered,
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
  failed: (verb) => `failed to ${verb} sops data key with GCP KMS key: `,
  async wrap(fields, part, wire) {
    const plaintext = Buffer.from(part).toString("base64");
    const ciphertext = textAt(await call(fields, "encrypt", { plaintext }, wire), "ciphertext");
    if (!ciphertext) throw noResult();
    return ciphertext;
  },
  async unwrap(fields, enc, wire) {
    const plaintext = textAt(await call(fields, "decrypt", { ciphertext: enc }, wire), "plaintext");
    if (!plaintext) throw noResult();
    return new Uint8Array(Buffer.from(plaintext, "base64"));
  },
});
export const wrap: KeyProvider["wrap"] = calls.wrap;
export const unwrap: KeyProvider["unwrap"] = calls.unwrap;

const ID_PATTERN = /^projects\/[^/]+\/locations\/[^/]+\/keyRings\/[^/]+\/cryptoKeys\/[^/]+$/;
const SCOPE = "https://www.googleapis.com/auth/cloud-platform";
const GOOGLE_UNIVERSE = "googleapis.com";

const noResult = () =>
  new RemoteFailure("GCP KMS answered without a result", "check SOPS_GCP_KMS_ENDPOINT");

async function call(
  fields: Mapping,
  verb: "encrypt" | "decrypt",
  body: Record<string, string>,
  wire: Wire,
): Promise<unknown> {
  const id = readText(fields, "resource_id");
  if (!ID_PATTERN.test(id))
    throw new RemoteFailure(
      `no valid resource ID found in "${id}"`,
      "correct it: projects/P/locations/L/keyRings/R/cryptoKeys/K, without a version",
    );
  const path = urlPath(id, "resource ID");
  const { headers, universe } = await authorize(wire);
  const { env } = wire.host;
  const wanted = env["SOPS_GCP_KMS_UNIVERSE_DOMAIN"] || GOOGLE_UNIVERSE;
  const endpoint = env["SOPS_GCP_KMS_ENDPOINT"];
  if (!endpoint && universe !== wanted)
    throw new RemoteFailure(
      `the credentials belong to the universe ${universe}, not to ${wanted}`,
      "use credentials of that universe, or correct SOPS_GCP_KMS_UNIVERSE_DOMAIN",
    );
  const base = endpoint
    ? (/^https?:\/\//.test(endpoint) ? endpoint : `https://${endpoint}`).replace(/\/+$/, "")
    : `https://cloudkms.${wanted}`;
  const response = await wire.send({
    method: "POST",
    url: `${base}/v1/${path}:${verb}`,
    headers: {
      ...headers,
      "content-type": "application/json",
      "x-goog-request-params": `name=${encodeURIComponent(id)}`,
    },
    body: JSON.stringify({ name: id, ...body }),
  });
  if (response.status === 200) return parseObject(response, "GCP KMS");
  throw refusal(response, verb);
}

interface Authorization {
  headers: Record<string, string>;
  universe: string;
}

/** The first source that is there, in the order of sops. */
async function authorize(wire: Wire): Promise<Authorization> {
  const { env } = wire.host;
  const given = env["GOOGLE_CREDENTIALS"];
  if (given) return fromJson((await readIfThere(given, wire)) ?? given, "GOOGLE_CREDENTIALS", wire);
  const token = env["GOOGLE_OAUTH_ACCESS_TOKEN"];
  if (token) return { headers: { authorization: `Bearer ${token}` }, universe: GOOGLE_UNIVERSE };
  const named = env["GOOGLE_APPLICATION_CREDENTIALS"];
  if (named) {
    const content = await readIfThere(named, wire);
    if (content !== undefined) return fromJson(content, named, wire);
    throw new RemoteFailure(
      `the file ${named}, which GOOGLE_APPLICATION_CREDENTIALS names, cannot be read`,
      "correct the path",
    );
  }
  const path = defaultFile(wire);
  const content = path === undefined ? undefined : await readIfThere(path, wire);
  if (path !== undefined && content !== undefined) return fromJson(content, path, wire);
  return fromMetadataServer(wire);
}

/** Where `gcloud auth application-default login` writes. */
function defaultFile({ host }: Wire): string | undefined {
  const { env, platform } = host;
  const name = "gcloud/application_default_credentials.json";
  if (platform === "win32") return env["APPDATA"] && `${env["APPDATA"]}/${name}`;
  return env["HOME"] && `${env["HOME"]}/.config/${name}`;
}

async function readIfThere(path: string, { host }: Wire): Promise<string | undefined> {
  try {
    return Buffer.from(await host.readFile(path, namedFile)).toString("utf8");
  } catch {
    return undefined;
  }
}

/** A service account, a user's login, an external account or an impersonated service account. */
async function fromJson(content: string, from: string, wire: Wire): Promise<Authorization> {
  const json = parseCredentials(content, from);
  for (const name of ["private_key", "client_secret", "refresh_token"]) {
    wire.hide(textAt(json, name));
    wire.hide(textAt(json, "source_credentials", name));
  }
  const { GoogleAuth, Impersonated, JWT } = await import("google-auth-library").catch(
    absent("google-auth-library"),
  );
  const load = (from: JWTInput) => {
    const tokenUrl = textAt(from, "token_uri");
    const transporterOptions = {
      fetchImplementation: (url: string | URL | Request, init?: RequestInit) =>
        fetchOn(wire, url, init, tokenUrl),
      retryConfig: { retry: 1, noResponseRetries: 0 },
    };
    const client = new GoogleAuth({ scopes: [SCOPE] }).fromJSON(from, { transporterOptions });
    if (client instanceof JWT && tokenUrl !== undefined)
      client.additionalClaims = { aud: tokenUrl };
    return client;
  };
  try {
    const target = impersonated(json);
    // The library's own way from such a file gives the source's client no transport.
    const client =
      target === undefined
        ? load(json)
        : new Impersonated({
            sourceClient: load(target.source),
            targetPrincipal: target.principal,
            targetScopes: [SCOPE],
            delegates: target.delegates,
          });
    const headers = Object.fromEntries(
      await tokenInTime(wire, () => withAbsolutePath(() => client.getRequestHeaders())),
    );
    wire.hide(headers["authorization"]?.replace(/^Bearer /, ""));
    return { headers, universe: textAt(json, "universe_domain") ?? GOOGLE_UNIVERSE };
  } catch (error) {
    throw credentialsFailure(error, from);
  }
}

/** Whom the credentials act for, when that is a service account that they only borrow. */
function impersonated(json: JWTInput) {
  if (textAt(json, "type") !== "impersonated_service_account") return undefined;
  const url = textAt(json, "service_account_impersonation_url") ?? "";
  const principal = /([^/]+):generateAccessToken$/.exec(url)?.[1];
  const fields: Record<string, unknown> = { ...json };
  const source = fields["source_credentials"];
  if (principal === undefined || typeof source !== "object" || source === null)
    throw new RemoteFailure(
      "the credentials of an impersonated service account are incomplete",
      "run gcloud auth application-default login --impersonate-service-account again",
    );
  const { delegates } = fields;
  return { principal, source, delegates: Array.isArray(delegates) ? delegates.map(String) : [] };
}

function parseCredentials(content: string, from: string): JWTInput {
  try {
    const json: unknown = JSON.parse(content);
    if (typeof json === "object" && json !== null) return json;
  } catch {
    // The text may be a key, so no message quotes it.
  }
  throw new RemoteFailure(
    `${from} contains neither JSON credentials nor the path of a file with them`,
    "download the key of the service account again, or run gcloud auth application-default login",
  );
}

/** Google's own address for tokens is fixed in its library; credentials may name another. */
const GOOGLE_TOKEN_URL = "https://oauth2.googleapis.com/token";

async function fetchOn(
  wire: Wire,
  input: string | URL | Request,
  init: RequestInit | undefined,
  tokenUrl: string | undefined,
): Promise<Response> {
  const request = new Request(input, init);
  const url = request.url === GOOGLE_TOKEN_URL && tokenUrl !== undefined ? tokenUrl : request.url;
  const { status, headers, body } = await wire.send({
    method: request.method,
    url,
    headers: Object.fromEntries(request.headers),
    body: request.body === null ? undefined : await request.text(),
  });
  return new Response(status === 204 ? null : Buffer.from(body), {
    status,
    headers: { ...headers },
  });
}

function credentialsFailure(error: unknown, from: string): unknown {
  const inner =
    error instanceof Error && error.cause instanceof RemoteFailure ? error.cause : error;
  if (inner instanceof RemoteFailure || !(inner instanceof Error)) return inner;
  const expired = /invalid_grant|reauth|expired|revoked/i.test(inner.message);
  return new RemoteFailure(
    `the credentials in ${from} were refused: ${inner.message}`,
    expired
      ? "log in again with gcloud auth application-default login, or make a new key for the service account"
      : "check the credentials",
  );
}

/** The service account of the machine that this runs on. */
async function fromMetadataServer(wire: Wire): Promise<Authorization> {
  const host = wire.host.env["GCE_METADATA_HOST"] || "169.254.169.254";
  const base = `http://${host}/computeMetadata/v1`;
  const ask = (path: string) =>
    wire.send(
      {
        method: "GET",
        url: `${base}/${path}`,
        headers: { "metadata-flavor": "Google" },
        proxy: "none",
      },
      METADATA_LIMIT,
    );
  let response: HttpResponse;
  try {
    response = await ask("instance/service-accounts/default/token");
  } catch (error) {
    if (error instanceof RemoteFailure) throw noCredentials();
    throw error;
  }
  if (response.headers["metadata-flavor"] !== "Google") throw noCredentials();
  const token =
    response.status === 200
      ? textAt(parseObject(response, "the metadata server"), "access_token")
      : undefined;
  if (token === undefined)
    throw new RemoteFailure(
      `the metadata server gives this machine no token (status ${response.status})`,
      "give the machine a service account with the scope cloud-platform",
      "missing",
    );
  wire.hide(token);
  const universe = await ask("universe/universe-domain");
  return {
    headers: { authorization: `Bearer ${token}` },
    universe:
      (universe.status === 200 && Buffer.from(universe.body).toString("utf8").trim()) ||
      GOOGLE_UNIVERSE,
  };
}

/** Milliseconds; the metadata server answers at once, or is not there. */
const METADATA_LIMIT = 1000;

const noCredentials = () =>
  new RemoteFailure(
    "could not find default credentials",
    "run gcloud auth application-default login, or set GOOGLE_APPLICATION_CREDENTIALS or GOOGLE_OAUTH_ACCESS_TOKEN",
    "missing",
  );

function refusal(response: HttpResponse, verb: "encrypt" | "decrypt"): RemoteFailure {
  let error: unknown;
  try {
    error = parseObject(response, "GCP KMS")["error"];
  } catch {
    error = undefined;
  }
  const status = textAt(error, "status") ?? "";
  const message = textAt(error, "message") ?? "";
  const said = answered("GCP KMS", response, status, message);
  if (response.status === 401)
    return new RemoteFailure(
      said,
      "get a new token (gcloud auth application-default login, or a new GOOGLE_OAUTH_ACCESS_TOKEN)",
    );
  if (response.status === 403)
    return new RemoteFailure(
      said,
      `grant the role roles/cloudkms.crypto${verb === "encrypt" ? "KeyEncrypter" : "KeyDecrypter"} on the key to these credentials`,
    );
  if (response.status === 404) return new RemoteFailure(said, "check the resource ID");
  if (/disabled|destroy|not enabled/i.test(message))
    return new RemoteFailure(said, "enable the key's version: gcloud kms keys versions enable");
  if (response.status === 400 && verb === "decrypt") return wrappedByAnother(said);
  if (response.status === 429 || response.status >= 500)
    return new RemoteFailure(said, "try again later");
  return new RemoteFailure(said, "see what Google says about this error");
}
