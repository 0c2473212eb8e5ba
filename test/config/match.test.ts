import { expect, test } from "vitest";
import { parseConfig } from "../../src/config/config.ts";
import {
  mergeSelectors,
  ruleSubject,
  selectRule,
  type CreationRule,
} from "../../src/config/match.ts";
import { SopsmithError } from "../../src/errors.ts";
import type { Host } from "../../src/io/host.ts";
import { find } from "../../src/tree/node.ts";

const A = "age1hfs4zv0gm88cph9za4fsv53k33q3wrvzfsmsx3r46wu0txras5ysxe4rsd";
const B = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";

const host = {
  env: {},
  cwd: () => "/repo",
  now: () => new Date(0),
  randomBytes: (length: number) => new Uint8Array(length),
  platform: "linux",
} as Host;

async function select(text: string, file = "a.yaml"): Promise<CreationRule | undefined> {
  const config = await parseConfig(Buffer.from(text), ".sops.yaml", () => {});
  return await selectRule(config, ".sops.yaml", file, host);
}

async function failure(text: string): Promise<{ exitCode: number; message: string }> {
  try {
    await select(text);
  } catch (error) {
    if (error instanceof SopsmithError) return error;
    throw error;
  }
  return { exitCode: 0, message: "accepted" };
}

const names = (rule: CreationRule | undefined): string[][] | undefined =>
  rule?.keyGroups.map((group) => group.map(({ type, id }) => `${type} ${id}`));

test("matches the path below the configuration's directory, else the absolute path", () => {
  const subject = (
    cwd: string,
    configPath: string,
    file: string,
    platform: NodeJS.Platform = "linux",
  ): string => ruleSubject(configPath, file, { cwd: () => cwd, platform });
  expect(subject("/repo", ".sops.yaml", "sub/a.yaml")).toBe("sub/a.yaml");
  expect(subject("/repo/sub/deep", "../../.sops.yaml", "../a.yaml")).toBe("sub/a.yaml");
  expect(subject("/repo", ".sops.yaml", "a.yaml")).toBe("a.yaml");
  expect(subject("/repo", ".sops.yaml", "../x/sub/a.yaml")).toBe("/x/sub/a.yaml");
  expect(subject("/repo", ".sops.yaml", "../repository/a.yaml")).toBe("/repository/a.yaml");
  expect(subject("/", "/repo/.sops.yaml", "/repo//sub/./a.yaml")).toBe("sub/a.yaml");
  expect(subject("/", "/.sops.yaml", "/sub/a.yaml")).toBe("/sub/a.yaml");
  expect(subject("C:\\repo", ".sops.yaml", "sub\\a.yaml", "win32")).toBe("sub\\a.yaml");
  expect(subject("C:\\repo", ".sops.yaml", "D:/x/a.yaml", "win32")).toBe("D:\\x\\a.yaml");
});

test("uses the first rule whose pattern matches anywhere; a rule without one matches everything", async () => {
  const text = `creation_rules:\n- path_regex: ^prod/\n  age: ${A}\n- path_regex: \\.ya?ml$\n  age: ${B}\n- pgp: F\n`;
  expect(names(await select(text, "prod/a.yaml"))).toEqual([[`age ${A}`]]);
  expect(names(await select(text, "x/prod/a.yml"))).toEqual([[`age ${B}`]]);
  expect(names(await select(text, "a.json"))).toEqual([["pgp F"]]);
});

test("a missing list of rules is not an error; a list without a match is", async () => {
  expect(await select("stores: {}")).toBeUndefined();
  for (const text of [
    "creation_rules: []",
    "creation_rules: [null]",
    "creation_rules: [{path_regex: x}]",
  ]) {
    expect(await failure(text)).toMatchObject({
      exitCode: 1,
      message: "error loading config: no matching creation rules found",
    });
  }
  expect(await failure("creation_rules: [{path_regex: x}]")).toMatchObject({
    hint: expect.stringMatching(
      /^No path_regex in .* matches ".*"\. `sopsmith explain FILE` shows why\.$/,
    ),
  });
});

test("compiles a pattern only when it is reached", async () => {
  expect(names(await select(`creation_rules: [{age: ${A}}, {path_regex: '('}]`))).toEqual([
    [`age ${A}`],
  ]);
  expect(
    await failure("creation_rules:\n- path_regex: nothing\n- path_regex: '(?=x)'\n"),
  ).toMatchObject({
    exitCode: 1,
    message:
      "can not compile regexp: error parsing regexp: invalid or unsupported Perl syntax at character 1, in the path_regex of the creation rule on line 3 of .sops.yaml",
  });
});

test("orders the keys of a flat rule by type and keeps duplicates", async () => {
  const rule = await select(
    [
      "creation_rules:",
      "- hc_vault_transit_uri: https://v/v1/transit/keys/k",
      "  azure_keyvault: https://v/keys/k/1",
      "  hckms: ['r:u']",
      "  gcp_kms: projects/p",
      "  kms: arn:aws:kms:r:1:key/k, arn:aws:kms:r:1:key/l+arn:aws:iam::1:role/x",
      "  aws_profile: me",
      "  pgp: [F, 'G,H']",
      `  age: '${B}, ${A}, ${B},'`,
    ].join("\n"),
  );
  expect(names(rule)).toEqual([
    [
      `age ${B}`,
      `age ${A}`,
      `age ${B}`,
      "pgp F",
      "pgp G",
      "pgp H",
      "kms arn:aws:kms:r:1:key/k||me",
      "kms arn:aws:kms:r:1:key/l+arn:aws:iam::1:role/x||me",
      "gcp_kms projects/p",
      "hckms r:u",
      "azure_kv https://v/keys/k/1",
      "hc_vault https://v/v1/transit/keys/k",
    ],
  ]);
  const kms = rule?.keyGroups[0]?.[6];
  expect(kms && find(kms.fields, "aws_profile")?.value).toMatchObject({ value: "me" });
  expect(kms?.fields.items.map((item) => (item.kind === "entry" ? item.key : ""))).toEqual([
    "arn",
    "aws_profile",
    "created_at",
  ]);
});

test("merges key groups depth first, orders by type and drops duplicates within a group", async () => {
  const rule = await select(
    [
      "creation_rules:",
      `- age: ${B}`,
      "  key_groups:",
      `  - age: ['${A},${B}', '', ${A}]`,
      "    pgp: [F, G]",
      "    merge:",
      "    - merge: [{pgp: [G]}]",
      `      age: [${B}]`,
      "    - hckms: [{key_id: 'r:u'}]",
      "  - kms: [{arn: arn:x, role: arn:r, context: {b: 1, a: two}, aws_profile: p}]",
      "    gcp_kms: [{resource_id: g}]",
      "    azure_keyvault: [{vaultUrl: https://v, key: k, version: 7}]",
      "    hc_vault: [https://v/v1/e/keys/k]",
      `    age: [${A}]`,
      "  shamir_threshold: 2",
    ].join("\n"),
  );
  expect(rule?.threshold).toBe(2);
  expect(names(rule)).toEqual([
    ["pgp G", `age ${B}`, "hckms r:u", `age ${A}`, "pgp F"],
    [
      `age ${A}`,
      "kms arn:x+arn:r|a:two,b:1|p",
      "gcp_kms g",
      "azure_kv https://v/keys/k/7",
      "hc_vault https://v/v1/e/keys/k",
    ],
  ]);
});

test("an empty list of groups means the flat fields; an empty group stays", async () => {
  expect(names(await select(`creation_rules: [{age: ${A}, key_groups: []}]`))).toEqual([
    [`age ${A}`],
  ]);
  expect(names(await select(`creation_rules: [{age: ${A}, key_groups: [null]}]`))).toEqual([
    [`age ${A}`],
  ]);
  expect(names(await select(`creation_rules: [{age: ${A}, key_groups: [{}]}]`))).toEqual([[]]);
  expect(names(await select("creation_rules: [{}]"))).toEqual([[]]);
});

test("refuses keys that cannot be parsed with sops's words", async () => {
  const failures: [rule: string, start: string][] = [
    ["age: bad", "failed to parse input, unknown recipient type: "],
    [`age: ['', ${A}]`, 'failed to parse input, unknown recipient type: ""'],
    ["key_groups: [{age: [bad]}]", "failed to parse input, unknown recipient type: "],
    ["hckms: [bad]", "invalid key ID format: expected 'region:key-uuid'"],
    [
      "age: 5",
      "invalid age key configuration: invalid age key configuration: expected string, []string, or nil, got int",
    ],
    [
      "pgp: [5]",
      "invalid pgp key configuration: invalid pgp key configuration: expected string in list, got int",
    ],
    [
      "gcp_kms: [5]",
      "invalid gcpkms key configuration: invalid gcp_kms key configuration: expected string in list, got int",
    ],
    [
      "hc_vault_transit_uri: [5]",
      "invalid vault key configuration: invalid hc_vault_transit_uri key configuration: ",
    ],
    [
      "azure_keyvault: [5]",
      "invalid azure_keyvault key configuration: invalid azure_keyvault key configuration: ",
    ],
  ];
  for (const [rule, start] of failures) {
    const error = await failure(`creation_rules: [{${rule}}]`);
    expect([error.exitCode, error.message.slice(0, start.length)]).toEqual([1, start]);
  }
});

test("reads only the keys of the selected rule", async () => {
  expect(
    names(await select(`creation_rules: [{path_regex: zzz, age: 5}, {age: ${A}}, {age: bad}]`)),
  ).toEqual([[`age ${A}`]]);
});

test("what makes sops crash is an error with exit 2", async () => {
  expect(await failure("creation_rules: [{key_groups: [{hc_vault: ['']}]}]")).toMatchObject({
    exitCode: 2,
  });
  expect(
    await failure("creation_rules: [{key_groups: [{kms: [{arn: x, context: {a: null}}]}]}]"),
  ).toMatchObject({
    exitCode: 2,
    message: "error loading config: a value of 'context' in 'kms' is null",
  });
});

test("refuses a rule with two selection settings, before it reads its keys", async () => {
  expect(
    await failure("creation_rules: [{age: bad, encrypted_regex: a, unencrypted_comment_regex: b}]"),
  ).toMatchObject({
    exitCode: 1,
    message:
      "error loading config: cannot use more than one of encrypted_suffix, unencrypted_suffix, encrypted_regex, unencrypted_regex, encrypted_comment_regex, or unencrypted_comment_regex for the same rule",
  });
});

test("a flag replaces the rule's value of the same setting only, and an empty flag replaces nothing", async () => {
  const rule = await select(
    `creation_rules: [{age: ${A}, unencrypted_suffix: a, mac_only_encrypted: true}]`,
  );
  expect(rule?.macOnlyEncrypted).toBe(true);
  expect(mergeSelectors({}, rule)).toEqual([{ name: "unencrypted_suffix", value: "a" }]);
  expect(mergeSelectors({ unencrypted_suffix: "b" }, rule)).toEqual([
    { name: "unencrypted_suffix", value: "b" },
  ]);
  expect(mergeSelectors({ unencrypted_suffix: "" }, rule)).toEqual([
    { name: "unencrypted_suffix", value: "a" },
  ]);
  expect(mergeSelectors({ encrypted_regex: "b" }, rule)).toHaveLength(2);
  expect(mergeSelectors({}, undefined)).toEqual([]);
});
