import { execFileSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { ConversionError } from "../../src/k8s/conversion-error.ts";
import { readKubeYaml } from "../../src/k8s/kube-yaml.ts";
import { counterpart } from "../counterparts.ts";
import { Random } from "../fuzz/random.ts";
import { exactJson, exactValue } from "../terraform/values.ts";

/** What kubectl's own reader makes of documents: JSON, or undefined where it refuses. */
function readByKubectl(documents: readonly string[]): (string | undefined)[] {
  const answers = execFileSync(counterpart("kubeYaml"), {
    input: documents.map((text) => `${Buffer.from(text).toString("base64")}\n`).join(""),
    encoding: "utf8",
    maxBuffer: 256 * 1024 * 1024,
  });
  return answers
    .trimEnd()
    .split("\n")
    .map((line) => (line === "ERR" ? undefined : line));
}

/** Doubles as JSON has them: whole ones without a fraction, as our reader's. */
function ours(text: string): unknown {
  try {
    const [document] = readKubeYaml(Buffer.from(text), "x.yaml", () => {});
    if (document === undefined) return null;
    const hasInfinity = (value: (typeof document)["value"]): boolean =>
      (value.kind === "float" && !Number.isFinite(value.value)) ||
      (value.kind === "list" && value.items.some(hasInfinity)) ||
      (value.kind === "map" && [...value.entries.values()].some(hasInfinity));
    return hasInfinity(document.value) ? undefined : exactValue(document.value);
  } catch (error) {
    if (error instanceof ConversionError) return undefined;
    throw error;
  }
}

describe("a document that is JSON", () => {
  const read = (text: string) => {
    const warnings: string[] = [];
    const documents = readKubeYaml(Buffer.from(text), "x", (message) => warnings.push(message));
    return { warnings, documents: documents.map(({ value, line }) => [exactValue(value), line]) };
  };

  test("may hold what YAML refuses: escaped slashes, surrogate pairs, tabs, control characters", () => {
    const { documents } = read(
      '{\n\t"a\\/b":\n\t"\\ud83d\\ude00",\n"c" : "\u0085\u2028\u007f", "d": [-0, 1.50, 18446744073709551615]}',
    );
    expect(documents).toEqual([
      [exactJson('{"a/b":"😀","c":"\u0085\u2028\u007f","d":[0,1.5,18446744073709551615]}'), 1],
    ]);
  });

  test("may be among YAML ones, and every line is counted", () => {
    const text = 'a: 1\n--- {"b":"\\/"}\n---\n\n  {"c":\n"\\/"}\r\n\n---\nd: 2\n';
    expect(read(text).documents).toEqual([
      [exactJson('{"a":1}'), 1],
      [exactJson('{"b":"/"}'), 2],
      [exactJson('{"c":"/"}'), 5],
      [exactJson('{"d":2}'), 9],
    ]);
    expect(read('\ufeff{"a":"\\/"}\n').documents).toEqual([[exactJson('{"a":"/"}'), 1]]);
  });

  test("gets a warning if a key appears twice", () => {
    expect(read('{"a":1,\n"b":{"a":2,"a":3}}').warnings).toEqual([
      "x:2: document 1: the key a appears twice; the last one counts",
    ]);
  });

  test.each([
    ['{"a":1}{"b":2}', "x:1: document 1: did not find expected <document start>"],
    ['{"a":"\\ud800"}', "x:1: document 1: found invalid Unicode character escape code"],
    [`${'{"a":'.repeat(1001)}1${"}".repeat(1001)}`, "more than 1000 levels of nesting"],
    ['{a: "\\/"}', 'x:1: document 1: found unknown escape character: write "/" instead of "\\/"'],
  ])("is refused by the YAML reader where Kubernetes would lose something: %.30s", (text, why) => {
    expect(() => read(text)).toThrow(why);
  });
});

const scalars =
  "yes Yes YES y Y n N no No NO on On ON off Off OFF true True TRUE tRUE false False ~ null Null NULL nULL " +
  "0 -0 +0 00 007 0755 0o755 0O17 -010 -0o7 0o-7 0x1F 0X1f -0x1f 0xG 0b101 0B1 -0b101 0b-101 0b2 1_000 1__0 _1 1_ +3 08 0089 -08 0_7 " +
  "9223372036854775807 9223372036854775808 -9223372036854775808 -9223372036854775809 18446744073709551615 18446744073709551616 +9223372036854775808 " +
  "12345678901234567890123 1.0 1e3 1E3 1e+3 .5 -.5 .5_0 3. 1.e2 1e30 1e-7 1e400 -1e400 1_2.5_0 0.1 123456.789 1e21 1e20 5e-324 " +
  "0x 0b 0o 1:30 190:20:30 2001-01-01 2001-1-1 2001-01-01T00:00:00Z .inf -.inf +.inf .Inf .INF .nan .NaN . .. - -- = << !foo " +
  '"y" "1" \'null\' "\\t" "\\x41" "\\u00e9" "\\/" "\\ud800" !!str\\ 123 abc a.b';
const words = scalars.split(" ").map((word) => word.replaceAll("\\ ", " "));
const tagged = [
  "!!str 123",
  "!!str",
  "!!int 12",
  '!!int "0x10"',
  "!!int x",
  "!!float 3",
  "!!float x",
  "!!bool yes",
  '!!bool "on"',
  "!!bool 1",
  "!!null ''",
  "!!null x",
  "!!binary aGk=",
  "!!binary ?",
  "!foo bar",
  "!foo 12",
  "! 12",
  "!!timestamp 2001-01-01",
];
const collections = [
  "{a: &x {k: 1, m: 2}, b: {<<: *x, k: 9}, c: {k: 9, <<: *x}}",
  "{<<: [{k: 1}, {k: 2}], j: 3}",
  "{<<: 1}",
  "{<<: [1]}",
  '{"<<": {k: 1}}',
  "{a: 1, a: 2}",
  "{1: a, 0x10: b, 2.5: c, yes: d, y: e, -1: f}",
  "{1e6: a, 1.23456789: b, 1e30: c, 0.00001: d, 0.0001: e, 123456789.5: f, 123456.5: g}",
  "{null: a}",
  "{~: a}",
  "{[a]: b}",
  "{18446744073709551615: a}",
  "[*x]",
  "&x [*x]",
  "[a, b,]",
  "{a: , b: }",
  "a: |\n  x\n  y\n",
  "a: >-\n  x\n  y\n\n  z\n",
  "a: |+\n  x\n\n",
  "a: b: c",
  "\ta: b",
  "a:\n\tb: c",
  "? a\n: b\n",
  "- a\n- b\n",
  "# only a comment\n",
  "a: 1 # comment\n",
  "a: 'it''s'\n",
  'a: "x\n  y"\n',
  "__proto__: {constructor: 1}\n",
  "a: @x\n",
  "a: `x\n",
  "a: %x\n",
  "%a: x\n",
];

describe("scalars, keys and collections mean what they mean to kubectl", () => {
  const documents = [
    ...words.map((word) => `a: ${word}\n`),
    ...words.map((word) => `[${word}]\n`),
    ...words.filter((word) => !word.startsWith("<<")).map((word) => `${word}: a\n`),
    ...tagged.map((word) => `a: ${word}\n`),
    ...collections,
  ];
  const answers = readByKubectl(documents);

  test.each(documents.map((document, i) => ({ document, answer: answers[i] })))(
    "$document",
    ({ document, answer }) => {
      // The answer's JSON has a whole double's digits only: the value is what counts.
      expect(rounded(ours(document))).toEqual(rounded(answer && exactJson(answer)));
    },
  );
});

/** Numbers as doubles: kubectl's answer is JSON made from doubles where they are no integers. */
function rounded(value: unknown): unknown {
  if (typeof value === "string" && /^#-?\d+(e-?\d+)?$/.test(value)) return Number(value.slice(1));
  if (Array.isArray(value)) return value.map(rounded);
  if (typeof value === "object" && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, rounded(item)]));
  return value;
}

test("random documents mean what they mean to kubectl", () => {
  const random = new Random(20260101);
  const distinct = 'yes off 0 007 0x1F 1_000 1.5 1e30 2001-01-01 abc a.b "y" 190:20:30 null'.split(
    " ",
  );
  const make = (depth: number): string => {
    const kind = random.below(depth > 2 ? 2 : 5);
    if (kind < 2) return random.pick(words.filter((word) => !/^[-&*<!=.]/.test(word)));
    // Of two keys such as 1 and 1.0, Go keeps whichever its map yields last.
    const keys = distinct.toSorted(() => random.below(3) - 1);
    const items = Array.from({ length: random.below(4) }, () => make(depth + 1));
    return kind === 2
      ? `[${items.join(", ")}]`
      : `{${items.map((item, i) => `${keys[i]}: ${item}`).join(", ")}}`;
  };
  const documents = Array.from({ length: 1500 }, () => `a: ${make(0)}\n`);
  const answers = readByKubectl(documents);
  const differing = documents.filter((document, i) => {
    const answer = answers[i];
    return (
      JSON.stringify(rounded(ours(document))) !==
      JSON.stringify(rounded(answer && sortedLike(document, answer)))
    );
  });
  expect(differing.join("")).toBe("");
});

/** kubectl's JSON with keys in the order in which ours stand: Go sorts them. */
function sortedLike(document: string, answer: string): unknown {
  const order = (mine: unknown, theirs: unknown): unknown => {
    if (Array.isArray(theirs) && Array.isArray(mine))
      return theirs.map((item, i) => order(mine[i], item));
    if (typeof theirs !== "object" || theirs === null || typeof mine !== "object" || mine === null)
      return theirs;
    const [a, b] = [mine as Record<string, unknown>, theirs as Record<string, unknown>];
    const keys = [
      ...Object.keys(a).filter((key) => Object.hasOwn(b, key)),
      ...Object.keys(b).filter((key) => !Object.hasOwn(a, key)),
    ];
    return Object.fromEntries(keys.map((key) => [key, order(a[key], b[key])]));
  };
  return order(ours(document), exactJson(answer));
}

test("uint64 and int64 edges keep every digit", () => {
  expect(ours("[9007199254740993, 18446744073709551615, -9223372036854775808]")).toEqual([
    "#9007199254740993e0",
    "#18446744073709551615e0",
    "#-9223372036854775808e0",
  ]);
});

test.each([
  ["a: 1\n----\nb: 2\n", /^x\.yaml:2: a line that begins with "---" separates documents/],
  ["a: 1\n---x\n", /^x\.yaml:2: a line that begins with "---"/],
  ["%YAML 1.1\n---\na: 1\n", /^x\.yaml:1: Kubernetes does not read %YAML lines/],
  ["a: 1\n...\nb: 2\n", /^x\.yaml:3: document \d: text after "\.\.\." would be ignored/],
  ['{"a": 1}\n{"b": 2}\n', /^x\.yaml:2: document 1: did not find expected <document start>/],
  ["a: *x\n", /^x\.yaml:1: document 1: unknown anchor referenced/],
  ["a: 1\n---\nb: [\n", /^x\.yaml:\d: document 2: /],
  [`a: ${"[".repeat(1200)}${"]".repeat(1200)}\n`, /more than 1000 levels of nesting/],
])("refuses %j with its place", (source, message) => {
  expect(() => readKubeYaml(Buffer.from(source), "x.yaml", () => {})).toThrow(message);
});

test("a bomb of aliases is refused within a second", () => {
  const lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"];
  for (let i = 1; i < 12; i++)
    lines.push(`a${i}: &a${i} [${Array.from({ length: 10 }, () => `*a${i - 1}`).join(", ")}]`);
  const start = performance.now();
  expect(() => readKubeYaml(Buffer.from(lines.join("\n")), "x.yaml", () => {})).toThrow(
    "excessive aliasing",
  );
  expect(performance.now() - start).toBeLessThan(5000);
});

test("warns about duplicate keys and about words that are read as booleans", () => {
  const warnings: string[] = [];
  readKubeYaml(Buffer.from("a: yes\nb: true\non: x\na: 1\n"), "x.yaml", (message) =>
    warnings.push(message),
  );
  expect(warnings).toEqual([
    "x.yaml:1: document 1: yes is read as the boolean true, as in YAML 1.1; quote it if it is text",
    "x.yaml:3: document 1: on is read as the boolean true, as in YAML 1.1; quote it if it is text",
    "x.yaml:4: document 1: the key a appears twice; the last one counts",
  ]);
});

test("separators with comments, byte order marks, CRLF and empty documents are read", () => {
  const read = (text: string) =>
    readKubeYaml(Buffer.from(text), "x.yaml", () => {}).map(({ value, line, number }) => [
      exactValue(value),
      line,
      number,
    ]);
  expect(
    read("\ufeffa: 1\r\n--- # next\r\n# nothing\r\n---\r\nnull\r\n---\r\nb: 2\r\n--- {c: 3}\r\n"),
  ).toEqual([
    [{ a: "#1e0" }, 1, 1],
    [{ b: "#2e0" }, 7, 4],
    [{ c: "#3e0" }, 8, 5],
  ]);
});
