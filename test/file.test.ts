import { expect, test } from "vitest";
import type { FormatName } from "../formats/format.ts";
import { decryptText, encryptText, refusal } from "./verbs.ts";

// What stands between a changed file and its reader: tags, places, the MAC (spec 2, 4 and 11).

const SECRET = "hunter2";
const plain = `a: ${SECRET}\nb: other\nl:\n    - one\n    - two\nnum: 5\nm:\n    a: inner\n`;
const yamlFile = encryptText(plain);

/** The ciphertexts of a file in order, that of the MAC last. */
const ciphertexts = (text: string) => [
  ...text.matchAll(/ENC\[AES256_GCM,data:([^,]+),iv:([^,]+),tag:([^,]+),type:(\w+)\]/g),
];

/** Another base64 character, whose highest bit differs: the change never falls into unused bits. */
function flipped(character: string): string {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const at = alphabet.indexOf(character);
  return at < 0 ? "A" : (alphabet[at ^ 32] as string);
}

const withCharacter = (text: string, at: number, character: string) =>
  text.slice(0, at) + character + text.slice(at + 1);

/** The exit code of the refusal to decrypt the text, whose message names the file and gives nothing of it away. */
async function exitCodeOf(text: string): Promise<number> {
  const error = await refusal(decryptText(text));
  expect(error.message).toContain("secrets.x");
  expect(error.message).not.toContain(SECRET);
  expect(error.message).not.toMatch(/[0-9A-F]{64}/);
  expect(error.message).not.toContain("ENC[");
  return error.exitCode;
}

test("the file itself decrypts", async () => {
  expect(await decryptText(await yamlFile)).toBe(plain);
});

test.each([
  ["data", 1],
  ["iv", 2],
  ["tag", 3],
])("any changed character of a value's %s is refused", async (_part, group) => {
  const text = await yamlFile;
  const match = ciphertexts(text)[0];
  const part = match?.[group] as string;
  const start = text.indexOf(part);
  for (let i = 0; i < part.length; i++) {
    expect([25]).toContain(
      await exitCodeOf(withCharacter(text, start + i, flipped(text[start + i] as string))),
    );
  }
});

test.each([
  ["data", 1],
  ["iv", 2],
  ["tag", 3],
])("any changed character of the MAC's %s is refused", async (_part, group) => {
  const text = await yamlFile;
  const part = ciphertexts(text).at(-1)?.[group] as string;
  const start = text.lastIndexOf(part);
  // The MAC's text is long; every third character of it will do.
  for (let i = 0; i < part.length; i += 3) {
    expect([51]).toContain(
      await exitCodeOf(withCharacter(text, start + i, flipped(text[start + i] as string))),
    );
  }
});

test("any changed character of a type or of the frame is refused", async () => {
  const text = await yamlFile;
  const match = ciphertexts(text)[0] as RegExpMatchArray;
  const start = match.index as number;
  const whole = match[0];
  const frame = [...whole.matchAll(/ENC\[AES256_GCM,data:|,iv:|,tag:|,type:\w+\]/g)];
  for (const piece of frame) {
    for (let i = 0; i < piece[0].length; i++) {
      const at = start + piece.index + i;
      expect([1, 25]).toContain(
        await exitCodeOf(withCharacter(text, at, text[at] === "x" ? "y" : "x")),
      );
    }
  }
});

test.each(["int", "float", "bool", "time", "comment", "nonsense", "Str"])(
  "text called %s is refused",
  async (type) => {
    expect([25, 51]).toContain(
      await exitCodeOf((await yamlFile).replace("type:str]", `type:${type}]`)),
    );
  },
);

test.each([
  ["a list element", "two"],
  ["a mapping's value", "other"],
])("%s cannot be hidden as a comment", async (what) => {
  const text = await yamlFile;
  const lines = text.split("\n");
  const at = lines.findIndex((line) =>
    line.startsWith(what === "a list element" ? "    - ENC" : "b: ENC"),
  );
  lines[at] = (lines[at] as string).replace("type:str", "type:comment");
  expect([25, 51]).toContain(await exitCodeOf(lines.join("\n")));
});

test("a changed time of the last change is refused", async () => {
  const text = await yamlFile;
  const at = text.indexOf("2026-11-23T21:15:59Z");
  expect(at).toBeGreaterThan(0);
  expect([51]).toContain(
    await exitCodeOf(text.replace("2026-11-23T21:15:59Z", "2026-11-23T21:15:58Z")),
  );
  for (let i = 0; i < 20; i++) {
    const digit = /[0-9]/.test(text[at + i] as string)
      ? String((Number(text[at + i]) + 1) % 10)
      : "x";
    expect([1, 51]).toContain(await exitCodeOf(withCharacter(text, at + i, digit)));
  }
});

test.each(["2026-11-23T21:15:59+00:00", "2026-11-23T21:15:59.5Z"])(
  "the time of the last change may be spelled %s",
  async (spelling) => {
    expect(await decryptText((await yamlFile).replace("2026-11-23T21:15:59Z", spelling))).toBe(
      plain,
    );
  },
);

const swap = (text: string, i: number, j: number) => {
  const all = ciphertexts(text);
  const [x, y] = [all[i]?.[0] as string, all[j]?.[0] as string];
  return text.replace(x, "\0").replace(y, x).replace("\0", y);
};

test("swapped values are refused", async () => {
  const text = await yamlFile;
  expect([25]).toContain(await exitCodeOf(swap(text, 0, 1))); // a and b
  expect([25]).toContain(await exitCodeOf(swap(text, 0, 5))); // a and m.a
  expect([51]).toContain(await exitCodeOf(swap(text, 2, 3))); // within one list
});

test("values swapped between documents are refused", async () => {
  const text = await encryptText("a: x\n---\na: y\n");
  const all = ciphertexts(text);
  const j = all.findIndex(
    (match, i) => i > 0 && match[4] === "str" && (match[1] as string).length < 10,
  );
  expect([51]).toContain(await exitCodeOf(swap(text, 0, j)));
});

test("a removed, emptied or added value is refused", async () => {
  const text = await yamlFile;
  expect([51]).toContain(await exitCodeOf(text.replace(/^b: .*\n/m, "")));
  expect([51]).toContain(await exitCodeOf(text.replace(/^b: .*$/m, 'b: ""')));
  expect([51]).toContain(await exitCodeOf(text.replace(/^b: .*$/m, "b: null")));
  expect([25]).toContain(await exitCodeOf(text.replace(/^b: /m, "c: clear\nb: ")));
  expect([51]).toContain(await exitCodeOf(text.replace(/^b: /m, "c_unencrypted: clear\nb: ")));
  expect([25]).toContain(await exitCodeOf(text.replace(/^b: .*$/m, "b: 5")));
});

test("a number where ciphertext is expected is recognised", async () => {
  for (const [value, type] of [
    ["5", "int"],
    ["1.5", "float64"],
    ["true", "bool"],
    ["2020-01-01", "time.Time"],
  ]) {
    const error = await refusal(decryptText((await yamlFile).replace(/^b: .*$/m, `b: ${value}`)));
    expect(error.message).toContain(`Expected encrypted value as string, but got ${type}`);
    expect(error.message.startsWith("Error decrypting tree: Error walking tree: ")).toBe(true);
    expect(error.message).toContain('["b"]');
  }
});

test("a file without a MAC is refused", async () => {
  const text = await yamlFile;
  for (const without of [
    text.replace(/^    mac: .*\n/m, ""),
    text.replace(/^    mac: .*$/m, '    mac: ""'),
  ]) {
    const error = await refusal(decryptText(without));
    expect(error.exitCode).toBe(51);
    expect(error.message).toMatch(/^MAC mismatch\. File has no MAC/);
  }
});

test("--ignore-mac skips the checks of the MAC, not those of values", async () => {
  const text = await yamlFile;
  const emptied = text.replace(/^b: .*$/m, 'b: ""').replace(/^    mac: .*$/m, "    mac: nonsense");
  expect(await decryptText(emptied, { ignoreMac: true })).toBe(plain.replace("other", '""'));
  const error = await refusal(decryptText(swap(text, 0, 1), { ignoreMac: true }));
  expect(error.exitCode).toBe(25);
});

test("a value that cannot be opened comes before the MAC", async () => {
  const text = (await yamlFile).replace(/^    mac: .*\n/m, "");
  expect([25]).toContain(await exitCodeOf(swap(text, 0, 1)));
});

test.each<FormatName>(["yaml", "json", "dotenv", "ini", "binary"])(
  "a %s file cut off anywhere is refused",
  async (format) => {
    const sources: Record<FormatName, string> = {
      yaml: "a: x\n",
      json: '{"a": "x"}\n',
      dotenv: "A=x\n",
      ini: "[s]\na = x\n",
      binary: "x",
    };
    const text = await encryptText(sources[format], { format });
    const end = text.trimEnd().length;
    const from = format === "json" || format === "binary" ? 0 : 0;
    for (let length = from; length < end; length += 3) {
      const error = await refusal(decryptText(text.slice(0, length), { format }));
      expect(error.exitCode).toBeGreaterThan(0);
      expect(error.message).not.toContain("ENC[");
    }
    await refusal(decryptText(text.slice(0, end - 1), { format }));
  },
);

test("text after the ciphertext is ignored, as in sops", async () => {
  expect(await decryptText((await yamlFile).replace(/^(b: ENC.*)$/m, "$1xyz"))).toBe(plain);
});

test("structure without values is not covered by the MAC, as in sops", async () => {
  const text = await yamlFile;
  expect(await decryptText(text.replace(/^num: /m, "zz: null\nyy: {}\nnum: "))).toContain(
    "zz: null\nyy: {}\n",
  );
});

test("an unencrypted comment in a sealed file is kept, with a warning", async () => {
  const warnings: string[] = [];
  const text = await decryptText((await yamlFile).replace(/^num: /m, "# by hand\nnum: "), {
    warn: (message) => warnings.push(message),
  });
  expect(text).toContain("# by hand\nnum: 5\n");
  expect(warnings.join("\n")).toContain("Found possibly unencrypted comment in file.");
});

test("in a file with many values, the one that is wrong is named as in a small file", async () => {
  const lists = Array.from(
    { length: 400 },
    (_, i) => `k${i}: # note\n  - v${i}\n  - ${i}\n  - é\n`,
  );
  const text = lists.join("");
  const sealed = await encryptText(text);
  expect(await decryptText(sealed)).toBe(await decryptText(await encryptText(text)));
  const value = ciphertexts(sealed).find(({ index }) => index > sealed.indexOf("k333:"));
  const at = sealed.indexOf("data:", value?.index) + 5;
  const error = await refusal(decryptText(withCharacter(sealed, at, flipped(sealed.charAt(at)))));
  expect(error.exitCode).toBe(25);
  expect(error.path).toMatch(/^\["k333"\]/);
  const swapped = sealed.replaceAll(/^k[12]:/gm, (key) => (key === "k1:" ? "k2:" : "k1:"));
  expect(await exitCodeOf(swapped)).toBe(25);
});
