import { expect, test } from "vitest";
import { flatten, unflatten } from "../../src/metadata/flatten.ts";
import {
  bool,
  comment,
  entry,
  find,
  int,
  map,
  nil,
  seq,
  str,
  type Mapping,
} from "../../src/tree/node.ts";

const block = map([
  comment("c"),
  entry("age", seq([map([entry("enc", str("a\nb")), entry("recipient", str("r"))])])),
  entry("hc_vault", seq([])),
  entry("key_groups", seq([map([]), map([entry("pgp", seq([str("x"), str("y")]))])])),
  entry("mac_only_encrypted", bool(true)),
  entry("nothing", nil()),
  entry("shamir_threshold", int(2n)),
]);
const fields = (text: Record<string, string>) =>
  Object.entries(text).map(([name, value]) => ({ name, value }));
const shape = (mapping: Mapping): unknown =>
  JSON.parse(
    JSON.stringify(mapping, (key, value: unknown) =>
      key === "start" || key === "end" ? undefined : value,
    ),
  );

test("a mapping step and a list step have their markers, the first key has none; empty things disappear", () => {
  expect(flatten(block)).toEqual(
    fields({
      age__list_0__map_enc: "a\nb",
      age__list_0__map_recipient: "r",
      key_groups__list_1__map_pgp__list_0: "x",
      key_groups__list_1__map_pgp__list_1: "y",
      mac_only_encrypted: "true",
      nothing: "<nil>",
      shamir_threshold: "2",
    }),
  );
});

test("fields come back in any order", () => {
  const flat = fields({
    b__list_1: "y",
    a__map_k__map_l: "v",
    b__list_0: "x",
    a__map_: "empty",
    "": "e",
    __proto__x: "p",
  });
  const expected = map([
    entry("b", seq([str("x"), str("y")])),
    entry("a", map([entry("k", map([entry("l", str("v"))])), entry("", str("empty"))])),
    entry("", str("e")),
    entry("__proto__x", str("p")),
  ]);
  expect(shape(unflatten(flat))).toEqual(shape(expected));
});

test("names of JavaScript's own are ordinary", () => {
  const out = unflatten([
    { name: "__proto__", value: "1" },
    { name: "constructor__map_toString", value: "2" },
  ]);
  expect(find(out, "__proto__")?.value).toMatchObject({ value: "1" });
  expect(shape(out)).toMatchObject({
    items: [{ key: "__proto__" }, { key: "constructor", value: { items: [{ key: "toString" }] } }],
  });
});

test.each([
  ["the same name twice", ["mac", "mac"], 'Error while unflattening "mac": Duplicate value'],
  ["a scalar that is also a mapping", ["a", "a__map_b"], "Error while unflattening: Type mismatch"],
  ["a mapping that is also a scalar", ["a__map_b", "a"], "Error while unflattening: Type mismatch"],
  [
    "a list that is also a mapping",
    ["a__list_0", "a__map_b"],
    "Error while unflattening: Type mismatch",
  ],
  ["a gap in a list", ["a__list_0", "a__list_2"], "Error while unflattening: Incomplete list"],
  ["a huge index", ["a__list_999999999999"], "Error while unflattening: Incomplete list"],
  ["a negative index", ["a__list_-1"], "Error while unflattening: Incomplete list"],
  [
    "two indices that are no numbers",
    ["a__list_x", "a__list_y"],
    'Error while unflattening "a__list_y": Duplicate value',
  ],
])("refuses %s", (_, names, message) => {
  expect(() => unflatten(names.map((name) => ({ name, value: "v" })))).toThrow(message);
});

test("deep and wide names are read in linear time", () => {
  const deep = `a${"__map_b".repeat(100_000)}`;
  const wide = Array.from({ length: 100_000 }, (_, i) => ({
    name: `l__list_${99_999 - i}`,
    value: "v",
  }));
  const out = unflatten([{ name: deep, value: "v" }, ...wide]);
  expect(find(out, "l")?.value).toMatchObject({ kind: "seq" });
});
