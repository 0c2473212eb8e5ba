import { execFileSync, spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import type { FormatName } from "../../formats/format.ts";
import { localKeyService } from "../../src/key-service/key-service.ts";
import { age } from "../../src/keys/age/age.ts";
import { mergeSources, type MergedFile, type MergeOptions } from "../../src/merge.ts";
import { rotateSource } from "../../src/rotate.ts";
import { joinChunks } from "../../src/tree/long-text.ts";
import { counterpart } from "../counterparts.ts";
import { alice, bob, fakeHost } from "../keys/fake-host.ts";
import { aliceHost, decryptText, encryptText } from "../verbs.ts";
import { encryptedAs, textFile } from "./sides.ts";

type Structured = Exclude<FormatName, "binary">;
const formats = ["yaml", "json", "dotenv", "ini"] as const satisfies readonly Structured[];

/** One document in each format, from names and values; `note` is a comment in front of `pass`. */
const documents: Record<
  Structured,
  (values: Readonly<Record<string, string>>, note?: string) => string
> = {
  yaml: (values, note) =>
    Object.entries(values)
      .map(
        ([key, value]) =>
          `${key === "pass" && note !== undefined ? `# ${note}\n` : ""}${key}: ${value}\n`,
      )
      .join(""),
  json: (values) => `${JSON.stringify(values, undefined, "\t")}\n`,
  dotenv: (values, note) => documents.yaml(values, note).replaceAll(": ", "="),
  ini: (values, note) =>
    `[s]\n${documents.yaml(values, note).replaceAll(": ", " = ").replaceAll("# ", "; ")}`,
};

const options = (format: FormatName, warnings: string[] = []): MergeOptions => ({
  file: `secrets.${format}`,
  format,
  order: ["age"],
  services: [localKeyService],
  labels: { ours: "ours", theirs: "theirs" },
  warn: (message) => warnings.push(message),
});

const base = { user: "shop", pass: "pw1", host: "localhost", port: "p5432" };
const merge = (format: Structured, [o, a, b]: readonly [string, string, string]) =>
  mergeSources(
    { base: Buffer.from(o), ours: Buffer.from(a), theirs: Buffer.from(b) },
    options(format),
    aliceHost,
  );
const textOf = ({ chunks }: MergedFile): string => joinChunks(chunks).toString();
const ciphertexts = (text: string): string[] => text.match(/ENC\[[^\]]*\]/g) ?? [];
const made = (text: string, sides: readonly string[]): number => {
  const known = new Set(sides.flatMap(ciphertexts));
  return ciphertexts(text).filter((one) => !known.has(one)).length;
};

/** The plain text that real sops prints, of both versions. */
function openedBySops(text: string, format: Structured, identity = alice.identity): string {
  const [first, second] = ["sops", "sops311"].map((name) => {
    const type = ["--input-type", format, "--output-type", format];
    const result = spawnSync(counterpart(name as "sops"), ["decrypt", ...type, textFile(text)], {
      encoding: "utf8",
      env: { PATH: process.env["PATH"] ?? "", SOPS_AGE_KEY: identity },
    });
    expect(result.stderr).toBe("");
    return result.stdout;
  });
  expect(first).toBe(second);
  return first ?? "";
}

async function rotated(
  text: string,
  format: Structured,
  add: readonly string[] = [],
): Promise<string> {
  const keys = await age.parse(add.join(","), aliceHost);
  const all = {
    file: "x",
    input: format,
    output: format,
    order: ["age"],
    services: [localKeyService],
  };
  const chunks = await rotateSource(
    Buffer.from(text),
    { ...all, warn: () => undefined, add: keys, remove: [] },
    aliceHost,
  );
  return joinChunks(chunks).toString();
}

test.each(formats)("%s: neighbouring values changed, a key added, one removed", async (format) => {
  const plain = documents[format];
  const { host, ...withoutHost } = base;
  void host;
  const o = await encryptText(plain(base), { format });
  const a = await encryptedAs(o, plain({ ...base, pass: "pw2", more: "x" }), format);
  const b = await encryptedAs(o, plain({ ...withoutHost, user: "store" }), format);
  const merged = await merge(format, [o, a, b]);
  expect(merged.conflicts).toEqual([]);
  expect(made(textOf(merged), [o, a, b])).toBe(1);
  const { port } = base;
  expect(openedBySops(textOf(merged), format)).toBe(
    plain({ user: "store", pass: "pw2", port, more: "x" }),
  );
});

test("yaml and json: an element changed while another was appended; lists of maps with a name", async () => {
  for (const format of ["yaml", "json"] as const) {
    const text = (list: unknown[], maps: unknown[]) =>
      `${JSON.stringify({ list, maps }, undefined, "\t")}\n`;
    const m = (name: string, v: number) => ({ name, v });
    const o = await encryptText(text(["a", "b", "c"], [m("x", 1), m("y", 2), m("z", 3)]), {
      format,
    });
    const a = await encryptedAs(
      o,
      text(["a", "B", "c"], [m("x", 10), m("y", 2), m("z", 3)]),
      format,
    );
    const b = await encryptedAs(
      o,
      text(["a", "b", "c", "d"], [m("w", 0), m("x", 1), m("z", 30)]),
      format,
    );
    const merged = await merge(format, [o, a, b]);
    expect(merged.conflicts).toEqual([]);
    expect(made(textOf(merged), [o, a, b])).toBe(1);
    const printed = openedBySops(textOf(merged), format);
    const json =
      format === "json"
        ? printed
        : execFileSync(process.execPath, ["-e", yamlToJson], {
            input: printed,
            cwd: import.meta.dirname,
            encoding: "utf8",
          });
    expect(JSON.parse(json)).toEqual({
      list: ["a", "B", "c", "d"],
      maps: [m("w", 0), m("x", 10), m("z", 30)],
    });
  }
});
const yamlToJson = `const {parse}=require("yaml");process.stdout.write(JSON.stringify(parse(require("fs").readFileSync(0,"utf8"))))`;

test.each(["yaml", "dotenv", "ini"] as const)(
  "%s: a comment changed while its value changed",
  async (format) => {
    const plain = documents[format];
    const o = await encryptText(plain(base, "old"), { format });
    const a = await encryptedAs(o, plain(base, "new"), format);
    const b = await encryptedAs(o, plain({ ...base, pass: "pw2" }, "old"), format);
    const merged = await merge(format, [o, a, b]);
    expect(merged.conflicts).toEqual([]);
    expect(openedBySops(textOf(merged), format)).toBe(plain({ ...base, pass: "pw2" }, "new"));
  },
);

test.each(formats)("%s: ours rotated while theirs changed a value", async (format) => {
  const plain = documents[format];
  const o = await encryptText(plain(base), { format });
  const a = await rotated(o, format);
  const b = await encryptedAs(o, plain({ ...base, pass: "pw2" }), format);
  const merged = await merge(format, [o, a, b]);
  expect(merged.conflicts).toEqual([]);
  expect(made(textOf(merged), [o, a, b])).toBe(2);
  expect(openedBySops(textOf(merged), format)).toBe(plain({ ...base, pass: "pw2" }));
});

test.each(formats)(
  "%s: theirs rotated for a new recipient while ours changed a value",
  async (format) => {
    const plain = documents[format];
    const o = await encryptText(plain(base), { format });
    const a = await encryptedAs(o, plain({ ...base, pass: "pw2" }), format);
    const b = await rotated(o, format, [bob.recipient]);
    const merged = await merge(format, [o, a, b]);
    expect(merged.conflicts).toEqual([]);
    expect(openedBySops(textOf(merged), format, bob.identity)).toBe(
      plain({ ...base, pass: "pw2" }),
    );
  },
);

test.each(formats)(
  "%s: both rotated, each for another recipient, and theirs changed a value",
  async (format) => {
    const plain = documents[format];
    const o = await encryptText(plain(base), { format });
    const a = await rotated(o, format, [bob.recipient]);
    const b = await rotated(await encryptedAs(o, plain({ ...base, pass: "pw2" }), format), format);
    const merged = await merge(format, [o, a, b]);
    expect(merged.conflicts).toEqual([]);
    for (const { identity } of [alice, bob])
      expect(openedBySops(textOf(merged), format, identity)).toBe(plain({ ...base, pass: "pw2" }));
  },
);

test.each(formats)(
  "%s: a value changed twice, and one removed here and changed there, are the two conflicts",
  async (format) => {
    const plain = documents[format];
    const { host, ...withoutHost } = base;
    void host;
    const o = await encryptText(plain(base), { format });
    const a = await encryptedAs(o, plain({ ...withoutHost, pass: "mine" }), format);
    const b = await encryptedAs(o, plain({ ...base, pass: "yours", host: "remote" }), format);
    const merged = await merge(format, [o, a, b]);
    const prefix = format === "ini" ? ["s"] : [];
    expect(merged.conflicts).toEqual([
      { document: 0, path: [...prefix, "pass"], kind: "both changed it" },
      { document: 0, path: [...prefix, "host"], kind: "ours removed it, theirs changed it" },
    ]);
    const text = textOf(merged);
    expect(text).not.toMatch(/mine|yours|remote/);
    expect(text.match(/^<{7} ours$/gm)?.length).toBeGreaterThan(0);
    // Each side's reading is the text without the other's lines; that of ours has the MAC.
    const ours = text.replaceAll(/^<{7} ours\n((?:.*\n)*?)={7}\n(?:.*\n)*?>{7} theirs\n/gm, "$1");
    expect(openedBySops(ours, format)).toBe(plain({ ...withoutHost, pass: "mine" }));
  },
);

test("a version with a wrong MAC is never merged", async () => {
  const o = await encryptText("a_unencrypted: 1\nb: x\n");
  const forged = o.replace("a_unencrypted: 1", "a_unencrypted: 2");
  await expect(merge("yaml", [o, o, forged])).rejects.toMatchObject({ exitCode: 51 });
});

test("a recipient that one side removed without a new data key stays out, with a warning", async () => {
  const both = fakeHost({ env: { SOPS_AGE_KEY: alice.identity } });
  const keys = await age.parse(`${alice.recipient},${bob.recipient}`, both);
  const o = await encryptText("a: 1\nb: 2\n", { keyGroups: [keys] });
  const a = await encryptedAs(o, "a: 1\nb: 3\n", "yaml");
  const withoutBob = o.replace(
    new RegExp(
      `        - enc: \\|\\n(?:            .*\\n)+          recipient: ${bob.recipient}\\n`,
    ),
    "",
  );
  expect(withoutBob).not.toBe(o);
  const warnings: string[] = [];
  const merged = await mergeSources(
    { base: Buffer.from(o), ours: Buffer.from(a), theirs: Buffer.from(withoutBob) },
    options("yaml", warnings),
    aliceHost,
  );
  expect(textOf(merged)).not.toContain(bob.recipient);
  expect(warnings).toEqual([expect.stringMatching(`^${bob.recipient} was removed`)]);
});

test("a recipient that was added to a file by hand gets no data key from a merge with a side that rotated", async () => {
  const o = await encryptText("a: 1\nb: 2\n");
  const block = (enc: string) =>
    `        - enc: |\n            ${enc}\n          recipient: ${bob.recipient}\n    lastmodified`;
  const forged = o.replace("    lastmodified", block("AAAA"));
  expect(forged).not.toBe(o);
  const a = await rotated(o, "yaml");
  await expect(merge("yaml", [o, a, forged])).rejects.toMatchObject({ code: "never-wrapped" });
});

test("a recipient of one side that gets the data key of the other is named", async () => {
  const o = await encryptText("a: 1\nb: 2\n");
  const [a, b] = [await rotated(o, "yaml"), await rotated(o, "yaml", [bob.recipient])];
  const warnings: string[] = [];
  const sources = { base: Buffer.from(o), ours: Buffer.from(a), theirs: Buffer.from(b) };
  await mergeSources(sources, options("yaml", warnings), aliceHost);
  expect(warnings).toEqual([
    `${bob.recipient} was added on one side only, and now gets the data key of the other side.`,
  ]);
});

test("a selection that one side changed holds for the values of both", async () => {
  const o = await encryptText("pass: x\nname: y\n");
  const plain = await encryptText("pass: x\nname: y\n", {
    selectors: [{ name: "encrypted_regex", value: "^pass" }],
  });
  // Another data key, as after a rotation.
  const b = plain;
  const a = await encryptedAs(o, "pass: x\nname: z\nmore: m\n", "yaml");
  const merged = await merge("yaml", [o, a, b]);
  expect(merged.conflicts).toEqual([]);
  expect(textOf(merged)).toMatch(/^pass: ENC\[.*\nname: z\nmore: m\nsops:\n/);
  expect(openedBySops(textOf(merged), "yaml")).toBe("pass: x\nname: z\nmore: m\n");
  const c = await encryptText("pass: x\nname: y\n", {
    selectors: [{ name: "encrypted_regex", value: "^name" }],
  });
  await expect(merge("yaml", [o, plain, c])).rejects.toMatchObject({ exitCode: 1 });
});

test("key groups: two of three shares open what was merged after a rotation", async () => {
  const parsed = [alice, bob, alice].map(async ({ recipient }) => age.parse(recipient, aliceHost));
  const groups = await Promise.all(parsed);
  const both = fakeHost({ env: { SOPS_AGE_KEY: `${alice.identity}\n${bob.identity}` } });
  const o = await encryptText("a: 1\nb: 2\n", { keyGroups: groups, threshold: 2, host: both });
  const a = await encryptedAs(o, "a: 1\nb: 3\n", "yaml");
  const b = await rotated(o, "yaml");
  const merged = await merge("yaml", [o, a, b]);
  expect(merged.conflicts).toEqual([]);
  expect(openedBySops(textOf(merged), "yaml")).toBe("a: 1\nb: 3\n");
  expect(textOf(merged)).toContain("shamir_threshold: 2");
});

test("several documents, duplicate keys and CRLF", async () => {
  const o = await encryptText("a: 1\nb: 2\n---\nc: 3\nd: 4\n");
  const a = await encryptedAs(o, "a: 1\nb: 20\n---\nc: 3\nd: 4\n", "yaml");
  const b = await encryptedAs(o, "a: 1\nb: 2\n---\nc: 30\nd: 4\n", "yaml");
  expect(openedBySops(textOf(await merge("yaml", [o, a, b])), "yaml")).toBe(
    "a: 1\nb: 20\n---\nc: 30\nd: 4\n",
  );
  const twice = await encryptText("k=1\nk=2\nx=3\n", { format: "dotenv" });
  const mine = await encryptedAs(twice, "k=1\nk=20\nx=3\n", "dotenv");
  const yours = await encryptedAs(twice, "k=10\nk=2\nx=3\n", "dotenv");
  const both = textOf(await merge("dotenv", [twice, mine, yours]));
  expect(await decryptText(both, { format: "dotenv" })).toBe("k=10\nk=20\nx=3\n");
  const crlf = await encryptText("a: 1\r\nb: 2\r\n", { layout: "keep" });
  const m = await encryptedAs(crlf, "a: 9\nb: 2\n", "yaml");
  const plain = openedBySops(textOf(await merge("yaml", [crlf, crlf, m])), "yaml");
  expect(plain).toBe("a: 9\nb: 2\n");
});

test("lists too long to compare are a conflict, soon", { timeout: 60_000 }, async () => {
  const list = (of: string, count: number) =>
    `{"l": [${Array.from({ length: count }, (_, i) => `"${of}${i}"`).join(",")}]}\n`;
  const o = await encryptText(list("o", 3000), { format: "json" });
  const a = await encryptedAs(o, list("a", 3000), "json");
  const b = await encryptedAs(o, list("b", 3000), "json");
  expect((await merge("json", [o, a, b])).conflicts).toMatchObject([{ path: ["l"] }]);
  // Long, and alike: merged.
  const long = (first: string, last: string) =>
    list("x", 20_000).replace('"x0"', `"${first}"`).replace('"x19999"', `"${last}"`);
  const base20 = await encryptText(long("f", "l"), { format: "json" });
  const c = await encryptedAs(base20, long("mine", "l"), "json");
  const d = await encryptedAs(base20, long("f", "yours"), "json");
  const merged = await merge("json", [base20, c, d]);
  expect(merged.conflicts).toEqual([]);
  expect(await decryptText(textOf(merged), { format: "json" })).toMatch(/"mine"[^]*"yours"/);
});
