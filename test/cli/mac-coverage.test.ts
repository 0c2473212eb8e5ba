import { afterAll, beforeAll, expect, test } from "vitest";
import { alice } from "../keys/fake-host.ts";
import { Sandbox } from "./sandbox.ts";

// SECURITY.md says what the MAC covers. sops is the same: what it accepts has to be accepted.

const plain = `name_unencrypted: prod
other_unencrypted: team
nil: null
empty: ""
enc: secret
two: other
list:
    - a
    - - b
      - c
# comment one
n_unencrypted: 5
`;

let box: Sandbox;
let sealed: string;

beforeAll(async () => {
  box = new Sandbox({ "plain.yaml": plain }, { SOPS_AGE_KEY: alice.identity });
  const { stdout } = await box.run(["encrypt", "--age", alice.recipient, "plain.yaml"]);
  sealed = stdout;
});
afterAll(() => box.remove());

async function decryptChanged(was: RegExp | string, is: string): Promise<number | null> {
  const changed = sealed.replace(was, is);
  expect(changed).not.toBe(sealed);
  const name = `changed-${Math.random()}.yaml`;
  box.write(name, changed);
  return (await box.run(["decrypt", name])).code;
}

test.each<[string, RegExp | string, string]>([
  ["the key of an unencrypted value", "name_unencrypted", "host_unencrypted"],
  [
    "where an unencrypted value ends",
    /prod\nother_unencrypted: team/,
    "pro\nother_unencrypted: dteam",
  ],
  ["the type of an unencrypted value", "n_unencrypted: 5", 'n_unencrypted: "5"'],
  ["a null that is taken out", "nil: null\n", ""],
  ["a null under another key", "nil: null", "nix: null"],
  ["a null that is added", "nil: null", "nil: null\nnew: null"],
  ["an empty string that is taken out", 'empty: ""\n', ""],
  ["an empty string that is added", 'empty: ""', 'empty: ""\nempty2: ""'],
  ["an empty string that becomes null", 'empty: ""', "empty: null"],
  ["nulls and empty strings that trade places", 'nil: null\nempty: ""\n', 'nil: ""\nempty: null\n'],
  ["an empty mapping that is added", /^/, "added: {}\n"],
  ["an empty list that is added", /^/, "added: []\n"],
  ["a comment that is added", /^/, "# not of the author\n"],
  ["a comment that is taken out", /^#ENC.*\n/m, ""],
  ["the nesting of lists", /( {4})- - (ENC.*)\n {6}- (ENC.*)\n/, "$1- $2\n$1- $3\n"],
  ["the version", /version: 3\.13\.\d/, "version: 3.0.0"],
  [
    "the selection, where it means the same",
    "unencrypted_suffix: _unencrypted",
    "unencrypted_regex: _unencrypted$",
  ],
  [
    "the recipients",
    "    lastmodified:",
    `        - recipient: ${alice.recipient}\n          enc: x\n    lastmodified:`,
  ],
  ["a document of nulls that is added", /$/, "---\na: null\n"],
])("the MAC does not cover %s", async (_, was, is) => {
  expect(await decryptChanged(was, is)).toBe(0);
});

test.each<[string, RegExp | string, string, number]>([
  ["an unencrypted value", ": prod", ": prox", 51],
  ["an encrypted value that is taken out", /^enc: .*\n/m, "", 51],
  ["the key of an encrypted value", "\nenc:", "\nend:", 25],
  ["the order of values", /^(enc: .*\n)(two: .*\n)/m, "$2$1", 51],
  ["the order in a list", /- - (ENC.*)\n {6}- (ENC.*)\n/, "- - $2\n      - $1\n", 51],
  ["the time of the last change", 'lastmodified: "20', 'lastmodified: "19', 51],
  [
    "whether it covers encrypted values only",
    "    version:",
    "    mac_only_encrypted: true\n    version:",
    51,
  ],
  ["a document that is added", /$/, "---\na_unencrypted: x\n", 51],
])("the MAC covers %s", async (_, was, is, code) => {
  expect(await decryptChanged(was, is)).toBe(code);
});

test("of several documents, only the first one's block counts", async () => {
  box.write("two.yaml", "a: one\n---\nb: two\n");
  const { stdout } = await box.run(["encrypt", "--age", alice.recipient, "two.yaml"]);
  const at = stdout.lastIndexOf("\nsops:");
  expect(stdout.indexOf("\nsops:")).toBeLessThan(at);
  box.write("later.yaml", stdout.slice(0, at) + stdout.slice(at).replace("mac: ENC", "mac: XXX"));
  expect((await box.run(["decrypt", "later.yaml"])).code).toBe(0);
  box.write("first.yaml", stdout.replace("mac: ENC", "mac: XXX"));
  expect((await box.run(["decrypt", "first.yaml"])).code).toBe(51);
});

test("the values of all documents are covered", async () => {
  box.write("all.yaml", "a: one\n---\nb_unencrypted: two\n");
  const { stdout } = await box.run(["encrypt", "--age", alice.recipient, "all.yaml"]);
  box.write("all.yaml", stdout.replace(": two", ": too"));
  expect((await box.run(["decrypt", "all.yaml"])).code).toBe(51);
});

test("neither the threshold nor the groups are covered", async () => {
  const group = `{age: [${alice.recipient}]}`;
  box.write(
    "groups.config",
    `creation_rules:\n  - shamir_threshold: 2\n    key_groups: [${group}, ${group}, ${group}]\n`,
  );
  const { stdout } = await box.run(["--config", "groups.config", "encrypt", "plain.yaml"]);
  const lowered = stdout.replace("shamir_threshold: 2", "shamir_threshold: 1");
  expect(lowered).not.toBe(stdout);
  box.write("lowered.yaml", lowered);
  expect((await box.run(["decrypt", "lowered.yaml"])).code).toBe(0);
  const added = stdout.replace(
    "    key_groups:\n",
    `    key_groups:\n        - age:\n            - recipient: ${alice.recipient}\n              enc: x\n`,
  );
  expect(added).not.toBe(stdout);
  box.write("added.yaml", added);
  expect((await box.run(["decrypt", "added.yaml"])).code).toBe(0);
});

test("an unencrypted variable can be renamed to one that the loader of programs obeys", async () => {
  box.write("plain.env", "TOKEN=abc\nHELP_unencrypted=./no-such.so\n");
  const { stdout } = await box.run(["encrypt", "--age", alice.recipient, "plain.env"]);
  box.write(
    "preload.env",
    stdout
      .replace("HELP_unencrypted=", "LD_PRELOAD=")
      .replace(/^sops_unencrypted_suffix=.*/m, "sops_unencrypted_regex=^LD_PRELOAD$"),
  );
  const result = await box.run(["exec-env", "preload.env", "--", "env"]);
  expect(result.code).toBe(0);
  expect(result.stdout).toContain("LD_PRELOAD=./no-such.so\n");
});

test("with mac_only_encrypted, unencrypted values are not covered", async () => {
  const { stdout } = await box.run([
    "--mac-only-encrypted",
    "encrypt",
    "--age",
    alice.recipient,
    "plain.yaml",
  ]);
  box.write("only.yaml", stdout.replace(": prod", ": prox"));
  expect(await box.run(["decrypt", "only.yaml"])).toMatchObject({
    code: 0,
    stdout: expect.stringContaining("name_unencrypted: prox") as string,
  });
});
