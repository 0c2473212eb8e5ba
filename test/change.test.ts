import { expect, test } from "vitest";
import type { FormatName } from "../formats/format.ts";
import { str } from "../src/tree/node.ts";
import { setPath, unsetPath } from "../src/tree/path.ts";
import type { Change } from "../src/change.ts";
import { fakeHost, alice } from "./keys/fake-host.ts";
import { changeText, decryptText, encryptText, refusal } from "./verbs.ts";

const set =
  (path: (string | number)[], value = "new"): Change =>
  ([document]) =>
    setPath(document as NonNullable<typeof document>, path, str(value));

const ciphertexts = (text: string): string[] => text.match(/ENC\[[^\]]*\]/g) ?? [];
const later = {
  ...fakeHost({ env: { SOPS_AGE_KEY: alice.identity } }),
  now: () => new Date("2027-01-01T00:00:00Z"),
};

test.each<[FormatName, string, (string | number)[]]>([
  [
    "yaml",
    "# c\na: x\nb: 5\nf: 1.5\nt: 2020-01-02\nyes: true\nl:\n    # d\n    - x\n    - 5\nm:\n    k: NaN\n",
    ["b"],
  ],
  ["json", '{"a": "x", "b": 5, "l": [1, "y"], "k": "NaN"}', ["b"]],
  ["dotenv", "#c\nA=x\nb=y\nC=z\n", ["b"]],
  ["ini", "; c\n[s]\na = x\nb = y\n", ["s", "b"]],
])(
  "a change in a %s file leaves every other ciphertext as it was",
  async (format, source, path) => {
    const before = await encryptText(source, { format });
    const after = (await changeText(before, set(path), { format, host: later })) as string;
    const [old, renewed] = [ciphertexts(before), ciphertexts(after)];
    expect(renewed).toHaveLength(old.length);
    // The value and the MAC.
    expect(renewed.filter((text) => !old.includes(text))).toHaveLength(2);
    expect(after.length).toBeGreaterThan(0);
    expect(await decryptText(after, { format, extract: path })).toBe("new");
    const changed = after.split("\n").filter((line) => !before.split("\n").includes(line));
    expect(changed).toHaveLength(3); // value, lastmodified, MAC
  },
);

test("nothing is returned when nothing changed", async () => {
  const before = await encryptText("a: x\n");
  expect(await changeText(before, set(["a"], "x"))).toBeUndefined();
  expect(await changeText(before, () => false)).toBeUndefined();
  expect(
    await changeText(before, ([document]) =>
      unsetPath(document as NonNullable<typeof document>, ["zz"]),
    ),
  ).toBeUndefined();
});

test("a change back at the same time gives the same file", async () => {
  const before = await encryptText("a: x\nb: y\n");
  expect(await changeText(before, () => true)).toBe(before);
});

test("equal list elements keep their own ciphertexts", async () => {
  const before = await encryptText("l:\n    - x\n    - x\nb: 1\n");
  const after = (await changeText(before, set(["b"]))) as string;
  expect(ciphertexts(after).slice(0, 2)).toEqual(ciphertexts(before).slice(0, 2));
});

test("a float that is not a number keeps its ciphertext too", async () => {
  const before = await encryptText("a: .nan\nb: 1\n");
  const after = (await changeText(before, set(["b"]))) as string;
  expect(ciphertexts(after)[0]).toBe(ciphertexts(before)[0]);
});

test("the key block stays, the version with it", async () => {
  const before = (await encryptText("a: x\n")).replace("version: 3.13.3", "version: 3.9.0");
  const after = (await changeText(before, set(["a"]), { host: later })) as string;
  expect(after).toContain("version: 3.9.0\n");
  expect(after).toContain('lastmodified: "2027-01-01T00:00:00Z"');
  const block = (text: string) => /-----BEGIN[^]*-----END/.exec(text)?.[0];
  expect(block(after)).toBe(block(before));
  const raised = (await changeText(before, set(["a"]), { raiseVersion: true })) as string;
  expect(raised).toContain("version: 3.13.3\n");
});

test("a newer version is not lowered", async () => {
  const before = (await encryptText("a: x\n")).replace("version: 3.13.3", "version: 4.0.0");
  expect(await changeText(before, set(["a"]), { raiseVersion: true })).toContain(
    "version: 4.0.0\n",
  );
});

test("a tampered file is not changed", async () => {
  const before = (await encryptText("a: x\nb: y\n")).replace(/^b: .*$/m, 'b: ""');
  expect((await refusal(changeText(before, set(["a"])))).exitCode).toBe(51);
  expect(await changeText(before, set(["a"]), { ignoreMac: true })).toBeDefined();
});

test("a change cannot make a sops entry", async () => {
  expect((await refusal(changeText(await encryptText("a: x\n"), set(["sops"])))).exitCode).toBe(
    203,
  );
});

test("an inline comment keeps its ciphertext", async () => {
  const before = await encryptText("a: 1 # note\nb: 2\n");
  const after = (await changeText(before, set(["b"]))) as string;
  const of = (text: string) => ciphertexts(text).find((found) => found.endsWith("type:comment]"));
  expect(of(after)).toBe(of(before));
  expect(await decryptText(after)).toBe("# note\na: 1\nb: new\n");
});

test("a binary file gains the default selector, as in sops", async () => {
  const before = await encryptText("x", { format: "binary" });
  expect(before).not.toContain("unencrypted_suffix");
  const after = await changeText(before, set(["data"]), { format: "binary" });
  expect(after).toContain('"unencrypted_suffix": "_unencrypted"');
});
