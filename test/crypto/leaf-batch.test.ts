import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { BatchLeafCipher, Texts } from "../../src/crypto/leaf-batch.ts";
import { LeafCipher, plaintextOf, typeTag } from "../../src/crypto/leaf.ts";
import { Nonces } from "../../src/crypto/nonces.ts";
import {
  bool,
  bytes,
  comment,
  entry,
  float,
  int,
  map,
  seq,
  str,
  time,
  type Leaf,
} from "../../src/tree/node.ts";
import { thrownBy } from "../verbs.ts";
import { runs } from "../runs.ts";

const key = Buffer.alloc(32, 9);
const plain = new LeafCipher(key);
const nonces = new Nonces({ randomBytes });

/** A batch cipher that these texts were announced to. */
function expecting(texts: readonly string[]): BatchLeafCipher {
  const cipher = new BatchLeafCipher(key);
  let at = 0;
  cipher.expect({ next: () => texts[at++] });
  return cipher;
}

const texts = fc.oneof(
  fc.string({ maxLength: 40 }),
  fc.string({ maxLength: 140, size: "max" }),
  fc.string({ maxLength: 2000, size: "max" }),
  fc.string({ unit: "binary", maxLength: 200, size: "max" }),
);
// With bytes that are not UTF-8, which stand as lone surrogates.
const paths = fc.oneof(
  fc.string({ maxLength: 60 }).map((text) => `${text}:`),
  fc.string({ unit: "binary", maxLength: 1500, size: "max" }),
  fc.constantFrom("a:", "a:b:", ":", "\udc80:", "é\udcff:", ""),
);
const leaves: fc.Arbitrary<Leaf> = fc.oneof(
  texts.filter((text) => text !== "").map((text) => str(text)),
  fc.uint8Array({ minLength: 1, maxLength: 200 }).map((raw) => bytes(raw)),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((value) => int(value)),
  fc.maxSafeInteger().map((value) => int(BigInt(value))),
  fc.double().map((value) => float(value)),
  fc.boolean().map((value) => bool(value)),
  fc
    .constantFrom("2020-01-02T03:04:05.1+05:30", "1999-12-31T23:59:59Z")
    .map((value) => time(value)),
  texts.filter((text) => text !== "").map((text) => comment(text)),
  fc.constantFrom(" \udc80 note", "\udce9").map((text) => comment(text)),
);
const placed = fc.array(fc.tuple(leaves, paths), { minLength: 1, maxLength: 600, size: "max" });
const secretOf = (leaf: Leaf) => (leaf.kind === "comment" ? leaf.value : plaintextOf(leaf));

test("what it seals opens everywhere, and it opens what was sealed anywhere", () => {
  fc.assert(
    fc.property(placed, (list) => {
      const batch = new BatchLeafCipher(key);
      const sealed = list.map(([leaf, aad], i) => {
        const cipher = i % 5 === 4 ? plain : batch;
        return cipher.sealFresh(secretOf(leaf), typeTag(leaf), aad, nonces);
      });
      const opener = expecting(sealed);
      for (const [i, [, aad]] of list.entries()) {
        const expected = plain.open(sealed[i] as string, aad);
        if (i % 3 === 0) expect(opener.openLeaf(sealed[i] as string, aad)).toEqual(expected.leaf);
        else {
          const { leaf, nonce } = opener.open(sealed[i] as string, aad);
          expect(leaf).toEqual(expected.leaf);
          expect(Buffer.from(nonce)).toEqual(Buffer.from(expected.nonce));
        }
      }
    }),
    { numRuns: 40 },
  );
});

test("leaves may be opened out of order, again, or not at all", () => {
  const sealed = Array.from({ length: 1000 }, (_, i) =>
    plain.sealFresh(`value ${i % 700}`, "str", "a:", nonces),
  );
  fc.assert(
    fc.property(fc.array(fc.nat(999), { maxLength: 300, size: "max" }), (order) => {
      const opener = expecting(sealed);
      for (const i of order)
        expect(opener.openLeaf(sealed[i] as string, "a:")).toEqual(str(`value ${i % 700}`));
    }),
    { numRuns: 30 },
  );
});

/** What comes of opening: the leaf, or the error's text. */
function outcome(cipher: LeafCipher, text: string, aad: string): unknown {
  try {
    return cipher.openLeaf(text, aad);
  } catch {
    const { message, hint, exitCode } = thrownBy(() => cipher.openLeaf(text, aad));
    return { message, hint, exitCode };
  }
}

const sample = plain.sealFresh("hunter2", "str", "a:", nonces);
test.each([
  sample.replace("data:", "data:\r\n"),
  sample.replace(",iv:", "\r,iv:"),
  sample.replace(",type", "\n,type"),
  `${sample} and more`,
  `${sample}\nand more]`,
  sample.replace("type:str", "type:\nstr"),
  sample.replace("type:str", "type:int"),
  sample.replace("type:str", "type:bool"),
  sample.replace("type:str", "type:bytes"),
  sample.replace("type:str", "type:comment"),
  sample.replace("type:str", "type:Str"),
  sample.replace("type:str", "type:"),
  sample.replace(/data:[^,]+/, "data:"),
  sample.replace(/data:./, "data:é"),
  sample.replace(/data:./, "data:Ł"),
  sample.replace(/data:./, "data:-"),
  sample.replace("=,iv", ",iv"),
  sample.replace("==,type", "=,type"),
  sample.replace(/iv:[^,]+/, "iv:AAAAAAAAAAAAAAAA"),
  sample.replace(/tag:[^,]+/, "tag:AAAAAAAAAAAAAAAA"),
  sample.replace(/tag:[^,]+/, "tag:AAAAAAAAAAAAAAAAAAAAAAAA"),
  sample.replace("AES256_GCM", "AES128_GCM"),
  sample.slice(0, -1),
  "ENC[",
  "plain",
  "",
])("treats %j as without a batch", (text) => {
  expect(outcome(expecting([text]), text, "a:")).toEqual(outcome(plain, text, "a:"));
});

test("one changed character anywhere has the same outcome as without a batch", () => {
  const list = [sample, plain.sealFresh("12", "int", "a:", nonces)];
  fc.assert(
    fc.property(
      fc.constantFrom(...list),
      fc.nat(),
      fc.oneof(
        fc.string({ minLength: 0, maxLength: 2 }),
        fc.constantFrom("=", ",", "]", "\n", "\r", "A", "/", ":"),
      ),
      fc.boolean(),
      (text, position, put, isInserted) => {
        const at = position % text.length;
        const changed = text.slice(0, at) + put + text.slice(isInserted ? at : at + 1);
        const batch = expecting([changed, sample]);
        expect(outcome(batch, changed, "a:")).toEqual(outcome(plain, changed, "a:"));
        expect(batch.openLeaf(sample, "a:")).toEqual(str("hunter2"));
      },
    ),
    { numRuns: runs(2000) },
  );
});

test("a leaf moved to another place is refused", () => {
  const batch = expecting([sample]);
  expect(thrownBy(() => batch.openLeaf(sample, "b:")).message).toContain(
    "message authentication failed",
  );
  expect(batch.openLeaf(sample, "a:")).toEqual(str("hunter2"));
});

test("no nonce is used twice", () => {
  const batch = new BatchLeafCipher(key);
  const ivs = Array.from({ length: 1500 }, (_, i) => {
    const sealed = batch.sealFresh("x".repeat(1 + (i % 200)), "str", "a:", nonces);
    return /iv:([^,]+)/.exec(sealed)?.[1];
  });
  expect(new Set(ivs).size).toBe(1500);
});

test("nothing is sealed to nothing", () => {
  expect(new BatchLeafCipher(key).sealFresh("", "str", "a:", nonces)).toBe("");
});

test("texts are found in document order, comments among them", () => {
  const documents = [
    map([
      comment("1"),
      entry("a", map([entry("b", str("2")), entry("c", bool(true))])),
      entry("d", seq([str("3"), seq([]), comment("4"), seq([str("5")])])),
      entry("e", int(5n)),
      entry("f", str("6")),
    ]),
    map([]),
    map([entry("g", str("7"))]),
  ];
  const found = new Texts(documents);
  for (const name of ["1", "2", "3", "4", "5", "6", "7"]) expect(found.next()).toBe(name);
  expect(found.next()).toBeUndefined();
});
