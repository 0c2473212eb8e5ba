import fc from "fast-check";
import { expect, test } from "vitest";
import { printableLine } from "../../src/io/printable.ts";
import { keyInText, keyReference, shortKey, type KeyId } from "../../src/people/key-id.ts";
import { KeyNames, namesInConfig } from "../../src/people/names.ts";

const alice = "age1hfs4zv0gm88cph9za4fsv53k33q3wrvzfsmsx3r46wu0txras5ysxe4rsd";
const bob = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";
const fingerprint = "85D77543B3D624B63CEA9E6DBC17301B491B3F21";
const arn = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab";

const named = async (text: string): Promise<string[]> =>
  (await namesInConfig(Buffer.from(text))).all.map(
    ({ key, name, description, source }) =>
      `${name}${description === undefined ? "" : ` [${description}]`} (${source}): ${key.type} ${key.id}`,
  );

test("an anchor is a key's name, and the comment after it its description", async () => {
  const text = `keys:
  - &alice ${alice} # laptop, since 2024
  - &ci ${fingerprint}
creation_rules:
  - key_groups:
      - age: [*alice]
        pgp: [*ci]
`;
  expect(await named(text)).toEqual([
    `alice [laptop, since 2024] (anchor): age ${alice}`,
    `ci (anchor): pgp ${fingerprint}`,
  ]);
});

test("in a list in brackets, each comment belongs to the key on its line", async () => {
  const text = `keys: [
  &alice ${alice}, # laptop
  ${bob} # Bob, ops
]\n`;
  expect(await named(text)).toEqual([
    `alice [laptop] (anchor): age ${alice}`,
    `Bob [ops] (comment): age ${bob}`,
  ]);
});

test("a comment after several keys names none of them", async () => {
  expect(await named(`creation_rules:\n  - age: ${alice},${bob} # both\n`)).toEqual([]);
  expect(await named(`keys: [${alice}, ${bob}] # both\n`)).toEqual([]);
});

test("names cloud keys that are written as mappings", async () => {
  const text = `creation_rules:
  - key_groups:
      - kms:
          - &prod
            arn: ${arn} # production
            role: arn:aws:iam::1:role/x
          - {arn: "arn:aws:kms:us-east-1:1:alias/dev"} # dev
          - { arn: "arn:aws:kms:us-east-1:1:alias/ci", role: "arn:aws:iam::1:role/x" } # ci
        azure_keyvault:
          - vaultUrl: https://v.vault.azure.net
            key: sops # vault key
            version: "1"
`;
  expect(await named(text)).toEqual([
    `prod [production] (anchor): kms ${arn}`,
    // The comment stands after the mapping's brace.
    "dev (comment): kms arn:aws:kms:us-east-1:1:alias/dev",
    "ci (comment): kms arn:aws:kms:us-east-1:1:alias/ci",
    "vault key (comment): azure_kv https://v.vault.azure.net/keys/sops",
  ]);
});

test("a name is one line that cannot control a terminal", async () => {
  const [name] = await named(`keys:\n  - ${alice} # Eve \u202e\u0085 x\t y\n`);
  expect(name).toBe(String.raw`Eve \u202e\x85 x y (comment): age ${alice}`);
});

test("a key without a name in the file has the name that it gives itself", () => {
  const of = (key: KeyId) => KeyNames.none.of(key)?.name;
  expect(of({ type: "age", id: "ssh-ed25519 AAAAC3 alice@laptop" })).toBe("alice@laptop");
  expect(of({ type: "kms", id: "arn:aws:kms:eu-west-1:1:alias/prod+arn:aws:iam::1:role/x" })).toBe(
    "alias/prod",
  );
  expect(
    of({ type: "gcp_kms", id: "projects/p/locations/global/keyRings/r/cryptoKeys/sops" }),
  ).toBe("sops");
  expect(of({ type: "hc_vault", id: "https://v:8200/v1/transit/keys/team" })).toBe("team");
  expect(of({ type: "age", id: alice })).toBeUndefined();
  expect(of({ type: "kms", id: arn })).toBeUndefined();
});

test("one person may have several keys, and a word finds them in upper or lower case", async () => {
  const names = await namesInConfig(Buffer.from(`keys:\n  - ${alice} # Bob\n  - ${bob} # Bob\n`));
  expect(names.named("Bob").map(({ id }) => id)).toEqual([alice, bob]);
  expect(names.named("bob").map(({ id }) => id)).toEqual([alice, bob]);
  expect(names.named("mallory")).toEqual([]);
  expect(names.named(alice)).toEqual([{ type: "age", id: alice }]);
});

test("a message shows a name with enough of the key to tell it from others", async () => {
  const names = await namesInConfig(Buffer.from(`keys:\n  - &alice ${alice}\n`));
  expect(names.shown({ type: "age", id: alice })).toBe("alice (age1hfs4…4rsd)");
  expect(names.shown({ type: "age", id: bob })).toBe(bob);
});

test("two spellings of a key are one key", () => {
  const same = [
    ["pgp", fingerprint, fingerprint.toLowerCase()],
    ["pgp", fingerprint, "BC17301B491B3F21"],
    ["kms", arn, `${arn}+arn:aws:iam::1:role/x|a:b|profile`],
    ["age", "ssh-ed25519 AAAA me@here", "ssh-ed25519 AAAA"],
    ["azure_kv", "https://v.vault.azure.net/keys/k/123", "https://v.vault.azure.net/keys/k/"],
  ] as const;
  for (const [type, a, b] of same)
    expect(keyReference({ type, id: a })).toBe(keyReference({ type, id: b }));
  expect(keyReference({ type: "age", id: alice })).not.toBe(keyReference({ type: "age", id: bob }));
});

test.each([
  [alice, "age"],
  ["ssh-rsa AAAAB3 x@y", "age"],
  [fingerprint, "pgp"],
  ["85D7 7543 B3D6 24B6 3CEA  9E6D BC17 301B 491B 3F21", "pgp"],
  [arn, "kms"],
  ["projects/p/locations/l/keyRings/r/cryptoKeys/k", "gcp_kms"],
  ["https://vault.example.com:8200/v1/transit/keys/k", "hc_vault"],
  ["https://v.vault.azure.net/keys/k/0", "azure_kv"],
  ["eu-west-101:01234567-89ab-cdef-0123-456789abcdef", "hckms"],
  ["secrets/.*", undefined],
  ["", undefined],
])("%s is a key of type %s", (text, type) => {
  expect(keyInText(text)?.type).toBe(type);
});

test("no text is too odd for a key's short form or a name", async () => {
  const types = ["age", "pgp", "kms", "gcp_kms", "azure_kv", "hc_vault", "hckms"] as const;
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: "binary", maxLength: 40 }), async (text) => {
      for (const type of types) {
        expect(typeof shortKey({ type, id: text })).toBe("string");
        expect(typeof keyReference({ type, id: text })).toBe("string");
      }
      const names = await namesInConfig(Buffer.from(`- ${alice} # ${text}`));
      for (const { name } of names.all) expect(name).toBe(printableLine(name));
    }),
  );
});
