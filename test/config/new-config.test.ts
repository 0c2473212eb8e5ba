import { expect, test } from "vitest";
import { parseConfig } from "../../src/config/config.ts";
import {
  anchorOf,
  newConfig,
  pathRegexOf,
  usualPathRegex,
  withoutBraces,
} from "../../src/config/new-config.ts";
import { selectRule } from "../../src/config/match.ts";
import { provider, providers } from "../../src/keys/index.ts";
import { alice, fakeHost } from "../keys/fake-host.ts";

const age = (id: string) => ({ type: "age", id }) as const;

test("turns a name into an anchor that go-yaml accepts", () => {
  expect(["alice", "Zoë Blå", "ops/team", "---", "a_b-1"].map(anchorOf)).toEqual([
    "alice",
    "Zoe-Bla",
    "ops-team",
    "key",
    "a_b-1",
  ]);
});

test("writes a configuration that reads back, with each type's field", async () => {
  const text = newConfig(
    [
      { name: "alice", key: age("age1a") },
      { name: "Alice", key: { type: "pgp", id: "85D77543B3D624B63CEA9E6DBC17301B491B3F21" } },
      { name: "alice", key: { type: "kms", id: "arn:aws:kms:eu-west-1:123456789012:key/1" } },
    ],
    "it's",
  );
  expect(text).toContain("  - &alice age1a\n  - &Alice 85D77543B3D624B63CEA9E6DBC17301B491B3F21\n");
  expect(text).toContain("  - &alice-2 arn:aws:kms:eu-west-1:123456789012:key/1 # alice\n");
  const config = await parseConfig(Buffer.from(text), "x", (message) => {
    throw new Error(message);
  });
  const [rule] = config.creationRules ?? [];
  expect(rule?.pathRegex).toBe("it's");
  const filled = [...(rule?.keyGroups[0]?.keys ?? [])].filter(([, items]) => items.length > 0);
  expect(filled.map(([type]) => type).toSorted()).toEqual(["age", "kms", "pgp"]);
});

test("writes keys of every type so that they read back with all their fields", async () => {
  const keys = [
    { type: "age", id: alice.recipient },
    { type: "pgp", id: "1234567890123E45" },
    {
      type: "kms",
      id: "arn:aws:kms:eu-west-1:123456789012:key/1+arn:aws:iam::123456789012:role/r",
    },
    { type: "gcp_kms", id: "projects/p/locations/global/keyRings/r/cryptoKeys/k" },
    { type: "hckms", id: "cn-north-4:12345678-1234-1234-1234-123456789012" },
    { type: "azure_kv", id: "https://v.vault.azure.net/keys/k/0123456789abcdef" },
    { type: "hc_vault", id: "https://vault.example.com:8200/v1/transit/keys/k" },
  ] as const;
  expect(keys.map(({ type }) => type).toSorted()).toEqual(
    providers.map(({ type }) => type).toSorted(),
  );
  const host = fakeHost();
  const members = keys.map((key) => ({ name: key.type, key }));
  const config = await parseConfig(Buffer.from(newConfig(members, "x")), "x", () => undefined);
  const rule = await selectRule(config, "x", "x", host);
  for (const { type, id } of keys) {
    const [own] = await provider(type).parse(id, host);
    expect(rule?.keyGroups.flat()).toContainEqual(own);
  }
  expect(rule?.keyGroups.flat()).toHaveLength(keys.length);
});

test.each([
  ["secrets.*", ["secrets.yaml", "a/secrets.env"], ["secretsyaml", "secrets.d/x"]],
  ["prod/*.yaml", ["prod/a.yaml"], ["x/prod/a.yaml", "prod/b/a.yaml"]],
  ["prod/**/*.yaml", ["prod/a.yaml", "prod/b/c/a.yaml"], ["prod/a.json"]],
  ["a?.{json,env}", ["ab.json", "x/ab.env"], ["abc.json", "ab.yaml"]],
  ["/x+(1).env", ["x+(1).env"], ["y/x+(1).env", "x1.env"]],
])("turns the pattern %s into an expression", (glob, matching, others) => {
  const regex = new RegExp(pathRegexOf([glob]));
  expect([...matching, ...others].filter((path) => regex.test(path))).toEqual(matching);
});

test("the usual expression is for the usual names", () => {
  const regex = new RegExp(usualPathRegex);
  const names = [
    "secrets.yaml",
    "a/b.secret.json",
    "secrets/x/y.ini",
    "x/secrets/y.env",
    ".sops.yaml",
    "src/secrets.ts",
    "mysecrets.yaml",
  ];
  expect(names.filter((name) => regex.test(name))).toEqual(names.slice(0, 4));
});

test("spells braces out for Git", () => {
  expect(withoutBraces("{a,b}.{x,y}")).toEqual(["a.x", "a.y", "b.x", "b.y"]);
});
