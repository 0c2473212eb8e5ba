import { constants, generateKeyPairSync, privateDecrypt, publicEncrypt } from "node:crypto";
import { chmodSync, rmSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Both, withoutWaiting } from "./both.ts";
import { interceptHosts, type Intercept } from "./intercept.ts";
import { startStub, type Stub, type StubAnswer, type StubRequest } from "./stub.ts";

// A stub of Key Vault and of Microsoft's login, for sopsmith and for real sops: the one emulator is in no registry that
// has its server. Both programs reach it as the real hosts, through a proxy.

const vault = "https://myvault.vault.azure.net";
const tenant = "11111111-2222-3333-4444-555555555555";
const token = "a-token-for-tests";
const pair = generateKeyPairSync("rsa", { modulusLength: 2048 });
const oaep = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: "sha256" };

const refuse = (status: number, code: string, message: string, inner?: string): StubAnswer => ({
  status,
  body: {
    error: { code, message, ...(inner === undefined ? {} : { innererror: { code: inner } }) },
  },
});

function answer(request: StubRequest): StubAnswer | "hang" {
  const host = (request.headers["host"] ?? "").replace(/:443$/, "");
  return host === "login.microsoftonline.com" ? login(request) : keyVault(request, host);
}

/** Microsoft Entra ID: what its clients look up first, and the grant for a client's secret. */
function login({ path, body }: StubRequest): StubAnswer {
  const base = `https://login.microsoftonline.com/${tenant}`;
  if (path === "/common/discovery/instance")
    return {
      body: {
        tenant_discovery_endpoint: `${base}/v2.0/.well-known/openid-configuration`,
        metadata: [
          {
            preferred_network: "login.microsoftonline.com",
            preferred_cache: "login.windows.net",
            aliases: ["login.microsoftonline.com", "login.windows.net"],
          },
        ],
      },
    };
  if (path.endsWith("/.well-known/openid-configuration"))
    return {
      body: {
        token_endpoint: `${base}/oauth2/v2.0/token`,
        authorization_endpoint: `${base}/oauth2/v2.0/authorize`,
        issuer: `${base}/v2.0`,
        jwks_uri: `${base}/discovery/v2.0/keys`,
      },
    };
  const form = new URLSearchParams(body);
  const isRight =
    path === `/${tenant}/oauth2/v2.0/token` &&
    form.get("client_id") === "client" &&
    form.get("scope")?.startsWith("https://vault.azure.net/.default") === true;
  if (isRight && form.get("client_secret") === "a-client-secret") return grant;
  if (isRight && form.get("client_assertion") === "a.federated.token") return grant;
  return {
    status: 401,
    body: {
      error: "invalid_client",
      error_description: `AADSTS7000215: Invalid client secret provided: ${form.get("client_secret")}. Trace ID: 1\r\nTimestamp: now`,
    },
  };
}

const grant: StubAnswer = {
  body: { token_type: "Bearer", expires_in: 3600, ext_expires_in: 3600, access_token: token },
};

function keyVault(
  { method, path, query, headers, body }: StubRequest,
  host: string,
): StubAnswer | "hang" {
  const resource = host.startsWith("evil")
    ? "https://vault.example.org"
    : "https://vault.azure.net";
  const challenge = {
    "www-authenticate": `Bearer authorization="https://login.microsoftonline.com/${tenant}", resource="${resource}"`,
  };
  if (headers["authorization"] === undefined)
    return body === ""
      ? {
          ...refuse(401, "Unauthorized", "AKV10000: Request is missing a Bearer token"),
          headers: challenge,
        }
      : refuse(400, "BadParameter", "the first request has a body");
  if (headers["authorization"] !== `Bearer ${token}`)
    return refuse(401, "Unauthorized", `AKV10032: Invalid issuer of ${headers["authorization"]}`);
  if (!query.has("api-version")) return refuse(400, "BadParameter", "api-version is missing");
  const [, name = "", version = "", verb] =
    /^\/keys\/([^/]+)\/?([^/]*)\/?([^/]*)$/.exec(path) ?? [];
  if (name === "closed")
    return refuse(
      403,
      "Forbidden",
      "Caller is not authorized to perform action on resource.",
      "ForbiddenByRbac",
    );
  if (name === "disabled")
    return refuse(
      403,
      "Forbidden",
      "Operation encrypt is not allowed on a disabled key.",
      "KeyDisabled",
    );
  if (name !== "k")
    return refuse(
      404,
      "KeyNotFound",
      `A key with (name/id) ${name} was not found in this key vault.`,
    );
  if (method === "GET")
    return {
      body: {
        key: { kid: `${vault}/keys/k/0123456789abcdef`, kty: "RSA", key_ops: ["encrypt"] },
        attributes: { enabled: true },
      },
    };
  const { alg, value } = JSON.parse(body) as { alg: string; value: string };
  if (alg !== "RSA-OAEP-256" || version !== "0123456789abcdef")
    return refuse(400, "BadParameter", "wrong algorithm or version");
  const input = Buffer.from(value, "base64url");
  const kid = `${vault}/keys/k/${version}`;
  if (verb === "encrypt")
    return {
      body: {
        kid,
        value: publicEncrypt({ ...oaep, key: pair.publicKey }, input).toString("base64url"),
      },
    };
  try {
    return {
      body: {
        kid,
        value: privateDecrypt({ ...oaep, key: pair.privateKey }, input).toString("base64url"),
      },
    };
  } catch {
    return refuse(400, "BadParameter", "The parameter is incorrect.");
  }
}

let azure: Intercept;
/** A stub of the endpoint that App Service gives to a program for the token of its identity. */
let identity: Stub;
let both: Both;

const secret = {
  AZURE_TENANT_ID: tenant,
  AZURE_CLIENT_ID: "client",
  AZURE_CLIENT_SECRET: "a-client-secret",
};
const managed = (header = "identity-header") => ({
  IDENTITY_ENDPOINT: `${identity.url}/msi`,
  IDENTITY_HEADER: header,
});
const url = (name = "k", version = "0123456789abcdef") => `${vault}/keys/${name}/${version}`;
const to = (name?: string, version?: string) => ["--azure-kv", url(name, version)];

beforeAll(async () => {
  azure = await interceptHosts(["login.microsoftonline.com", "*.vault.azure.net"], answer);
  identity = await startStub(({ headers, query }) =>
    headers["x-identity-header"] === "identity-header" &&
    query.get("resource") === "https://vault.azure.net"
      ? {
          body: {
            access_token: token,
            expires_on: String(Math.floor(Date.now() / 1000) + 86_400),
            resource: "https://vault.azure.net",
            token_type: "Bearer",
            client_id: "client",
          },
        }
      : {
          status: 400,
          body: { statusCode: 400, message: `no identity for ${headers["x-identity-header"]}` },
        },
  );
  both = new Both({ ...azure.env, AZURE_TOKEN_CREDENTIALS: "prod" });
});
afterAll(async () => {
  both?.remove();
  await identity?.close();
  await azure?.close();
});

test("real sops unwraps what sopsmith wraps, and vice versa", async () => {
  const [ours = ""] = await both.expectExchange(to(), secret);
  expect(ours).toMatch(
    /azure_kv:\n +- created_at: \S+\n +enc: [\w-]{342}\n +name: k\n +vault_url: https:\/\/myvault\.vault\.azure\.net\n +version: 0123456789abcdef\n/,
  );
});

test("a variable names the keys if no flag does", async () => {
  await both.expectExchange([], { ...secret, SOPS_AZURE_KEYVAULT_URLS: url() });
});

test.each([
  ["name: k", "name: ../secrets/db", 'has a segment that is empty, "." or ".."'],
  ["version: 0123456789abcdef", "version: ..", 'has a segment that is empty, "." or ".."'],
  [
    "vault_url: https://myvault.vault.azure.net",
    `vault_url: ${vault}/secrets/db?x=`,
    "the vault's URL is not valid",
  ],
  [
    "vault_url: https://myvault.vault.azure.net",
    "vault_url: https://me@myvault.vault.azure.net",
    "the vault's URL is not valid",
  ],
])("no request goes to where a changed file leads: %s becomes %s", async (was, is, said) => {
  const file = await both.sealed(to(), secret);
  expect(both.box.read(file)).toContain(was);
  both.box.write("crooked.yaml", both.box.read(file).replace(was, is));
  const before = azure.stub.requests.length;
  expect(await both.unwrapError("crooked.yaml", secret)).toContain(said);
  expect(azure.stub.requests.length).toBe(before);
});

test("the identity of a machine works", async () => {
  await both.expectExchange(to(), managed());
});

test("the token of a workload's identity works", async () => {
  both.box.write("federated", "a.federated.token");
  const { AZURE_TENANT_ID, AZURE_CLIENT_ID } = secret;
  const env = {
    AZURE_TENANT_ID,
    AZURE_CLIENT_ID,
    AZURE_FEDERATED_TOKEN_FILE: both.box.path("federated"),
  };
  await both.expectExchange(to(), {
    ...env,
    AZURE_AUTHORITY_HOST: "https://login.microsoftonline.com/",
  });
});

test("the login of az works", async () => {
  // A stand-in for the program az, which answers as it does.
  const answer = JSON.stringify({
    accessToken: token,
    expiresOn: "2099-01-01 00:00:00.000000",
    expires_on: 4_070_908_800,
    tenant,
    tokenType: "Bearer",
  });
  both.box.write("az", `#!/bin/sh\necho '${answer}'\n`);
  chmodSync(both.box.path("az"), 0o755);
  const env = {
    AZURE_TOKEN_CREDENTIALS: "AzureCLICredential",
    PATH: `${both.box.dir}:${process.env["PATH"]}`,
  };
  await both.expectExchange(to(), env);
});

test("an expired login of az says how to renew it", async () => {
  // A stand-in for the program az, which refuses as it does.
  const said = "ERROR: AADSTS700082: The refresh token has expired due to inactivity.";
  both.box.write("az", `#!/bin/sh\necho '${said}' >&2\nexit 1\n`);
  chmodSync(both.box.path("az"), 0o755);
  const env = {
    AZURE_TOKEN_CREDENTIALS: "AzureCLICredential",
    PATH: `${both.box.dir}:${process.env["PATH"]}`,
  };
  expect(await both.wrapError(to(), env)).toMatch(
    /AADSTS700082: The refresh token has expired due to inactivity\.; they have expired: log in again with az login/,
  );
});

test("a version that is not named is asked of the vault, for flags and for rules", async () => {
  for (const flags of [to("k", ""), ["--azure-kv", `${vault}/keys/k`]]) {
    const file = await both.sealed(flags, secret);
    expect(both.box.read(file)).toContain("version: 0123456789abcdef");
    expect(await both.sops(["decrypt", file], secret)).toMatchObject({ code: 0 });
  }
  both.box.write(
    ".sops.yaml",
    `creation_rules:\n  - path_regex: group\n    key_groups:\n      - azure_keyvault: [{ vaultUrl: "${vault}", key: k, version: "" }]\n  - azure_keyvault: ${vault}/keys/k\n`,
  );
  for (const flags of [[], ["--filename-override", "group.yaml"]])
    await both.expectOpens(await both.sealed(flags, secret), secret);
  rmSync(both.box.path(".sops.yaml"));
  const lost = await both.sopsmith(
    ["encrypt", "--azure-kv", `${vault}/keys/lost`, "plain.yaml"],
    secret,
  );
  expect(lost).toMatchObject({ code: 1, stdout: "" });
  expect(lost.stderr).toBe(
    `failed to fetch Azure Key to retrieve key version: ${vault}/keys/lost: the vault answered 404 KeyNotFound: A key with (name/id) lost was not found in this key vault.; check the key's name and version, and whether it was deleted\n`,
  );
});

test("rotate removes a key whose version is not named", async () => {
  both.box.write("keys.txt", "# made for tests\n");
  const file = await both.sealed(to(), secret);
  const removed = await both.sopsmith(["rotate", "--rm-azure-kv", `${vault}/keys/k`, file], secret);
  expect(removed.stderr).toContain("empty key group provided");
});

test("no token is sent to a vault that asks for one of another domain", async () => {
  const before = azure.stub.requests.length;
  const line = await both.wrapError(
    ["--azure-kv", "https://evil.vault.azure.net/keys/k/0123456789abcdef"],
    secret,
  );
  expect(line).toContain(
    `challenge resource "https://vault.example.org" doesn't match the requested domain; `,
  );
  expect(azure.stub.requests.slice(before).map(({ headers }) => headers["authorization"])).toEqual([
    undefined,
  ]);
});

test("a machine without credentials gets an error in a second or two", async () => {
  const begun = performance.now();
  const line = await both.wrapError(to(), { AZURE_TOKEN_CREDENTIALS: "" });
  expect(performance.now() - begun).toBeLessThan(withoutWaiting);
  expect(line).toContain(
    "no Azure credentials were found; log in with az login, or set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET",
  );
});

test.each<[string, string, Record<string, string>, string]>([
  [
    "a wrong secret",
    "k",
    { ...secret, AZURE_CLIENT_SECRET: "a-wrong-secret" },
    "Microsoft Entra ID refused the credentials: AADSTS7000215: Invalid client secret provided: …",
  ],
  [
    "a key that may not be used",
    "closed",
    secret,
    "the vault answered 403 ForbiddenByRbac: Caller is not authorized to perform action on resource.; give these credentials the role Key Vault Crypto User",
  ],
  [
    "a disabled key",
    "disabled",
    secret,
    "403 KeyDisabled: Operation encrypt is not allowed on a disabled key.; enable the key: az keyvault key set-attributes --enabled true",
  ],
  [
    "a key that is not there",
    "lost",
    secret,
    "404 KeyNotFound: A key with (name/id) lost was not found in this key vault.; check the key's name and version",
  ],
  [
    "a proxy that is not there",
    "k",
    { ...secret, HTTPS_PROXY: "http://127.0.0.1:1" },
    "myvault.vault.azure.net cannot be reached: connection refused; check the network, the proxy variables and the address",
  ],
  [
    "an issuer that is not trusted",
    "k",
    { ...secret, SSL_CERT_FILE: "/nope" },
    "myvault.vault.azure.net cannot be reached: its certificate is not trusted (UNABLE_TO_VERIFY_LEAF_SIGNATURE); name the issuer's certificate with SSL_CERT_FILE",
  ],
])("says in one line what is wrong: %s", async (_, name, env, cause) => {
  const line = await both.wrapError(to(name), env);
  expect(line).toContain(
    `master key "${url(name)}": failed to encrypt sops data key with Azure Key Vault key '${url(name)}': `,
  );
  expect(line).toContain(cause);
  expect(line).not.toContain("a-wrong-secret");
});

test("unwrapping says which key failed, why, and what to do", async () => {
  const file = await both.sealed(to(), secret);
  const report = await both.unwrapError(file, { ...secret, AZURE_CLIENT_SECRET: "a-wrong-secret" });
  expect(report).toContain(`${url()}: FAILED`);
  expect(report).toContain("Microsoft Entra ID refused the credentials: AADSTS7000215");
  expect(report).not.toContain("a-wrong-secret");
  both.box.write(
    "damaged.yaml",
    both.box.read(file).replace(/enc: \S+/, `enc: ${"A".repeat(342)}`),
  );
  expect(await both.unwrapError("damaged.yaml", secret)).toContain(
    "damaged.yaml: restore the `sops` block",
  );
  both.box.write("damaged.yaml", both.box.read(file).replace(/enc: \S+/, "enc: a+b"));
  expect(await both.unwrapError("damaged.yaml", secret)).toContain(
    "failed to base64 decode Azure Key Vault encrypted key",
  );
});

test("an answer to a token that has expired says to renew it", async () => {
  const expired = await startStub(() => ({
    body: {
      access_token: "an-expired-token",
      expires_on: String(Math.floor(Date.now() / 1000) + 86_400),
      resource: "https://vault.azure.net",
      token_type: "Bearer",
      client_id: "client",
    },
  }));
  const line = await both.wrapError(to(), {
    ...managed(),
    IDENTITY_ENDPOINT: `${expired.url}/msi`,
  });
  expect(line).toContain(
    "the vault answered 401 Unauthorized: AKV10032: Invalid issuer of Bearer …; renew the credentials: log in again with az login",
  );
  await expired.close();
});
