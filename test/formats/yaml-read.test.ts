import { expect, test } from "vitest";
import { yaml } from "../../formats/yaml.ts";
import { ParseError } from "../../src/errors.ts";
import { joinChunks } from "../../src/tree/long-text.ts";
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
import { bare, bareDocuments } from "../bare.ts";
import { thrownBy } from "../verbs.ts";

const read = (text: string | Uint8Array) =>
  yaml.parse(typeof text === "string" ? Buffer.from(text) : text, { sealed: false });
const parse = (text: string | Uint8Array) => bareDocuments(read(text));
const again = (text: string | Uint8Array) =>
  joinChunks(yaml.emit(read(text), { sealed: false })).toString();

/** The value of the document's first entry. */
function first(text: string): Node {
  const item = read(text)[0]?.items.find(({ kind }) => kind === "entry");
  if (item?.kind !== "entry") throw new Error("no entry");
  return bare(item.value);
}

// Spec 7.2, row by row.
test.each<[string, Node]>([
  ...["true", "True", "TRUE"].map((text) => [text, bool(true)] as [string, Node]),
  ...["false", "False", "FALSE"].map((text) => [text, bool(false)] as [string, Node]),
  ...["", "~", "null", "Null", "NULL"].map((text) => [text, nil()] as [string, Node]),
  ...[".nan", ".NaN", ".NAN"].map((text) => [text, float(Number.NaN)] as [string, Node]),
  ...[".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"].map(
    (text) => [text, float(Infinity)] as [string, Node],
  ),
  ...["-.inf", "-.Inf", "-.INF"].map((text) => [text, float(-Infinity)] as [string, Node]),
  ["2020-01-02", time("2020-01-02T00:00:00Z")],
  ["2020-1-2", time("2020-01-02T00:00:00Z")],
  ["2020-02-29", time("2020-02-29T00:00:00Z")],
  ["2020-01-02T03:04:05Z", time("2020-01-02T03:04:05Z")],
  ["2020-1-2T3:4:5Z", time("2020-01-02T03:04:05Z")],
  ["2020-01-02t03:04:05.1Z", time("2020-01-02T03:04:05.1Z")],
  ["2020-01-02T03:04:05.100Z", time("2020-01-02T03:04:05.1Z")],
  ["2020-01-02T03:04:05.123456789Z", time("2020-01-02T03:04:05.123456789Z")],
  ["2020-01-02T03:04:05+05:30", time("2020-01-02T03:04:05+05:30")],
  ["2020-01-02t03:04:05-07:00", time("2020-01-02T03:04:05-07:00")],
  ["2020-01-02T03:04:05+00:00", time("2020-01-02T03:04:05Z")],
  ["2020-01-02 03:04:05", time("2020-01-02T03:04:05Z")],
  ["2020-1-2 3:4:5.25", time("2020-01-02T03:04:05.25Z")],
  ["0", int(0n)],
  ["-0", int(0n)],
  ["7", int(7n)],
  ["-1", int(-1n)],
  ["+1", int(1n)],
  ["017", int(15n)],
  ["-017", int(-15n)],
  ["0o17", int(15n)],
  ["0O17", int(15n)],
  ["-0o17", int(-15n)],
  ["0x1F", int(31n)],
  ["0X1f", int(31n)],
  ["-0x10", int(-16n)],
  ["0b11", int(3n)],
  ["0B11", int(3n)],
  ["-0b11", int(-3n)],
  ["1_000", int(1000n)],
  ["1__0", int(10n)],
  ["1_", int(1n)],
  ["0x_1F", int(31n)],
  ["9223372036854775807", int(2n ** 63n - 1n)],
  ["-9223372036854775808", int(-(2n ** 63n))],
  ["9223372036854775808", int(2n ** 63n)],
  ["18446744073709551615", int(2n ** 64n - 1n)],
  ["18446744073709551616", float(2 ** 64)],
  ["-9223372036854775809", float(-(2 ** 63))],
  ["123456789012345678901234567890", float(1.2345678901234568e29)],
  ["1.5", float(1.5)],
  ["-1.5", float(-1.5)],
  ["+1.5", float(1.5)],
  ["1.", float(1)],
  ["1.0", float(1)],
  ["-0.0", float(-0)],
  [".5", float(0.5)],
  ["-.5", float(-0.5)],
  ["+.5", float(0.5)],
  ["1e3", float(1000)],
  ["1E3", float(1000)],
  ["1e+3", float(1000)],
  ["1.5e-3", float(0.0015)],
  ["1_0.2_5", float(10.25)],
  [".83_99", float(0.8399)],
  [".5e1", float(5)],
  ["08", float(8)],
  ["09.5", float(9.5)],
  ["1e-400", float(0)],
  ...[
    "yes",
    "Yes",
    "YES",
    "no",
    "No",
    "NO",
    "on",
    "On",
    "ON",
    "off",
    "Off",
    "OFF",
    "y",
    "Y",
    "n",
    "N",
    "tRUE",
    "nULL",
    "NaN",
    "nan",
    "inf",
    "-inf",
    "+.nan",
    "-.nan",
    "Inf",
    "2020-01-02 03:04:05 +02:00",
    "2020-01-02 03:04:05Z",
    "2020-01-02T03:04:05",
    "2020-13-01",
    "2020-02-30",
    "2019-02-29",
    "20-01-02",
    "2020-001-02",
    "2020-01-02T25:00:00Z",
    "2020-01",
    "1:30",
    "1:60",
    "0x",
    "0o",
    "0b",
    "_1",
    "0b12",
    "0o8",
    ".e1",
    "0x1p4",
    "1e400",
    "-1e400",
    "=",
    ".",
    "+",
    "1.5.2",
    "1e",
    "1e+",
    "e1",
    "._1",
    ".1__2",
    "0xg",
    "--1",
    "+-1",
    "1-",
    "...",
  ]
    .filter((text) => text !== "...")
    .map((text): [string, Node] => [text, str(text)]),
])("reads the plain scalar %j with its type", (text, expected) => {
  expect(first(`k: ${text}\n`)).toEqual(expected);
  expect(first(`k: [${text}]\n`)).toEqual(seq(text === "" ? [] : [expected]));
});

test.each(["true", "null", "~", "1", "1.5", ".inf", "2020-01-02", ""])(
  "reads %j in quotes or in a block as text",
  (text) => {
    expect(first(`k: "${text}"\n`)).toEqual(str(text));
    expect(first(`k: '${text}'\n`)).toEqual(str(text));
    expect(first(`k: |-\n  ${text}\n`)).toEqual(str(text));
    expect(first(`k: >-\n  ${text}\n`)).toEqual(str(text));
  },
);

test.each([
  [String.raw`"\0\a\b\t\n\v\f\r\e\"\\\/"`, '\0\u0007\b\t\n\v\f\r\u001b"\\/'],
  [String.raw`"\N\_\L\P"`, "\u0085\u00a0\u2028\u2029"],
  [String.raw`"\x41\u00e9\U0001F600"`, "A\u00e9\u{1f600}"],
  ['"a\n  b"', "a b"],
  ['"a\n\n  b"', "a\nb"],
  ['"a \\\n  b"', "a b"],
  ["'it''s'", "it's"],
  ["'a\n\n\n  b'", "a\n\nb"],
  ["a\n  b\n\n  c", "a b\nc"],
  ["|\n  a\n   b\n", "a\n b\n"],
  ["|-\n  a\n\n  b\n\n", "a\n\nb"],
  ["|+\n  a\n\n", "a\n\n\n"],
  ["|2\n   a\n  b\n", " a\nb\n"],
  ["|2-\n   a\n", " a"],
  ["|-2\n   a\n", " a"],
  [">\n  a\n  b\n\n  c\n", "a b\nc\n"],
  [">\n  a\n    b\n  c\n", "a\n  b\nc\n"],
  [">-\n  a\n\n\n  b\n", "a\n\nb"],
  ["|\n\ta\n", "\ta\n"],
])("reads the spelling %j", (spelling, expected) => {
  if (spelling === "|\n\ta\n") {
    // A tab is no indentation.
    expect(thrownBy(() => read(`k: ${spelling}`))).toBeInstanceOf(ParseError);
    return;
  }
  expect(first(`k: ${spelling}\n`)).toEqual(str(expected));
});

// Spec 7.1, table of input features.
test.each([
  ["a lone document mark", "---\n"],
  ["null", "null\n"],
  ["~", "~\n"],
  ["an empty flow mapping", "{}\n"],
  ["a document end", "---\n...\n"],
])("reads %s as one empty document", (_what, text) => {
  expect(parse(text)).toEqual([map([])]);
  expect(again(text)).toBe("{}\n");
});

test("reads no document from no bytes", () => {
  expect(parse("")).toEqual([]);
});

test.each([
  ["an empty second document", "a: 1\n---\n", "a: 1\n---\n{}\n"],
  ["a stream", "---\na: 1\n---\nb: 2\n...\n---\nc: 3\n", "a: 1\n---\nb: 2\n---\nc: 3\n"],
  ["a YAML 1.1 directive", "%YAML 1.1\n---\na: 1\n", "a: 1\n"],
  ["a byte order mark", "\ufeffa: 1\n", "a: 1\n"],
  ["CRLF", "a: 1\r\nb: |\r\n  x\r\n  y\r\n", "a: 1\nb: |\n    x\n    y\n"],
  ["no final line end", "a: 1", "a: 1\n"],
  ["blank lines", "\n\na: 1\n\n\nb: 2\n\n", "a: 1\nb: 2\n"],
  ["an alias of a mapping", "a: &x {b: 1}\nc: *x\n", "a:\n    b: 1\nc:\n    b: 1\n"],
  ["an alias of a list", "a: &x [1]\nc: *x\n", "a:\n    - 1\nc:\n    - 1\n"],
  ["an alias of a scalar", "a: &x 5\nc: *x\n", "a: 5\nc: 5\n"],
  ["an alias in a list", "- &x 1\n".replace("- ", "l:\n- ") + "- *x\n", "l:\n    - 1\n    - 1\n"],
  ["an anchor defined twice", "a: &x 1\nb: &x 2\nc: *x\n", "a: 1\nb: 2\nc: 2\n"],
  [
    "a merge key, which is not merged",
    "b: &b\n  x: 1\nc:\n  <<: *b\n  z: 2\n",
    "b:\n    x: 1\nc:\n    !!merge <<:\n        x: 1\n    z: 2\n",
  ],
  [
    "a merge of a list",
    "b: &b {x: 1}\nc: &c {z: 1}\nd:\n  <<: [*b, *c]\n",
    "b:\n    x: 1\nc:\n    z: 1\nd:\n    !!merge <<:\n        - x: 1\n        - z: 1\n",
  ],
  [
    "flow style",
    "a: {b: [1, {c: d}], e: {}}\n",
    "a:\n    b:\n        - 1\n        - c: d\n    e: {}\n",
  ],
  ["quotes", "\"a\": 'x'\n'b': \"z\"\n", "a: x\nb: z\n"],
  ["folded text", "a: >\n  x\n  y\n", "a: |\n    x y\n"],
  ["a tag on a mapping", "a: !foo {b: 1}\n", "a:\n    b: 1\n"],
  ["a tag on a list", "a: !foo [1]\n", "a:\n    - 1\n"],
  ["a custom tag on a scalar", "a: !foo bar\nb: !foo 5\n", 'a: bar\nb: "5"\n'],
  ["the non-specific tag", "a: ! 5\n", "a: 5\n"],
  ["!!binary", "a: !!binary aGVsbG8=\n", "a: hello\n"],
  ["!!binary over lines", "a: !!binary |\n  aGVs\n  bG8=\n", "a: hello\n"],
  ["!!binary that is not UTF-8", "a: !!binary /w==\n", "a: !!binary /w==\n"],
  ["!!str", "a: !!str 5\n", 'a: "5"\n'],
  ["!!int", 'a: !!int "5"\n', "a: 5\n"],
  ["!!float", "a: !!float 1.5\n", "a: 1.5\n"],
  ["!!null", "a: !!null ''\n", "a: null\n"],
  ["!!bool", 'a: !!bool "true"\n', "a: true\n"],
  ["!!timestamp", 'a: !!timestamp "2020-01-02"\n', "a: 2020-01-02T00:00:00Z\n"],
  [
    "a long key",
    `${"k".repeat(200)}: 1\n`.replace(/^/, "? ").replace(": 1", "\n: 1"),
    `? ${"k".repeat(200)}\n: 1\n`,
  ],
  ["a multi-line key", "? |-\n  a\n  b\n: 1\n", "? |-\n    a\n    b\n: 1\n"],
  ["a list at its key's column", "a:\n- 1\n- 2\n", "a:\n    - 1\n    - 2\n"],
  ["no value", "a:\nb:\n", "a: null\nb: null\n"],
  ["a single-pair mapping in a flow list", "a: [b: 1]\n", "a:\n    - b: 1\n"],
  ["a tab after a value", "a: 1\t\nb:\t2\n", "a: 1\nb: 2\n"],
])("normalises %s", (_what, text, expected) => {
  expect(again(text)).toBe(expected);
});

test("reads !!float of whole digits as a float", () => {
  expect(first("a: !!float 5\n")).toEqual(float(5));
});

test("reads !!binary that is not UTF-8 as bytes", () => {
  expect(first("a: !!binary /w==\n")).toEqual(bytes(Uint8Array.of(255)));
});

test.each([
  ["1", "int"],
  ["true", "bool"],
  ["1.5", "float64"],
  ["2020-01-01", "time.Time"],
  ["null", "<nil>"],
  ["~", "<nil>"],
])("marks the key %s as not text", (key, type) => {
  const [item] = read(`${key}: x\n`)[0]?.items ?? [];
  expect(item).toMatchObject({ kind: "entry", foreign: type });
  const [quoted] = read(`"${key}": x\n`)[0]?.items ?? [];
  expect(quoted).toMatchObject({ kind: "entry", key });
  expect(quoted).not.toHaveProperty("foreign", type);
});

test("treats no key as special", () => {
  const keys = ["__proto__", "constructor", "toString", "hasOwnProperty", '""'];
  const text = keys.map((key) => `${key}: ${key}\n`).join("");
  expect(again(text)).toBe(text);
  expect(again(`&__proto__ __proto__: &toString 1\nb: *toString\n`)).toBe("__proto__: 1\nb: 1\n");
  for (const name of ["__proto__", "toString", "constructor"]) {
    expect(thrownBy(() => read(`a: *${name}\n`)).message).toContain("unknown anchor");
  }
});

test("keeps repeated keys of later documents", () => {
  expect(again("a: 1\n---\nb: 1\nb: 2\n")).toBe("a: 1\n---\nb: 1\nb: 2\n");
});

test("keeps keys that look like numbers in order", () => {
  const text = '"10": a\n"9": b\nx: c\n"1": d\n';
  expect(again(text)).toBe(text);
});

test("gives keys and values their place in the text", () => {
  const text = 'a: "x y"\nlist:\n  - 5\n';
  const [root] = read(text);
  const [a, list] = root?.items ?? [];
  if (a?.kind !== "entry" || list?.kind !== "entry" || list.value.kind !== "seq")
    throw new Error("shape");
  const at = (node: { start: number; end: number }) => text.slice(node.start, node.end);
  expect(at(a)).toBe("a");
  expect(at(a.value)).toBe('"x y"');
  expect(at(list)).toBe("list");
  expect(list.value.items.map(at)).toEqual(["5"]);
});

test("comments are items of their mapping", () => {
  expect(parse("# top\na: 1 # end\n#\n##x\n#!y\n")).toEqual([
    map([
      comment(" top"),
      comment(" end", true),
      entry("a", int(1n)),
      comment(""),
      comment("#x"),
      comment("!y"),
    ]),
  ]);
});

const SECRET = "hunter2-secret";

// Spec 7.1 items 2 and 3, and the rows that refuse. Each file has the fault on the line given.
test.each([
  ["a repeated key", `a: ${SECRET}\na: ${SECRET}\n`, "yaml: unmarshal errors:", 2],
  [
    "a repeated nested key",
    `x:\n  y:\n    a: ${SECRET}\n    b: 1\n    a: 2\n`,
    "yaml: unmarshal errors:",
    5,
  ],
  ["a repeated key in a list", `x:\n  - a: ${SECRET}\n    a: 2\n`, "yaml: unmarshal errors:", 3],
  ["a repeated flow key", `x: {a: ${SECRET},\n  a: 2}\n`, "yaml: unmarshal errors:", 2],
  ["a repeated key in other quotes", `a: ${SECRET}\n"a": 2\n`, "yaml: unmarshal errors:", 2],
  ["a list at the root", `- ${SECRET}\n`, "yaml: unmarshal errors:", 1],
  ["a scalar at the root", `${SECRET}\n`, "yaml: unmarshal errors:", 1],
  ["a list as key", `? [${SECRET}]\n: 1\n`, "yaml: ", 1],
  ["an impossible tag", `b: 1\na: !!int ${SECRET}\n`, "yaml: cannot decode ", 2],
  ["an impossible float", `b: 1\na: !!float ${SECRET}\n`, "yaml: cannot decode ", 2],
  ["only comments", `# ${SECRET}\n`, "EOF", undefined],
  [
    "a list as second document",
    `a: 1\n---\n- ${SECRET}\n`,
    "Error unmarshaling input YAML: YAML documents that are sequences are not supported",
    3,
  ],
  [
    "a scalar as second document",
    `a: 1\n---\n${SECRET}\n`,
    "Error unmarshaling input YAML: YAML documents that are values are not supported",
    3,
  ],
  [
    "another YAML version",
    `%YAML 2.0\n---\na: ${SECRET}\n`,
    "yaml: found incompatible YAML document",
    1,
  ],
  ["YAML 1.2", `%YAML 1.2\n---\na: ${SECRET}\n`, "yaml: found incompatible YAML document", 1],
  ["NUL", `b: 1\na: ${SECRET}\0\n`, "yaml: control characters are not allowed", 2],
  [
    "a control character",
    `b: 1\n\na: ${SECRET}\u0001\n`,
    "yaml: control characters are not allowed",
    3,
  ],
  ["an unknown alias", `b: 1\na: *${SECRET}\n`, "yaml: unknown anchor", 2],
  ["an alias of itself", `b: 1\na: &x [${SECRET}, *x]\n`, "yaml: anchor", 2],
  ["bad base64", `b: 1\na: !!binary "${SECRET}*"\n`, "yaml: ", 2],
  ["an open flow list", `a: [${SECRET}\n`, "yaml: ", 2],
  ["an open quote", `b: 1\na: "${SECRET}\n`, "yaml: ", 2],
  ["a bad escape", `b: 1\na: "${SECRET}\\q"\n`, "yaml: ", 2],
  ["a mapping in a plain value", `b: 1\na: ${SECRET}: 1\n`, "yaml: ", 2],
  ["a tab as indentation", `a:\n\tb: ${SECRET}\n`, "yaml: ", 2],
  ["bad indentation", `a:\n    b: 1\n  c: ${SECRET}\n`, "yaml: ", 3],
  ["a list between entries", `a: 1\n- ${SECRET}\n`, "yaml: ", 2],
  ["a reserved character", `b: 1\na: @${SECRET}\n`, "yaml: ", 2],
  ["a backtick", `b: 1\na: \`${SECRET}\n`, "yaml: ", 2],
  ["an undefined tag handle", `b: 1\na: !q!${SECRET} 1\n`, "yaml: ", 2],
])("refuses %s and names the line", (_what, text, start, line) => {
  const error = thrownBy(() => read(text));
  expect(error).toBeInstanceOf(ParseError);
  expect(error.message.startsWith(start)).toBe(true);
  if (line !== undefined) expect((error as ParseError).line).toBe(line);
  expect(error.message).not.toContain(SECRET);
  expect(error.message).not.toContain("    at ");
  expect(error.hint ?? "").not.toContain(SECRET);
  expect(error.exitCode).toBe(1);
});

test.each([
  ["a stray byte", [0xff]],
  ["an overlong form", [0xc0, 0xaf]],
  ["a surrogate", [0xed, 0xa0, 0x80]],
  ["a truncated sequence", [0xe2, 0x82]],
])("refuses %s and names the line", (_what, wrong) => {
  const text = Buffer.concat([Buffer.from("b: 1\na: x"), Buffer.from(wrong), Buffer.from("y\n")]);
  const error = thrownBy(() => read(text));
  expect(error).toBeInstanceOf(ParseError);
  expect(error.message.startsWith("yaml: ")).toBe(true);
  expect((error as ParseError).line).toBe(2);
});

test("refuses aliases that expand to more than a machine can hold", () => {
  const levels = Array.from(
    { length: 9 },
    (_, i) => `a${i + 1}: &a${i + 1} [${`*a${i},`.repeat(10)}]\n`,
  );
  const error = thrownBy(() => read(`a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n${levels.join("")}`));
  expect(error.message.startsWith("yaml: document contains excessive aliasing")).toBe(true);
});
