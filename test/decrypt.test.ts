import { expect, test } from "vitest";
import type { FormatName } from "../formats/format.ts";
import { decryptText, encryptText, refusal } from "./verbs.ts";
import { bob, fakeHost } from "./keys/fake-host.ts";

const text = "s: x\nm:\n    k: 1\n    j: [a, {b: c}]\nnil: null\nf: 1.5\nl: [1, x]\n---\nb: 2\n";
const sealed = encryptText(text);

// Spec 6.1 and cli 4.5.
test.each<[string, (string | number)[], FormatName, string]>([
  ["a string, without a line end", ["s"], "yaml", "x"],
  ["a string in another format", ["s"], "json", "x"],
  ["a number", ["m", "k"], "yaml", "1\n"],
  ["a number as JSON", ["m", "k"], "json", "1"],
  ["a null", ["nil"], "yaml", "null\n"],
  ["a list", ["l"], "yaml", "- 1\n- x\n"],
  ["a list as JSON", ["l"], "json", '[\n\t1,\n\t"x"\n]'],
  ["an element's key", ["m", "j", 1, "b"], "yaml", "c"],
  [
    "a mapping, with the other documents",
    ["m"],
    "yaml",
    "k: 1\nj:\n    - a\n    - b: c\n---\nb: 2\n",
  ],
  [
    "the whole file, for the empty path",
    [],
    "yaml",
    "s: x\nm:\n    k: 1\n    j:\n        - a\n        - b: c\nnil: null\nf: 1.5\nl:\n    - 1\n    - x\n---\nb: 2\n",
  ],
])("extracts %s", async (_what, extract, output, expected) => {
  expect(await decryptText(await sealed, { extract, output })).toBe(expected);
});

test.each<[string, (string | number)[], FormatName, number, string]>([
  ["a missing key", ["zz"], "yaml", 1, "error truncating tree: component ['zz'] not found"],
  [
    "a position behind the end",
    ["l", 9],
    "yaml",
    1,
    "error truncating tree: component [9] accesses out of bounds",
  ],
  [
    "a position in a scalar",
    ["s", 0],
    "yaml",
    1,
    "error truncating tree: component [0] is integer, but tree part is not a slice",
  ],
  [
    "a number for an env file",
    ["f"],
    "dotenv",
    4,
    "Error dumping tree: the dotenv store only supports emitting strings, got float64",
  ],
  [
    "a number as binary",
    ["f"],
    "binary",
    4,
    "Error dumping tree: Binary files are not structured and extracting a single value is not possible",
  ],
])("refuses to extract %s", async (_what, extract, output, exitCode, start) => {
  const error = await refusal(decryptText(await sealed, { extract, output }));
  expect(error.exitCode).toBe(exitCode);
  expect(error.message.startsWith(start)).toBe(true);
});

// Spec 11, decrypting a wrong or plain input.
test.each<[string, FormatName, string, RegExp]>([
  ["plain yaml", "yaml", "a: 1\n", /^sops metadata not found/],
  ["plain json", "json", '{"a": 1}', /^sops metadata not found/],
  ["plain env", "dotenv", "A=1\n", /^sops metadata not found/],
  ["plain ini", "ini", "[s]\na = 1\n", /^sops metadata not found/],
  ["an empty sops block", "json", '{"sops": {}}', /^sops metadata not found/],
  ["empty yaml", "yaml", "", /^sops metadata not found/],
  ["empty env", "dotenv", "", /^sops metadata not found/],
  ["empty ini", "ini", "", /^sops metadata not found/],
  ["empty json", "json", "", /^Could not unmarshal input data: EOF/],
  ["an empty binary file", "binary", "", /^Could not unmarshal input data: EOF/],
  ["plain text", "binary", "hello", /^Could not unmarshal input data: invalid character/],
  [
    "a block that is no mapping",
    "yaml",
    "a: 1\nsops: 5\n",
    /^Found sops entry that is not a mapping/,
  ],
  [
    "two blocks",
    "json",
    '{"sops": {"mac": "x"}, "sops": {"mac": "x"}}',
    /^Found duplicate sops entry/,
  ],
])("refuses %s", async (_what, format, source, start) => {
  const error = await refusal(decryptText(source, { format }));
  expect(error.exitCode).toBe(1);
  expect(error.message).toMatch(start);
  expect(error.message).toContain("secrets.x");
});

test("without an identity that fits, nothing is decrypted", async () => {
  for (const host of [fakeHost(), fakeHost({ env: { SOPS_AGE_KEY: bob.identity } })]) {
    const error = await refusal(decryptText(await sealed, { host }));
    expect(error.exitCode).toBe(128);
    expect(error.message).toContain(
      "Failed to get the data key required to decrypt the SOPS file.",
    );
    expect(error.message).not.toContain("AGE-SECRET-KEY");
  }
});

// Spec 6, conversion matrix.
test.each<[FormatName, string, FormatName, string]>([
  [
    "yaml",
    "# c\na: 1\nt: 2020-01-02\nl: [x]\n---\nb: 2\n",
    "json",
    '{\n\t"a": 1,\n\t"t": "2020-01-02T00:00:00Z",\n\t"l": [\n\t\t"x"\n\t]\n}\n',
  ],
  ["yaml", "# c\na: 1\nf: 1.0\nn: null\nb: true\n", "dotenv", "# c\na=1\nf=1.0\nn=<nil>\nb=true\n"],
  [
    "json",
    '{"a": 1.5, "l": [1, {}], "big": 9007199254740993}',
    "yaml",
    "a: 1.5\nl:\n    - 1\n    - {}\nbig: 9007199254740993\n",
  ],
  ["dotenv", "#c\nA=1\nB=true\n", "yaml", '#c\nA: "1"\nB: "true"\n'],
  ["dotenv", "A=1\nB=x\\ny\n", "json", '{\n\t"A": "1",\n\t"B": "x\\ny"\n}\n'],
  ["ini", "[s]\na = 1\n", "yaml", 'DEFAULT: {}\ns:\n    a: "1"\n'],
  ["json", '{"data": "x\\ny"}', "binary", "x\ny"],
  ["binary", "x\n", "yaml", "data: |\n    x\n"],
])("converts %s %j to %s", async (format, source, output, expected) => {
  expect(await decryptText(await encryptText(source, { format }), { format, output })).toBe(
    expected,
  );
});

test("a file converted while encrypting decrypts in its new format", async () => {
  for (const output of ["json", "yaml"] as const) {
    const converted = await encryptText("a: [1, x]\nb: {c: true}\n", { output });
    expect(await decryptText(converted, { format: output, output: "yaml" })).toBe(
      "a:\n    - 1\n    - x\nb:\n    c: true\n",
    );
  }
});

test.each<[string, string, FormatName, string]>([
  [
    "a nested value",
    "a: {b: 1}\n",
    "dotenv",
    "Error dumping file: cannot use complex value in dotenv file",
  ],
  [
    "a value outside sections",
    "a: 1\n",
    "ini",
    "Error dumping file: Error marshaling to INI: Error encoding section: Section values should always be TreeBranches",
  ],
  ["NaN", "a: .nan\n", "json", "Error dumping file: Error marshaling to json: "],
  [
    "a tree without data",
    "a: 1\n",
    "binary",
    "Error dumping file: error emitting binary store: no binary data found in tree",
  ],
  [
    "data that is no text",
    "data: 1\n",
    "binary",
    "Error dumping file: error emitting binary store: 'data' key in tree does not have a string value",
  ],
  [
    "two documents",
    "data: x\n---\ndata: x\n",
    "binary",
    "Error dumping file: error emitting binary store: there must be exactly one tree branch",
  ],
])("refuses to print %s", async (_what, source, output, start) => {
  const error = await refusal(decryptText(await encryptText(source), { output }));
  expect(error.exitCode).toBe(4);
  expect(error.message.startsWith(start)).toBe(true);
});

test("an encrypted inline comment comes back above its key, an unencrypted one stays", async () => {
  expect(await decryptText(await encryptText("a: 1 # note\n"))).toBe("# note\na: 1\n");
  const clear = await encryptText("a: 1 # note\n", {
    selectors: [{ name: "encrypted_regex", value: "^a$" }],
  });
  expect(await decryptText(clear)).toBe("a: 1 # note\n");
});

test("the block is read from the first document, and may be anywhere in it", async () => {
  const file = await encryptText("a: 1\nb: 2\n");
  const at = file.indexOf("sops:");
  expect(await decryptText(file.slice(at) + file.slice(0, at))).toBe("a: 1\nb: 2\n");
  expect(await decryptText(`${file}---\nsops: anything\n`)).toBe("a: 1\nb: 2\n---\n{}\n");
});

test("a pattern in the file that does not compile matches nothing, with a warning", async () => {
  const file = (
    await encryptText("a: 1\n", { selectors: [{ name: "encrypted_regex", value: "zzz" }] })
  ).replace("encrypted_regex: zzz", 'encrypted_regex: "("');
  const warnings: string[] = [];
  expect(await decryptText(file, { warn: (message) => warnings.push(message) })).toBe("a: 1\n");
  expect(warnings).toHaveLength(1);
});
