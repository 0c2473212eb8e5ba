import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { identities, recipients } from "./samples.ts";
import { Sandbox } from "./sandbox.ts";

// What goes through the program in pieces, beyond the size of any of them.

const size = (2 << 20) + 1;
const noise = Buffer.concat(
  Array.from({ length: Math.ceil(size / 64) }, (_, i) =>
    createHash("sha512").update(`${i}`).digest(),
  ),
).subarray(0, size);
const base64 = noise.toString("base64");

const contents: [name: string, content: Buffer][] = [
  ["noise.bin", noise],
  ["text.bin", Buffer.from("é\u{1f600}\r\n".repeat(100_000))],
  ["value.json", Buffer.from(`{\n\t"a": "${base64}",\n\t"b": "x"\n}\n`)],
  ["value.yaml", Buffer.from(`a: ${base64}\nb: x\n`)],
];

test.each(contents)(
  "a %s file of some MiB survives every way in and out",
  async (name, content) => {
    const box = new Sandbox({ [name]: content }, { SOPS_AGE_KEY: identities.A });
    const done = async (...args: string[]): Promise<string> => {
      const { code, stdout, stderr } = await box.run(args);
      expect(stderr).toBe("");
      expect(code).toBe(0);
      return stdout;
    };
    const holds = (file: string): boolean => readFileSync(box.path(file)).equals(content);

    const sealed = await done("encrypt", "--age", recipients.A, name);
    box.write(`piped-${name}`, sealed);
    await done("decrypt", "--output", "out", `piped-${name}`);
    expect(holds("out")).toBe(true);

    await done("encrypt", "--age", recipients.A, "--output", `sealed-${name}`, name);
    expect((await done("decrypt", `sealed-${name}`)) === content.toString()).toBe(true);
    const before = box.read(`sealed-${name}`);
    await done("rotate", "-i", "--add-age", recipients.B, `sealed-${name}`);
    expect(box.read(`sealed-${name}`) === before).toBe(false);
    await done("decrypt", "-i", "--no-atomic", `sealed-${name}`);
    expect(holds(`sealed-${name}`)).toBe(true);

    await done("encrypt", "-i", "--no-atomic", "--age", recipients.A, name);
    expect(holds(name)).toBe(false);
    await done("decrypt", "-i", name);
    expect(holds(name)).toBe(true);
    box.remove();
  },
);

test("a large file that was damaged is refused, and nothing of it is printed", async () => {
  const box = new Sandbox({ "noise.bin": noise }, { SOPS_AGE_KEY: identities.A });
  await box.run(["encrypt", "-i", "--age", recipients.A, "noise.bin"]);
  const sealed = box.read("noise.bin");
  const replaced = (at: number, text: string): string =>
    sealed.slice(0, at) + text + sealed.slice(at + 1);
  const middle = sealed.length >> 1;
  const other = sealed[middle] === "A" ? "B" : "A";
  for (const [text, code, said] of [
    [replaced(middle, other), 25, /Could not decrypt with AES_GCM: message authentication failed/],
    [replaced(middle, "*"), 25, /Error base64-decoding data: illegal base64 data/],
    [replaced(middle, "-"), 25, /Error base64-decoding data: illegal base64 data/],
    [replaced(middle, "="), 25, /Error base64-decoding data: illegal base64 data/],
    [replaced(middle, "é"), 25, /Error base64-decoding data: illegal base64 data/],
    [replaced(middle, ""), 25, /Error base64-decoding data: illegal base64 data/],
    [replaced(middle, "\n"), 1, /Could not unmarshal input data: .*\(.*noise\.bin/s],
    [sealed.slice(0, middle), 1, /Could not unmarshal input data: unexpected EOF/],
    [sealed.replace(/"mac": "[^"]*"/, '"mac": ""'), 51, /MAC mismatch\. File has no MAC/],
  ] as const) {
    box.write("noise.bin", text);
    const result = await box.run(["decrypt", "noise.bin"]);
    expect(result.stdout).toBe("");
    expect(result.stderr).toMatch(said);
    expect(result.stderr.length).toBeLessThan(1000);
    expect(result.code).toBe(code);
  }
  box.remove();
});
