import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseConfig } from "../../src/config/config.ts";
import type { KeyId } from "../../src/people/key-id.ts";
import { patchOf, withKey, withoutKeys, type Edited } from "../../src/people/edit-rules.ts";
import { scratchDir } from "../io/script.ts";
import { keysOfRule } from "../../src/people/rule-keys.ts";

const age = (letter: string): string => `age1${letter.repeat(58)}`;
const [a, b, c] = ["a", "c", "d"].map(age) as [string, string, string];
const key = (id: string): KeyId => ({ type: "age", id });
const arn = "arn:aws:kms:eu-west-1:123456789012:key/1";

const textOf = (edited: Edited): string => {
  if ("problem" in edited) throw new Error(edited.problem);
  return edited.text;
};
const without = async (text: string, ...ids: KeyId[]): Promise<string> =>
  textOf(await withoutKeys(text, ids, undefined));

/** The keys of each rule, group by group. */
async function keysIn(text: string): Promise<string[][][]> {
  const config = await parseConfig(Buffer.from(text), "x", () => undefined);
  return (config.creationRules ?? []).map((rule) =>
    keysOfRule(rule).map((group) => group.map(({ id }) => id)),
  );
}

describe("removes a key and leaves every other byte", () => {
  test.each<[string, string, string]>([
    [
      "an anchor and its aliases",
      `# top\nkeys:\n  # people\n  - &alice ${a} # laptop\n  - &bob ${b} # Bob, ops\n  - &carol   ${c}\ncreation_rules:\n  - path_regex: x # why\n    age:\n      - *alice\n      - *bob # until June\n\n  - key_groups:\n      - age: [*bob, *carol]\n# end\n`,
      `# top\nkeys:\n  # people\n  - &alice ${a} # laptop\n  - &carol   ${c}\ncreation_rules:\n  - path_regex: x # why\n    age:\n      - *alice\n\n  - key_groups:\n      - age: [*carol]\n# end\n`,
    ],
    [
      "the last of a flow list",
      `creation_rules:\n  - age: [ ${a}, ${b} ]\n`,
      `creation_rules:\n  - age: [ ${a} ]\n`,
    ],
    [
      "the middle of a text with commas",
      `creation_rules:\n  - age: ${a},${b}, ${c}\n`,
      `creation_rules:\n  - age: ${a},${c}\n`,
    ],
    [
      "the last of a quoted text",
      `creation_rules:\n  - age: "${a}, ${b}" # x\n`,
      `creation_rules:\n  - age: "${a}" # x\n`,
    ],
    [
      "a line of a folded text",
      `creation_rules:\n  - age: >-\n      ${a},\n      ${b},\n      ${c}\n    pgp: ''\n`,
      `creation_rules:\n  - age: >-\n      ${a},\n      ${c}\n    pgp: ''\n`,
    ],
    [
      "the last line of a folded text",
      `creation_rules:\n  - age: >-\n      ${a},\n      ${b}\n`,
      `creation_rules:\n  - age: >-\n      ${a}\n`,
    ],
    [
      "a line of a flow list",
      `creation_rules:\n  - age: [\n      ${a}, # A\n      ${b}, # B\n    ]\n`,
      `creation_rules:\n  - age: [\n      ${a}, # A\n    ]\n`,
    ],
    [
      "a field that is nothing else",
      `creation_rules:\n  - path_regex: x\n    age: ${b}\n    kms: ${arn}\n`,
      `creation_rules:\n  - path_regex: x\n    kms: ${arn}\n`,
    ],
    [
      "the first field of an item",
      `creation_rules:\n  - age: ${b}\n    kms: ${arn}\n`,
      `creation_rules:\n  - kms: ${arn}\n`,
    ],
    [
      "a group that becomes empty",
      `creation_rules:\n  - key_groups:\n      - age:\n          - ${b}\n      - age:\n          - ${a}\n`,
      `creation_rules:\n  - key_groups:\n      - age:\n          - ${a}\n`,
    ],
    [
      "a shared list",
      `ops: &ops\n  - ${a}\n  - ${b}\ncreation_rules:\n  - age: *ops\n`,
      `ops: &ops\n  - ${a}\ncreation_rules:\n  - age: *ops\n`,
    ],
    [
      "a name in a mapping",
      `keys:\n  alice: &alice ${a}\n  bob: &bob ${b}\ncreation_rules:\n  - age: [*bob, *alice]\n`,
      `keys:\n  alice: &alice ${a}\ncreation_rules:\n  - age: [*alice]\n`,
    ],
    [
      "Windows line ends",
      `creation_rules:\r\n  - age:\r\n      - ${a}\r\n      - ${b}\r\n`,
      `creation_rules:\r\n  - age:\r\n      - ${a}\r\n`,
    ],
    [
      "no line break at the end",
      `creation_rules:\n  - age:\n      - ${a}\n      - ${b}`,
      `creation_rules:\n  - age:\n      - ${a}\n`,
    ],
    [
      "a destination rule",
      `creation_rules:\n  - age: ${a}\ndestination_rules:\n  - s3_bucket: x\n    recreation_rule:\n      age: ${b},${a}\n`,
      `creation_rules:\n  - age: ${a}\ndestination_rules:\n  - s3_bucket: x\n    recreation_rule:\n      age: ${a}\n`,
    ],
  ])("%s", async (_, before, after) => {
    expect(await without(before, key(b))).toBe(after);
  });

  test("a key of AWS, with its mapping", async () => {
    const text = `keys:\n  - &bob ${arn}\ncreation_rules:\n  - key_groups:\n      - kms:\n          - arn: *bob\n            role: r\n        age:\n          - ${a}\n`;
    expect(await without(text, { type: "kms", id: arn })).toBe(
      `creation_rules:\n  - key_groups:\n      - age:\n          - ${a}\n`,
    );
  });

  test("only out of some rules", async () => {
    const text = `keys:\n  - &bob ${b}\ncreation_rules:\n  - age: [${a}, *bob]\n  - age: [*bob, ${c}]\n`;
    expect(textOf(await withoutKeys(text, [key(b)], new Set([1])))).toBe(
      `keys:\n  - &bob ${b}\ncreation_rules:\n  - age: [${a}, *bob]\n  - age: [${c}]\n`,
    );
  });
});

describe("adds a key and leaves every other byte", () => {
  const all = { name: "bob", key: key(b), group: 0 };
  test.each<[string, string, string]>([
    [
      "lists with anchors",
      `keys:\n  - &alice ${a} # laptop\n# rules\ncreation_rules:\n  - age:\n      - *alice # x\n    path_regex: y\n`,
      `keys:\n  - &alice ${a} # laptop\n  - &bob ${b}\n# rules\ncreation_rules:\n  - age:\n      - *alice # x\n      - *bob\n    path_regex: y\n`,
    ],
    [
      "no list of keys yet",
      `# top\ncreation_rules:\n  - age: ${a}\n`,
      `# top\nkeys:\n  - &bob ${b}\ncreation_rules:\n  - age: ${a},${b}\n`,
    ],
    [
      "flow lists",
      `keys: [ &alice ${a} ]\ncreation_rules:\n  - key_groups: [{age: [*alice]}]\n`,
      `keys: [ &alice ${a}, &bob ${b} ]\ncreation_rules:\n  - key_groups: [{age: [*alice, *bob]}]\n`,
    ],
    [
      "a folded text",
      `creation_rules:\n  - age: >-\n      ${a},\n      ${c}\n`,
      `keys:\n  - &bob ${b}\ncreation_rules:\n  - age: >-\n      ${a},\n      ${c},\n      ${b}\n`,
    ],
    [
      "a quoted text",
      `creation_rules:\n  - age: '${a}'\n`,
      `keys:\n  - &bob ${b}\ncreation_rules:\n  - age: '${a},${b}'\n`,
    ],
    [
      "one alias",
      `keys: [&alice ${a}]\ncreation_rules:\n  - age: *alice\n`,
      `keys: [&alice ${a}, &bob ${b}]\ncreation_rules:\n  - age: [*alice, *bob]\n`,
    ],
    [
      "no field of the type",
      `creation_rules:\n  - kms: ${arn}\n    path_regex: x # y\n`,
      `keys:\n  - &bob ${b}\ncreation_rules:\n  - kms: ${arn}\n    path_regex: x # y\n    age:\n      - *bob\n`,
    ],
    [
      "no field in a group",
      `creation_rules:\n  - key_groups:\n      - kms:\n          - arn: ${arn}\n`,
      `keys:\n  - &bob ${b}\ncreation_rules:\n  - key_groups:\n      - kms:\n          - arn: ${arn}\n        age:\n          - *bob\n`,
    ],
    [
      "a name that the key has",
      `keys:\n  - &robert ${b}\ncreation_rules:\n  - age: [${a}]\n`,
      `keys:\n  - &robert ${b}\ncreation_rules:\n  - age: [${a}, *robert]\n`,
    ],
    [
      "the key already",
      `keys:\n  - &bob ${b}\ncreation_rules:\n  - age: [*bob]\n`,
      `keys:\n  - &bob ${b}\ncreation_rules:\n  - age: [*bob]\n`,
    ],
    [
      "keys after the rules",
      `creation_rules:\n  - age:\n      - ${a}\nkeys:\n  - ${c}\n`,
      `creation_rules:\n  - age:\n      - ${a}\n      - ${b} # bob\nkeys:\n  - ${c}\n`,
    ],
  ])("%s", async (_, before, after) => {
    expect(textOf(await withKey(before, { ...all, rules: new Set([0]) }))).toBe(after);
  });

  test("a key of AWS into a group, and only into some rules", async () => {
    const text = `creation_rules:\n  - key_groups:\n      - age: [${a}]\n  - age: ${a}\n`;
    const added = { name: "ci", key: { type: "kms", id: arn } as const, group: 0 };
    const edited = textOf(await withKey(text, { ...added, rules: new Set([0]) }));
    expect(edited).toBe(
      `keys:\n  - &ci ${arn}\ncreation_rules:\n  - key_groups:\n      - age: [${a}]\n        kms:\n          - arn: *ci\n  - age: ${a}\n`,
    );
    expect(await keysIn(edited)).toEqual([[[arn, a]], [[a]]]);
  });

  test("what was added can be removed again", async () => {
    for (const text of [
      `keys:\n  - &alice ${a}\ncreation_rules:\n  - age:\n      - *alice\n`,
      `keys:\n  - &alice ${a}\ncreation_rules:\n  - age: [*alice]\n  - pgp: ''\n    age: '${a}'\n`,
    ]) {
      const rules = new Set([0, 1].slice(0, (await keysIn(text)).length));
      const edited = textOf(await withKey(text, { ...all, rules }));
      expect(edited).not.toBe(text);
      expect(await without(edited, key(b))).toBe(text);
    }
  });
});

describe("does not splice what cannot be spliced, but says what it would change", () => {
  test("a key in a text with an escape", async () => {
    const text = `creation_rules:\n  - age: "${a},\\x61${b.slice(1)}"\n`;
    const edited = await withoutKeys(text, [key(b)], undefined);
    expect(edited).toMatchObject({ problem: expect.any(String) });
    expect("rewritten" in edited && edited.rewritten).toContain(a);
    expect("rewritten" in edited && edited.rewritten).not.toContain(b);
  });

  test("two lists on one line", async () => {
    const text = `keys:\n  - - ${b}\n    - ${a}\ncreation_rules:\n  - age: ${a}\n`;
    expect(await withoutKeys(text, [key(b)], undefined)).toMatchObject({
      problem: expect.stringContaining("line 2"),
    });
  });
});

test("git apply accepts the patch", () => {
  expect(patchOf(".sops.yaml", "a\nb\nc\nd\ne\nf\n", "a\nb\nc\nx\nf\n")).toBe(
    "--- a/.sops.yaml\n+++ b/.sops.yaml\n@@ -1,6 +1,5 @@\n a\n b\n c\n-d\n-e\n+x\n f\n",
  );
  const line = fc.constantFrom("a", "b", "c", "");
  const text = fc
    .tuple(fc.array(line, { maxLength: 30 }), fc.boolean())
    .map(([lines, isEnded]) => lines.join("\n") + (isEnded ? "\n" : ""));
  const dir = scratchDir();
  fc.assert(
    fc.property(text, text, (before, after) => {
      fc.pre(before !== after && before !== "" && after !== "");
      writeFileSync(join(dir, "f"), before);
      writeFileSync(join(dir, "p"), patchOf("f", before, after));
      execFileSync("git", ["apply", "--unsafe-paths", "--whitespace=nowarn", "p"], {
        cwd: dir,
        env: { ...process.env, GIT_CEILING_DIRECTORIES: dir },
      });
      expect(readFileSync(join(dir, "f"), "utf8")).toBe(after);
    }),
    { numRuns: 60 },
  );
});
