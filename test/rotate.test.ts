import { expect, test } from "vitest";
import { localKeyService } from "../src/key-service/key-service.ts";
import { age } from "../src/keys/age/age.ts";
import { rotateSource, type RotateOptions } from "../src/rotate.ts";
import { alice, bob, fakeHost } from "./keys/fake-host.ts";
import { joinChunks } from "../src/tree/long-text.ts";
import { aliceHost, decryptText, encryptText, refusal } from "./verbs.ts";

const plain = "a: x\nl:\n    - 1\n    - true\n";
const rotate = async (text: string, options: Partial<RotateOptions> = {}) =>
  joinChunks(
    await rotateSource(
      Buffer.from(text),
      {
        file: "secrets.x",
        input: "yaml",
        output: "yaml",
        services: [localKeyService],
        warn: () => undefined,
        order: ["age"],
        add: [],
        remove: [],
        ...options,
      },
      aliceHost,
    ),
  ).toString();

const parts = (text: string, name: string) =>
  [...text.matchAll(new RegExp(`${name}:([^,\\]]+)`, "g"))].map(([, part]) => part);

test("takes a new data key and keeps the nonces", async () => {
  const before = await encryptText(plain);
  const after = await rotate(before);
  expect(await decryptText(after)).toBe(plain);
  expect(parts(after, ",iv").slice(0, 3)).toEqual(parts(before, ",iv").slice(0, 3));
  for (const [i, tag] of parts(after, ",tag").entries())
    expect(tag).not.toBe(parts(before, ",tag")[i]);
  const armor = (text: string) => /-----BEGIN[^]*-----END/.exec(text)?.[0];
  expect(armor(after)).not.toBe(armor(before));
});

test("values under the old data key are refused", async () => {
  const before = await encryptText(plain);
  const after = await rotate(before);
  const value = (text: string) => /^a: .*$/m.exec(text)?.[0] as string;
  expect((await refusal(decryptText(after.replace(value(after), value(before))))).exitCode).toBe(
    25,
  );
});

test("adds and removes recipients", async () => {
  const bobHost = fakeHost({ env: { SOPS_AGE_KEY: bob.identity } });
  const before = await encryptText(plain);
  expect((await refusal(decryptText(before, { host: bobHost }))).exitCode).toBe(128);
  const shared = await rotate(before, { add: await age.parse(bob.recipient, aliceHost) });
  expect(await decryptText(shared, { host: bobHost })).toBe(plain);
  expect(await decryptText(shared)).toBe(plain);
  const alone = await rotate(shared, { remove: [{ type: "age", id: alice.recipient }] });
  expect(await decryptText(alone, { host: bobHost })).toBe(plain);
  expect((await refusal(decryptText(alone))).exitCode).toBe(128);
});

test("a file is not left without recipients", async () => {
  const before = await encryptText(plain);
  expect(
    (await refusal(rotate(before, { remove: [{ type: "age", id: alice.recipient }] }))).exitCode,
  ).toBeGreaterThan(0);
});

test("a tampered file is not rotated", async () => {
  const before = (await encryptText(plain)).replace(/^a: .*$/m, 'a: ""');
  expect((await refusal(rotate(before))).exitCode).toBe(51);
});
