import { generateKeyPairSync, verify } from "node:crypto";
import { mkdirSync, rmSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Both, withoutWaiting } from "./both.ts";
import { interceptHosts, type Intercept } from "./intercept.ts";
import { startStub, StubKey, type Stub, type StubAnswer, type StubRequest } from "./stub.ts";

// A stub of Google's KMS, token endpoint and metadata server, for sopsmith and for real sops: no registry has one.

const token = "ya29.a-token-for-tests";
const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const account = "ci@project.iam.gserviceaccount.com";
const key = new StubKey();

/** Answers plain HTTP, where sopsmith's SOPS_GCP_KMS_ENDPOINT and the credentials' token_uri point. */
let stub: Stub;
/** The same as cloudkms.googleapis.com, for real sops as it is usually called. */
let google: Intercept;
let both: Both;
const id = (name = "k") => `projects/p/locations/global/keyRings/r/cryptoKeys/${name}`;
const to = (name?: string) => ["--gcp-kms", id(name)];

const refuse = (code: number, status: string, message: string): StubAnswer => ({
  status: code,
  body: { error: { code, status, message } },
});

function answer(request: StubRequest): StubAnswer | "hang" {
  const { path } = request;
  if (path === "/token") return grant(request);
  if (path === "/sts") return exchange(request);
  if (path.startsWith("/computeMetadata/")) return metadata(request);
  if (path.startsWith("/v1/projects/-/serviceAccounts/")) return impersonate(request);
  if (request.headers["authorization"] !== `Bearer ${token}`)
    return refuse(
      401,
      "UNAUTHENTICATED",
      `invalid credentials: ${request.headers["authorization"]}`,
    );
  const [, name, verb] =
    /^\/v1\/projects\/p\/locations\/global\/keyRings\/r\/cryptoKeys\/([^:]+):(\w+)$/.exec(
      decodeURIComponent(path),
    ) ?? [];
  const input = JSON.parse(request.body) as {
    name: string;
    plaintext?: string;
    ciphertext?: string;
  };
  if (name === undefined || verb === undefined || input.name !== id(name))
    return refuse(404, "NOT_FOUND", "no such resource");
  if (request.headers["x-goog-request-params"] !== `name=${encodeURIComponent(id(name))}`)
    return refuse(400, "INVALID_ARGUMENT", "wrong routing header");
  if (name === "silent") return "hang";
  if (name === "none") return refuse(404, "NOT_FOUND", `CryptoKey ${id(name)} not found.`);
  if (name === "closed")
    return refuse(
      403,
      "PERMISSION_DENIED",
      `Permission 'cloudkms.cryptoKeyVersions.useToEncrypt' denied`,
    );
  if (name === "disabled")
    return refuse(
      400,
      "FAILED_PRECONDITION",
      `${id(name)}/cryptoKeyVersions/1 is not enabled, current state is: DISABLED.`,
    );
  if (verb === "encrypt")
    return {
      body: {
        name: `${id(name)}/cryptoKeyVersions/1`,
        ciphertext: key.seal(Buffer.from(input.plaintext ?? "", "base64")).toString("base64"),
      },
    };
  const opened = key.open(Buffer.from(input.ciphertext ?? "", "base64"));
  if (opened === undefined)
    return refuse(400, "INVALID_ARGUMENT", "Decryption failed: the ciphertext is invalid.");
  return { body: { plaintext: opened.toString("base64") } };
}

const granted: StubAnswer = {
  body: { access_token: token, expires_in: 3600, token_type: "Bearer" },
};

/** Google's token endpoint: a signed assertion of a service account, or a user's refresh token. */
function grant({ body }: StubRequest): StubAnswer {
  const form = new URLSearchParams(body);
  if (form.get("grant_type") === "refresh_token")
    return form.get("refresh_token") === "1//a-refresh-token" &&
      form.get("client_secret") === "a-client-secret"
      ? granted
      : {
          status: 400,
          body: { error: "invalid_grant", error_description: "Token has been expired or revoked." },
        };
  const [head = "", claims = "", signature = ""] = (form.get("assertion") ?? "").split(".");
  const isSigned = verify(
    "sha256",
    Buffer.from(`${head}.${claims}`),
    publicKey,
    Buffer.from(signature, "base64url"),
  );
  const { iss, aud, exp, scope } = JSON.parse(
    Buffer.from(claims, "base64url").toString(),
  ) as Record<string, unknown>;
  const isRight =
    isSigned &&
    iss === account &&
    aud === `${stub.url}/token` &&
    Number(exp) > Date.now() / 1000 &&
    /\/auth\/cloud/.test(String(scope));
  return isRight
    ? granted
    : {
        status: 400,
        body: { error: "invalid_grant", error_description: "Invalid JWT Signature." },
      };
}

/** Google's exchange of another provider's token. */
function exchange({ body }: StubRequest): StubAnswer {
  const form = new URLSearchParams(body);
  return form.get("subject_token") === "a.token.of-ci" && form.get("audience") === "//iam/pool"
    ? {
        body: {
          ...Object(granted.body),
          issued_token_type: "urn:ietf:params:oauth:token-type:access_token",
        },
      }
    : { status: 400, body: { error: "invalid_grant", error_description: "wrong subject token" } };
}

function metadata({ path, headers }: StubRequest): StubAnswer {
  const flavor = { "metadata-flavor": "Google" };
  if (headers["metadata-flavor"] !== "Google") return { status: 403, headers: flavor };
  if (path.endsWith("/service-accounts/default/token")) return { ...granted, headers: flavor };
  if (path.endsWith("/universe-domain")) return { body: "googleapis.com", headers: flavor };
  return { status: 404, headers: flavor };
}

function impersonate({ headers }: StubRequest): StubAnswer {
  return headers["authorization"] === `Bearer ${token}`
    ? { body: { accessToken: token, expireTime: new Date(Date.now() + 3_600_000).toISOString() } }
    : refuse(403, "PERMISSION_DENIED", "not allowed to impersonate");
}

const serviceAccount = (overrides: object = {}) =>
  JSON.stringify({
    type: "service_account",
    project_id: "p",
    private_key_id: "1",
    private_key: privateKey.export({ type: "pkcs8", format: "pem" }),
    client_email: account,
    client_id: "1",
    token_uri: `${stub.url}/token`,
    ...overrides,
  });

const user = (refresh = "1//a-refresh-token") =>
  JSON.stringify({
    type: "authorized_user",
    client_id: "c",
    client_secret: "a-client-secret",
    refresh_token: refresh,
    token_uri: `${stub.url}/token`,
  });

beforeAll(async () => {
  stub = await startStub(answer);
  google = await interceptHosts(["*.googleapis.com"], answer);
  both = new Both({ SOPS_GCP_KMS_CLIENT_TYPE: "rest", ...google.env });
});
afterAll(async () => {
  both?.remove();
  await google?.close();
  await stub?.close();
});

const bearer = { GOOGLE_OAUTH_ACCESS_TOKEN: token };

test("real sops unwraps what sopsmith wraps, and vice versa", async () => {
  const [ours = ""] = await both.expectExchange(to(), bearer);
  expect(ours).toMatch(/gcp_kms:\n +- created_at: \S+\n +enc: \S+\n +resource_id: projects\/p\//);
});

test("a variable names the keys if no flag does", async () => {
  await both.expectExchange([], { ...bearer, SOPS_GCP_KMS_IDS: id() });
});

test("SOPS_GCP_KMS_ENDPOINT replaces Google's address", async () => {
  const before = stub.requests.length;
  await both.expectRoundTrip(to(), { ...bearer, SOPS_GCP_KMS_ENDPOINT: stub.url });
  expect(stub.requests.length).toBe(before + 2);
});

test("a rule's flat field and key groups name keys", async () => {
  both.box.write(
    ".sops.yaml",
    `creation_rules:\n  - path_regex: group\n    key_groups:\n      - gcp_kms: [{ resource_id: ${id()} }]\n  - gcp_kms: ${id()}\n`,
  );
  await both.expectExchange([], bearer);
  await both.expectExchange(["--filename-override", "group.yaml"], bearer);
  rmSync(both.box.path(".sops.yaml"));
});

test("a service account's key signs for a token: in GOOGLE_CREDENTIALS, in the file it names, and as the default", async () => {
  both.box.write("account.json", serviceAccount());
  await both.expectExchange(to(), { GOOGLE_CREDENTIALS: serviceAccount() });
  await both.expectExchange(to(), { GOOGLE_CREDENTIALS: both.box.path("account.json") });
  await both.expectExchange(to(), {
    GOOGLE_APPLICATION_CREDENTIALS: both.box.path("account.json"),
  });
});

test("GOOGLE_CREDENTIALS takes precedence over a token, and that over the default", async () => {
  both.box.write("broken.json", "{}");
  const env = { GOOGLE_APPLICATION_CREDENTIALS: both.box.path("broken.json") };
  await both.expectExchange(to(), { ...env, ...bearer });
  const forged = { GOOGLE_OAUTH_ACCESS_TOKEN: "ya29.forged" };
  await both.expectExchange(to(), { ...env, ...forged, GOOGLE_CREDENTIALS: serviceAccount() });
});

test("the login of gcloud works, and an expired one says how to renew it", async () => {
  const folder = ".config/gcloud";
  mkdirSync(both.box.path(folder), { recursive: true });
  const file = `${folder}/application_default_credentials.json`;
  both.box.write(file, user());
  // Real sops asks Google itself for such a token, whatever token_uri says.
  await both.expectRoundTrip(to());
  both.box.write(file, user("1//an-ended-session"));
  const line = await both.wrapError(to());
  expect(line).toContain(`the credentials in ${both.box.path(file)} were refused: `);
  expect(line).toContain("; log in again with gcloud auth application-default login");
  expect(line).not.toMatch(/an-ended-session|a-client-secret/);
  rmSync(both.box.path(".config"), { recursive: true });
});

test("an external account, as in CI, and an impersonated service account work", async () => {
  both.box.write("ci-token", "a.token.of-ci");
  const external = {
    type: "external_account",
    audience: "//iam/pool",
    subject_token_type: "urn:ietf:params:oauth:token-type:jwt",
    token_url: `${stub.url}/sts`,
    credential_source: { file: both.box.path("ci-token") },
  };
  // Real sops takes no token_url by plain HTTP, and Google's library would ask the proxy for it.
  const direct = { HTTPS_PROXY: "", SOPS_GCP_KMS_ENDPOINT: stub.url };
  await both.expectRoundTrip(to(), { ...direct, GOOGLE_CREDENTIALS: JSON.stringify(external) });
  const borrowed = {
    type: "impersonated_service_account",
    delegates: [],
    service_account_impersonation_url:
      "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/a@p.iam.gserviceaccount.com:generateAccessToken",
    source_credentials: JSON.parse(serviceAccount()) as object,
  };
  await both.expectExchange(to(), { GOOGLE_CREDENTIALS: JSON.stringify(borrowed) });
});

test("the metadata server of a machine at Google works", async () => {
  await both.expectExchange(to(), { GCE_METADATA_HOST: new URL(stub.url).host });
});

test("a forged service account is refused, and its key is not shown", async () => {
  const other = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
  const forged = serviceAccount({ private_key: other.export({ type: "pkcs8", format: "pem" }) });
  const line = await both.wrapError(to(), { GOOGLE_CREDENTIALS: forged });
  expect(line).toContain("the credentials in GOOGLE_CREDENTIALS were refused: invalid_grant");
  expect(line).not.toContain("PRIVATE KEY");
});

test("a machine without credentials gets an error in about a second", async () => {
  const silent = await startStub(() => "hang");
  const begun = performance.now();
  const line = await both.wrapError(to(), { GCE_METADATA_HOST: new URL(silent.url).host });
  expect(performance.now() - begun).toBeLessThan(withoutWaiting);
  await silent.close();
  expect(line).toBe(
    `Could not generate data key: [failed to encrypt new data key with master key "${id()}": failed to encrypt sops data key with GCP KMS key: could not find default credentials; run gcloud auth application-default login, or set GOOGLE_APPLICATION_CREDENTIALS or GOOGLE_OAUTH_ACCESS_TOKEN]`,
  );
});

test("credentials of another universe are not sent", async () => {
  const line = await both.wrapError(to(), {
    ...bearer,
    SOPS_GCP_KMS_ENDPOINT: "",
    SOPS_GCP_KMS_UNIVERSE_DOMAIN: "example.org",
  });
  expect(line).toContain(
    "the credentials belong to the universe googleapis.com, not to example.org",
  );
});

test.each<[string, string, Record<string, string>, string]>([
  [
    "an expired token",
    "k",
    { GOOGLE_OAUTH_ACCESS_TOKEN: "ya29.expired" },
    "GCP KMS answered 401 UNAUTHENTICATED: invalid credentials: Bearer …; get a new token",
  ],
  [
    "a key that may not be used",
    "closed",
    bearer,
    "403 PERMISSION_DENIED: Permission 'cloudkms.cryptoKeyVersions.useToEncrypt' denied; grant the role roles/cloudkms.cryptoKeyEncrypter on the key",
  ],
  [
    "a disabled key",
    "disabled",
    bearer,
    "is not enabled, current state is: DISABLED.; enable the key's version: gcloud kms keys versions enable",
  ],
  ["a key that is not there", "none", bearer, "not found.; check the resource ID"],
  [
    "a server that is not there",
    "k",
    { ...bearer, SOPS_GCP_KMS_ENDPOINT: "http://127.0.0.1:1" },
    "127.0.0.1:1 cannot be reached: connection refused; check the network",
  ],
  [
    "a file that is not there",
    "k",
    { GOOGLE_APPLICATION_CREDENTIALS: "/nope.json" },
    "the file /nope.json, which GOOGLE_APPLICATION_CREDENTIALS names, cannot be read; correct the path",
  ],
  [
    "credentials that are no JSON",
    "k",
    { GOOGLE_CREDENTIALS: "/nope-json" },
    "GOOGLE_CREDENTIALS contains neither JSON credentials nor the path of a file with them",
  ],
])("says in one line what is wrong: %s", async (_, name, env, cause) => {
  const line = await both.wrapError(to(name), env);
  expect(line).toContain(
    `master key "${id(name)}": failed to encrypt sops data key with GCP KMS key: `,
  );
  expect(line).toContain(cause);
  expect(line).not.toContain("ya29.");
});

test.each([`${id()}/cryptoKeyVersions/1`, "projects/p", "k"])(
  "the resource ID %s is refused before anything is sent",
  async (wrong) => {
    const before = stub.requests.length;
    expect(await both.wrapError(["--gcp-kms", wrong], bearer)).toContain(
      `no valid resource ID found in "${wrong}"; correct it: projects/P/locations/L/keyRings/R/cryptoKeys/K`,
    );
    expect(stub.requests.length).toBe(before);
  },
);

test.each([id().replace("/k", "/.."), id().replace("/cryptoKeys", "/./cryptoKeys")])(
  "no request goes to where %s leads",
  async (crooked) => {
    const before = stub.requests.length;
    expect(await both.wrapError(["--gcp-kms", crooked], bearer)).toMatch(
      /has a segment that is empty, "\." or "\.\."|no valid resource ID/,
    );
    expect(stub.requests.length).toBe(before);
  },
);

test("unwrapping says which key failed, why, and what to do", async () => {
  const file = await both.sealed(to(), bearer);
  const report = await both.unwrapError(file, { GOOGLE_OAUTH_ACCESS_TOKEN: "ya29.expired" });
  expect(report).toContain(`${id()}: FAILED`);
  expect(report).toContain(
    "failed to decrypt sops data key with GCP KMS key: GCP KMS answered 401",
  );
  expect(report).not.toContain("ya29.");
  const other = new StubKey().seal(Buffer.alloc(32)).toString("base64");
  both.box.write("damaged.yaml", both.box.read(file).replace(/enc: \S+/, `enc: ${other}`));
  expect(await both.unwrapError("damaged.yaml", bearer)).toContain(
    "damaged.yaml: restore the `sops` block from version control",
  );
});
