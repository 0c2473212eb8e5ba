import fc from "fast-check";
import { expect, test } from "vitest";
import { mergeSources, type MergeOptions } from "../../src/merge.ts";
import { localKeyService } from "../../src/key-service/key-service.ts";
import { joinChunks } from "../../src/tree/long-text.ts";
import type { FormatName } from "../../formats/format.ts";
import { decryptText, encryptText, aliceHost } from "../verbs.ts";
import { encryptedAs } from "./sides.ts";
import { oracle } from "./oracle.ts";
import { runs } from "../runs.ts";

const options = (format: FormatName): MergeOptions => ({
  file: `secrets.${format}`,
  format,
  order: ["age"],
  services: [localKeyService],
  labels: { ours: "ours", theirs: "theirs" },
  warn: (message) => {
    throw new Error(message);
  },
});

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

const names = fc.constantFrom("a", "b", "c", "d", "e_unencrypted");
const scalar = fc.oneof(
  fc.constantFrom<Json>("x", "y", "z", null, true, 1, 2.5),
  fc.string({ maxLength: 3 }),
);
const { value } = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    scalar,
    fc.array(tie("value"), { maxLength: 4 }),
    fc.array(fc.record({ name: fc.constantFrom("p", "q", "r"), v: scalar }), { maxLength: 3 }),
    fc.dictionary(names, tie("value"), { maxKeys: 4, noNullPrototype: true }),
  ),
}));
const document = fc.dictionary(names, value, { maxKeys: 5, noNullPrototype: true });

/** A version of a document with a few edits, made by a list of numbers. */
function edited(json: Json, edits: readonly number[], fresh: readonly Json[]): Json {
  let at = 0;
  const next = (below: number): number => (edits[at++ % edits.length] ?? 0) % below;
  const change = (node: Json, depth: number): Json => {
    if (next(4) > 1 && depth > 0) return node;
    if (Array.isArray(node)) {
      const items = node.map((item) => change(item, depth + 1));
      const what = next(4);
      if (what === 0) items.push(fresh[next(fresh.length)] as Json);
      if (what === 1) items.splice(next(items.length + 1), 1);
      if (what === 2) items.splice(next(items.length + 1), 0, fresh[next(fresh.length)] as Json);
      return items;
    }
    if (typeof node === "object" && node !== null) {
      const entries = Object.entries(node).map(([key, item]): [string, Json] => [
        key,
        change(item, depth + 1),
      ]);
      const what = next(4);
      if (what === 0) entries.push(["new", fresh[next(fresh.length)] as Json]);
      if (what === 1) entries.splice(next(entries.length + 1), 1);
      return Object.fromEntries(entries);
    }
    return fresh[next(fresh.length)] as Json;
  };
  return change(json, 0);
}

const threeSides = fc
  .tuple(
    document,
    fc.array(fc.nat(100), { minLength: 5, maxLength: 20 }),
    fc.array(fc.nat(100), { minLength: 5, maxLength: 20 }),
    fc.array(value, { minLength: 3, maxLength: 3 }),
  )
  .map(
    ([base, left, right, fresh]) =>
      [base, edited(base, left, fresh), edited(base, right, fresh)] as const,
  )
  .filter((sides) => sides.every((side) => Object.keys(side as object).length > 0));

const ciphertexts = (text: string): string[] => text.match(/ENC\[[^\]]*\]/g) ?? [];

/** The base encrypted; a side as an edit of it, so that untouched values keep their ciphertext. */
async function sealedSides(sides: readonly [Json, Json, Json]): Promise<[string, string, string]> {
  const [base, ours, theirs] = sides.map((side) => `${JSON.stringify(side)}\n`);
  const sealed = await encryptText(base ?? "", { format: "json" });
  return [
    sealed,
    await encryptedAs(sealed, ours ?? "", "json"),
    await encryptedAs(sealed, theirs ?? "", "json"),
  ];
}

test(
  "random merges agree with an independent merge of plain values, and make few ciphertexts",
  { timeout: 300_000 },
  async () => {
    await fc.assert(
      fc.asyncProperty(threeSides, async (sides) => {
        const [base, ours, theirs] = await sealedSides(sides);
        const expected = oracle(...sides);
        const bytes = {
          base: Buffer.from(base),
          ours: Buffer.from(ours),
          theirs: Buffer.from(theirs),
        };
        const merged = await mergeSources(bytes, options("json"), aliceHost);
        const text = joinChunks(merged.chunks).toString();
        expect(merged.conflicts.length).toBe(expected.conflicts.length);
        const before = new Set([base, ours, theirs].flatMap(ciphertexts));
        const made = ciphertexts(text).filter((one) => !before.has(one));
        expect(made.length).toBeLessThanOrEqual(merged.conflicts.length + 1);
        if (merged.conflicts.length === 0) {
          const plain: unknown = JSON.parse(await decryptText(text, { format: "json" }));
          expect(JSON.stringify(plain)).toBe(JSON.stringify(expected.value));
        } else {
          expect(text).toMatch(/^<{7} ours$/m);
          expect(() => JSON.parse(text) as unknown).toThrow(/JSON/);
        }
      }),
      { numRuns: runs(1000) },
    );
  },
);
