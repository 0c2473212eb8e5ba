import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseConfig } from "../../src/config/config.ts";
import { loadRule } from "../../src/config/match.ts";
import { provider } from "../../src/keys/index.ts";
import type { KeyId } from "../../src/people/key-id.ts";
import { patchOf, withKey, withoutKeys, type Edited } from "../../src/people/edit-rules.ts";
import { alice, bob, fakeHost } from "../keys/fake-host.ts";
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

const huawei = "cn-north-4:12345678-1234-1234-1234-123456789012";
const role = "arn:aws:iam::123456789012:role/ops";
const ssh = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";

describe("adds a key of any type so that the rule has exactly that key", () => {
  /** The rule's keys as files store them. */
  async function loaded(text: string): Promise<{ type: string; fields: unknown }[]> {
    const config = await parseConfig(Buffer.from(text), "x", (message) => {
      throw new Error(message);
    });
    const [rule] = config.creationRules ?? [];
    if (rule === undefined) throw new Error("no rule");
    const { keyGroups } = await loadRule(rule, "x", host);
    return keyGroups.flat().map(({ type, fields }) => ({ type, fields }));
  }
  const host = fakeHost();
  const [a, b] = [alice.recipient, bob.recipient];

  const keys: readonly KeyId[] = [
    key(b),
    key(`${ssh} bob's: "box" #1`),
    { type: "pgp", id: "85D77543B3D624B63CEA9E6DBC17301B491B3F21" },
    { type: "pgp", id: "1234567890123456" },
    { type: "pgp", id: "1234567890123E45" },
    { type: "pgp", id: "0x12345678ABCDEF12" },
    { type: "kms", id: arn },
    { type: "kms", id: `${arn}+${role}` },
    { type: "gcp_kms", id: "projects/p/locations/global/keyRings/r/cryptoKeys/k" },
    { type: "hckms", id: huawei },
    { type: "azure_kv", id: "https://v.vault.azure.net/keys/k/0123456789abcdef" },
    { type: "hc_vault", id: "https://vault.example.com:8200/v1/transit/keys/k" },
  ];
  const shapes: readonly (readonly [string, string])[] = [
    ["a rule", `creation_rules:\n  - age:\n      - ${a}\n`],
    ["a text", `creation_rules:\n  - path_regex: ''\n    age: ${a}\n`],
    ["a quoted text", `creation_rules:\n  - path_regex: ''\n    age: '${a}'\n`],
    ["a rule in flow style", `creation_rules: [{age: [${a}]}]\n`],
    ["a group", `creation_rules:\n  - key_groups:\n      - age:\n          - ${a}\n`],
    ["a group in flow style", `creation_rules: [{key_groups: [{age: [${a}]}]}]\n`],
    [
      "a group before the list of keys",
      `creation_rules:\n  - key_groups:\n      - age: [${a}]\nkeys:\n  - &carol ${c}\n`,
    ],
    ["a rule in a file in flow style", `{creation_rules: [{age: [${a}]}]}\n`],
    ["a group in a file in flow style", `{creation_rules: [{key_groups: [{age: [${a}]}]}]}\n`],
  ];
  test.each(shapes)("%s", async (_, text) => {
    for (const one of keys) {
      const edited = await withKey(text, { name: "bob", key: one, rules: new Set([0]), group: 0 });
      const changed = "problem" in edited ? (edited.rewritten ?? "") : edited.text;
      const [own] = await provider(one.type).parse(one.id, host);
      const found = await loaded(changed);
      expect(found.filter(({ fields }) => isDeepStrictEqual(fields, own?.fields))).toHaveLength(1);
      expect(found).toHaveLength(2);
      const again = await withKey(changed, {
        name: "bob",
        key: one,
        rules: new Set([0]),
        group: 0,
      });
      if ("problem" in again) expect(again.rewritten).toBe(changed);
      else expect(await loaded(again.text)).toHaveLength(2);
      const without = await withoutKeys(changed, [one], undefined);
      expect(await keysIn("problem" in without ? (without.rewritten ?? "") : without.text)).toEqual(
        [[[a]]],
      );
    }
  });

  test("with its fields, as the type has them in a group", async () => {
    const written = async (one: KeyId): Promise<string> => {
      const text = `creation_rules: [{key_groups: [{age: [${a}]}]}]\n`;
      const edited = await withKey(text, { name: "x", key: one, rules: new Set([0]), group: 0 });
      return (
        textOf(edited)
          .split("\n")[2]
          ?.slice(text.length - 5) ?? ""
      );
    };
    expect(await written({ type: "hckms", id: huawei })).toBe(", hckms: [{key_id: *x}]}]}]");
    expect(await written({ type: "kms", id: `${arn}+${role}` })).toBe(
      `, kms: [{ arn: ${arn}, role: ${role} }]}]}]`,
    );
    expect(await written({ type: "azure_kv", id: "https://v.vault.azure.net/keys/k" })).toBe(
      ", azure_keyvault: [{ vaultUrl: https://v.vault.azure.net, key: k }]}]}]",
    );
  });

  test("also where another role of the key has a name", async () => {
    const text = `keys:\n  - &ci ${arn}\ncreation_rules:\n  - age: ${a}\n`;
    const added = { type: "kms", id: `${arn}+${role}` } as const;
    const edited = await withKey(text, { name: "ops", key: added, rules: new Set([0]), group: 0 });
    expect(textOf(edited)).toBe(
      `keys:\n  - &ci ${arn}\n  - &ops ${arn}+${role}\ncreation_rules:\n  - age: ${a}\n    kms:\n      - *ops\n`,
    );
  });

  test("as a text where its name comes only later", async () => {
    const text = `creation_rules:\n  - path_regex: x\n    age: [${a}]\n  - age: [&bob ${b}]\n`;
    const edited = await withKey(text, { name: "bob", key: key(b), rules: new Set([0]), group: 0 });
    expect(textOf(edited)).toBe(text.replace(a, `${a}, ${b}`));
  });

  test("not where a merged group has it", async () => {
    const text = `keys:\n  - &bob ${b}\ncreation_rules:\n  - key_groups:\n      - merge:\n          - age: [*bob]\n        age: [${a}]\n`;
    const edited = await withKey(text, { name: "bob", key: key(b), rules: new Set([0]), group: 0 });
    expect(textOf(edited)).toBe(text);
  });

  test("in the text that it shows, too, and in no other rule", async () => {
    const text = `{keys: [&alice ${a}], creation_rules: [{path_regex: x, age: *alice}, {age: *alice}]}\n`;
    const edited = await withKey(text, { name: "bob", key: key(b), rules: new Set([0]), group: 0 });
    expect(await keysIn(("rewritten" in edited && edited.rewritten) || "")).toEqual([
      [[a, b]],
      [[a]],
    ]);
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
