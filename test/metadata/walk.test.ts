import { expect, test } from "vitest";
import {
  bool,
  comment,
  entry,
  float,
  int,
  map,
  nil,
  seq,
  str,
  type Documents,
  type Node,
} from "../../src/tree/node.ts";
import { walk } from "../../src/metadata/walk.ts";
import { compileSelection, defaultSelector, type Selector } from "../../src/metadata/selection.ts";
import { thrownBy } from "../verbs.ts";

async function visits(documents: Documents, selector: Selector = defaultSelector) {
  const selection = await compileSelection(selector, {
    onBadPattern: "refuse",
    warn: () => undefined,
  });
  const seen: string[] = [];
  walk(documents, selection, {
    scalar: (leaf, place) => {
      seen.push(`${place.aad} ${String(leaf.value)}${place.isEncrypted ? "" : " clear"}`);
      return leaf;
    },
    comment: (leaf, place) => {
      seen.push(`${place.aad} #${leaf.value}${place.isEncrypted ? "" : " clear"}`);
      return leaf;
    },
  });
  return seen;
}

test("the path is the mapping keys, without list positions", async () => {
  const root = map([
    entry("m", map([entry("k", map([entry("x", int(1n))]))])),
    entry("l", seq([str("a"), seq([str("b"), map([entry("c", bool(true))])])])),
    entry("", str("e")),
    entry("colon:key", str("f")),
    entry("<<", map([entry("g", str("h"))])),
  ]);
  expect(await visits([root])).toEqual([
    "m:k:x: 1",
    "l: a",
    "l: b",
    "l:c: true",
    ": e",
    "colon:key: f",
    "<<:g: h",
  ]);
});

test("comments have their container's path", async () => {
  const root = map([
    comment("top"),
    entry("m", map([comment("in"), entry("k", int(1n)), comment("end")])),
    entry("l", seq([comment("of list"), int(2n), seq([comment("deep")])])),
  ]);
  expect(await visits([root])).toEqual([
    ": #top",
    "m: #in",
    "m:k: 1",
    "m: #end",
    "l: #of list",
    "l: 2",
    "l: #deep",
  ]);
});

test("nulls and empty collections are not visited, documents follow each other", async () => {
  const first = map([
    entry("a", nil()),
    entry("b", map([])),
    entry("c", seq([nil(), seq([])])),
    entry("d", int(1n)),
  ]);
  expect(await visits([first, map([]), map([entry("d", int(2n))])])).toEqual(["d: 1", "d: 2"]);
});

test("repeated keys are each visited", async () => {
  expect(await visits([map([entry("a", int(1n)), entry("a", int(2n))])])).toEqual(["a: 1", "a: 2"]);
});

// Spec 3.2.
const doc = (): Documents => [
  map([
    comment("top"),
    entry("a_x", map([comment("in"), entry("b", int(1n)), entry("c", seq([int(2n)]))])),
    entry("d", map([entry("e_x", int(3n)), entry("f", int(4n))])),
    entry("x", int(5n)),
  ]),
];

test.each<[Selector, string[]]>([
  [
    { name: "unencrypted_suffix", value: "_x" },
    [
      ": #top",
      "a_x: #in clear",
      "a_x:b: 1 clear",
      "a_x:c: 2 clear",
      "d:e_x: 3 clear",
      "d:f: 4",
      "x: 5",
    ],
  ],
  [
    { name: "encrypted_suffix", value: "_x" },
    [": #top clear", "a_x: #in", "a_x:b: 1", "a_x:c: 2", "d:e_x: 3", "d:f: 4 clear", "x: 5 clear"],
  ],
  [
    { name: "unencrypted_regex", value: "^(b|f)$" },
    [": #top", "a_x: #in", "a_x:b: 1 clear", "a_x:c: 2", "d:e_x: 3", "d:f: 4 clear", "x: 5"],
  ],
  [
    { name: "encrypted_regex", value: "x" },
    [": #top clear", "a_x: #in", "a_x:b: 1", "a_x:c: 2", "d:e_x: 3", "d:f: 4 clear", "x: 5"],
  ],
])("$name decides for whole subtrees", async (selector, expected) => {
  expect(await visits(doc(), selector)).toEqual(expected);
});

test("encrypted_comment_regex: the example of the specification", async () => {
  const root = map([
    comment(" top"),
    entry("a", int(1n)),
    comment(" sops:enc"),
    entry("b", int(2n)),
    entry("c", map([comment(" sops:enc"), entry("d", int(1n)), entry("e", int(2n))])),
    comment(" sops:enc"),
    comment(" second comment"),
    entry("f", map([entry("g", int(1n)), entry("h", map([comment(" x"), entry("i", int(1n))]))])),
    comment(" sops:enc", true),
    entry("j", int(1n)),
    entry("k", int(2n)),
  ]);
  expect(await visits([root], { name: "encrypted_comment_regex", value: "sops:enc" })).toEqual([
    ": # top clear",
    "a: 1 clear",
    ": # sops:enc clear",
    "b: 2",
    "c: # sops:enc clear",
    "c:d: 1",
    "c:e: 2 clear",
    ": # sops:enc clear",
    ": # second comment",
    "f:g: 1",
    "f:h: # x",
    "f:h:i: 1",
    ": # sops:enc clear",
    "j: 1",
    "k: 2 clear",
  ]);
});

test("unencrypted_comment_regex leaves the marker, what follows it and the comments between them unencrypted", async () => {
  const root = map([
    comment(" top"),
    comment(" plain"),
    comment(" next"),
    entry("a", map([comment(" in"), entry("b", seq([int(1n)]))])),
    entry("c", seq([comment(" plain"), int(1n), int(2n)])),
  ]);
  expect(await visits([root], { name: "unencrypted_comment_regex", value: "plain" })).toEqual([
    ": # top",
    ": # plain clear",
    ": # next clear",
    "a: # in clear",
    "a:b: 1 clear",
    "c: # plain clear",
    "c: 1 clear",
    "c: 2",
  ]);
});

test("a null uses up the comments before it", async () => {
  const root = map([comment("mark"), entry("a", nil()), entry("b", int(1n))]);
  expect(await visits([root], { name: "encrypted_comment_regex", value: "mark" })).toEqual([
    ": #mark clear",
    "b: 1 clear",
  ]);
});

test("a leaf is replaced by the result of the change", async () => {
  const root = map([entry("a", int(1n)), entry("l", seq([float(2), comment("c")])), comment("d")]);
  const selection = await compileSelection(defaultSelector, {
    onBadPattern: "refuse",
    warn: () => undefined,
  });
  walk([root], selection, { scalar: () => str("x"), comment: (leaf) => ({ ...leaf, value: "y" }) });
  expect(root).toEqual(
    map([entry("a", str("x")), entry("l", seq([str("x"), comment("y")])), comment("y")]),
  );
});

// Spec 3.1.
test("keys that are not text and integers beyond 64 bits are refused", async () => {
  const selection = await compileSelection(defaultSelector, {
    onBadPattern: "refuse",
    warn: () => undefined,
  });
  const run = (root: ReturnType<typeof map>) =>
    thrownBy(() => walk([root], selection, { scalar: (leaf) => leaf, comment: (leaf) => leaf }));
  const foreign = run(map([{ ...entry("1", str("secret"), 7, 8), foreign: "int" }]));
  expect(foreign.message).toMatch(/^Tree contains a non-string key \(type int\)/);
  expect(foreign.message).toContain("Only string keys are supported");
  expect(foreign.message).not.toContain("secret");
  expect(run(map([entry("a", int(2n ** 63n))])).message).toMatch(
    /^Cannot walk value, unknown type: uint64/,
  );
  expect(await visits([map([entry("a", int(2n ** 63n - 1n))])])).toHaveLength(1);
});

test("walks 100,000 levels without deep recursion", async () => {
  let node: Node = int(1n);
  for (let i = 0; i < 50_000; i++) node = seq([map([entry("", node)])]);
  expect(await visits([map([entry("a", node)])])).toHaveLength(1);
});
