import { runInNewContext } from "node:vm";
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
  ["a time", time("2020-01-02T00:00:00Z"), new Date("2020-01-02T00:00:00Z")],
  [
    "a time at an offset that JavaScript does not know",
    time("2020-01-02T00:00:00+24:60"),
    "2020-01-02T00:00:00+24:60",
  ],
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
  ["a Date", new Date("2020-01-02T03:04:05.600Z"), time("2020-01-02T03:04:05.6Z")],
  ["bytes", Uint8Array.of(255), bytes(Uint8Array.of(255))],
  ["an array", [1, ["x"]], seq([int(1n), seq([str("x")])])],
  ["an object", { a: 1, c: {} }, map([entry("a", int(1n)), entry("c", map([]))])],
])("%s becomes a node", (_what, value, expected) => {
  expect(fromPlain(value)).toEqual(expected);
});

class Login {
  user = "u";
}
const circle: Record<string, unknown> = {};
circle["a"] = [circle];

test.each<[string, unknown, string, string]>([
  ["a function", { f: () => 1 }, '["f"]', "A function"],
  ["a symbol", [Symbol("s")], "[0]", "A symbol"],
  ["a key that is a symbol", { a: { [Symbol("s")]: 1 } }, '["a"]', "A key that is a symbol"],
  ["undefined in an object", { a: { b: undefined } }, '["a"]["b"]', "undefined"],
  ["undefined in an array", { a: [1, undefined] }, '["a"][1]', "undefined"],
  ["a hole", { a: Array.from({ length: 1 }) }, '["a"][0]', "undefined"],
  ["a Map", { a: new Map([["k", 1]]) }, '["a"]', "An instance of Map"],
  ["a Set", { a: new Set([1]) }, '["a"]', "An instance of Set"],
  ["an instance of a class", { a: [new Login()] }, '["a"][0]', "An instance of Login"],
  ["a boxed string", { a: new String("s") }, '["a"]', "An instance of String"],
  ["a regular expression", { a: /x/ }, '["a"]', "An instance of RegExp"],
  ["a promise", { a: Promise.resolve() }, '["a"]', "An instance of Promise"],
  ["other typed arrays", { a: new Uint16Array(2) }, '["a"]', "An instance of Uint16Array"],
  ["an invalid Date", { a: new Date(Number.NaN) }, '["a"]', "An invalid Date"],
  ["a Date too far away", { a: new Date(8.64e15) }, '["a"]', "A Date beyond the years 0 to 9999"],
  ["a bigint beyond 64 bits", { a: 2n ** 63n }, '["a"]', "An integer beyond 64 bits"],
  ["a negative one", [[-(2n ** 63n) - 1n]], "[0][0]", "An integer beyond 64 bits"],
  ["half a surrogate pair", { a: "\ud800" }, '["a"]', "Text with half a surrogate pair"],
  ["an object that contains itself", circle, '["a"][0]', "An object that contains itself"],
])("refuses %s and says where", (_what, value, path, what) => {
  const error = thrownBy(() => fromPlain(value));
  expect(error).toMatchObject({ code: "unsupported-value", exitCode: 4, path });
  expect(error.message).toBe(`${path}: ${what} cannot be stored in a document`);
});

test("accepts objects without a prototype, of other realms, and one object in two places", () => {
  const shared = { b: 1 };
  const tree = map([entry("b", int(1n))]);
  expect(fromPlain([shared, shared])).toEqual(seq([tree, tree]));
  expect(fromPlain(Object.assign(Object.create(null), shared))).toEqual(tree);
  expect(fromPlain(runInNewContext("({ b: 1 })"))).toEqual(tree);
  expect(fromPlain(runInNewContext("[new Date(0)]"))).toEqual(seq([time("1970-01-01T00:00:00Z")]));
});

test("the outermost value is an object or an array of them", () => {
  expect(thrownBy(() => documentsFromPlain("x")).message).toContain("A document that is not");
  expect(thrownBy(() => documentsFromPlain([{}, [1]])).path).toBe("[1]");
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

test("refuses inherited members, which it would leave out", () => {
  expect(thrownBy(() => fromPlain(Object.create({ a: 1 }))).exitCode).toBe(4);
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
      fc.date({ noInvalidDate: true, min: new Date("0000-01-01"), max: new Date("9999-12-31") }),
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
