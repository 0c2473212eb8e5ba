import { expect, test } from "vitest";
import { yaml } from "../../formats/yaml.ts";
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
  type Documents,
  type Node,
} from "../../src/tree/node.ts";
import { bareDocuments } from "../bare.ts";
import { thrownBy } from "../verbs.ts";

const emit = (documents: Documents, indent?: number) =>
  joinChunks(yaml.emit(documents, { sealed: false, indent })).toString();
const below = (value: Node, indent?: number) => emit([map([entry("m", value)])], indent);
const read = (text: string) => bareDocuments(yaml.parse(Buffer.from(text), { sealed: false }));

const readsBack = (value: Node) => expect(read(below(value))).toEqual([map([entry("m", value)])]);

// Spec 7.3.
test("separates documents and ends in a single line break", () => {
  expect(emit([map([entry("a", int(1n))]), map([]), map([entry("b", int(2n))])])).toBe(
    "a: 1\n---\n{}\n---\nb: 2\n",
  );
  expect(emit([map([])])).toBe("{}\n");
  expect(emit([map([comment(" c"), comment("d")])])).toBe("# c\n#d\n{}\n");
});

const nested = map([
  entry(
    "a",
    seq([
      int(1n),
      seq([int(2n), int(3n)]),
      map([entry("b", seq([int(4n)])), entry("c", map([entry("d", int(5n))]))]),
    ]),
  ),
]);

test("indents by four columns, inside list items to the next multiple", () => {
  expect(emit([nested])).toBe(`a:
    - 1
    - - 2
      - 3
    - b:
        - 4
      c:
        d: 5
`);
});

test.each([
  [undefined, 4],
  [0, 4],
  [1, 2],
  [2, 2],
  [3, 3],
  [9, 9],
  [10, 2],
  [100, 2],
])("the indent setting %s gives width %i", (indent, width) => {
  const at = (n: number) => " ".repeat(n);
  expect(emit([map([entry("a", map([entry("b", seq([str("x")]))]))])], indent)).toBe(
    `a:\n${at(width)}b:\n${at(2 * width)}- x\n`,
  );
});

test("below a list item children go to the next multiple of the width", () => {
  expect(emit([nested], 2)).toBe(`a:
  - 1
  - - 2
    - 3
  - b:
      - 4
    c:
      d: 5
`);
  expect(emit([nested], 3)).toContain("   - b:\n      - 4\n     c:\n      d: 5\n");
});

test("refuses a negative indent", () => {
  const error = thrownBy(() => emit([nested], -1));
  expect(error.exitCode).toBe(4);
  expect(error.message).toContain("YAML Negative indentation not accepted");
});

test("writes empty collections in flow style", () => {
  expect(
    emit([map([entry("a", map([])), entry("b", seq([])), entry("c", seq([map([]), seq([])]))])]),
  ).toBe("a: {}\nb: []\nc:\n    - {}\n    - []\n");
});

test("does not fold long lines", () => {
  const long = "word ".repeat(500).trim();
  expect(below(str(long))).toBe(`m: ${long}\n`);
});

// Spec 7.4: what is no string, with the float table of section 6.
test.each<[string, Node]>([
  ["null", nil()],
  ["true", bool(true)],
  ["false", bool(false)],
  ["0", int(0n)],
  ["-9223372036854775808", int(-(2n ** 63n))],
  ["9223372036854775807", int(2n ** 63n - 1n)],
  ["1", float(1)],
  ["-0", float(-0)],
  ["0.0001", float(0.0001)],
  ["1e-05", float(0.00001)],
  ["1e-07", float(1e-7)],
  ["100000", float(100000)],
  ["999999.5", float(999999.5)],
  ["1e+06", float(1e6)],
  ["1.23456789125e+08", float(123456789.125)],
  ["1.23456789e+08", float(123456789)],
  ["1e+20", float(1e20)],
  ["1e+21", float(1e21)],
  ["1.5e+300", float(1.5e300)],
  ["5e-324", float(5e-324)],
  ["-1.5e-07", float(-1.5e-7)],
  [".inf", float(Infinity)],
  ["-.inf", float(-Infinity)],
  [".nan", float(Number.NaN)],
  ["2020-01-02T00:00:00Z", time("2020-01-02T00:00:00Z")],
  ["2020-01-02T03:04:05.1+05:30", time("2020-01-02T03:04:05.1+05:30")],
])("writes the value %s", (text, value) => {
  expect(below(value)).toBe(`m: ${text}\n`);
});

const doubleQuoted = [
  "",
  "true",
  "True",
  "TRUE",
  "false",
  "False",
  "FALSE",
  "null",
  "Null",
  "NULL",
  "~",
  "y",
  "Y",
  "yes",
  "Yes",
  "YES",
  "on",
  "On",
  "ON",
  "n",
  "N",
  "no",
  "No",
  "NO",
  "off",
  "Off",
  "OFF",
  "123",
  "1e3",
  ".5",
  "+1",
  "0o17",
  "017",
  "08",
  "0x1F",
  "0b11",
  "1_000",
  "-0",
  "1.",
  "1:30",
  "-1:30",
  "1:30:59.5",
  "190:20:30",
  ".inf",
  "-.Inf",
  "+.INF",
  ".nan",
  ".NaN",
  "9223372036854775808",
  "18446744073709551616",
  "2020-01-01",
  "2020-1-1",
  "2020-01-01T00:00:00Z",
  "2020-01-02 03:04:05",
];
const plain = [
  "1e400",
  "0x",
  "0b12",
  "_1",
  "=",
  ".",
  "+",
  "1.5.2",
  "1:60",
  "2020-13-01",
  "tRUE",
  "NaN",
  "inf",
  "a:b",
  "a#b",
  "-a",
  "?a",
  ":a",
  "it's",
  'say "x"',
  "a, b",
  "a\\b",
  "é",
  "a{b}",
  "a]",
  "a[b]",
  "yEs",
  "oN",
  "a-",
  "a?",
  "2020-01-02 03:04:05 +02:00",
  "a\xA0b",
  "日本語",
  "http://x/y?z=1#f",
  "-1a",
];
const singleQuoted = [
  " lead",
  "trail ",
  "a: b",
  "a:",
  "a #b",
  "- a",
  "-",
  "? a",
  "?",
  ": a",
  ":",
  "---a",
  "---",
  "....",
  "...",
  "*a",
  "@a",
  "%a",
  "[a]",
  "{a}",
  ",a",
  "]a",
  "}a",
  "#a",
  "&a",
  "!a",
  "|a",
  ">a",
  '"a',
  "`a",
  " ",
  "a:\xA0 #",
];

test.each(doubleQuoted)("double-quotes %j", (text) => {
  expect(below(str(text))).toBe(`m: "${text}"\n`);
  readsBack(str(text));
});

test.each(plain)("leaves %j plain", (text) => {
  expect(below(str(text))).toBe(`m: ${text}\n`);
  readsBack(str(text));
});

test.each(singleQuoted)("single-quotes %j", (text) => {
  expect(below(str(text))).toBe(`m: '${text}'\n`);
  readsBack(str(text));
});

test.each([
  ["'a", "'''a'"],
  ["'", "''''"],
  ["a: it's", "'a: it''s'"],
  ["a\tb", '"a\\tb"'],
  ["\t", '"\\t"'],
  ["a\rb", '"a\\rb"'],
  ["a\ufeffb", '"a\\uFEFFb"'],
  ["\ufeffab", '"\\uFEFF\\x61\\x62"'],
  ["\u{1f600}", '"\\U0001F600"'],
  ["é\u{1f600}", '"é\\U0001F600"'],
  ["\0\u0007\b\v\f\u001b", '"\\0\\a\\b\\v\\f\\e"'],
  ['\u0001"\\', '"\\x01\\"\\\\"'],
  ["\u007f\u009f", '"\\x7F\\x9F"'],
  ["\ufffe\uffff", '"\\uFFFE\\uFFFF"'],
  ["a\u0085 b", '"a\\N b"'],
  ["a\u2028 b\u2029 c", '"a\\L b\\P c"'],
  ["a\u2028b", "'a\u2028    b'"],
  ["a \nb", '"a \\nb"'],
  ["a\nb ", '"a\\nb "'],
  ["a\n\u{1f600}", '"a\\n\\U0001F600"'],
  ["a\r\nb", '"a\\r\\nb"'],
  ["a\nb", "|-\n    a\n    b"],
  ["a\nb\n", "|\n    a\n    b"],
  ["a\nb\n\n", "|+\n    a\n    b\n"],
  ["\na", "|4-\n\n    a"],
  ["\n", "|4+\n"],
  ["\n\n", "|4+\n\n"],
  [" a\nb", "|4-\n     a\n    b"],
  ["a\tx\nb", "|-\n    a\tx\n    b"],
  ["a\n\n\nb\n", "|\n    a\n\n\n    b"],
  ["a\n b\n", "|\n    a\n     b"],
  ["a\n# b\n", "|\n    a\n    # b"],
  ["é\n日\n", "|\n    é\n    日"],
])("writes the text %j as %j", (text, expected) => {
  expect(below(str(text))).toBe(`m: ${expected}\n`);
  readsBack(str(text));
});

test("writes `<<` as a merge tag, and reads it back as that text", () => {
  expect(below(str("<<"))).toBe("m: !!merge <<\n");
  expect(emit([map([entry("<<", map([entry("a", int(1n))]))])])).toBe("!!merge <<:\n    a: 1\n");
  readsBack(str("<<"));
});

test("writes bytes that are not UTF-8 as !!binary", () => {
  expect(below(bytes(Uint8Array.of(255)))).toBe("m: !!binary /w==\n");
  const short = new Uint8Array(51).fill(255);
  expect(below(bytes(short))).toBe(`m: !!binary ${"/".repeat(68)}\n`);
  const long = new Uint8Array(54).fill(255);
  expect(below(bytes(long))).toBe(`m: !!binary |\n    ${"/".repeat(70)}\n    //\n`);
  for (const value of [short, long, new Uint8Array(1000).fill(200)]) readsBack(bytes(value));
});

// Departures D2 and D3: the real program loses these.
test("a multi-line text that begins with a tab keeps its content", () => {
  for (const text of ["\ta\nb", "\t\n", "\ta\nb\n"]) {
    expect(below(str(text))).toBe(`m: ${JSON.stringify(text)}\n`);
    readsBack(str(text));
  }
});

test.each([undefined, 2, 3, 5, 9])(
  "multi-line text that begins with a space or a line break reads back at any depth with indent %s",
  (indent) => {
    for (const text of [" a\nb", "\na", "\n", "  a\n b\n", " \na", "\n\n a", "\n ", " a\n\n"]) {
      const value = str(text);
      const shapes = [
        map([entry("l", seq([value, value]))]),
        map([entry("l", seq([seq([value, seq([value])]), value]))]),
        map([entry("l", seq([map([entry("k", value), entry("j", value)])]))]),
        map([entry("l", seq([map([entry("k", map([entry("j", value)]))])]))]),
        map([entry("l", seq([seq([map([entry("k", seq([value]))])])]))]),
        map([entry("a", map([entry("b", map([entry("k", value), entry("j", int(1n))]))]))]),
      ];
      for (const shape of shapes) expect(read(emit([shape], indent))).toEqual([shape]);
    }
  },
);

// Spec 7.5.
test.each([
  ["", '"": 1\n'],
  ["a b", "a b: 1\n"],
  ["a: b", "'a: b': 1\n"],
  ["yes", '"yes": 1\n'],
  ["1", '"1": 1\n'],
  ["__proto__", "__proto__: 1\n"],
  ["-", "'-': 1\n"],
  ["a\nb", "? |-\n    a\n    b\n: 1\n"],
  ["k\u{1f600}\nq", '? "k\\U0001F600\\nq"\n: 1\n'],
  ["k".repeat(128), `${"k".repeat(128)}: 1\n`],
  ["k".repeat(129), `? ${"k".repeat(129)}\n: 1\n`],
  ["é".repeat(64), `${"é".repeat(64)}: 1\n`],
  ["é".repeat(65), `? ${"é".repeat(65)}\n: 1\n`],
])("writes the key %j", (key, expected) => {
  const document = map([entry(key, int(1n))]);
  expect(emit([document])).toBe(expected);
  expect(read(expected)).toEqual([document]);
});

test("an explicit key takes collections and further keys", () => {
  const document = map([
    entry("a\nb", map([entry("x", int(1n))])),
    entry("c\nd", seq([int(1n)])),
    entry("e", int(2n)),
  ]);
  expect(read(emit([document]))).toEqual([document]);
});

test("keys that look like numbers keep their order", () => {
  const document = map(["10", "9", "x", "1"].map((key) => entry(key, str(key))));
  expect(emit([document])).toBe('"10": "10"\n"9": "9"\nx: x\n"1": "1"\n');
});

// Spec 6.1.
test.each<[string, Node]>([
  ["1\n", int(1n)],
  ["null\n", nil()],
  ["true\n", bool(true)],
  ["1.5\n", float(1.5)],
  ["2020-01-02T00:00:00Z\n", time("2020-01-02T00:00:00Z")],
  ["- x\n- - 1\n", seq([str("x"), seq([int(1n)])])],
  ["- a:\n    b: 1\n", seq([map([entry("a", map([entry("b", int(1n))]))])])],
  ["[]\n", seq([])],
])("writes the single value %j", (expected, value) => {
  expect(yaml.emitValue(value, { sealed: false, indent: 2 })).toBe(expected);
});

test("the example is the one of sops", () => {
  expect(emit(yaml.example())).toBe(`hello: Welcome to SOPS! Edit this file as you please!
example_key: example_value
# Example comment
example_array:
    - example_value1
    - example_value2
example_number: 1234.56789
example_booleans:
    - true
    - false
`);
});
