import { expect, test } from "vitest";
import { attach, detach, isSealed } from "../../src/metadata/placement.ts";
import {
  comment,
  entry,
  int,
  map,
  seq,
  str,
  type Documents,
  type Mapping,
} from "../../src/tree/node.ts";

const block = () =>
  map([entry("age", seq([map([entry("enc", str("x\ny\\n"))])])), entry("mac", str("m"))]);
const keys = (mapping: Mapping | undefined) =>
  mapping?.items.map((item) => (item.kind === "entry" ? item.key : `#${item.value}`));

test("nested: the block is the last key of every document, read from the first and dropped from the others", () => {
  const documents: Documents = [
    map([entry("a", int(1n))]),
    map([entry("b", int(2n)), comment(" c")]),
  ];
  attach(documents, block(), "mapping");
  expect(documents.map(keys)).toEqual([
    ["a", "sops"],
    ["b", "# c", "sops"],
  ]);
  const second = documents[1]?.items.at(-1);
  if (second?.kind === "entry") second.value = str("ignored");
  expect(detach(documents, "mapping")).toEqual(block());
  expect(documents.map(keys)).toEqual([["a"], ["b", "# c"]]);
});

test("ENV: variables after the data, found wherever they are", () => {
  const documents: Documents = [map([entry("a", str("1"))])];
  attach(documents, block(), "prefix");
  expect(keys(documents[0])).toEqual(["a", "sops_age__list_0__map_enc", "sops_mac"]);
  documents[0]?.items.reverse();
  expect(detach(documents, "prefix").items).toHaveLength(2);
  expect(keys(documents[0])).toEqual(["a"]);
});

test("INI: a last section whose line feeds are escaped", () => {
  const documents: Documents = [map([entry("DEFAULT", map([]))])];
  const original = map([
    entry("age", seq([map([entry("enc", str("x\ny\n"))])])),
    entry("mac", str("m")),
  ]);
  attach(documents, original, "section");
  expect(documents[0]?.items.at(-1)).toMatchObject({
    key: "sops",
    value: {
      items: [{ key: "age__list_0__map_enc", value: { value: "x\\ny\\n" } }, { key: "mac" }],
    },
  });
  expect(detach(documents, "section")).toEqual(original);
  expect(keys(documents[0])).toEqual(["DEFAULT"]);
});

test("INI: real line feeds, as sops 3.13.0 wrote them, are read too", () => {
  const section = map([comment("c"), entry("age__list_0__map_enc", str("x\ny"))]);
  expect(detach([map([entry("sops", section)])], "section")).toMatchObject({
    items: [{ key: "age", value: { items: [{ items: [{ value: { value: "x\ny" } }] }] } }],
  });
});

test.each<[string, Documents, "mapping" | "section" | "prefix", string]>([
  ["no document", [], "mapping", "sops metadata not found"],
  ["no block", [map([entry("a", int(1n))])], "mapping", "sops metadata not found"],
  ["an empty block", [map([entry("sops", map([]))])], "mapping", "sops metadata not found"],
  ["no variable", [map([entry("sops", str("x"))])], "prefix", "sops metadata not found"],
  ["no section", [map([])], "section", "sops metadata not found"],
  [
    "a block that is a text",
    [map([entry("sops", str("x"))])],
    "mapping",
    "Found sops entry that is not a mapping",
  ],
  [
    "two blocks",
    [map([entry("sops", block()), entry("sops", block())])],
    "mapping",
    "Found duplicate sops entry",
  ],
  [
    "two sections",
    [map([entry("sops", map([entry("mac", str(""))])), entry("sops", map([]))])],
    "section",
    "Found duplicate sops entry",
  ],
  [
    "a variable twice",
    [map([entry("sops_mac", str("")), entry("sops_mac", str(""))])],
    "prefix",
    'Error while unflattening "mac": Duplicate value',
  ],
])("refuses %s", (_, documents, placement, message) => {
  expect(() => detach(documents, placement)).toThrow(
    expect.objectContaining({ exitCode: 1, message }),
  );
});

test("a key that is reserved for the block is not written", () => {
  expect(() => attach([map([]), map([entry("sops", int(1n))])], block(), "mapping")).toThrow(
    expect.objectContaining({
      exitCode: 4,
      message:
        'Error marshaling metadata: Found key "sops" in encrypted data, which is a reserved key used for SOPS metadata',
    }),
  );
  expect(() => attach([map([entry("sops_x", str("1"))])], block(), "prefix")).toThrow(
    'Found key "sops_x" in encrypted data, which starts with the reserved key prefix "sops_" for SOPS metadata',
  );
  expect(() => attach([map([entry("sops", map([]))])], block(), "section")).toThrow(
    'Found key "sops"',
  );
});

test.each<[Documents, "mapping" | "section" | "prefix", boolean]>([
  [[map([entry("sops", int(1n))])], "mapping", true],
  [[map([entry("sops", int(1n))])], "section", true],
  [[map([entry("sops", str("1"))])], "prefix", false],
  [[map([entry("sops_x", str("1"))])], "prefix", true],
  [[map([entry("sops_x", str("1"))])], "mapping", false],
  [[map([]), map([entry("sops", int(1n))])], "mapping", false],
  [[], "mapping", false],
])(
  "knows what is already encrypted by its first document (%#)",
  (documents, placement, expected) => {
    expect(isSealed(documents, placement)).toBe(expected);
  },
);
