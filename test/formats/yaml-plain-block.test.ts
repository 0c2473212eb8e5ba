import fc from "fast-check";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { decodeStream } from "../../formats/yaml/chars.ts";
import { readPlainBlock } from "../../formats/yaml/plain-block.ts";
import { readGeneral } from "../../formats/yaml/reader.ts";
import type { Documents, Mapping, Node } from "../../src/tree/node.ts";
import { runs } from "../runs.ts";

function readFast(source: string | Uint8Array): Mapping | undefined {
  const bytes = Buffer.from(source);
  const text = decodeStream(bytes);
  return readPlainBlock(text, text.length === bytes.length + 1);
}

/** What the general reader makes of a text; undefined where it refuses it. */
function readWhole(source: string | Uint8Array): Documents | undefined {
  try {
    return readGeneral(decodeStream(Buffer.from(source)));
  } catch {
    return undefined;
  }
}

/** Without the ends of collections, which the quick reader does not tell. */
function comparable(root: Node | Documents | undefined): unknown {
  return JSON.parse(
    JSON.stringify(root ?? null, (_, value: unknown) => {
      if (typeof value === "bigint") return `${value}n`;
      if (typeof value === "number" && !Number.isFinite(value)) return String(value);
      if (typeof value !== "object" || value === null || !("kind" in value)) return value;
      return value.kind === "map" || value.kind === "seq" ? { ...value, end: 0 } : value;
    }),
  );
}

/** @returns whether the quick reader takes the text */
function expectSame(source: string | Uint8Array): boolean {
  const fast = readFast(source);
  if (fast !== undefined) expect(comparable([fast])).toEqual(comparable(readWhole(source)));
  return fast !== undefined;
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
])("reads %j without the general reader, and alike", (text) => {
  expect(expectSame(text)).toBe(true);
});

test.each([
  "# comment\na: 1\n",
  "a: 1 # comment\n",
  "a: 1",
  "a: b: c\n",
  "a: b\n  c\n",
  "a:\n  b: 1\n c: 2\n",
  "a: 1\na: 2\n",
  Array.from({ length: 20 }, (_, i) => `k${i % 19}: 1\n`).join(""),
  "a: &x 1\nb: *x\n",
  "a: !!str 1\n",
  "a: [1, 2]\n",
  "a: |\n\n  x\n",
  "a: |2\n   x\n",
  "a: >\n  x\n",
  "a: |+\n  x\n\n",
  'a: "x\\n"\n',
  'a: "x\n  y"\n',
  "a: 'it''s'\n",
  "true: 1\n",
  "1: x\n",
  "<<: {}\n",
  "? a\n: b\n",
  "---\na: 1\n",
  "a: 1\n---\nb: 2\n",
  "a: 1\n...\n",
  "%YAML 1.1\n---\na: 1\n",
  "a:\tb\n",
  "a: b\r\n",
  "a: b\u2028c\n",
  "- a\n",
  "text\n",
  "a:  b\n",
  "a: b \n",
  "a:\n  -\n    b\n",
  "a:\n    b: |\n    x\n",
  "\na: 1\n",
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
