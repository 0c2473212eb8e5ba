import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { LONG_TEXT } from "../../src/tree/long-text.ts";
import { counterpart } from "../counterparts.ts";
import { alice } from "../keys/fake-host.ts";
import { changeText, decryptBytes, encryptBytes, refusal } from "../verbs.ts";

const dir = mkdtempSync(join(tmpdir(), "sopsmith-large-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** Real sops on a file of that content. */
function sops(
  command: "encrypt" | "decrypt",
  content: Uint8Array,
  format: string,
  ...flags: string[]
): Buffer {
  const file = join(dir, "file");
  writeFileSync(file, content);
  const types = ["--input-type", format, "--output-type", format];
  return execFileSync(counterpart("sops"), [command, ...types, ...flags, file], {
    env: { SOPS_AGE_KEY: alice.identity, SOPS_AGE_RECIPIENTS: alice.recipient, HOME: dir },
    maxBuffer: 1 << 28,
    stdio: ["ignore", "pipe", "pipe"],
  });
}

/** Bytes without a pattern, the same each time. */
function noise(length: number): Buffer {
  const block = (i: number) => createHash("sha512").update(`${i}`).digest();
  const blocks = Array.from({ length: Math.ceil(length / 64) }, (_, i) => block(i));
  return Buffer.concat(blocks).subarray(0, length);
}

const size = 3 << 20;
const text = Buffer.from('é\u{1f600}x<&>"\\\r\n\t0'.repeat(size / 16));
const base64 = noise(size).toString("base64");

const files: [name: string, format: "binary" | "json" | "yaml", content: Buffer][] = [
  ["bytes", "binary", noise(size)],
  ["bytes and one", "binary", noise(size + 1)],
  ["bytes and two", "binary", noise(size + 2)],
  ["text", "binary", text],
  ["ASCII", "binary", Buffer.from(base64)],
  [
    "base64 in JSON",
    "json",
    Buffer.from(`{\n\t"a": "${base64}",\n\t"b": [\n\t\t"x",\n\t\t"${base64}"\n\t]\n}\n`),
  ],
  [
    "text in JSON",
    "json",
    Buffer.from(`{\n\t"a": ${JSON.stringify("é\u{1f600}x\n".repeat(size / 16))}\n}\n`),
  ],
  ["base64 in YAML", "yaml", Buffer.from(`a: ${base64}\nb: 1\n`)],
];

test.each(files)(
  "%s (%s) of some MiB go to real sops and come back",
  async (_name, format, content) => {
    const ours = await encryptBytes(content, { format });
    expect(sops("decrypt", ours, format).equals(content)).toBe(true);
    const theirs = sops("encrypt", content, format);
    expect((await decryptBytes(theirs, { format })).equals(content)).toBe(true);
    expect((await decryptBytes(ours, { format })).equals(content)).toBe(true);
  },
);

test("a long value can be extracted, converted, and set beside", async () => {
  const content = noise(size);
  const sealed = await encryptBytes(content, { format: "binary" });
  expect(
    (await decryptBytes(sealed, { format: "binary", extract: ["data"] })).equals(content),
  ).toBe(true);
  const asYaml = await encryptBytes(text, { format: "binary", output: "yaml" });
  expect((await decryptBytes(asYaml, { format: "yaml", output: "binary" })).equals(text)).toBe(
    true,
  );
  const asJson = await decryptBytes(await encryptBytes(text, { format: "binary" }), {
    format: "binary",
    output: "json",
  });
  expect(JSON.parse(asJson.toString())).toEqual({ data: text.toString() });
});

test("a long value that stays keeps its ciphertext when another changes", async () => {
  const value = "é".repeat(LONG_TEXT);
  for (const format of ["json", "yaml"] as const) {
    const plain = JSON.stringify({ a: value, c: base64, b: "x" });
    const sealed = (await encryptBytes(plain, { format: "json", output: format })).toString();
    const changed = await changeText(
      sealed,
      async ([document]) => {
        const last = document?.items.at(-1);
        if (last?.kind === "entry") last.value = { kind: "str", value: "y", start: -1, end: -1 };
        // As if the text had been read anew.
        for (const item of document?.items ?? [])
          if (item.kind === "entry" && item.value.kind === "str")
            item.value = { kind: "str", value: item.value.value, start: -1, end: -1 };
        return true;
      },
      { format },
    );
    const ciphertexts = (all: string) =>
      all.split(/["\s]/).filter((word) => word.startsWith("ENC[") && word.length > LONG_TEXT);
    expect(ciphertexts(sealed).length).toBe(2);
    expect(ciphertexts(changed ?? "")).toEqual(ciphertexts(sealed));
  }
});

test.each([
  [
    "data changed",
    (sealed: string) => flip(sealed, sealed.length >> 1),
    25,
    /message authentication failed/,
  ],
  [
    "data not base64",
    (sealed: string) => put(sealed, sealed.length >> 1, "*"),
    25,
    /illegal base64 data/,
  ],
  [
    "data cut",
    (sealed: string) => sealed.slice(0, 1000) + sealed.slice(1001),
    25,
    /illegal base64 data/,
  ],
  [
    "tag changed",
    (sealed: string) => flip(sealed, sealed.indexOf(",tag:") + 8),
    25,
    /message authentication failed/,
  ],
  [
    "MAC missing",
    (sealed: string) => sealed.replace(/"mac": "[^"]*"/, '"mac": ""'),
    51,
    /File has no MAC/,
  ],
  ["file cut", (sealed: string) => sealed.slice(0, -2000), 1, /Could not unmarshal input data/],
])("a large binary file with %s is refused", async (_what, damage, exitCode, message) => {
  const sealed = (await encryptBytes(noise(size), { format: "binary" })).toString();
  const damaged = damage(sealed);
  expect(damaged).not.toBe(sealed);
  const error = await refusal(decryptBytes(damaged, { format: "binary" }));
  expect(error.exitCode).toBe(exitCode);
  expect(error.message).toMatch(message);
});

const put = (sealed: string, at: number, c: string): string =>
  sealed.slice(0, at) + c + sealed.slice(at + 1);
const flip = (sealed: string, at: number): string =>
  put(sealed, at, sealed[at] === "A" ? "B" : "A");

test("a wrong MAC is found in a large file, and passed over on demand", async () => {
  const content = noise(size);
  const sealed = (await encryptBytes(content, { format: "binary" })).toString();
  const other = (await encryptBytes("x", { format: "binary" })).toString();
  const mac = /"mac": "[^"]*"/;
  const damaged = sealed.replace(mac, mac.exec(other)?.[0] ?? "");
  expect((await refusal(decryptBytes(damaged, { format: "binary" }))).exitCode).toBe(51);
  const passed = await decryptBytes(damaged, { format: "binary", ignoreMac: true });
  expect(passed.equals(content)).toBe(true);
});
