import { expect, test } from "vitest";
import { provider } from "../../src/keys/index.ts";
import type { KeyType } from "../../src/keys/provider.ts";
import { keysDueForRotation } from "../../src/keys/rotation.ts";
import { alice, fakeHost } from "./fake-host.ts";

const made = new Date("2026-01-01T00:00:00Z");
const keysOf = (type: KeyType, text: string) =>
  provider(type).parse(text, { ...fakeHost(), now: () => made });
const daysLater = (days: number, seconds = 0) =>
  new Date(made.getTime() + days * 86_400_000 + seconds * 1000);

test.each<[KeyType, string]>([
  ["kms", "arn:aws:kms:us-east-1:1:key/a"],
  ["gcp_kms", "projects/p"],
  ["hckms", "a:b"],
  ["azure_kv", "https://v.vault.azure.net/keys/n/1"],
  ["hc_vault", "https://v/v1/t/keys/k"],
  ["pgp", "AB"],
])("a %s key is due after 180 days", async (type, text) => {
  const keys = await keysOf(type, text);
  expect(keysDueForRotation(keys, daysLater(180))).toEqual([]);
  expect(keysDueForRotation(keys, daysLater(180, 1))).toEqual([
    { id: keys[0]?.id, since: "2026-01-01T00:00:00Z", days: 180 },
  ]);
});

test("an age key is never due", async () => {
  expect(keysDueForRotation(await keysOf("age", alice.recipient), daysLater(10_000))).toEqual([]);
});
