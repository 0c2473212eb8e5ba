import { readFileSync, rmSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Both } from "./both.ts";
import { makeCertificate } from "./intercept.ts";
import { startStub, StubKey, type Stub, type StubAnswer, type StubRequest } from "./stub.ts";

// A stub of Vault's transit engine, for sopsmith and for real sops: Vault itself is in no package registry.

const token = "hvs.a-token-for-tests";
const key = new StubKey();

const refuse = (status: number, ...errors: string[]): StubAnswer => ({ status, body: { errors } });

function answer({ method, path, headers, body }: StubRequest): StubAnswer | "hang" {
  if (headers["x-vault-request"] !== "true") return refuse(400, "missing X-Vault-Request");
  if (headers["x-vault-token"] === undefined) return refuse(400, "missing client token");
  if (headers["x-vault-token"] !== token)
    return refuse(403, `permission denied for ${headers["x-vault-token"]}`);
  const [, version, engine, verb, name] = path.split("/");
  if (method !== "PUT" || version !== "v1") return refuse(405, "unsupported operation");
  if (engine === "spaced" && headers["x-vault-namespace"] !== "team/a")
    return refuse(403, "permission denied");
  if (name === "silent") return "hang";
  if (name === "away" && elsewhere !== undefined && headers.host === new URL(stub.url).host)
    return { status: 307, headers: { location: elsewhere + path.replace("away", "k") } };
  if (name === "moved") return { status: 307, headers: { location: path.replace("moved", "k") } };
  if (name === "sealed") return refuse(503, "Vault is sealed");
  if (name === "none") return refuse(400, "encryption key not found");
  if (name === "old" && verb === "decrypt")
    return refuse(400, "ciphertext or signature version is disallowed by policy (too old)");
  if (engine !== "transit" && engine !== "spaced")
    return refuse(404, `no handler for route ${path}`);
  const input = JSON.parse(body) as { plaintext?: string; ciphertext?: string };
  if (verb === "encrypt")
    return {
      body: {
        data: {
          ciphertext: `vault:v1:${key.seal(Buffer.from(input.plaintext ?? "", "base64")).toString("base64")}`,
        },
      },
    };
  const opened = key.open(Buffer.from(input.ciphertext?.slice("vault:v1:".length) ?? "", "base64"));
  if (opened === undefined) return refuse(400, "cipher: message authentication failed");
  return { body: { data: { plaintext: opened.toString("base64") } } };
}

let stub: Stub;
/** Where the key `away` is. */
let elsewhere: string | undefined;
let both: Both;
const uri = (name = "k", engine = "transit") => `${stub.url}/v1/${engine}/keys/${name}`;
const to = (name?: string, engine?: string) => ["--hc-vault-transit", uri(name, engine)];

beforeAll(async () => {
  stub = await startStub(answer);
  both = new Both({ VAULT_TOKEN: token, VAULT_MAX_RETRIES: "0" });
});
afterAll(async () => {
  both.remove();
  await stub.close();
});

test("real sops unwraps what sopsmith wraps, and vice versa", async () => {
  const [ours = ""] = await both.expectExchange(to());
  expect(ours).toContain(`vault_address: ${stub.url}`);
  expect(ours).toMatch(/enc: vault:v1:\S+\n +engine_path: transit\n +key_name: k\n/);
});

test("the token of `vault login` is used if VAULT_TOKEN is not set", async () => {
  const home = new Both({}, { ".vault-token": `${token}\n` });
  await home.expectExchange(to());
  home.remove();
});

test("a variable names the keys if no flag does", async () => {
  await both.expectExchange([], { SOPS_VAULT_URIS: uri() });
});

test("the namespace is sent too", async () => {
  await both.expectExchange(to("k", "spaced"), { VAULT_NAMESPACE: "team/a" });
  expect(await both.wrapError(to("k", "spaced"))).toContain("403: permission denied");
});

test("the address of an agent replaces the key's", async () => {
  const agent = { VAULT_AGENT_ADDR: stub.url };
  await both.expectExchange(
    ["--hc-vault-transit", "http://vault.invalid/v1/transit/keys/k"],
    agent,
  );
});

test("follows a standby node to the active one", async () => {
  await both.expectExchange(to("moved"));
});

test("more headers may be given", async () => {
  await both.expectRoundTrip(to(), { VAULT_HEADERS: '{"X-Team":"a"}' });
  expect(stub.requests.at(-1)?.headers["x-team"]).toBe("a");
});

test("a server's certificate is checked: against VAULT_CACERT, not at all, or against the system's", async () => {
  const certificate = makeCertificate(["127.0.0.1", "vault.test"]);
  const secure = await startStub(answer, certificate);
  const flags = ["--hc-vault-transit", `${secure.url}/v1/transit/keys/k`];
  await both.expectExchange(flags, { VAULT_CACERT: certificate.authority });
  await both.expectExchange(flags, {
    VAULT_CACERT_BYTES: readFileSync(certificate.authority, "utf8"),
  });
  await both.expectExchange(flags, {
    VAULT_CACERT: certificate.authority,
    VAULT_TLS_SERVER_NAME: "vault.test",
  });
  await both.expectExchange(flags, { VAULT_SKIP_VERIFY: "true" });
  await both.expectExchange(flags, { SSL_CERT_FILE: certificate.authority });
  expect(await both.wrapError(flags)).toMatch(
    /127\.0\.0\.1:\d+ cannot be reached: its certificate is not trusted/,
  );
  await secure.close();
  certificate.remove();
});

test("several keys of a list, and a rule's flat field and key groups", async () => {
  both.box.write(
    ".sops.yaml",
    `creation_rules:\n  - path_regex: group\n    key_groups:\n      - hc_vault: ["${uri()}"]\n  - hc_vault_transit_uri: "${uri()}"\n`,
  );
  await both.expectExchange([]);
  await both.expectExchange(["--filename-override", "group.yaml"]);
  rmSync(both.box.path(".sops.yaml"));
});

test("the allow list decides which servers are given the token", async () => {
  const list = (text: string) => ({ SOPS_HC_VAULT_ALLOWLIST: text });
  for (const allowed of ["all", "", stub.url, `${stub.url}/`, `https://other, ${stub.url}`])
    await both.expectRoundTrip(to(), list(allowed));
  await both.expectRoundTrip(to(), { ...list("https://other"), VAULT_ADDR: stub.url });
  const before = stub.requests.length;
  for (const refused of ["none", "https://other", `${stub.url}0`])
    expect(await both.wrapError(to(), list(refused))).toContain(
      `Allowlist does not allow ${stub.url}; set VAULT_ADDR to it, or add it to SOPS_HC_VAULT_ALLOWLIST`,
    );
  expect(await both.wrapError(to(), list("a,,b"))).toContain(
    "SOPS_HC_VAULT_ALLOWLIST's entry 2 is empty",
  );
  expect(stub.requests.length).toBe(before);
});

test("where VAULT_ADDR is set, no other server gets the token", async () => {
  const file = await both.sealed(to());
  await both.expectOpens(file, { VAULT_ADDR: `${stub.url}/` });
  await both.expectOpens(file, { VAULT_ADDR: "https://other", SOPS_HC_VAULT_ALLOWLIST: stub.url });
  const before = stub.requests.length;
  const elsewhere = { VAULT_ADDR: "https://vault.example.com:8200" };
  expect(await both.unwrapError(file, elsewhere)).toContain(
    `Allowlist does not allow ${stub.url}; set VAULT_ADDR to it, or add it to SOPS_HC_VAULT_ALLOWLIST`,
  );
  for (const trick of [
    `${stub.url}@127.0.0.1:1`,
    `http://user@127.0.0.1:${stub.port}`,
    `${stub.url}/a/../b`,
    `${stub.url}/%2E%2e/b`,
    `${stub.url}?x=`,
    `${stub.url}#`,
    `${stub.url}\\x`,
  ]) {
    both.box.write(
      "trick.yaml",
      both.box.read(file).replace(/vault_address: .*/, `vault_address: ${JSON.stringify(trick)}`),
    );
    expect(await both.unwrapError("trick.yaml", { VAULT_ADDR: stub.url })).toContain(
      "is not the address of a Vault server",
    );
  }
  expect(stub.requests.length).toBe(before);
});

test("the operator needs a server that was named", async () => {
  const manifest = `apiVersion: isindir.github.com/v1alpha3
kind: SopsSecret
metadata: {name: a, namespace: tenant}
spec:
    secretTemplates:
        - name: x
          stringData:
              k: v
`;
  both.box.write("secret.yaml", manifest);
  const flags = ["encrypt", "-i", ...to(), "--encrypted-suffix", "Templates", "secret.yaml"];
  expect(await both.sopsmith(flags)).toMatchObject({ code: 0 });
  const before = stub.requests.length;
  const render = (env: Record<string, string>) =>
    both.sopsmith(["operator", "render", "secret.yaml"], env);
  expect(await render({})).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("set VAULT_ADDR") as string,
  });
  expect(stub.requests.length).toBe(before);
  expect(await render({ VAULT_ADDR: stub.url })).toMatchObject({ code: 0 });
  expect(await render({ SOPS_HC_VAULT_ALLOWLIST: stub.url })).toMatchObject({ code: 0 });
});

test.each([
  ["key_name", "../../sys/seal"],
  ["key_name", "."],
  ["key_name", "a//b"],
  ["key_name", ""],
  ["engine_path", "transit/../sys"],
  ["engine_path", "/transit"],
])("no request goes to a path that %s %j leads to", async (field, value) => {
  const file = await both.sealed(to());
  const before = stub.requests.length;
  const changed = both.box
    .read(file)
    .replace(new RegExp(`${field}: .*`), `${field}: ${JSON.stringify(value)}`);
  both.box.write("crooked.yaml", changed);
  expect(await both.unwrapError("crooked.yaml")).toContain(
    'has a segment that is empty, "." or ".."',
  );
  expect(stub.requests.length).toBe(before);
});

test("a redirect to another server is followed only where that server was named", async () => {
  const other = await startStub(answer);
  elsewhere = other.url;
  expect(await both.wrapError(to("away"))).toContain(
    `Vault redirects to ${other.url}, another server, which does not get your token; add it to SOPS_HC_VAULT_ALLOWLIST`,
  );
  expect(other.requests).toEqual([]);
  await both.expectRoundTrip(to("away"), { SOPS_HC_VAULT_ALLOWLIST: `${stub.url},${other.url}` });
  await other.close();
});

test("plain http to another machine gets a warning", async () => {
  const { stderr } = await both.sopsmith(
    ["encrypt", "--hc-vault-transit", "http://vault.invalid/v1/transit/keys/k", "plain.yaml"],
    { VAULT_CLIENT_TIMEOUT: "2s" },
  );
  expect(stderr).toContain(
    "WARN: http://vault.invalid: the Vault token and the data key are sent without encryption; use https",
  );
});

const prefix = (name: string, verb = "encrypt") =>
  `failed to ${verb} sops data key ${verb === "encrypt" ? "to" : "from"} Vault transit backend 'transit/${verb}/${name}': `;

test.each<[string, string, Record<string, string>, string]>([
  [
    "no token",
    "k",
    { VAULT_TOKEN: "" },
    "no Vault token was found (Vault answered 400: missing client token); log in with vault login, or set VAULT_TOKEN",
  ],
  [
    "a token that has expired or may not",
    "k",
    { VAULT_TOKEN: "hvs.an-expired-token" },
    "Vault answered 403: permission denied for …; renew the token with vault login if it has expired, or let its policy update transit/encrypt/k",
  ],
  [
    "a key that is not there",
    "none",
    {},
    "Vault answered 400: encryption key not found; create the key in Vault, or correct its name",
  ],
  [
    "a sealed Vault",
    "sealed",
    {},
    "Vault answered 503: Vault is sealed; unseal Vault, or wait until it is ready",
  ],
  [
    "a server that does not answer",
    "silent",
    { VAULT_CLIENT_TIMEOUT: "500ms" },
    "gave no answer within 0.5 s; check the network, the proxy variables and the address",
  ],
  [
    "a server that is not there",
    "k",
    { VAULT_AGENT_ADDR: "http://127.0.0.1:1" },
    "127.0.0.1:1 cannot be reached: connection refused; check the network, the proxy variables and the address",
  ],
  [
    "headers that are no JSON",
    "k",
    { VAULT_HEADERS: "x" },
    "VAULT_HEADERS is not a JSON object; correct VAULT_HEADERS",
  ],
  [
    "a certificate that is not there",
    "k",
    { VAULT_CACERT: "/nope" },
    "the file that VAULT_CACERT names cannot be read; correct VAULT_CACERT",
  ],
])("says in one line what is wrong: %s", async (_, name, env, cause) => {
  const line = await both.wrapError(to(name), env);
  expect(line).toContain(`master key "${uri(name)}": ${prefix(name)}`);
  expect(line).toContain(cause);
  expect(line).not.toContain("an-expired-token");
});

test("a path that does not belong to an engine is reported", async () => {
  expect(await both.wrapError(to("k", "kv"))).toContain("404: no handler for route");
});

test("unwrapping says which key failed, why, and what to do", async () => {
  const file = await both.sealed(to());
  const denied = await both.unwrapError(file, { VAULT_TOKEN: "hvs.an-expired-token" });
  expect(denied).toContain(`${uri()}: FAILED`);
  expect(denied).toContain(`${prefix("k", "decrypt")}Vault answered 403`);
  expect(denied).not.toContain("an-expired-token");
  const missing = await both.unwrapError(file, { VAULT_TOKEN: "" });
  expect(missing).toContain(`${file}: log in with vault login, or set VAULT_TOKEN: ${uri()}`);
  const retired = await both.sealed(to("old"));
  expect(await both.unwrapError(retired)).toContain(
    "lower the key's min_decryption_version in Vault",
  );
});

test("a wrapped data key that another key made is called damaged", async () => {
  const file = await both.sealed(to());
  const other = new StubKey().seal(Buffer.alloc(32)).toString("base64");
  both.box.write("damaged.yaml", both.box.read(file).replace(/vault:v1:\S+/, `vault:v1:${other}`));
  expect(await both.unwrapError("damaged.yaml")).toContain(
    "damaged.yaml: restore the `sops` block from version control",
  );
});
