import { expect, test } from "vitest";
import { providers } from "../../src/keys/index.ts";
import type { KeyProvider, KeyType } from "../../src/keys/provider.ts";
import { entry, map, seq, str, type Entry, type Node } from "../../src/tree/node.ts";
import { fakeHost } from "./fake-host.ts";

const provider = (type: KeyType): KeyProvider => {
  const found = providers.find((candidate) => candidate.type === type);
  if (found === undefined) throw new Error(type);
  return found;
};
const parse = async (type: KeyType, text: string) =>
  (await provider(type).parse(text, fakeHost())).map(({ id }) => id);
const item = (fields: Record<string, Node | string>): Node =>
  map(
    Object.entries(fields).map(([name, value]): Entry =>
      entry(name, typeof value === "string" ? str(value) : value),
    ),
  );
const shown = async (type: KeyType, node: Node) =>
  (await provider(type).parseItem(node, fakeHost())).map(({ id }) => id);

test("every type of the format is registered, in the order of a loaded group", () => {
  expect(providers.map(({ type }) => type)).toEqual([
    "kms",
    "gcp_kms",
    "hckms",
    "azure_kv",
    "hc_vault",
    "pgp",
    "age",
  ]);
});

test.each(providers.map((each) => [each.type, each] as const))(
  "%s: stored fields are sorted, and empty text means no key",
  async (_, each) => {
    const names = each.storedFields.map(({ name }) => name);
    expect(names).toEqual(names.toSorted());
    expect(names).not.toContain("enc");
    expect(await each.parse("", fakeHost())).toEqual([]);
  },
);

test.each<[KeyType, string, string[]]>([
  [
    "kms",
    "arn:aws:kms:us-east-1:1:key/a, arn:aws:kms:eu-west-1:1:key/b+arn:aws:iam::1:role/r",
    ["arn:aws:kms:us-east-1:1:key/a", "arn:aws:kms:eu-west-1:1:key/b+arn:aws:iam::1:role/r"],
  ],
  [
    "gcp_kms",
    "projects/p/locations/l/keyRings/k/cryptoKeys/c",
    ["projects/p/locations/l/keyRings/k/cryptoKeys/c"],
  ],
  ["hckms", "tr-west-1:uuid, ,eu:u", ["tr-west-1:uuid", "eu:u"]],
  ["azure_kv", " https://v.vault.azure.net/keys/n/1 ", ["https://v.vault.azure.net/keys/n/1"]],
  [
    "hc_vault",
    "https://v:8200/v2/a/b/keys/k,,http://w/v1/transit/keys/x/",
    ["https://v:8200/v1/a/b/keys/k", "http://w/v1/transit/keys/x"],
  ],
  ["pgp", "85D7 7543, abcd!", ["85D77543", "abcd!"]],
])("%s: reads a comma-separated list", async (type, text, ids) => {
  expect(await parse(type, text)).toEqual(ids);
});

test.each<[KeyType, string, string]>([
  ["hckms", "x", "invalid key ID format: expected 'region:key-uuid'"],
  ["hckms", ":x", "region cannot be empty in key ID"],
  ["hckms", "x:", "key UUID cannot be empty in key ID"],
  ["azure_kv", "http://v/keys/n/1", "could not parse "],
  ["azure_kv", "https://v/keys/n/1,", "could not parse "],
  ["azure_kv", "https://v/keys/n", "failed to fetch Azure Key to retrieve key version: "],
  ["hc_vault", "v:8200/v1/transit/keys/k", "missing scheme in Vault URL"],
  ["hc_vault", " https://v/v1/transit/keys/k", "missing scheme in Vault URL"],
  [
    "hc_vault",
    "https://v/prefix/v1/transit/keys/k",
    "running Vault with a prefixed URL is not supported!",
  ],
  ["hc_vault", "https://v/v1/transit/keys/../k", 'vault path has a segment "." or ".."'],
  ["hc_vault", "https://v/v1/transit/%2E%2e/keys/k", 'vault path has a segment "." or ".."'],
  ["hc_vault", "https://v/v1/./keys/k", 'vault path has a segment "." or ".."'],
  ["hc_vault", "https://v/v1/transit/keys/..", 'vault path has a segment "." or ".."'],
  ["hc_vault", "https://v/v1/transit", "vault path does not seem to be formatted correctly:"],
])("%s: refuses %j", async (type, text, message) => {
  await expect(parse(type, text)).rejects.toMatchObject({
    exitCode: 1,
    message: expect.stringContaining(message),
  });
});

test("shows an AWS key with role, context and profile", async () => {
  const context = map([entry("b", str("2")), entry("a-b", str("x")), entry("a", str("1"))]);
  const key = { arn: "A", role: "R", context };
  expect(await shown("kms", item({ ...key, aws_profile: "dev" }))).toEqual([
    "A+R|a:1,a-b:x,b:2|dev",
  ]);
  expect(await shown("kms", item(key))).toEqual(["A+R|a:1,a-b:x,b:2"]);
  expect(await shown("kms", item({ arn: "A", aws_profile: "dev" }))).toEqual(["A||dev"]);
  expect(await shown("kms", item({ arn: "A" }))).toEqual(["A"]);
});

test("reads the items of key groups", async () => {
  expect(await shown("azure_kv", item({ vaultUrl: "https://v/", key: "k", version: "1" }))).toEqual(
    ["https://v//keys/k/1"],
  );
  expect(await shown("gcp_kms", item({ resource_id: "projects/p" }))).toEqual(["projects/p"]);
  expect(await shown("hckms", item({ key_id: "a:b" }))).toEqual(["a:b"]);
  expect(await shown("hc_vault", str("https://v/v1/t/keys/k"))).toEqual(["https://v/v1/t/keys/k"]);
  expect(await shown("pgp", str("AB CD"))).toEqual(["ABCD"]);
  await expect(Promise.resolve().then(() => shown("pgp", seq([])))).rejects.toThrow(
    "expected a string in 'pgp'",
  );
  await expect(Promise.resolve().then(() => shown("kms", str("arn")))).rejects.toThrow(
    "expected a mapping in 'kms'",
  );
});

test("a key remembers when it was named", async () => {
  const [key] = await provider("pgp").parse("AB", fakeHost());
  expect(key?.fields.items).toMatchObject([
    { key: "created_at", value: { value: "2026-11-23T21:15:59Z" } },
    { key: "fp", value: { value: "AB" } },
  ]);
});
