import { expect, test } from "vitest";
import type { FormatName } from "../formats/format.ts";
import { encryptObject } from "../src/index.ts";
import type { PlainObject } from "../src/tree/plain.ts";
import { parsePath, setPath } from "../src/tree/path.ts";
import { bytes, float, int, map, entry, nil, seq, str, type Node } from "../src/tree/node.ts";
import { alice } from "./keys/fake-host.ts";
import { changeText, decryptText, encryptText, refusal } from "./verbs.ts";

// No command hands out a file that nobody can open: what would not read back is refused.

const set = (file: string, format: FormatName, path: string, value: Node) =>
  changeText(file, (documents) => setPath(documents[0] ?? map([]), parsePath(path), value), {
    format,
  });

test.each<[FormatName, string, string, Node]>([
  ["dotenv", "A=1\n", '["N"]', nil()],
  ["dotenv", "A=1\n", '["A=B"]', str("v")],
  ["dotenv", "A=1\n", '["#c"]', str("v")],
  ["dotenv", "A=1\n", '["a\nb"]', str("v")],
  ["dotenv", "A=1\n", '["x_unencrypted"]', str("a\\nb")],
  ["ini", "[s]\na = 1\n", '["s"]["k"]', nil()],
  ["ini", "[s]\na = 1\n", '["s"]["k"]', seq([int(1n)])],
  ["ini", "[s]\na = 1\n", '["s"]["k"]', map([entry("a", int(1n))])],
  ["ini", "[s]\na = 1\n", '["s"]["#k"]', str("v")],
  ["ini", "[s]\na = 1\n", '["s"][";k"]', str("v")],
  ["ini", "[s]\na = 1\n", '["s"]["-"]', str("v")],
  ["ini", "[s]\na = 1\n", '["s"][" k"]', str("v")],
  ["ini", "[s]\na = 1\n", '["a\nb"]', map([entry("k", str("v"))])],
  ["yaml", "a: 1\n", '["<<"]', str("v")],
  ["yaml", "a: 1\n", '["x_unencrypted"]', str("\tx\ny")],
  ["json", '{"a": 1}', '["x"]', float(Infinity)],
  ["json", '{"a": 1}', '["x_unencrypted"]', bytes(Uint8Array.of(0xff))],
])("a change of a %s file %j refuses %s with that value", async (format, plain, path, value) => {
  const error = await refusal(set(await encryptText(plain, { format }), format, path, value));
  expect(error.exitCode).toBe(4);
  expect(error.message).toContain("secrets.x");
});

test.each<[FormatName, PlainObject]>([
  ["ini", { s: { "#k": "v" } }],
  ["ini", { s: { a: { b: 1 } } }],
  ["ini", { s: { "-": "v" } }],
  ["ini", { s: { a: null } }],
  ["dotenv", { "A=B": "x" }],
  ["dotenv", { "#c": "y" }],
  ["dotenv", { "a\nb": "1" }],
  ["dotenv", { a: null }],
  ["yaml", { "<<": 1 }],
])("encryptObject to %s refuses %j", async (outputFormat, value) => {
  const options = {
    recipients: { age: alice.recipient },
    outputFormat,
    env: { HOME: "/nonexistent", SOPS_AGE_KEY: alice.identity },
  };
  expect((await refusal(encryptObject(value, options))).exitCode).toBe(4);
});

test("a refusal names the key path", async () => {
  const file = await encryptText("[s]\na = 1\n", { format: "ini" });
  const error = await refusal(set(file, "ini", '["s"]["b"]', seq([])));
  expect(error.path).toBe('["s"]["b"]');
  expect(error.message).toContain('secrets.x at ["s"]["b"]');
});

// What sops writes here, it cannot read.
test.each<[FormatName, string]>([
  ["yaml", "v_unencrypted: -0.0\nw: 1\n"],
  ["json", '{"v_unencrypted": -0.0}'],
])("a negative zero left unencrypted in %s keeps its sign: %j", async (format, plain) => {
  const sealed = await encryptText(plain, { format });
  expect(sealed).toMatch(/v_unencrypted"?: -0\.0/);
  expect(await decryptText(sealed, { format })).toMatch(/v_unencrypted"?: -0$/m);
});

test("a changed negative zero keeps its sign", async () => {
  const file = await encryptText("a: 1\n");
  const changed = await set(file, "yaml", '["x_unencrypted"]', float(-0));
  expect(changed).toContain("x_unencrypted: -0.0\n");
  expect(await decryptText(changed ?? "")).toBe("a: 1\nx_unencrypted: -0\n");
});

test("a binary file that is already encrypted is refused, and another encrypted file gets a warning", async () => {
  const once = await encryptText("hello", { format: "binary" });
  expect((await refusal(encryptText(once, { format: "binary" }))).exitCode).toBe(203);
  const warnings: string[] = [];
  const yaml = await encryptText("a: b\n");
  const twice = await encryptText(yaml, { format: "binary", warn: (text) => warnings.push(text) });
  expect(warnings).toEqual([expect.stringContaining("this file is already encrypted (yaml)")]);
  expect(await decryptText(twice, { format: "binary" })).toBe(yaml);
});

// What sops prints here is no YAML.
test.each([
  ["a list", "hosts:\n  - {name: a}\n  # more\nextra: []\nlast: 1\n"],
  ["a mapping", "hosts:\n  - {name: a}\n  # more\nextra: {}\nlast: 1\n"],
])("decrypts %s after a late comment to text that reads back", async (_what, plain) => {
  for (const selectors of [[], [{ name: "encrypted_suffix", value: "_x" } as const]]) {
    const text = await decryptText(await encryptText(plain, { selectors }));
    expect(text).toMatch(/extra: (\[\]|\{\})\n/);
    expect(text).toContain("# more");
    expect(await decryptText(await encryptText(text))).toContain("last: 1");
  }
});

// Every sops opens it there, so it stays where sops has it.
test.each([
  ["l:\n    - {x: 1} # one\n    - b\n", "l:\n    # one\n    - x: 1\n    - b\n"],
  [
    "l:\n    - a\n    - [x, 1] # one\n    - b\n",
    "l:\n    - a\n    # one\n    - - x\n      - 1\n    - b\n",
  ],
  [
    "l:\n    - {x: 1} # one\n    - {x: 2} # two\n",
    "l:\n    # one\n    - x: 1\n    # two\n    - x: 2\n",
  ],
])("a comment at the end of a collection's line goes above it: %j", async (plain, wanted) => {
  expect(await decryptText(await encryptText(plain))).toBe(wanted);
});

// The comment governs the first key only; above the dash it would govern the whole element.
test.each([
  ["encrypted_comment_regex", "sops:enc", "u:\n    - # sops:enc\n      a: x\n      b: z\n", "b: z"],
  ["unencrypted_comment_regex", "plain", "u:\n    - # plain\n      a: x\n      b: z\n", "a: x"],
] as const)("a marker of %s stays with its key in a list", async (name, value, plain, clear) => {
  const sealed = await encryptText(plain, { selectors: [{ name, value }] });
  expect(sealed.match(/^ +(?:- )?[ab]: (?!ENC).*$/gm)?.map((line) => line.trim())).toEqual([clear]);
  expect(await decryptText(sealed)).toContain("a: x\n      b: z\n");
});

test("150,000 comment lines in a row are read, and none is lost", async () => {
  const plain = `${"# c\n".repeat(150_000)}a: b\n`;
  const selectors = [{ name: "encrypted_regex", value: "^a$" } as const];
  const sealed = await encryptText(plain, { selectors });
  expect(await decryptText(sealed)).toBe(plain);
});
