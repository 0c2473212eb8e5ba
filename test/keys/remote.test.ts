import { expect, test } from "vitest";
import type { HttpRequest, HttpResponse } from "../../src/io/host.ts";
import { providers } from "../../src/keys/index.ts";
import type { MasterKey } from "../../src/keys/provider.ts";
import { vaultTransit } from "../../src/keys/vault-transit/vault-transit.ts";
import { fakeHost } from "./fake-host.ts";

const uri = "https://vault.test/v1/transit/keys/k";

async function vaultKey(host = fakeHost()): Promise<MasterKey> {
  const [key] = await vaultTransit.parse(uri, host);
  if (key === undefined) throw new Error("no key");
  return { ...key, enc: "vault:v1:AAAA" };
}

const hostThat = (
  fetch: (request: HttpRequest) => HttpResponse | Promise<HttpResponse>,
  env = {},
) => fakeHost({ fetch, env: { VAULT_TOKEN: "hvs.for-tests", VAULT_MAX_RETRIES: "0", ...env } });

/** No answer until the request's own signal ends it. */
const silence = ({ signal }: HttpRequest): Promise<HttpResponse> =>
  new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason as Error);
    else signal.addEventListener("abort", () => reject(signal.reason as Error));
  });

test("the key types of clouds say that they use the network, others that they do not", () => {
  const remote = providers.filter(({ isRemote }) => isRemote).map(({ type }) => type);
  expect(remote).toEqual(["kms", "gcp_kms", "hckms", "azure_kv", "hc_vault"]);
});

test("a caller may give up on a key", async () => {
  const host = hostThat(silence);
  const stop = new AbortController();
  const opened = vaultTransit.unwrap(await vaultKey(), host, stop.signal);
  setTimeout(() => stop.abort(), 20);
  await expect(opened).rejects.toMatchObject({
    exitCode: 128,
    message: expect.stringContaining("vault.test gave no answer in time; check the network"),
  });
});

test("a request has a limit of its own", async () => {
  const host = hostThat(silence, { VAULT_CLIENT_TIMEOUT: "30ms" });
  await expect(vaultTransit.wrap(await vaultKey(), Buffer.alloc(32), host)).rejects.toMatchObject({
    exitCode: 1,
    message: expect.stringContaining("vault.test gave no answer within 0.03 s"),
  });
});

test("a server's message becomes one short line, without the secrets that it was sent", async () => {
  const part = Buffer.alloc(32, 7);
  const host = hostThat(({ headers, body }) => {
    const said = `${headers?.["x-vault-token"]}\n${String(body)} \u001b[31m ${"x".repeat(2000)}`;
    return { status: 400, headers: {}, body: Buffer.from(JSON.stringify({ errors: [said] })) };
  });
  const error: unknown = await vaultTransit
    .wrap(await vaultKey(), part, host)
    .catch((thrown: unknown) => thrown);
  if (!(error instanceof Error)) throw new Error("no error");
  expect(error.message).toMatch(
    /Vault answered 400: … \{"plaintext":"…"\} [^\n]*x…; check Vault's log$/,
  );
  expect(error.message).not.toMatch(/hvs\.|BwcH|\p{Cc}/u);
  expect(error.message.length).toBeLessThan(600);
});

test.each([
  ["ENOTFOUND", "no such host"],
  ["ECONNREFUSED", "connection refused"],
  ["ECONNRESET", "the connection was closed"],
  ["CERT_HAS_EXPIRED", "its certificate is not trusted (CERT_HAS_EXPIRED)"],
])("a connection that fails with %s is described in words", async (code, words) => {
  const host = hostThat(() => Promise.reject(Object.assign(new Error("system"), { code })));
  await expect(vaultTransit.unwrap(await vaultKey(), host)).rejects.toThrow(
    `vault.test cannot be reached: ${words}; `,
  );
});

test("an answer that is not JSON is not shown", async () => {
  const page = Buffer.from("<html>a proxy's page</html>");
  const host = hostThat(() => ({ status: 200, headers: {}, body: page }));
  await expect(vaultTransit.unwrap(await vaultKey(), host)).rejects.toThrow(
    "Vault answered with status 200 and something other than the expected JSON; check that this is the address of the service itself",
  );
});
