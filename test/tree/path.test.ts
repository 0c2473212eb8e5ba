import { expect, test } from "vitest";
import {
  comment,
  entry,
  float,
  int,
  map,
  nil,
  seq,
  str,
  type Mapping,
  type Node,
} from "../../src/tree/node.ts";
import {
  getPath,
  missingPath,
  parsePath,
  PathError,
  PathSyntaxError,
  setPath,
  unsetPath,
  type Path,
} from "../../src/tree/path.ts";
import { thrownBy } from "../verbs.ts";

// Spec cli 4.4.
test.each<[string, Path]>([
  ['["a"]["b"][0]', ["a", "b", 0]],
  ["['a']", ["a"]],
  ["[\"a']", ["a"]],
  ['[""]', [""]],
  ["", []],
  ['["0"]', ["0"]],
  ["[+1]", [1]],
  ["[007]", [7]],
  ["[-1]", [-1]],
  ['["a]b"]', ["a]b"]],
  ['["a"b"]', ['a"b']],
  ['["a\\"]', ["a\\"]],
  ['[["a"]', ["a"]],
  ['["__proto__"]["constructor"]', ["__proto__", "constructor"]],
  ['["é\u{1f600}"]', ["é\u{1f600}"]],
])("reads the path %s", (text, path) => {
  expect(parsePath(text)).toEqual(path);
});

test.each([
  ["a", "component a doesn't end with ]"],
  ['a["b"]', "component a doesn't end with ]"],
  ['["a"] ', "component "],
  ['["a[b"]', "component "],
])("refuses the path %j", (text, start) => {
  const error = thrownBy(() => parsePath(text));
  expect(error).toBeInstanceOf(PathSyntaxError);
  expect(error.exitCode).toBe(91);
  expect(error.message.startsWith(start)).toBe(true);
});

test.each(["[a]", "[1.5]", "[0x1]", "[1_0]", "[ 1]"])(
  "refuses %s: neither a quoted key nor a number",
  (text) => {
    expect(thrownBy(() => parsePath(text)).exitCode).toBe(91);
  },
);

test.each(["[]", '["]', "[']"])("refuses %s with an ordinary error where sops crashes", (text) => {
  expect(thrownBy(() => parsePath(text)).exitCode).toBe(2);
});

const names = ["key", "value"] as const;
const document = (): Mapping =>
  map([
    entry("a", map([entry("b", seq([int(1n), comment("c"), str("x")]))])),
    entry("dup", int(1n)),
    entry("dup", int(2n)),
    entry("", str("empty")),
    entry("__proto__", str("p")),
    entry("null", nil()),
  ]);

test.each<[string, Path, Node]>([
  ["a key", ["a", "b", 0], int(1n)],
  ["a position, where comments count", ["a", "b", 2], str("x")],
  ["a comment, as sops prints it", ["a", "b", 1], map([entry("value", str("c"))])],
  ["the first of equal keys", ["dup"], int(1n)],
  ["the empty key", [""], str("empty")],
  ["__proto__", ["__proto__"], str("p")],
  ["a null", ["null"], nil()],
  ["an entry by its position", [1], map([entry("key", str("dup")), entry("value", int(1n))])],
])("selects %s", (_what, path, node) => {
  expect(getPath(document(), path, names).node).toEqual(node);
});

test.each<[string, Path, number, string]>([
  ["a missing key", ["zz"], 1, "error truncating tree: component ['zz'] not found"],
  ["an inherited name", ["toString"], 1, "error truncating tree: component ['toString'] not found"],
  [
    "a position behind the end",
    ["a", "b", 9],
    1,
    "error truncating tree: component [9] accesses out of bounds",
  ],
  [
    "a position in a scalar",
    ["dup", 0],
    1,
    "error truncating tree: component [0] is integer, but tree part is not a slice",
  ],
  ["a key in a scalar", ["dup", "x"], 2, "error truncating tree: "],
  ["a key in a list", ["a", "b", "x"], 2, "error truncating tree: "],
  ["a negative position", ["a", "b", -1], 2, "error truncating tree: "],
])("refuses %s", (_what, path, exitCode, start) => {
  const error = thrownBy(() => getPath(document(), path, names));
  expect(error).toBeInstanceOf(PathError);
  expect(error.exitCode).toBe(exitCode);
  expect(error.message.startsWith(start)).toBe(true);
});

// Spec 6.2 and cli 5.5.
test.each<[string, Mapping, Path, Mapping]>([
  [
    "replaces a value in its place",
    map([entry("a", int(1n)), entry("b", int(2n))]),
    ["a"],
    map([entry("a", str("new")), entry("b", int(2n))]),
  ],
  [
    "appends a key",
    map([entry("a", int(1n))]),
    ["b"],
    map([entry("a", int(1n)), entry("b", str("new"))]),
  ],
  [
    "makes mappings and lists on the way",
    map([]),
    ["a", "b", 5, "c"],
    map([entry("a", map([entry("b", seq([map([entry("c", str("new"))])]))]))]),
  ],
  [
    "replaces a list element",
    map([entry("l", seq([int(1n), int(2n)]))]),
    ["l", 1],
    map([entry("l", seq([int(1n), str("new")]))]),
  ],
  [
    "appends to a list",
    map([entry("l", seq([int(1n)]))]),
    ["l", 9],
    map([entry("l", seq([int(1n), str("new")]))]),
  ],
  [
    "replaces a scalar in the way",
    map([entry("a", int(1n))]),
    ["a", "b"],
    map([entry("a", map([entry("b", str("new"))]))]),
  ],
  [
    "replaces a null in the way",
    map([entry("a", nil())]),
    ["a", 0],
    map([entry("a", seq([str("new")]))]),
  ],
  [
    "replaces a whole collection",
    map([entry("a", map([entry("b", int(1n))]))]),
    ["a"],
    map([entry("a", str("new"))]),
  ],
  [
    "sets the first of equal keys",
    map([entry("a", int(1n)), entry("a", int(2n))]),
    ["a"],
    map([entry("a", str("new")), entry("a", int(2n))]),
  ],
  [
    "keeps comments",
    map([comment("c"), entry("a", int(1n)), comment("d")]),
    ["a"],
    map([comment("c"), entry("a", str("new")), comment("d")]),
  ],
  [
    "sets __proto__",
    map([]),
    ["__proto__", "constructor"],
    map([entry("__proto__", map([entry("constructor", str("new"))]))]),
  ],
  ["sets the empty key", map([]), [""], map([entry("", str("new"))])],
  ["sets inherited names", map([]), ["toString"], map([entry("toString", str("new"))])],
])("set %s", (_what, root, path, expected) => {
  expect(setPath(root, path, str("new"))).toBe(true);
  expect(root).toEqual(expected);
});

test("set says whether anything changed, and types count", () => {
  const root = map([entry("a", int(5n)), entry("m", map([entry("x", seq([str("y")]))]))]);
  expect(setPath(root, ["a"], int(5n))).toBe(false);
  expect(setPath(root, ["m"], map([entry("x", seq([str("y")]))]))).toBe(false);
  expect(setPath(root, ["m", "x", 0], str("y"))).toBe(false);
  expect(setPath(root, ["a"], float(5))).toBe(true);
  expect(setPath(root, ["a"], str("5"))).toBe(true);
});

test.each<[string, Path]>([
  ["an empty path", []],
  ["a key into a list", ["l", "x"]],
  ["a negative position", ["l", -1]],
])("set and unset refuse %s", (_what, path) => {
  const root = () => map([entry("l", seq([int(1n)]))]);
  expect(thrownBy(() => setPath(root(), path, nil())).exitCode).toBe(2);
  expect(thrownBy(() => unsetPath(root(), path)).exitCode).toBe(2);
});

test.each<[string, Path, boolean, Mapping]>([
  ["a key", ["a"], true, map([entry("l", seq([int(1n), int(2n)]))])],
  ["a list element", ["l", 0], true, map([entry("a", int(1n)), entry("l", seq([int(2n)]))])],
  [
    "nothing, for a missing key",
    ["zz"],
    false,
    map([entry("a", int(1n)), entry("l", seq([int(1n), int(2n)]))]),
  ],
  [
    "nothing, for an inherited name",
    ["constructor"],
    false,
    map([entry("a", int(1n)), entry("l", seq([int(1n), int(2n)]))]),
  ],
  [
    "nothing, behind the end",
    ["l", 2],
    false,
    map([entry("a", int(1n)), entry("l", seq([int(1n), int(2n)]))]),
  ],
])("unset removes %s", (_what, path, removed, expected) => {
  const root = map([entry("a", int(1n)), entry("l", seq([int(1n), int(2n)]))]);
  expect(unsetPath(root, path)).toBe(removed);
  expect(root).toEqual(expected);
});

test("unset refuses a step into a scalar", () => {
  const error = thrownBy(() => unsetPath(map([entry("a", str("secret"))]), ["a", "x"]));
  expect(error.exitCode).toBe(1);
  expect(error.message).toMatch(/^Unsupported type: string for item 'x'/);
  expect(error.message).not.toContain("secret");
});

test("a path that leads nowhere is reported in the words of sops", () => {
  const root = map([entry("l", seq([int(1n)]))]);
  expect(missingPath(root, ["zz"]).message).toBe("Key not found: zz");
  expect(missingPath(root, ["l", 7]).message).toBe("Index 7 out of bounds");
});
