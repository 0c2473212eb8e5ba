import { expect, test } from "vitest";
import type { FormatName } from "../formats/format.ts";
import { ConflictError } from "../src/errors.ts";
import type { Selector } from "../src/metadata/selection.ts";
import { decryptBytes, decryptText, encryptBytes, encryptText, refusal } from "./verbs.ts";

/** The file without its `sops` block, each ciphertext as its type. */
const shape = (text: string) =>
  text
    .replace(/^sops:\n(?: .*\n?)*/gm, "")
    .replaceAll(/ENC\[AES256_GCM,[^\]]*type:(\w+)\]/g, "<$1>");

test("encrypts values by type and leaves keys, nulls and empty values", async () => {
  const text = `s: x
i: 5
f: 1.5
b: true
t: 2020-01-02
nil: null
empty: ""
list: []
map: {}
l:
  - a
  - 1
# c
#
z: 1 # d
`;
  expect(shape(await encryptText(text))).toBe(`s: <str>
i: <int>
f: <float>
b: <bool>
t: <time>
nil: null
empty: ""
list: []
map: {}
l:
    - <str>
    - <int>
#<comment>
#
z: <int> #<comment>
`);
});

test("equal values never look equal", async () => {
  const text = await encryptText("l:\n  - same\n  - same\na: same\nb: same\n");
  const all = [...text.matchAll(/data:([^,]+),iv:([^,]+),/g)];
  expect(new Set(all.map(([, data]) => data)).size).toBe(all.length);
  expect(new Set(all.map(([, , iv]) => iv)).size).toBe(all.length);
  for (const [, , iv] of all) expect(Buffer.from(iv as string, "base64")).toHaveLength(32);
  expect(await encryptText("a: 1\n")).not.toBe(await encryptText("a: 1\n"));
});

test("writes the block of 3.13.3 into every document", async () => {
  const text = await encryptText("a: 1\n---\nb: 2\n---\n");
  const parts = text.split(/^---\n/m);
  expect(parts).toHaveLength(3);
  const blocks = parts.map((part) => part.slice(part.indexOf("sops:\n")).trimEnd());
  expect(new Set(blocks).size).toBe(1);
  expect(parts[2]?.startsWith("sops:\n")).toBe(true);
  expect([...(blocks[0] as string).matchAll(/^ {4}(\w+):/gm)].map(([, name]) => name)).toEqual([
    "age",
    "lastmodified",
    "mac",
    "unencrypted_suffix",
    "version",
  ]);
  expect(blocks[0]).toContain('\n    lastmodified: "2026-11-23T21:15:59Z"\n');
  expect(blocks[0]).toContain("\n    unencrypted_suffix: _unencrypted\n    version: 3.13.3");
  expect(await decryptText(text)).toBe("a: 1\n---\nb: 2\n---\n{}\n");
});

const both = "a_x: 1\nb:\n    c_x: 2\n    d: 3\n";
test.each<[Selector, string]>([
  [{ name: "unencrypted_suffix", value: "_x" }, "a_x: 1\nb:\n    c_x: 2\n    d: <int>\n"],
  [{ name: "encrypted_suffix", value: "_x" }, "a_x: <int>\nb:\n    c_x: <int>\n    d: 3\n"],
  [{ name: "unencrypted_regex", value: "^b$" }, "a_x: <int>\nb:\n    c_x: 2\n    d: 3\n"],
  [{ name: "encrypted_regex", value: "^b$" }, "a_x: 1\nb:\n    c_x: <int>\n    d: <int>\n"],
])("$name selects and is written", async (selector, expected) => {
  const text = await encryptText(both, { selectors: [selector] });
  expect(shape(text)).toBe(expected);
  expect(text).toMatch(
    new RegExp(`^    ${selector.name}: .*${selector.value.replaceAll(/[$^]/g, "\\$&")}`, "m"),
  );
  expect(text).not.toContain("_unencrypted");
  expect(await decryptText(text)).toBe(both);
});

test("the example of encrypted_comment_regex", async () => {
  const text = `# top
a: 1
# sops:enc
b: 2
c:
    # sops:enc
    d: 1
    e: 2
# sops:enc
# second comment
f:
    g: 1
    h:
        # x
        i: 1
j: 1 # sops:enc
k: 2
`;
  const sealed = await encryptText(text, {
    selectors: [{ name: "encrypted_comment_regex", value: "sops:enc" }],
  });
  expect(shape(sealed)).toBe(`# top
a: 1
# sops:enc
b: <int>
c:
    # sops:enc
    d: <int>
    e: 2
# sops:enc
#<comment>
f:
    g: <int>
    h:
        #<comment>
        i: <int>
j: <int> # sops:enc
k: 2
`);
  expect(await decryptText(sealed)).toBe(text);
});

test("an encrypted comment that matches unencrypted_comment_regex is refused", async () => {
  const error = await refusal(
    encryptText("# secret\na: 1\n", {
      selectors: [{ name: "unencrypted_comment_regex", value: "ENC" }],
    }),
  );
  expect(error.exitCode).toBe(23);
  expect(error.message).toContain("Encrypted comment ");
  expect(error.message).not.toContain("data:");
});

test("two selectors are a conflict", async () => {
  const selectors: Selector[] = [
    { name: "encrypted_regex", value: "a" },
    { name: "encrypted_suffix", value: "b" },
  ];
  const error = await refusal(encryptText("a: 1\n", { selectors }));
  expect(error).toBeInstanceOf(ConflictError);
  expect(error.exitCode).toBe(8);
  expect(
    error.message.startsWith(
      "Error: cannot use more than one of encrypted_suffix, unencrypted_suffix, ",
    ),
  ).toBe(true);
});

// Departure D8.
test.each([
  "encrypted_regex",
  "unencrypted_regex",
  "encrypted_comment_regex",
  "unencrypted_comment_regex",
] as const)(
  "a pattern of %s that does not compile is refused before anything is written",
  async (name) => {
    const error = await refusal(encryptText("a: 1\n", { selectors: [{ name, value: "(" }] }));
    expect(error.exitCode).toBe(1);
  },
);

test("with mac_only_encrypted, unencrypted values may change", async () => {
  const text = await encryptText("a: 1\nb_unencrypted: 2\n", { macOnlyEncrypted: true });
  expect(text).toContain("    mac_only_encrypted: true\n");
  expect(await decryptText(text.replace("b_unencrypted: 2", "b_unencrypted: 3"))).toBe(
    "a: 1\nb_unencrypted: 3\n",
  );
  const strict = await encryptText("a: 1\nb_unencrypted: 2\n");
  expect(strict).not.toContain("mac_only_encrypted");
  expect(
    (await refusal(decryptText(strict.replace("b_unencrypted: 2", "b_unencrypted: 3")))).exitCode,
  ).toBe(51);
});

test("a binary file ignores selection and stores none", async () => {
  const warnings: string[] = [];
  const text = await encryptText("x", {
    format: "binary",
    selectors: [{ name: "encrypted_regex", value: "zzz" }],
    macOnlyEncrypted: true,
    warn: (message) => warnings.push(message),
  });
  expect(Object.keys((JSON.parse(text) as { sops: object }).sops)).toEqual([
    "age",
    "lastmodified",
    "mac",
    "version",
  ]);
  expect(text).toContain("type:str]");
  expect(warnings.length).toBeGreaterThan(0);
  expect(await decryptText(text, { format: "binary" })).toBe("x");
});

// Spec 6 and 11.
test.each<[string, FormatName, string, number, RegExp]>([
  [
    "an empty yaml file",
    "yaml",
    "",
    92,
    /^File cannot be completely empty, it must contain at least one document/,
  ],
  [
    "an empty json file",
    "json",
    "",
    2,
    /^Error unmarshalling file: Could not unmarshal input data: EOF/,
  ],
  ["a yaml list", "yaml", "- 1\n", 2, /^Error unmarshalling file: yaml: unmarshal errors:/],
  ["broken yaml", "yaml", "a: [\n", 2, /^Error unmarshalling file: yaml: /],
  [
    "a json list",
    "json",
    "[1]",
    2,
    /^Error unmarshalling file: Could not unmarshal input data: SOPS only supports JSON files with a top-level object/,
  ],
  ["text after json", "json", '{"a": 1} x', 2, /^Error unmarshalling file: /],
  ["cut json", "json", '{"a": 1', 2, /^Error unmarshalling file: /],
  ["json cut inside a value", "json", '{"a": [1', 2, /^Error unmarshalling file: /],
  [
    "a line without =",
    "dotenv",
    "A=1\nhunter2\n",
    2,
    /^Error unmarshalling file: invalid dotenv input line/,
  ],
  [
    "a sops key in yaml",
    "yaml",
    "sops: 1\na: 2\n",
    203,
    /^The file you have provided contains a top-level entry called 'sops'/,
  ],
  ["a sops key in json", "json", '{"sops": {}}', 203, /^The file you have provided/],
  ["a sops section", "ini", "[sops]\na = 1\n", 203, /^The file you have provided/],
  ["a sops_ variable", "dotenv", "sops_x=1\n", 203, /^The file you have provided/],
  [
    "a sops key in a later document",
    "yaml",
    "a: 1\n---\nsops: 1\n",
    4,
    /^Could not marshal tree: Error marshaling metadata: Found key "sops" in encrypted data, which is a reserved key/,
  ],
  [
    "a key that is no text",
    "yaml",
    "1: hunter2\n",
    23,
    /^Error encrypting tree: Error walking tree: Tree contains a non-string key \(type int\)/,
  ],
  [
    "an integer beyond 64 bits",
    "yaml",
    "a: 9223372036854775808\n",
    23,
    /^Error encrypting tree: Error walking tree: Cannot walk value, unknown type: uint64/,
  ],
])("refuses %s", async (_what, format, source, exitCode, start) => {
  const error = await refusal(encryptText(source, { format }));
  expect(error.exitCode).toBe(exitCode);
  expect(error.message).toMatch(start);
  expect(error.message).toContain("secrets.x");
  expect(error.message).not.toContain("hunter2");
});

test("an error of the source names its line", async () => {
  const error = await refusal(encryptText("a: 1\nb: [\n\nc: }\n"));
  expect(error.message).toMatch(/line [2-5]/);
});

test.each<FormatName>(["dotenv", "ini", "binary"])("an empty %s file encrypts", async (format) => {
  const text = await encryptText("", { format });
  const back = await decryptText(text, { format });
  expect(back.trim().replace("[DEFAULT]", "")).toBe("");
});

test("sops= is data in an env file, unless the output is YAML", async () => {
  expect(
    await decryptText(await encryptText("sops=1\n", { format: "dotenv" }), { format: "dotenv" }),
  ).toBe("sops=1\n");
  expect(
    (await refusal(encryptText("sops=1\n", { format: "dotenv", output: "yaml" }))).exitCode,
  ).toBe(203);
});

const special = ["__proto__", "constructor", "toString", "hasOwnProperty"];

test.each<[FormatName, string]>([
  [
    "yaml",
    `${special.map((key) => `${key}: ${key}\n`).join("")}"": x\nm:\n    __proto__:\n        "": 1\n`,
  ],
  ["json", `{\n${[...special, ""].map((key) => `\t"${key}": "${key}x"`).join(",\n")}\n}\n`],
  ["dotenv", `${special.map((key) => `${key}=x\n`).join("")}=empty\n`],
  ["ini", `[__proto__]\n__proto__ = a\n\n[constructor]\ntoString = b\n`],
])("no key of a %s file is special", async (format, text) => {
  const sealed = await encryptText(text, { format });
  expect(sealed.match(/type:str\]/g)?.length).toBeGreaterThan(2);
  const back = await decryptText(sealed, { format });
  expect(back.replace("[DEFAULT]\n\n", "").trim()).toBe(text.trim());
});

test("bytes that are not UTF-8 survive where a format holds them", async () => {
  const raw = Buffer.from([0, 255, 128, 10, 13, 0xed, 0xa0, 0x80]);
  expect(
    await decryptBytes(await encryptBytes(raw, { format: "binary" }), { format: "binary" }),
  ).toEqual(raw);
  const env = Buffer.concat([Buffer.from("A="), Buffer.from([255, 254, 13]), Buffer.from("\n")]);
  expect(
    await decryptBytes(await encryptBytes(env, { format: "dotenv" }), { format: "dotenv" }),
  ).toEqual(env);
  expect(await decryptText(await encryptText("a: !!binary /w==\n"))).toBe("a: !!binary /w==\n");
});
