import fc from "fast-check";
import { expect, test } from "vitest";
import { align } from "../../src/crypto/align.ts";
import { runs } from "../runs.ts";

const aligned = (before: string, after: string) => [...align(before.split(""), after.split(""))];

test("finds equal keys around what was added, changed, removed or moved", () => {
  expect(aligned("", "")).toEqual([]);
  expect(aligned("ab", "")).toEqual([]);
  expect(aligned("", "ab")).toEqual([-1, -1]);
  expect(aligned("a1b1c1", "a1b1c1")).toEqual([0, 1, 2, 3, 4, 5]);
  expect(aligned("a1b1c1", "a1x1b1c1")).toEqual([0, 1, -1, -1, 2, 3, 4, 5]);
  expect(aligned("a1b1c1", "x1a1b1y1c1")).toEqual([-1, -1, 0, 1, 2, 3, -1, -1, 4, 5]);
  expect(aligned("a1b1c1d1", "a1c1x1d1")).toEqual([0, 1, 4, 5, -1, -1, 6, 7]);
  expect(aligned("a1b1c1", "a1x1c1")).toEqual([0, 1, -1, 3, 4, 5]);
  expect(aligned("a1b1c1", "a2b1c1")).toEqual([0, -1, 2, 3, 4, 5]);
  expect(aligned("11111", "111")).toEqual([0, 1, 2]);
  expect(aligned("1a2b3c", "3c1a2b")).toEqual([-1, -1, 0, 1, 2, 3]);
  expect(aligned("xaxbxc", "xaxxbxc")).toEqual([0, 1, 2, -1, 3, 4, 5]);
});

const names = fc.uniqueArray(fc.nat(30), { maxLength: 12 });
const keysOf = (list: readonly number[]) => list.flatMap((name) => [`name ${name}`, "80", "tcp"]);

test("tells each item of a list with names by its name, whatever is added or removed", () => {
  let compared = 0;
  fc.assert(
    fc.property(names, fc.array(fc.boolean()), fc.array(fc.boolean()), (all, left, added) => {
      const before = all.filter((_, i) => left[i] !== true);
      const after = all.filter((_, i) => added[i] !== true);
      const found = align(keysOf(before), keysOf(after));
      for (const [i, one] of after.entries()) {
        const at = before.indexOf(one);
        const expected = [0, 1, 2].map((part) => at * 3 + part);
        if (at < 0) continue;
        expect(Array.from(found.slice(i * 3, i * 3 + 3))).toEqual(expected);
        compared++;
      }
    }),
    { numRuns: runs(2000) },
  );
  expect(compared).toBeGreaterThan(runs(1000));
});

test("pairs equal keys only, each once", () => {
  let paired = 0;
  const keys = fc.array(fc.constantFrom("a", "b", "c", "d", "e"), { maxLength: 20 });
  fc.assert(
    fc.property(keys, keys, (before, after) => {
      const found = [...align(before, after)];
      const pairs = found.flatMap((old, now) => (old < 0 ? [] : [[old, now] as const]));
      expect(new Set(pairs.map(([old]) => old)).size).toBe(pairs.length);
      for (const [old, now] of pairs) expect(before[old]).toBe(after[now]);
      paired += pairs.length;
    }),
    { numRuns: runs(2000) },
  );
  expect(paired).toBeGreaterThan(runs(1000));
});
