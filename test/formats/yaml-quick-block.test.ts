import fc from "fast-check";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { decodeStream } from "../../formats/yaml/chars.ts";
import { readQuickBlock } from "../../formats/yaml/quick-block.ts";
import { newSpans, orphansOf } from "../../formats/yaml/layout/plain-text.ts";
import { readGeneral } from "../../formats/yaml/reader.ts";
import type { Documents, Mapping } from "../../src/tree/node.ts";
import { layoutText } from "../fuzz/generate-layout.ts";
import { Random } from "../fuzz/random.ts";
import { runs } from "../runs.ts";

function readFast(
  source: string | Uint8Array,
): { root: Mapping; inFlow: ReadonlySet<number> } | undefined {
  const bytes = Buffer.from(source);
  const text = decodeStream(bytes);
  const inFlow = new Set<number>();
  const root = readQuickBlock(text, text.length === bytes.length + 1, inFlow);
  if (root === undefined) expect(inFlow.size).toBe(0);
  return root && { root, inFlow };
}

/** What the general reader makes of a text; undefined where it refuses it. */
function readWhole(source: string | Uint8Array): unknown {
  const text = decodeStream(Buffer.from(source));
  const spans = newSpans();
  let documents: Documents;
  try {
    documents = readGeneral(text, spans);
  } catch {
    return undefined;
  }
  return {
    documents: comparable(documents, text),
    inFlow: [...spans.inFlow].toSorted((a, b) => a - b),
    orphans: orphansOf(documents, spans.comments),
    others: [...spans.scalars.keys(), spans.hasAliases],
  };
}

/** Without the ends of block collections, which the quick reader does not report. */
function comparable(documents: Documents, text: string): unknown {
  return JSON.parse(
    JSON.stringify(documents, (_, value: unknown) => {
      if (typeof value === "bigint") return `${value}n`;
      if (typeof value === "number" && !Number.isFinite(value)) return String(value);
      if (typeof value !== "object" || value === null || !("kind" in value)) return value;
      const isCollection = value.kind === "map" || value.kind === "seq";
      if (!isCollection || !("start" in value) || typeof value.start !== "number") return value;
      return "[{".includes(text.charAt(value.start)) ? value : { ...value, end: 0 };
    }),
  );
}

/** @returns whether the quick reader takes the text */
function expectSame(source: string | Uint8Array): boolean {
  const fast = readFast(source);
  if (fast === undefined) return false;
  const text = decodeStream(Buffer.from(source));
  const expected = {
    documents: comparable([fast.root], text),
    inFlow: [...fast.inFlow].toSorted((a, b) => a - b),
    orphans: [],
    others: [false],
  };
  expect([source, expected]).toEqual([source, readWhole(source)]);
  return true;
}

test.each([
  "a: 1\n",
  "a: b\nc:\nd: e\n",
  "a:\n    b: x\n    c:\n        - 1\n        - - y\n          - z\n        - k: v\n          l:\n            m: n\n",
  "a:\n- 1\n- 2\nb: 3\n",
  "list:\n    - a:\n        - 1\n      b: 2\n    - c\n",
  'a: "x: y # z"\nb: \'it "is"\'\nc: []\nd: {}\n',
  "a: |\n    one\n      two\n    three\nb: |-\n    one\n",
  "a:\n  - |\n    x\n  - y\n",
  "a: ENC[AES256_GCM,data:Zm9v,iv:AA==,tag:BB==,type:str]\n\nb: true\nc: 2020-01-02\nd: ~\ne: 3.13.2\n",
  "a: größer\n",
  "a: 9223372036854775808\nb: -0x1F\nc: 1_000\nd: .inf\ne: -1\n",
  "# head\n\n# of a\na: 1 # beside\n",
  "---\na: 1\n",
  "# head\n---\n# of a\na: 1\n",
  "\n\na:  b \n  \nb:   \nc: d\n",
  "a:\n  # first\n  b: 1\n  # last\n# of c\n\nc:\n  # one\n  - x # beside\n  # two\n  - y: 1\n    # in y\n    z: 2\n",
  "a: # of b\n  b: 1\nc: [x, y] # of the list\nd:\n  - [x] # before it\n",
  "a: 1\n# foot\n\n# head\nb: 2\n# end\n",
  "a:\n  b: 1\n# one\n\n# two\n",
  "a:\n  b:\n  # in a\nc: 1\n",
  'a: [1, \'x\', "y", b c, [z], {k: v, "l":1}]\nb: [\n  1,\n  2,\n]\nc: {a: 1,\n b: 2}\nd: [http://x:80/y, a b]\n',
  "\"a b\": 1\n'it''s': 'it''s'\nb: \"\\x41\\u00e9\\n\\\"\"\n",
  "a: >\n  x\n  y\nb: >-\n  x\nc: |\n  x\n\n   y\n\nd: -x\n",
  "a:\n-   b: 1\n    c: 2\n-  x\n",
  "a b: ^x\n$c(d)@e: =\n/f/:\n  - g h: [i&j, k l*m, (n)]\n",
])("reads %j without the general reader, and alike", (text) => {
  expect(expectSame(text)).toBe(true);
});

test.each([
  "a: 1",
  "a: b: c\n",
  "a: b\n  c\n",
  "a:\n  b: 1\n c: 2\n",
  "a: 1\na: 2\n",
  Array.from({ length: 20 }, (_, i) => `k${i % 19}: 1\n`).join(""),
  "a: &x 1\nb: *x\n",
  "a: !!str 1\n",
  "a: |\n\n  x\n",
  "a: |2\n   x\n",
  "a: |+\n  x\n\n",
  'a: "x\n  y"\n',
  "true: 1\n",
  "1: x\n",
  "<<: {}\n",
  "? a\n: b\n",
  "a: 1\n---\nb: 2\n",
  "a: 1\n...\n",
  "%YAML 1.1\n---\na: 1\n",
  "a:\tb\n",
  "a: b\r\n",
  "a: b\u2028c\n",
  "- a\n",
  "text\n",
  "a:\n  -\n    b\n",
  "a:\n    b: |\n    x\n",
  "a:\n  b: 1\n # between the columns\nc: 2\n",
  "a:\n- x\n# foot of x or head of b\n\nb: 1\n",
  "a:\n  - x: 1\n  # foot\n\n  - y: 2\n",
  "---\n# foot of the marker\n\na: 1\n",
  "- # c\n  a: 1\n",
  "a: |\n  x\n # c\n",
  "a: | # c\n  x\n",
  "a: >\n  x\n\n  y\n",
  "a: >\n  x\n   y\n",
  'a: "x"# c\n',
  'a: "\\q"\n',
  'a: "\\ud800"\n',
  "a: [b: 1]\n",
  "a: [b # c\n  ]\n",
  "a: [b,\nc]\n",
  "a: [b\n  c]\n",
  "a: [,]\n",
  "a: [b] c\n",
  "a: [b]: c\n",
  "a: {b}\n",
  "a: {b:}\n",
  'a: {b:"c"}\n',
  "a: {b:'c'}\n",
  "a: {b:{c: d}}\n",
  "---\na: 1\n... b: 2\n",
  "a: {b: 1, b: 2}\n",
  "a: {1: x}\n",
  "a: [*b]\n",
  "a: [!t b]\n",
  "a: [b\n",
  `a: ${"[".repeat(200)}${"]".repeat(200)}\n`,
  `a: 1${" ".repeat(600)}# far\n`,
  "# only\n",
  "a:\n  b: 1\n  # foot of b\n\n  # later\nc: 1\n",
  "a:\n- x\n# foot of x\n",
  `a: 1\n# c\n${"\n".repeat(600)}b: 1\n`,
  "\n",
])("leaves %j to the general reader", (text) => {
  expect(readFast(text)).toBeUndefined();
});

const goldenCases = join(import.meta.dirname, "../../fixtures/golden/cases");
const yamlFiles = readdirSync(goldenCases, { recursive: true, withFileTypes: true })
  .filter((file) => file.isFile() && /\.ya?ml$/.test(file.name))
  .map((file) => join(file.parentPath, file.name));

test("reads every YAML file of the golden corpus as the general reader does", () => {
  const taken = yamlFiles.filter((file) => {
    const source = readFileSync(file);
    return readWhole(source) !== undefined && expectSame(source);
  });
  expect(taken.length).toBeGreaterThan(yamlFiles.length / 4);
});

const words = ["a", "b1", "key_x", "true", "12", "a.b", "x/y", "n", "", "~", "-", "k-l", "..."];
const values = [
  ...words,
  "b c",
  "1.5",
  "-7",
  "2020-01-02",
  '"q r"',
  "'s'",
  "[]",
  "{}",
  "|",
  "|-",
  "b: c",
  "- x",
  "b #c",
  "ENC[AES256_GCM,data:Zm9v,iv:AA==,tag:BB==,type:str]",
  "é",
  "*a",
  "x:",
  "?",
  "!t",
  "%d",
  "@",
];

const mostly = (usual: string, ...others: readonly string[]) =>
  fc.oneof({ weight: 10, arbitrary: fc.constant(usual) }, fc.constantFrom(usual, ...others));

/** Lines that look much like the plain style, at any indentation. */
const line = fc
  .record({
    indent: fc.constantFrom(0, 0, 0, 2, 2, 4, 6, 1),
    dashes: mostly("", "- ", "- - ", "-", "-  "),
    key: fc.oneof(
      mostly("a:", "", "a :", "a::"),
      fc.constantFrom(...words.map((word) => `${word}:`)),
    ),
    space: mostly(" ", "", "  "),
    value: fc.oneof(fc.constantFrom("", "", "v", "|"), fc.constantFrom(...values)),
    end: mostly("\n", "\n\n", " \n", "\n  \n", ""),
  })
  .map(({ indent, dashes, key, space, value, end }) =>
    [" ".repeat(indent), dashes, key, value === "" ? "" : space, value, end].join(""),
  );

test("agrees with the general reader on random lines", () => {
  let taken = 0;
  fc.assert(
    fc.property(fc.array(line, { minLength: 1, maxLength: 6 }), (lines) => {
      if (expectSame(lines.join(""))) taken++;
    }),
    { numRuns: runs(20_000) },
  );
  expect(taken).toBeGreaterThan(runs(100));
});

/** A document in the plain style, as lines. */
const { block } = fc.letrec<{ block: readonly string[]; entry: readonly string[] }>((tie) => ({
  block: fc
    .array(tie("entry"), { minLength: 1, maxLength: 4, depthIdentifier: "yaml" })
    .map((all) =>
      all.flatMap((lines, index) =>
        lines.map((text, i) => (i === 0 ? text.replace("K", `k${index}`) : text)),
      ),
    ),
  entry: fc.oneof(
    { depthIdentifier: "yaml", maxDepth: 4 },
    fc.constantFrom("K: v", "K: 12", "K:", "K: true", 'K: "x"', "K: []").map((text) => [text]),
    fc.constant(["K: |", "    one", "    two"]),
    fc
      .array(fc.constantFrom("v", "12", "x y", "''"), { maxLength: 3 })
      .map((items) => ["K:", ...items.map((item) => `    - ${item}`)]),
    tie("block").map((inner) => ["K:", ...inner.map((text) => `    ${text}`)]),
    tie("block").map((inner) => [
      "K:",
      ...inner.map((text, index) => (index === 0 ? `    - ${text}` : `      ${text}`)),
    ]),
  ),
}));

const keys =
  "a,b,c,d,e1,f.x,\"q\",'s q',k_l,a b,x(y),$s,p@q,é k,a:b,/x/y,=,<<,a#b,1x,...,... a,%k,x!y".split(
    ",",
  );
const ownValues = [
  "=x",
  "<y",
  "^q",
  ")",
  "a & b",
  "[a&b, c*d, e!f]",
  "[a'b, c\"d, a%b]",
  "{a b: c, p@q: r}",
  "{<<: {a: b}}",
  "[a#b]",
  "[a:, b]",
  '{a:"b"}',
  "[a:'b']",
  "{a:[b]}",
  "a :b",
  "1",
  "x",
  "b c",
  "'s'",
  '"d"',
  "'it''s'",
  '"a\\nb"',
  '"\\x41"',
  "true",
  "~",
  "-x",
  "--y",
  "- z",
  "é",
  "2020-01-01",
  "http://x:80/y",
  "a#b",
  "x:",
  "a, b",
  "*a",
  "&a x",
  "!t x",
  "% x",
  "x\n      y",
  "[]",
  "{}",
  "[a, b]",
  "[1, 'x', \"y\"]",
  "{a: 1, b: x}",
  "[[a], {b: c}]",
  "[a,\n      b]",
  "[\n    a,\n    b,\n]",
  "[a\n  ]",
  "{a: [x, y],\n b: z}",
  "[a #c\n ]",
  "[a: b]",
  "{a}",
  '{"a":1}',
  "[a b, c:d]",
  "[?a]",
  "[,]",
  "[a,,b]",
  "[-1, - 2]",
  "[a]x",
  "[é, x]",
  "[a\n,b]",
  "[a,\nb]",
  "{a: b,\n\n   c: d}",
  '"a"#c',
  "'a' x",
  '"x\n   y"',
  "|\n      x\n      y",
  "|\n      x\n\n      y",
  "|-\n      x\n",
  ">\n      x\n      y",
  ">-\n      x",
  "|+\n      x\n\n",
  ">\n      x\n\n      y",
  "|\n      x\n       y\n     \n",
];
const besides = ["", "", "", "", " # t", "  #t", " ", " # t ", "#n", " #"];
const columns = [0, 0, 2, 2, 4, 4, 6, 1, 3];
const emptyLines = ["\n", "\n", "   \n"];

/** Lines with comments in every place, in columns that fit or do not. */
function commentedText(random: Random): string {
  let out = "";
  let column = 0;
  const fits = random.oneIn(2);
  if (random.oneIn(12))
    out += random.pick(["---\n", "# h\n---\n", "\n", "--- # x\n", "# h\n\n---\n# z\n\n"]);
  const count = 1 + random.below(9);
  for (let i = 0; i < count; i++) {
    while (random.oneIn(3)) {
      const at = fits && !random.oneIn(4) ? column : random.pick(columns);
      const line = " ".repeat(at) + random.pick(["# c", "#c", "#", "# c: d", "## x", "# "]);
      out += random.oneIn(3) ? random.pick(emptyLines) : `${line}\n`;
    }
    if (!fits) column = random.pick(columns);
    const margin = " ".repeat(column);
    const key = fits ? `k${i}:` : `${random.pick(keys)}:`;
    const rest = `${random.pick(ownValues)}${random.pick(besides)}\n`;
    switch (random.below(6)) {
      case 0:
        out += `${margin}${key}${random.pick(besides)}\n`;
        if (fits) column += random.pick([0, 2, 2, 2, 4]);
        break;
      case 1:
        out += `${margin}- ${random.pick(["", "", " ", "- "])}${rest}`;
        break;
      case 2:
        out += `${margin}- ${random.pick(["", "", "", "  ", "- "])}${key} ${rest}`;
        if (fits) column += 2;
        break;
      default:
        out += `${margin}${key}${random.pick([" ", " ", "  ", ""])}${rest}`;
    }
    if (fits && random.oneIn(3)) column = Math.max(0, column - random.pick([2, 4, 6]));
    while (random.oneIn(4)) out += random.pick(emptyLines);
  }
  while (random.oneIn(4)) out += random.pick(["# e\n", "\n", "  # e\n"]);
  return out;
}

test("agrees with the general reader on where comments are", () => {
  let taken = 0;
  for (let i = 0; i < runs(40_000); i++) if (expectSame(commentedText(new Random(7, i)))) taken++;
  expect(taken).toBeGreaterThan(runs(800));
});

test("agrees with the general reader on texts in the styles that people write", () => {
  let taken = 0;
  for (let i = 0; i < runs(5000); i++) if (expectSame(layoutText(new Random(11, i)))) taken++;
  expect(taken).toBeGreaterThan(runs(50));
});

test("reads documents in the plain style, and agrees after one character is changed", () => {
  fc.assert(
    fc.property(
      block,
      fc.nat(),
      fc.constantFrom("", " ", "\n", "-", ":", "#", '"', "'", "|", "x", "- ", ": "),
      (lines, where, inserted) => {
        const text = `${lines.join("\n")}\n`;
        expect(expectSame(text)).toBe(true);
        const at = where % text.length;
        expectSame(text.slice(0, at) + inserted + text.slice(at));
        expectSame(text.slice(0, at) + inserted + text.slice(at + 1));
      },
    ),
    { numRuns: runs(3000) },
  );
});
