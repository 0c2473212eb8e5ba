import { expect, test } from "vitest";
import { BadPattern, compileGoRegExp, loadRegExps } from "../../src/go/regexp.ts";

async function matches(pattern: string, subject: string): Promise<boolean> {
  await loadRegExps([pattern]);
  return compileGoRegExp(pattern).test(subject);
}

async function matching(pattern: string, subjects: string[]): Promise<string[]> {
  await loadRegExps([pattern]);
  const compiled = compileGoRegExp(pattern);
  return subjects.filter((subject) => compiled.test(subject));
}

async function reason(pattern: string): Promise<string> {
  await loadRegExps([pattern]);
  try {
    compileGoRegExp(pattern);
  } catch (error) {
    if (error instanceof BadPattern) return error.message;
    throw error;
  }
  return "accepted";
}

// Spec config section 10, row by row: pattern, subjects that match, subjects that do not.
const accepted: [pattern: string, yes: string[], no: string[]][] = [
  ["(?i)ABC", ["abc", "xAbCx"], ["ab"]],
  ["(?s)a.b", ["a\nb"], ["ab"]],
  ["(?m)a$", ["a\nb"], ["ab"]],
  ["(?U)a+", ["a"], ["b"]],
  ["(?i:a)b", ["Ab"], ["AB"]],
  ["(?P<n>a)", ["a"], ["b"]],
  ["(?<n>a)", ["a"], ["b"]],
  [String.raw`\Aabc\z`, ["abc"], ["xabc", "abc\n"]],
  [String.raw`\Qa.b\E`, ["a.b"], ["axb"]],
  ["[[:alpha:]]+", ["x"], ["1", ":"]],
  [String.raw`\pL`, ["a", "é"], ["1"]],
  [String.raw`\PN`, ["a"], ["1"]],
  [String.raw`\p{Greek}`, ["α"], ["a"]],
  [String.raw`\p{^L}`, ["1"], ["a"]],
  [String.raw`\x{41}\a`, ["A\u0007"], ["a\u0007"]],
  [String.raw`\07`, ["\u0007"], ["7"]],
  [String.raw`\-\_\<\/`, ["-_</"], ["-_<"]],
  ["[]a]", ["]", "a"], ["b"]],
  ["[^]a]", ["b"], ["]", "a"]],
  [String.raw`[\w-z]`, ["-", "k"], [" "]],
  ["{", ["{"], ["a"]],
  ["a{", ["a{"], ["a"]],
  ["a{,2}", ["a{,2}"], ["aa"]],
  ["]", ["]"], ["["]],
  ["}", ["}"], ["{"]],
  ["^.$", ["\r", "\u2028", "\u2029", "\u{1F600}"], ["\n", "ab"]],
  [String.raw`\s`, ["\t", "\n", "\f", "\r", " "], ["\v", "\u00a0"]],
  [String.raw`\d|\w`, ["1", "a", "_"], ["٣", "é"]],
  [String.raw`\b`, ["a"], ["é"]],
  ["(?i)k", ["k", "K", "\u212a"], ["c"]],
  ["a$", ["a"], ["a\n"]],
];

for (const [pattern, yes, no] of accepted) {
  test(`accepts ${JSON.stringify(pattern)} with Go's meaning`, async () => {
    expect(await matching(pattern, [...yes, ...no])).toEqual(yes);
  });
}

const refused: [pattern: string, message: string][] = [
  [String.raw`abc\Z`, "invalid escape sequence at character 4"],
  [String.raw`\p{Script=Greek}`, "invalid character class range at character 1"],
  ...[
    String.raw`\u0041`,
    String.raw`\cA`,
    String.raw`\e`,
    String.raw`\h`,
    String.raw`\y`,
    String.raw`\1`,
    String.raw`\8`,
  ].map((pattern): [string, string] => [pattern, "invalid escape sequence at character 1"]),
  ...[String.raw`\C`, String.raw`\K`, String.raw`\R`, String.raw`\X`].map(
    (pattern): [string, string] => [pattern, "invalid escape sequence at character 1"],
  ),
  ["[^]", "missing closing ] at character 1"],
  [String.raw`[a-\d]`, "invalid escape sequence at character 4"],
  ["(?=a)", "invalid or unsupported Perl syntax at character 1"],
  ["(?!a)", "invalid or unsupported Perl syntax at character 1"],
  ["(?<=a)", "invalid named capture at character 1"],
  ["(?>a)", "invalid or unsupported Perl syntax at character 1"],
  ["(?#c)", "invalid or unsupported Perl syntax at character 1"],
  ["(?x)", "invalid or unsupported Perl syntax at character 1"],
  [String.raw`(a)\1`, "invalid escape sequence at character 4"],
  ["(?P=n)", "invalid or unsupported Perl syntax at character 1"],
  ["a++", "invalid nested repetition operator at character 2"],
  ["a**", "invalid nested repetition operator at character 2"],
  ["*a", "missing argument to repetition operator at character 1"],
  ["a{1001}", "invalid repeat count at character 2"],
  ["(a{100}){11}", "invalid repeat count at character 9"],
  ["(", "missing closing )"],
  ["a)", "unexpected )"],
  ["[z-a]", "invalid character class range at character 2"],
  ["a\\", "trailing backslash at end of expression"],
  ["\udc80", "invalid UTF-8"],
  [`${"(?:".repeat(1001)}a${")*".repeat(1001)}`, "expression nests too deeply"],
  [String.raw`\pL`.repeat(40_000), "expression too large"],
];

for (const [pattern, message] of refused) {
  test(`refuses ${JSON.stringify(pattern.slice(0, 30))} with Go's reason`, async () => {
    expect(await reason(pattern)).toBe(`error parsing regexp: ${message}`);
  });
}

test("counts nested repetitions as Go does: their product is at most 1000", async () => {
  expect(await reason("((a{10}){10}){10}")).toBe("accepted");
  expect(await reason("((a{10}){10}){11}")).toContain("invalid repeat count");
  expect(await reason("a{1000}")).toBe("accepted");
});

test("accepts a nesting of 998 groups and refuses 1000", async () => {
  expect(await reason(`${"(?:".repeat(998)}a${")*".repeat(998)}`)).toBe("accepted");
  expect(await reason(`${"(?:".repeat(1000)}a${")*".repeat(1000)}`)).toContain(
    "expression nests too deeply",
  );
});

test("gives the position in the pattern as it was written, in characters", async () => {
  expect(await reason(String.raw`\\y\Q\y\E😀(?P<name>x)\y`)).toContain(
    "invalid escape sequence at character 22",
  );
  expect(await reason("b+a++")).toContain("at character 4");
});

// Go 1.26 ignores case, blanks, "-" and "_" in class names, and knows the long names of categories.
test("reads the names of Unicode classes as Go does", async () => {
  const greek = ["Greek", "greek", "GREEK", "gr-eek"];
  const upper = ["Lu", "lu", " LU", "Uppercase_Letter", "uppercase letter"];
  const unknown = ["Garay", "Hex_Digit", "White_Space", "Emoji", "Unknown", "Old_Italic", ""];
  for (const name of greek)
    expect([name, await matches(`^\\p{${name}}$`, "α")]).toEqual([name, true]);
  for (const name of upper) {
    expect([name, await matching(`^\\p{${name}}$`, ["A", "a"])]).toEqual([name, ["A"]]);
    expect([name, await matching(`^\\P{${name}}$`, ["A", "a"])]).toEqual([name, ["a"]]);
    expect([name, await matching(`^[^\\P{^${name}}x]$`, ["A", "a", "x"])]).toEqual([name, ["a"]]);
  }
  for (const name of unknown) {
    expect([name, await reason(`\\p{${name}}`)]).toEqual([
      name,
      "error parsing regexp: invalid character class range at character 1",
    ]);
  }
  expect(await matches(String.raw`^\p{ascii}$`, "~")).toBe(true);
  expect(await matches(String.raw`^[\P{ASCII}1]$`, "~")).toBe(false);
  expect(await matches(String.raw`^[\P{ASCII}1]$`, "é")).toBe(true);
});

test("lets two groups share a name", async () => {
  expect(await matches("^(?P<n>a)(?<n>b)$", "ab")).toBe(true);
  expect(await reason("(?P<a-b>a)")).toContain("invalid named capture");
});

test("reads `[:` inside a class as two characters when no `:]` follows", async () => {
  expect(await matches("^[[:]$", "[")).toBe(true);
  expect(await matches("^[[:]$", ":")).toBe(true);
  expect(await reason("[[:]x:]")).toContain("invalid character class range");
});

test("sees U+FFFD where the subject has a byte that is not UTF-8", async () => {
  expect(await matches(String.raw`^a\x{FFFD}$`, "a\udc80")).toBe(true);
  expect(await matches("\ufffd", "a\udc80")).toBe(true);
  expect(await matches("^..$", "a\udcff")).toBe(true);
});

const literals: [pattern: string, yes: string[], no: string[]][] = [
  ["", ["", "a"], []],
  ["data", ["data", "xdatax"], ["dat"]],
  ["^data$", ["data"], ["data\n", "xdata", "datax"]],
  ["^data", ["datax"], ["xdata"]],
  ["data$", ["xdata"], ["datax"]],
  ["^(data|stringData)$", ["data", "stringData"], ["data|stringData", "string"]],
  ["^(?:a|b)", ["ax", "bx"], ["xa"]],
  ["(a|b)$", ["xa"], ["ax"]],
  ["(|a)", ["", "b"], []],
  ["^(|a)$", ["", "a"], ["b"]],
  [String.raw`\.yaml$`, ["a.yaml"], ["ayaml", "a.yaml.txt"]],
  [String.raw`^(a\|b|c\\)$`, ["a|b", "c\\"], ["a", "b", "c"]],
  [String.raw`^(a\\|b)$`, ["a\\", "b"], ["a\\|b"]],
  ["^$", [""], ["a"]],
];

test("matches plain literals as the engine does", async () => {
  for (const [pattern, yes, no] of literals) {
    // The group with a flag has the same meaning and is not of the literal shape.
    for (const variant of [pattern, `(?-i:${pattern})`]) {
      expect([variant, await matching(variant, [...yes, ...no])]).toEqual([variant, yes]);
    }
  }
});

test("does not hang on hostile patterns and long subjects", async () => {
  const hostile = [
    "(a*)*b",
    "(x+x+)+y",
    "(a|aa)+$",
    "(?:a?){1000}b",
    "(a|b)*a(a|b){500}c",
    "(.*)(.*)(.*)(.*)[^a]$",
  ];
  const subject = "a".repeat(20_000);
  const start = performance.now();
  for (const pattern of hostile) await matches(pattern, subject);
  expect(await reason("a{1000}{1000}")).toContain("invalid nested repetition operator");
  expect(await reason("(?:a{1000}){1000}")).toContain("invalid repeat count");
  expect(performance.now() - start).toBeLessThan(5000);
});
