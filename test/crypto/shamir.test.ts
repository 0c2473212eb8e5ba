import { expect, test } from "vitest";
import { combine, split } from "../../src/crypto/shamir.ts";

const hex = (text: string) => new Uint8Array(Buffer.from(text.replaceAll(" ", ""), "hex"));
const a = hex("81ee8dadf9a16a564b1de6d70c303897bd5365a9652999baacbad38dc287bb4a 01");
const b = hex("29998bcc577ecc61352520a740ca709ee0ce6f803cce26d99ece1eb02e2e8ca2 02");
const c = hex("b8b4891ac4c2ae851fc4627e8d9c4899224c696e0b93baf879e2ac52834968fa 03");
const secret = hex("10c38f7b6a1d08b261fca40ec16600907fd163475274059b4b96616f6fe05f12");

test.each([
  ["first and second", [a, b]],
  ["third and first", [c, a]],
  ["second and third", [b, c]],
  ["all three", [b, a, c]],
])("combines shares written by sops: %s", async (_, shares) => {
  expect(await combine(shares)).toEqual(secret);
});

test.each([
  [2, 2],
  [3, 2],
  [5, 5],
  [255, 3],
])(
  "any threshold of the shares gives the secret: %i parts, %i needed",
  async (parts, threshold) => {
    const shares = await split(Buffer.from(secret), parts, threshold);
    expect(new Set(shares.map((share) => share[32])).size).toBe(parts);
    expect(await combine(shares.slice(0, threshold))).toEqual(secret);
    expect(await combine(shares.slice(-threshold).map((share) => Buffer.from(share)))).toEqual(
      secret,
    );
    expect(await combine(shares)).toEqual(secret);
  },
);

test("fewer shares than the threshold give something else", async () => {
  expect(await combine((await split(secret, 4, 3)).slice(0, 2))).not.toEqual(secret);
});

test("what was split and combined is left as it was", async () => {
  const lent = Buffer.from(secret);
  const shares = await split(lent, 3, 2);
  const before = shares.map((share) => share.slice());
  await combine(shares);
  expect([...lent]).toEqual([...secret]);
  expect(shares).toEqual(before);
});

test.each([
  ["threshold must be at least 2", 2, 1],
  ["parts cannot be less than threshold", 2, 3],
  ["parts cannot exceed 255", 256, 2],
])("refuses to split: %s", async (message, parts, threshold) => {
  await expect(split(secret, parts, threshold)).rejects.toMatchObject({ exitCode: 1, message });
});

test.each([
  ["less than two parts cannot be used to reconstruct the secret", [a]],
  ["duplicate part detected", [a, a]],
  ["all parts must be the same length", [a, b.subarray(1)]],
  ["parts must be at least two bytes", [hex("01"), hex("02")]],
  ["a part is at 0", [a, new Uint8Array(33)]],
])("refuses shares that cannot belong together: %s", async (message, shares) => {
  await expect(combine(shares)).rejects.toMatchObject({ exitCode: 1, message });
});
