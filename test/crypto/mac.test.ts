import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { LeafCipher } from "../../src/crypto/leaf.ts";
import { Mac } from "../../src/crypto/mac.ts";
import { bool, bytes, float, int, str, time, type Scalar } from "../../src/tree/node.ts";

// The vectors of spec 13. A null is no leaf, so it cannot be added.
const leaves: Scalar[] = [str("hello"), bool(true), str(""), float(1.5)];
const known =
  "B4E08B478421B19AEC0F012CEF3BB4477ACFC4EE87262EAA06F7846BBD720CBE2AE8E757B7C5F8378E6A78EAF215C960EBF06B08DBA07BFA97F2F4A860E67AF0";

test("hashes the plaintext of leaves to the known answer", () => {
  const mac = new Mac(false);
  for (const leaf of leaves) mac.add(leaf, leaf.kind !== "float");
  expect(mac.digest()).toBe(known);
});

test("unencrypted leaves count only when they should", () => {
  const mac = new Mac(true);
  mac.add(str("hello"), true);
  mac.add(bool(true), true);
  mac.add(float(1.5), false);
  expect(mac.digest()).toBe(
    "16FCC1C96E5289A21DCA582F13DB656C19B4E96E78B2127529A21925D08DF4ECCA8AAD9D4E322B7FE76B3B050F2CDA451CD62CE7E5F7DA7ED3A409ADDCFA8109",
  );
});

test("is sealed with the time of the last change as additional data", () => {
  const key = Uint8Array.from({ length: 32 }, (_, i) => i);
  const nonce = Uint8Array.from({ length: 32 }, (_, i) => 32 + i);
  expect(new LeafCipher(key).seal(known, "str", "2024-01-02T03:04:05Z", nonce)).toBe(
    "ENC[AES256_GCM,data:VfW0eLVN4hT+ZVRGpLFYvsLSh+JbxhsT4nYOld07zMbDrCP8AMu2+xy3Rqm1ENkOMk7HbZw4A96JRXXPAM7Itv39D3E8WHiBu4YtNJaMx9eFGp8+vTkY9/rweCXwH+2J/53z7vohse0yT5EqZfLTAsxMucMlRxPGTvj5B2eXSak=,iv:ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=,tag:aIqh/sC8kw01J8nd0YvEQQ==,type:str]",
  );
});

test("is one hash over all leaves, whatever their sizes", () => {
  const mac = new Mac(false);
  const hash = createHash("sha512");
  const add = (leaf: Scalar, text: string | Uint8Array) => {
    mac.add(leaf, true);
    hash.update(text);
  };
  add(str("é\u{1f600}"), "é\u{1f600}");
  add(str("x".repeat(5000)), "x".repeat(5000));
  for (let i = 0; i < 3000; i++) add(str(`v${i}é`), `v${i}é`);
  add(bytes(Uint8Array.of(0xf0, 0x9f)), Uint8Array.of(0xf0, 0x9f));
  add(bytes(Uint8Array.of(0x98, 0x80)), Uint8Array.of(0x98, 0x80));
  add(int(-5n), "-5");
  add(float(1e21), "1000000000000000000000");
  add(float(Number.NaN), "NaN");
  add(time("2020-01-02T00:00:00Z"), "2020-01-02T00:00:00Z");
  add(bool(false), "False");
  expect(mac.digest()).toBe(hash.digest("hex").toUpperCase());
});

test("counts equal text of different types as the same", () => {
  const digest = (leaf: Scalar) => {
    const mac = new Mac(false);
    mac.add(leaf, true);
    return mac.digest();
  };
  expect(digest(float(1))).toBe(digest(int(1n)));
  expect(digest(str("True"))).toBe(digest(bool(true)));
  expect(digest(str("true"))).not.toBe(digest(bool(true)));
});
