import { expect, test } from "vitest";
import type { Host, HttpRequest, HttpResponse } from "../../src/io/host.ts";
import { localKeyService } from "../../src/key-service/key-service.ts";
import { withKubernetesLogin } from "../../src/key-service/vault-login.ts";
import { LoginError, type MasterKey } from "../../src/keys/provider.ts";
import { vaultTransit } from "../../src/keys/vault-transit/vault-transit.ts";
import { missingKey } from "../../src/operator/missing-key.ts";
import { fakeHost } from "../keys/fake-host.ts";

const address = "https://vault.example.com";
const part = new Uint8Array(32).fill(7);

/** A Vault whose tokens are numbered, and that takes some of them no more. */
class FakeVault {
  readonly logins: { path: string; body: unknown }[] = [];
  readonly revoked = new Set<string>();
  now = Date.UTC(2026, 10, 28);
  lease = 600;
  jwt = "eyJ.account.token";

  readonly host: Host & { log: string[] } = {
    ...fakeHost({
      env: { VAULT_ADDR: address, VAULT_MAX_RETRIES: "0" },
      fetch: (request) => this.answer(request),
    }),
    now: () => new Date(this.now),
    readFile: (path) =>
      path === "/token"
        ? Promise.resolve(Buffer.from(`${this.jwt}\n`))
        : Promise.reject(Object.assign(new Error("system"), { code: "ENOENT" })),
  };

  private answer({ url, headers = {}, body = "" }: HttpRequest): HttpResponse {
    const reply = (status: number, json: object): HttpResponse => ({
      status,
      headers: {},
      body: Buffer.from(JSON.stringify(json)),
    });
    const { pathname, origin } = new URL(url);
    if (pathname.endsWith("/login")) {
      this.logins.push({
        path: `${origin}${pathname}`,
        body: JSON.parse(Buffer.from(body).toString()) as unknown,
      });
      return pathname === "/v1/auth/kubernetes/login"
        ? reply(200, {
            auth: { client_token: `hvs.${this.logins.length}`, lease_duration: this.lease },
          })
        : reply(403, { errors: [`permission denied for ${this.jwt}`] });
    }
    const token = headers["x-vault-token"] ?? "";
    return /^hvs\.\d+$/.test(token) && !this.revoked.has(token)
      ? reply(200, { data: { plaintext: Buffer.from(part).toString("base64") } })
      : reply(403, { errors: ["permission denied"] });
  }
}

async function keyOf(at = address): Promise<MasterKey> {
  const [key] = await vaultTransit.parse(`${at}/v1/transit/keys/k`, fakeHost());
  if (key === undefined) throw new Error("no key");
  return { ...key, enc: "vault:v1:AAAA" };
}

const service = (mount = "kubernetes", tokenFile = "/token") =>
  withKubernetesLogin(localKeyService, { role: "sops", mount, tokenFile });

test("the account's token is exchanged for one of Vault's, once for many keys", async () => {
  const vault = new FakeVault();
  const login = service();
  for (let i = 0; i < 3; i++) expect(await login.unwrap(await keyOf(), vault.host)).toEqual(part);
  expect(vault.logins).toEqual([
    { path: `${address}/v1/auth/kubernetes/login`, body: { role: "sops", jwt: vault.jwt } },
  ]);
});

test("many objects that ask at once after a start log in once, and again after a login that failed", async () => {
  const vault = new FakeVault();
  const login = service();
  const all = async () => {
    const key = await keyOf();
    return Promise.allSettled(Array.from({ length: 8 }, () => login.unwrap(key, vault.host)));
  };
  const { host } = vault;
  const { readFile } = host;
  host.readFile = () => Promise.reject(Object.assign(new Error("system"), { code: "ENOENT" }));
  expect((await all()).every(({ status }) => status === "rejected")).toBe(true);
  host.readFile = readFile;
  expect((await all()).every(({ status }) => status === "fulfilled")).toBe(true);
  expect(vault.logins).toHaveLength(1);
  vault.now += 1_000_000;
  expect((await all()).every(({ status }) => status === "fulfilled")).toBe(true);
  expect(vault.logins).toHaveLength(2);
});

test("a token is renewed before it ends, with the account's token of that day", async () => {
  const vault = new FakeVault();
  const login = service();
  await login.unwrap(await keyOf(), vault.host);
  vault.now += 399_000;
  await login.unwrap(await keyOf(), vault.host);
  expect(vault.logins).toHaveLength(1);
  vault.now += 2000;
  vault.jwt = "eyJ.rotated.token";
  await login.unwrap(await keyOf(), vault.host);
  expect(vault.logins.at(-1)?.body).toEqual({ role: "sops", jwt: "eyJ.rotated.token" });
});

test("a token that was revoked meanwhile is replaced at once", async () => {
  const vault = new FakeVault();
  const login = service();
  await login.unwrap(await keyOf(), vault.host);
  vault.revoked.add("hvs.1");
  expect(await login.unwrap(await keyOf(), vault.host)).toEqual(part);
  expect(vault.logins).toHaveLength(2);
});

test.each([
  [
    "a role that is not bound",
    "team/other",
    "/token",
    /403.*check that the role sops of auth\/team\/other\/login is bound/,
  ],
  [
    "a token that is not mounted",
    "kubernetes",
    "/none",
    /the service account's token \/none cannot be read/,
  ],
  ["a path that leads elsewhere", "../sys", "/token", /has a segment that is empty/],
])("%s is reported, without the token", async (_what, mount, file, wanted) => {
  const vault = new FakeVault();
  const failed = await service(mount, file)
    .unwrap(await keyOf(), vault.host)
    .catch((error: unknown) => error);
  expect(String(failed)).toMatch(wanted);
  expect(String(failed)).not.toContain(vault.jwt);
  // In a condition: its own advice once, not that to set a role, which is set.
  if (!(failed instanceof LoginError)) throw new Error("no failed login");
  const told = missingKey([{ key: await keyOf(), errors: [failed] }], []);
  expect(told).toMatch(wanted);
  expect(told.split(failed.remedy)).toHaveLength(2);
  expect(told).not.toContain("vault.role");
});

test("neither token goes to a server that a file names", async () => {
  const vault = new FakeVault();
  await expect(
    service().unwrap(await keyOf("https://evil.example.com"), vault.host),
  ).rejects.toThrow("Allowlist does not allow https://evil.example.com");
  expect(vault.logins.map(({ path }) => path)).not.toContain("evil");
  expect(vault.host.log.join("\n")).not.toContain("evil.example.com");
});
