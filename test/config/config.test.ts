import { expect, test } from "vitest";
import { parseConfig, type Config } from "../../src/config/config.ts";
import { ConfigError } from "../../src/errors.ts";

const PREFIX = "error loading config: Could not unmarshal config file: yaml: ";

async function parse(text: string | Uint8Array): Promise<{ config: Config; warnings: string[] }> {
  const warnings: string[] = [];
  const source = typeof text === "string" ? Buffer.from(text) : text;
  const config = await parseConfig(source, ".sops.yaml", (message) => warnings.push(message));
  return { config, warnings };
}

async function failure(text: string | Uint8Array): Promise<string> {
  try {
    await parse(text);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    if (error instanceof ConfigError) return error.message;
  }
  return "accepted";
}

async function firstRule(text: string) {
  const { config } = await parse(text);
  const rule = config.creationRules?.[0];
  if (rule === undefined) throw new Error("no rule");
  return rule;
}

test("an empty file has no settings", async () => {
  for (const text of ["", "# only a comment\n", "---\n", "null\n"]) {
    const { config, warnings } = await parse(text);
    expect(config.creationRules).toBeUndefined();
    expect(config.stores.yaml.indent).toBeUndefined();
    expect(warnings).toEqual([]);
  }
});

test("an absent or null list of rules differs from an empty one", async () => {
  expect((await parse("stores: {}")).config.creationRules).toBeUndefined();
  expect((await parse("creation_rules: ~")).config.creationRules).toBeUndefined();
  expect((await parse("creation_rules: []")).config.creationRules).toEqual([]);
  expect((await parse("creation_rules: [null]")).config.creationRules).toEqual([]);
});

test("reads every field of a creation rule", async () => {
  const rule = await firstRule(
    "creation_rules:\n- path_regex: ^a\n  age: ' x, y ,,'\n  pgp: [a, 'b,c']\n  hckms: [r:k]\n  aws_profile: p\n" +
      "  shamir_threshold: 2\n  encrypted_regex: z\n  mac_only_encrypted: true\n",
  );
  expect(rule).toMatchObject({
    line: 2,
    pathRegex: "^a",
    awsProfile: "p",
    shamirThreshold: 2,
    macOnlyEncrypted: true,
    keyGroups: [],
  });
  expect(rule.selectors.encrypted_regex).toBe("z");
  expect(rule.keys.get("age")).toEqual({ items: ["x", "y"] });
  expect(rule.keys.get("pgp")).toEqual({ items: ["a", "b,c"] });
  expect(rule.keys.get("hckms")).toEqual({ items: ["r:k"] });
  expect(rule.keys.get("kms")).toEqual({ items: [] });
});

test("only the first document counts, even before one that is broken", async () => {
  expect(
    (await parse("stores: {yaml: {indent: 2}}\n---\ncreation_rules: [")).config.stores.yaml.indent,
  ).toBe(2);
  expect((await parse("---\n---\ncreation_rules: foo")).config.creationRules).toBeUndefined();
});

test("follows aliases and merges merge keys; a mapping's own keys win, then the mapping merged first", async () => {
  const rule = await firstRule(
    "a: &a {path_regex: a, encrypted_regex: a}\nb: &b {path_regex: b, aws_profile: b}\n" +
      "creation_rules:\n- <<: [*a, *b]\n  encrypted_regex: own\n",
  );
  expect(rule).toMatchObject({ pathRegex: "a", awsProfile: "b" });
  expect(rule.selectors.encrypted_regex).toBe("own");
});

test("accepts a byte order mark", async () => {
  expect((await firstRule("\ufeffcreation_rules: [{path_regex: x}]")).pathRegex).toBe("x");
});

test("reads scalars as text, as they are written", async () => {
  for (const text of ["5", "1.50", "true", "0x1F", "2020-01-01", "no"]) {
    expect((await firstRule(`creation_rules: [{path_regex: ${text}}]`)).pathRegex).toBe(text);
  }
  expect((await firstRule("creation_rules: [{path_regex: null}]")).pathRegex).toBe("");
  expect((await firstRule("creation_rules: [{path_regex: 'null'}]")).pathRegex).toBe("null");
});

test("reads booleans and integers as go-yaml does", async () => {
  const truths = ["true", "TRUE", "yes", "On", "y", "'yes'", "false", "No", "off", "n", "~"];
  const read: boolean[] = [];
  for (const text of truths) {
    read.push(
      (await firstRule(`creation_rules: [{mac_only_encrypted: ${text}}]`)).macOnlyEncrypted,
    );
  }
  expect(read).toEqual([true, true, true, true, true, true, false, false, false, false, false]);
  const integers: [string, number][] = [
    ["2", 2],
    ["2.5", 2],
    ["-1.5", -1],
    ["0x10", 16],
    ["0b11", 3],
    ["010", 8],
    ["08", 8],
    ["1_0", 10],
  ];
  for (const [text, value] of integers) {
    const rule = await firstRule(`creation_rules: [{shamir_threshold: ${text}}]`);
    expect([text, rule.shamirThreshold]).toEqual([text, value]);
  }
});

const wrongTypes: [text: string, message: string][] = [
  ["foo", "line 1: cannot unmarshal a string where the configuration file must be a mapping"],
  ["- a", "line 1: cannot unmarshal a list where the configuration file must be a mapping"],
  [
    "creation_rules: foo",
    "line 1: cannot unmarshal a string where 'creation_rules' must be a list",
  ],
  ["creation_rules: ''", "line 1: cannot unmarshal a string where 'creation_rules' must be a list"],
  [
    "creation_rules:\n- foo",
    "line 2: cannot unmarshal a string where a creation rule must be a mapping",
  ],
  [
    "creation_rules:\n- age: x\n  path_regex: [a]",
    "line 3: cannot unmarshal a list where 'path_regex' must be a string",
  ],
  [
    "creation_rules:\n- shamir_threshold: '2'",
    "line 2: cannot unmarshal a string where 'shamir_threshold' must be an integer",
  ],
  [
    "creation_rules:\n- shamir_threshold: 1e30",
    "line 2: cannot unmarshal a number where 'shamir_threshold' must be an integer",
  ],
  [
    "creation_rules:\n- mac_only_encrypted: 'true'",
    "line 2: cannot unmarshal a string where 'mac_only_encrypted' must be true or false",
  ],
  [
    "creation_rules:\n- mac_only_encrypted: 1",
    "line 2: cannot unmarshal an integer where 'mac_only_encrypted' must be true or false",
  ],
  [
    "creation_rules:\n- hckms: r:k",
    "line 2: cannot unmarshal a string where 'hckms' must be a list",
  ],
  [
    "creation_rules:\n- key_groups:\n  - age: x",
    "line 3: cannot unmarshal a string where 'age' must be a list",
  ],
  [
    "creation_rules:\n- key_groups:\n  - kms: [x]",
    "line 3: cannot unmarshal a string where an item of 'kms' must be a mapping",
  ],
  [
    "creation_rules:\n- key_groups:\n  - kms: [{context: [x]}]",
    "line 3: cannot unmarshal a list where 'context' must be a mapping",
  ],
  [
    "stores: {json: 5}",
    "line 1: cannot unmarshal an integer where 'stores.json' must be a mapping",
  ],
  [
    "destination_rules:\n- vault_kv_version: x",
    "line 2: cannot unmarshal a string where 'vault_kv_version' must be an integer",
  ],
  ["creation_rules:\n- age: x\n  age: y", 'line 3: mapping key "age" already defined at line 2'],
  ["creation_rules:\n- <<: 5", "line 2: map merge requires map or sequence of maps as the value"],
  ["x: *foo", "line 1: unknown anchor referenced"],
  ["x: &x {a: *x}", "line 1: an anchor's value contains itself"],
];

for (const [text, message] of wrongTypes) {
  test(`refuses ${JSON.stringify(text)} and names the line`, async () => {
    expect(await failure(text)).toBe(`${PREFIX}${message}, in .sops.yaml`);
  });
}

test("refuses text that is not YAML or not UTF-8 without quoting it", async () => {
  expect(await failure("creation_rules:\n- a: hunter2: c")).toMatch(
    /^error loading config: .*yaml: line 2: /u,
  );
  expect(await failure("a: !hunter2!x y")).not.toContain("hunter2");
  expect(await failure('a: "\\qhunter2"')).not.toContain("hunter2");
  expect(await failure("a: 'hunter2\n")).not.toContain("hunter2");
  expect(await failure(Uint8Array.of(0x61, 0x3a, 0x20, 0xff))).toContain(
    "invalid leading UTF-8 octet",
  );
  expect(await failure("a: \u0000")).toContain("control characters are not allowed");
});

test("notes a flat key field of the wrong type for the rule that is selected", async () => {
  const problems: [string, string][] = [
    ["5", "expected string, []string, or nil, got int"],
    ["18446744073709551615", "expected string, []string, or nil, got uint64"],
    ["1.5", "expected string, []string, or nil, got float64"],
    ["true", "expected string, []string, or nil, got bool"],
    ["{a: 1}", "expected string, []string, or nil, got map[string]interface {}"],
    ["[5]", "expected string in list, got int"],
    ["[null]", "expected string in list, got <nil>"],
    ["[[a]]", "expected string in list, got []interface {}"],
  ];
  for (const [text, problem] of problems) {
    const rule = await firstRule(`creation_rules: [{age: ${text}}]`);
    expect(rule.keys.get("age")).toEqual({ problem });
  }
});

test("warns about unknown fields with file and line, and says what was probably meant", async () => {
  const { config, warnings } = await parse(
    [
      "creation_rule: []",
      "creation_rules:",
      "- Age: x",
      "  aeg: x",
      "  path-regex: x",
      "  unencrypted_sufix: x",
      "  hc_vault_uris: x",
      "  foo: x",
      "  key_groups:",
      "  - pgpp: [a]",
      "    aws_profile: x",
      "    kms: [{arn: x, rol: y}]",
      "stores: {yaml: {ident: 2}, toml: {}}",
      "destination_rules: [{s3_bukket: x}]",
    ].join("\n"),
  );
  expect(warnings).toEqual([
    `.sops.yaml line 12: unknown field "rol" in an item of 'kms' is ignored; did you mean "role"?`,
    '.sops.yaml line 10: unknown field "pgpp" in a key group is ignored; did you mean "pgp"?',
    `.sops.yaml line 11: unknown field "aws_profile" in a key group is ignored; it belongs in each item of 'kms'`,
    '.sops.yaml line 3: unknown field "Age" in a creation rule is ignored; did you mean "age"?',
    '.sops.yaml line 4: unknown field "aeg" in a creation rule is ignored; did you mean "age"?',
    '.sops.yaml line 5: unknown field "path-regex" in a creation rule is ignored; did you mean "path_regex"?',
    '.sops.yaml line 6: unknown field "unencrypted_sufix" in a creation rule is ignored; did you mean "unencrypted_suffix"?',
    '.sops.yaml line 7: unknown field "hc_vault_uris" in a creation rule is ignored; did you mean "hc_vault_transit_uri"?',
    '.sops.yaml line 8: unknown field "foo" in a creation rule is ignored',
    `.sops.yaml line 13: unknown field "ident" in 'stores.yaml' is ignored; did you mean "indent"?`,
    `.sops.yaml line 13: unknown field "toml" in 'stores' is ignored`,
    '.sops.yaml line 1: unknown field "creation_rule" in the configuration file is ignored; did you mean "creation_rules"?',
  ]);
  expect(config.destinationRules[0]?.warnings).toEqual([
    '.sops.yaml line 14: unknown field "s3_bukket" in a destination rule is ignored; did you mean "s3_bucket"?',
  ]);
});

test("fields of other commands, and anchors kept at the top, are no typos", async () => {
  const { warnings } = await parse(
    "keys:\n- &me age1x\ncreation_rules: [{age: *me}]\n" +
      "destination_rules: [{path_regex: x, vault_path: y, vault_kv_version: 2, recreation_rule: {pgp: a}, omit_extensions: true}]\n",
  );
  expect(warnings).toEqual([]);
});

test("a duplicate key in a field that nobody reads does not matter, and __proto__ is a name like others", async () => {
  expect((await parse("foo: {a: 1, a: 2}")).warnings).toHaveLength(1);
  expect((await parse("__proto__: 1\nconstructor: 1\ntoString: 1")).warnings).toHaveLength(3);
});

test("reads indentation settings, and tells 0 from none", async () => {
  const { config } = await parse(
    "stores: {yaml: {indent: 2}, json: {indent: 0}, json_binary: ~, dotenv: {}, ini: {}}",
  );
  expect(config.stores).toMatchObject({
    yaml: { indent: 2 },
    json: { indent: 0 },
    json_binary: { indent: undefined },
  });
});

test("reads a layout for each format, and refuses a word that is not a layout", async () => {
  const { config, warnings } = await parse(
    "stores: {yaml: {layout: sops}, json: {indent: 2, layout: keep}, dotenv: {layout: sops}, ini: {}}",
  );
  expect(config.stores).toMatchObject({
    yaml: { layout: "sops" },
    json: { layout: "keep" },
    dotenv: { layout: "sops" },
    ini: { layout: undefined },
  });
  expect(warnings).toEqual([]);
  expect(await failure("stores: {yaml: {layout: mine}}")).toContain("keep or sops");
});

test("refuses aliases that expand without bound", async () => {
  const level = (i: number, content: string): string => `x${i}: &x${i} ${content}`;
  const groups = Array.from({ length: 40 }, (_, i) =>
    level(i, i === 0 ? "{age: [a]}" : `{merge: [*x${i - 1}, *x${i - 1}]}`),
  );
  expect(await failure(`${groups.join("\n")}\ncreation_rules: [{key_groups: [*x39]}]`)).toContain(
    "excessive aliasing",
  );
  const fields = Array.from({ length: 500 }, (_, i) => `k${i}: 1`).join(", ");
  const merges = Array.from({ length: 100 }, (_, i) =>
    level(
      i,
      i === 0
        ? `{${fields}}`
        : `{<<: [${Array<string>(50)
            .fill(`*x${i - 1}`)
            .join(", ")}]}`,
    ),
  );
  expect(await failure(merges.join("\n"))).toContain("excessive aliasing");
});

test("refuses deep nesting without a stack overflow", async () => {
  expect(await failure(`a: ${"[".repeat(100_000)}`)).toContain("yaml: line 1: ");
  expect(await failure(`a: ${"[".repeat(1500)}${"]".repeat(1500)}`)).toContain(
    "exceeded max depth",
  );
});

test("stops listing unknown fields after twenty", async () => {
  const { warnings } = await parse(
    Array.from({ length: 50 }, (_, i) => `unknown${i}: 1`).join("\n"),
  );
  expect(warnings).toHaveLength(21);
  expect(warnings[20]).toBe(".sops.yaml line 21: further unknown fields are not listed");
});
