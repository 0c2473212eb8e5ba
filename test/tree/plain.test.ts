import fc from "fast-check";
import { expect, test } from "vitest";
import {
  bool,
  bytes,
  comment,
  entry,
  float,
  int,
  map,
  nil,
  seq,
  str,
  time,
  type Node,
} from "../../src/tree/node.ts";
import { documentsFromPlain, fromPlain, nodeToPlain, toPlain } from "../../src/tree/plain.ts";
import { thrownBy } from "../verbs.ts";

test.each<[string, Node, unknown]>([
  ["text", str("x"), "x"],
  ["a small integer", int(5n), 5],
  ["an integer beyond 2^53", int(2n ** 53n), 2n ** 53n],
  ["the largest safe integer", int(2n ** 53n - 1n), 2 ** 53 - 1],
  ["a float", float(1.5), 1.5],
  ["a bool", bool(true), true],
  ["null", nil(), null],
  ["a time", time("2020-01-02T00:00:00Z"), "2020-01-02T00:00:00Z"],
  ["bytes", bytes(Uint8Array.of(255)), Uint8Array.of(255)],
  ["a list", seq([int(1n), comment("c"), seq([nil()])]), [1, [null]]],
  ["a mapping", map([comment("c"), entry("a", map([]))]), { a: {} }],
])("%s becomes plain JavaScript", (_what, node, expected) => {
  expect(nodeToPlain(node)).toEqual(expected);
});

test.each<[string, unknown, Node]>([
  ["text", "x", str("x")],
  ["a whole number", 5, int(5n)],
  ["a fraction", 1.5, float(1.5)],
  ["minus zero", -0, float(-0)],
  ["NaN", Number.NaN, float(Number.NaN)],
  ["a large number", 1e300, float(1e300)],
  ["a bigint", 2n ** 63n - 1n, int(2n ** 63n - 1n)],
  ["null", null, nil()],
  ["undefined", undefined, nil()],
  ["bytes", Uint8Array.of(255), bytes(Uint8Array.of(255))],
  ["an array", [1, ["x"]], seq([int(1n), seq([str("x")])])],
  ["an object", { a: 1, b: undefined, c: {} }, map([entry("a", int(1n)), entry("c", map([]))])],
])("%s becomes a node", (_what, value, expected) => {
  expect(fromPlain(value)).toEqual(expected);
});

test.each([
  ["a function", () => 1],
  ["a symbol", Symbol("s")],
  ["a bigint beyond 64 bits", 2n ** 63n],
  ["one in an array", [[-(2n ** 63n) - 1n]]],
])("refuses %s", (_what, value) => {
  expect(thrownBy(() => fromPlain(value)).exitCode).toBe(4);
});

test("refuses an object that contains itself", () => {
  const loop: Record<string, unknown> = {};
  loop["a"] = [loop];
  expect(thrownBy(() => fromPlain(loop)).exitCode).toBe(4);
});

const special = ["__proto__", "constructor", "toString", "hasOwnProperty", ""];

test("treats no key as special", () => {
  const root = map(special.map((key) => entry(key, map([entry(key, str(key))]))));
  const plain = toPlain(root);
  expect(Object.keys(plain)).toEqual(special);
  for (const key of special) {
    const inner = Object.getOwnPropertyDescriptor(plain, key)?.value as object;
    expect(Object.getOwnPropertyDescriptor(inner, key)?.value).toBe(key);
  }
  expect(Object.getPrototypeOf({})).not.toHaveProperty("polluted");
  expect(({} as Record<string, unknown>)["__proto__"]).toBe(Object.prototype);
  expect(fromPlain(plain)).toEqual(root);
});

test("an inherited member is no entry", () => {
  expect(fromPlain(Object.create({ a: 1 }))).toEqual(map([]));
});

test("of equal keys the last one counts", () => {
  expect(toPlain(map([entry("a", int(1n)), entry("a", int(2n))]))).toEqual({ a: 2 });
  expect(toPlain(map([entry("__proto__", int(1n)), entry("__proto__", int(2n))]))).toEqual(
    JSON.parse('{"__proto__":2}'),
  );
});

test("holds thousands of levels", () => {
  let node: Node = int(1n);
  for (let i = 0; i < 50_000; i++) node = seq([map([entry("k", node)])]);
  let plain: unknown = toPlain(map([entry("a", node)])).a;
  let depth = 0;
  while (Array.isArray(plain)) {
    plain = (plain[0] as { k: unknown }).k;
    depth++;
  }
  expect(depth).toBe(50_000);
});

test("an object, or several, make documents", () => {
  expect(documentsFromPlain({ a: 1 })).toEqual([map([entry("a", int(1n))])]);
  expect(documentsFromPlain([{ a: 1 }, {}])).toEqual([map([entry("a", int(1n))]), map([])]);
});

test("plain values come back", () => {
  const value = fc.letrec<{ any: unknown; object: Record<string, unknown> }>((tie) => ({
    any: fc.oneof(
      { depthSize: "small" },
      fc.string({ unit: "grapheme" }),
      fc.maxSafeInteger(),
      fc.double({ noInteger: true }),
      fc.bigInt({ min: 2n ** 53n, max: 2n ** 63n - 1n }),
      fc.boolean(),
      fc.constant(null),
      fc.array(tie("any"), { maxLength: 4 }),
      tie("object"),
    ),
    object: fc.dictionary(fc.oneof(fc.string(), fc.constantFrom(...special)), tie("any"), {
      maxKeys: 4,
      noNullPrototype: true,
    }),
  })).any;
  fc.assert(
    fc.property(value, (any) => {
      expect(nodeToPlain(fromPlain(any))).toEqual(any);
    }),
  );
});
