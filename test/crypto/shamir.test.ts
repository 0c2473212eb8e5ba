import { randomBytes } from "node:crypto";
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
])("combines shares written by sops: %s", (_, shares) => {
  expect(combine(shares)).toEqual(secret);
});

test.each([
  [2, 2],
  [3, 2],
  [5, 5],
  [255, 3],
])("any threshold of the shares gives the secret: %i parts, %i needed", (parts, threshold) => {
  const shares = split(secret, parts, threshold, randomBytes);
  expect(shares.map((share) => share[32])).toEqual(Array.from({ length: parts }, (_, i) => i + 1));
  expect(combine(shares.slice(0, threshold))).toEqual(secret);
  expect(combine(shares.slice(-threshold))).toEqual(secret);
  expect(combine(shares)).toEqual(secret);
});

test("fewer shares than the threshold give something else", () => {
  expect(combine(split(secret, 4, 3, randomBytes).slice(0, 2))).not.toEqual(secret);
});

test("the coefficients are wiped", () => {
  const lent: Uint8Array[] = [];
  split(secret, 3, 3, (length) => {
    const bytes = new Uint8Array(length).fill(7);
    lent.push(bytes);
    return bytes;
  });
  expect(lent).toHaveLength(32);
  expect(lent.every((bytes) => bytes.every((byte) => byte === 0))).toBe(true);
});

test.each([
  ["threshold must be at least 2", 2, 1],
  ["parts cannot be less than threshold", 2, 3],
  ["parts cannot exceed 255", 256, 2],
])("refuses to split: %s", (message, parts, threshold) => {
  expect(() => split(secret, parts, threshold, randomBytes)).toThrow(message);
});

test("refuses shares that cannot belong together", () => {
  expect(() => combine([a])).toThrow(
    "less than two parts cannot be used to reconstruct the secret",
  );
  expect(() => combine([a, a])).toThrow("duplicate part detected");
  expect(() => combine([a, b.subarray(1)])).toThrow("all parts must be the same length");
  expect(() => combine([hex("01"), hex("02")])).toThrow("parts must be at least two bytes");
  expect(() => combine([a, new Uint8Array(33)])).toThrow("stands at 0");
});
