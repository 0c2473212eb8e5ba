import { expect, test } from "vitest";
import { yaml } from "../../formats/yaml.ts";
import { joinChunks } from "../../src/tree/long-text.ts";
import { comment, entry, int, map, nil, seq, str, type Item } from "../../src/tree/node.ts";
import { bareDocuments } from "../bare.ts";

const read = (text: string) => bareDocuments(yaml.parse(Buffer.from(text), { sealed: false }));
const again = (text: string) =>
  joinChunks(
    yaml.emit(yaml.parse(Buffer.from(text), { sealed: false }), { sealed: false }),
  ).toString();

const one = entry("a", int(1n));
const b = entry("b", int(1n));

// Where comments belong: spec 7.6 (table and rules 1–7) and Appendix A.
test.each<[string, string, Item[]]>([
  ["above a key", "# x\na: 1\n", [comment(" x"), one]],
  ["two lines above a key", "# x\n#y\na: 1\n", [comment(" x"), comment("y"), one]],
  ["paragraphs above a key", "# x\n\n# y\na: 1\n", [comment(" x"), comment(" y"), one]],
  ["between keys", "a: 1\n# x\nb: 1\n", [one, comment(" x"), b]],
  ["between keys, apart from both", "a: 1\n\n# x\n\nb: 1\n", [one, comment(" x"), b]],
  ["behind a scalar", "a: 1 # c\n", [comment(" c", true), one]],
  [
    "between an explicit key and its scalar",
    "? a\n# c\n: 1 # d\n",
    [comment(" c"), comment(" d", true), one],
  ],
  ["behind a quoted scalar", 'a: "x" # c\n', [comment(" c", true), entry("a", str("x"))]],
  ["behind an alias", "a: &x 1\nb: *x # c\n", [one, comment(" c", true), b]],
  ["behind a key with a mapping below", "a: # c\n  b: 1\n", [comment(" c"), entry("a", map([b]))]],
  [
    "behind a key with a list below",
    "a: # c\n  - 1\n",
    [comment(" c"), entry("a", seq([int(1n)]))],
  ],
  ["behind a key with its scalar on the next line", "a: # c\n  1\n", [comment(" c"), one]],
  [
    "behind a block scalar's header",
    "a: | # c\n  x\n",
    [comment(" c", true), entry("a", str("x\n"))],
  ],
  ["behind a flow list", "e: [1] # f\n", [entry("e", seq([comment(" f"), int(1n)]))]],
  ["behind an empty flow mapping", "m: {} # c\n", [entry("m", map([comment(" c")]))]],
  [
    "above a list element",
    "l:\n  # x\n  - 1\n  # y\n  - 2\n",
    [entry("l", seq([comment(" x"), int(1n), comment(" y"), int(2n)]))],
  ],
  [
    "behind a list element",
    "l:\n  - 1 # x\n  - 2\n",
    [entry("l", seq([comment(" x", true), int(1n), int(2n)]))],
  ],
  ["behind a bare dash", "l:\n  - # x\n    a: 1\n", [entry("l", seq([map([comment(" x"), one])]))]],
  ["at the end", "a: 1\n# x\n", [one, comment(" x")]],
  ["at the end, apart", "a: 1\n\n# x\n", [one, comment(" x")]],
  [
    "on two lines, the second deeper",
    "a: 1 # x\n       # y\nb: 1\n",
    [comment(" x", true), one, comment(" y"), b],
  ],
  ["in front of the first mark", "# x\n---\na: 1\n", [comment(" x"), one]],
  ["behind the first mark", "---\n# x\na: 1\n", [comment(" x"), one]],
  // rule 2
  [
    "at an odd column",
    "a:\n  b:\n    c: 1\n   # odd\n  d: 1\n",
    [
      entry(
        "a",
        map([entry("b", map([entry("c", int(1n)), comment(" odd")])), entry("d", int(1n))]),
      ),
    ],
  ],
  // rule 3
  [
    "under an unindented list, then a blank line",
    "a:\n- 1\n- 2\n# after\n\nb: 1\n",
    [entry("a", seq([int(1n), int(2n), comment(" after")])), b],
  ],
  [
    "under an unindented list, no blank line",
    "a:\n- 1\n- 2\n# after\nb: 1\n",
    [entry("a", seq([int(1n), int(2n)])), comment(" after"), b],
  ],
  // rule 4
  [
    "after a blank line",
    "a:\n  b: 1\n\n# c\nd: 1\n",
    [entry("a", map([b])), comment(" c"), entry("d", int(1n))],
  ],
  [
    "two paragraphs at the end of a block",
    "a:\n  b: 1\n  # x\n\n  # y\nc: 1\n",
    [entry("a", map([b, comment(" x")])), comment(" y"), entry("c", int(1n))],
  ],
  [
    "one paragraph at the end of a block, apart",
    "a:\n  b: 1\n\n  # y\nc: 1\n",
    [entry("a", map([b, comment(" y")])), entry("c", int(1n))],
  ],
  // rule 5
  [
    "in a list at the end of input",
    "l:\n  - 1\n  # end\n",
    [entry("l", seq([int(1n), comment(" end")]))],
  ],
  [
    "in an outer mapping at the end of input",
    "m:\n  k:\n    j: 1\n  # e\n",
    [entry("m", map([entry("k", map([entry("j", int(1n))])), comment(" e")]))],
  ],
  [
    "at a list's column at the end of input",
    "l:\n  - a: 1\n  # end\n",
    [entry("l", seq([map([one])])), comment(" end")],
  ],
  [
    "at a list's column, then another key",
    "l:\n  - a: 1\n  # end\nz: 1\n",
    [entry("l", seq([map([one, comment(" end")])])), entry("z", int(1n))],
  ],
  // rule 7
  ["in place of a value", "a:\n  # only\nb: 1\n", [entry("a", nil()), comment(" only"), b]],
  // Appendix A, further pairs
  [
    "at an outer key's column, then the root",
    "m:\n  k:\n    j: 1\n  # e\nz: 1\n",
    [entry("m", map([entry("k", map([entry("j", int(1n)), comment(" e")]))])), entry("z", int(1n))],
  ],
  [
    "at column 0 inside a block",
    "a:\n  b: 1\n# y\n  c: 1\n",
    [entry("a", map([b, comment(" y"), entry("c", int(1n))]))],
  ],
  [
    "at column 0 inside a block, blank line below",
    "a:\n  b: 1\n# y\n\n  c: 1\n",
    [entry("a", map([b, comment(" y"), entry("c", int(1n))]))],
  ],
  [
    "inside a list element, apart",
    "a:\n  - b: 1\n\n    # y\n  - c: 1\n",
    [entry("a", seq([map([b, comment(" y")]), map([entry("c", int(1n))])]))],
  ],
])("a comment %s", (_where, text, items) => {
  expect(read(text)).toEqual([map(items)]);
});

test("a comment after a document mark heads that document", () => {
  expect(read("a: 1\n--- # doc comment\nb: 1\n")).toEqual([
    map([one]),
    map([comment(" doc comment"), b]),
  ]);
});

test("comments at the ends of a document in a stream stay in it", () => {
  expect(read("a: 1\n# x\n---\n# y\nb: 1\n# z\n")).toEqual([
    map([one, comment(" x")]),
    map([comment(" y"), b, comment(" z")]),
  ]);
});

test("an alias takes the anchored collection's comments along", () => {
  expect(read("a: &x\n  # c\n  b: 1\nd: *x # e\n")).toEqual([
    map([
      entry("a", map([comment(" c"), b])),
      comment(" e", true),
      entry("d", map([comment(" c"), b])),
    ]),
  ]);
});

// Spec 7.6, "observed pairs".
test.each([
  [
    "feet of a mapping and of its parent",
    "a:\n  # in\n  b: 1\n  # foot b\n# foot a\nc: 1\n",
    "a:\n    # in\n    b: 1\n    # foot b\n# foot a\nc: 1\n",
  ],
  [
    "a list of mappings",
    "l:\n  - # x\n    a: 1\n  - b: 2 # y\n    # z\n    c: 3\n",
    "l:\n    # x\n    - a: 1\n    - b: 2 # y\n      # z\n      c: 3\n",
  ],
  [
    "flow collections",
    "a: [] # c\nb: {} # d\ne: [1] # f\ng: {x: 1} # h\n",
    "a: []\n# c\nb: {\n    # d\n}\ne:\n    # f\n    - 1\ng:\n    # h\n    x: 1\n",
  ],
  [
    "a flow list over lines",
    "l: [\n  # c\n  a, # d\n  # e\n  b\n  # f\n]\n",
    "l:\n    # c\n    - a # d\n    # e\n    - b\n    # f\n",
  ],
  // Spec 7.7.
  ["an inline comment", "a: 1 # note\n", "a: 1 # note\n"],
  ["an inline comment of a literal", "a: | # c\n  x\n  y\n", "a: | # c\n    x\n    y\n"],
  [
    "an inline comment of a mapping",
    "x: &x {k: 1}\nc: *x # al\nd: 2\n",
    "x:\n    k: 1\nc:\n    k: 1\nd: 2 # al\n",
  ],
  [
    "a line comment of a list element that is a mapping",
    "l: [{x: 1}, # three\n  z]\n",
    "l:\n    - x: 1\n    - z # three\n",
  ],
  [
    "a foot of a list that ends in a mapping",
    "l: [{a: 1},\n # end\n]\nz: 1\ny2: 2\n",
    "l:\n    - a: 1\nz: 1\n# end\n\ny2: 2\n",
  ],
  ["a mapping of comments", "m: {} # c\nz: 1\n", "m: {\n    # c\n}\nz: 1\n"],
  ["a list of comments", "l: [] # c\nz: 1\n", "l: []\n# c\nz: 1\n"],
  ["a document of comments", "---\n# c\n#d\n", "# c\n#d\n{}\n"],
  ["a document of comments in a stream", "a: 1\n---\n# c\n{}\n", "a: 1\n---\n# c\n{}\n"],
  ["a comment without blanks", "#!x\n##x\n#\na: 1\n", "#!x\n##x\n#\na: 1\n"],
  ["a comment that looks like YAML", "# a: [1\na: 1\n", "# a: [1\na: 1\n"],
  ["CRLF", "# x\r\na: 1 # y\r\n# z\r\n", "# x\na: 1 # y\n# z\n"],
])("prints %s as sops does", (_what, text, expected) => {
  expect(again(text)).toBe(expected);
});

test("a comment of several lines continues as a comment", () => {
  const text = joinChunks(
    yaml.emit([map([comment(" a\nb\n#c"), one])], { sealed: false }),
  ).toString();
  expect(text).toBe("# a\n# b\n#c\na: 1\n");
});

test("several inline comments continue on lines of their own", () => {
  const emit = (items: Item[]) => joinChunks(yaml.emit([map(items)], { sealed: false })).toString();
  expect(emit([comment(" x", true), comment(" y", true), one])).toMatch(/^a: 1 # x\n+ *# y\n$/);
});

test("what was printed reads back to the same comments", () => {
  const text = `# head
a: 1 # inline
# of b
b:
    # of c
    c:
        - 1 # one
        # of 2
        - 2
        # foot of 2
    # foot of c
# of d
d: {}
# end
`;
  expect(again(text)).toBe(text);
});
