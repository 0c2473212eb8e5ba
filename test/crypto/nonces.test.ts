import { expect, test } from "vitest";
import { Nonces } from "../../src/crypto/nonces.ts";
import { fakeHost } from "../keys/fake-host.ts";

const nonce = (fill: number) => new Uint8Array(32).fill(fill);

test("an unchanged leaf gets its nonce back, at its place and with its type only", () => {
  const nonces = new Nonces(fakeHost());
  nonces.remember("5", "int", "a:", nonce(1));
  expect(nonces.take("5", "int", "a:")).toEqual(nonce(1));
  for (const [text, type, aad] of [
    ["5", "str", "a:"],
    ["5", "float", "a:"],
    ["6", "int", "a:"],
    ["5", "int", "b:"],
    ["5", "int", "a:b:"],
    ["", "int", "a:5"],
  ] as const) {
    expect(nonces.take(text, type, aad)).toBeUndefined();
  }
});

test("equal leaves at one place get their nonces back in their order; a further one gets the last", () => {
  const nonces = new Nonces(fakeHost());
  for (const fill of [1, 2, 3]) nonces.remember("x", "str", "l:", nonce(fill));
  nonces.remember("y", "str", "l:", nonce(9));
  const taken = [1, 2, 3, 4].map(() => nonces.take("x", "str", "l:"));
  expect(taken).toEqual([nonce(1), nonce(2), nonce(3), nonce(3)]);
  expect(nonces.take("y", "str", "l:")).toEqual(nonce(9));
});

test("of equal leaves, those after a changed, a new or a removed one keep their nonces", () => {
  const leaves = (names: readonly string[]) => names.flatMap((name) => [`name ${name}`, "80"]);
  const before = leaves(["a", "b", "c", "d"]);
  const taken = (after: readonly string[]) => {
    const nonces = new Nonces(fakeHost());
    for (const [i, leaf] of before.entries()) nonces.remember(leaf, "str", "l:", nonce(i));
    return after.map((leaf) => nonces.take(leaf, "str", "l:")?.[0]);
  };
  expect(taken(before)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  expect(taken(before.with(1, "81"))).toEqual([0, undefined, 2, 3, 4, 5, 6, 7]);
  expect(taken(before.slice(2))).toEqual([2, 3, 4, 5, 6, 7]);
  expect(taken(leaves(["a", "c", "d"]))).toEqual([0, 1, 4, 5, 6, 7]);
  expect(taken(leaves(["c", "d", "a", "b"]))).toEqual([4, 5, 6, 7, 0, 1, 2, 3]);
  // Each once, then the last.
  expect(taken(["80", "80", "80", "80", "80"])).toEqual([1, 3, 5, 7, 7]);
  expect(taken(["name c", "80", "80", "80", "80", "80"])).toEqual([4, 5, 7, 1, 3, 7]);
});

test("leaves that are announced keep their nonces around new equal ones", () => {
  const leaves = (names: readonly string[]): [string, string, string][] =>
    names.flatMap((name) => [
      [`name ${name}`, "str", "l:"],
      ["80", "str", "l:"],
    ]);
  const nonces = new Nonces(fakeHost());
  expect(nonces.hasEqual).toBe(false);
  for (const [i, leaf] of leaves(["a", "b", "c", "d"]).entries())
    nonces.remember(...leaf, nonce(i));
  expect(nonces.hasEqual).toBe(true);
  const taken = (names: readonly string[]) => {
    const after = leaves(names);
    nonces.expect(after);
    return after.map((leaf) => nonces.take(...leaf)?.[0]);
  };
  expect(taken(["a", "b", "x", "c", "d"])).toEqual([0, 1, 2, 3, undefined, 7, 4, 5, 6, 7]);
  expect(taken(["x", "b", "d"])).toEqual([undefined, 1, 2, 3, 6, 7]);
  // What was taken is forgotten.
  expect(taken(["a", "b", "c", "d"])).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
});

test("the nonces of another version of the file are learned once", () => {
  const [ours, theirs] = [new Nonces(fakeHost()), new Nonces(fakeHost())];
  for (const fill of [1, 2]) ours.remember("x", "str", "l:", nonce(fill));
  for (const fill of [1, 3]) theirs.remember("x", "str", "l:", nonce(fill));
  theirs.remember("y", "str", "l:", nonce(4));
  ours.learn(theirs);
  expect([1, 2, 3].map(() => ours.take("x", "str", "l:"))).toEqual([nonce(1), nonce(2), nonce(3)]);
  expect(ours.take("y", "str", "l:")).toEqual(nonce(4));
});

test("the text NaN and the number are told apart", () => {
  const nonces = new Nonces(fakeHost());
  nonces.remember("NaN", "str", "a:", nonce(1));
  nonces.remember("NaN", "float", "a:", nonce(2));
  expect(nonces.take("NaN", "float", "a:")).toEqual(nonce(2));
  expect(nonces.take("NaN", "str", "a:")).toEqual(nonce(1));
});

test("a nonce of another length is not used again", () => {
  const nonces = new Nonces(fakeHost());
  nonces.remember("x", "str", "a:", new Uint8Array(12));
  expect(nonces.take("x", "str", "a:")).toBeUndefined();
});

test("bytes and text do not meet", () => {
  const nonces = new Nonces(fakeHost());
  nonces.remember(Uint8Array.of(0xe9), "str", "a:", nonce(1));
  expect(nonces.take("é", "str", "a:")).toBeUndefined();
  expect(nonces.take(Uint8Array.of(0xe9), "str", "a:")).toEqual(nonce(1));
});

test("fresh nonces never repeat", () => {
  const nonces = new Nonces(fakeHost());
  const taken = Array.from({ length: 2000 }, () => Buffer.from(nonces.fresh()).toString("hex"));
  expect(new Set(taken).size).toBe(2000);
  expect(taken.every((text) => text.length === 64)).toBe(true);
});
