import { expect, test } from "vitest";
import { alice, bob, repository } from "../../people/repository.ts";

const lines = (text: string): string[] => text.trimEnd().split("\n");

function setUp() {
  const repo = repository({
    ".sops.yaml": `keys:
  - &alice ${alice}
  - &bob ${bob} # phone
creation_rules:
  - path_regex: ^prod/
    encrypted_regex: ^(pass|tok)
    key_groups:
      - age: [*alice]
      - age: [*bob]
  - path_regex: \\.yaml$
    age: *alice
stores:
  yaml:
    indent: 2
`,
  });
  repo.write("prod/app.yaml", "user: u\npass: p\n");
  repo.sops("encrypt", "-i", "prod/app.yaml");
  return repo;
}

test("explains a file that does not exist yet", async () => {
  const { code, stdout, stderr } = await setUp().box.run(["explain", "dev/new.yaml", "a.b"]);
  expect([code, stderr]).toEqual([0, ""]);
  const short = `${alice.slice(0, 8)}…${alice.slice(-4)}`;
  expect(lines(stdout)).toEqual([
    "dev/new.yaml: does not exist yet",
    "",
    '["a"]["b"]: encrypted',
    '  No key of the path ends with "_unencrypted" (unencrypted_suffix).',
    "",
    "Configuration: .sops.yaml, found from the working directory upwards",
    "Matched text: dev/new.yaml (its path relative to the directory of the configuration)",
    "",
    "Creation rules, in order:",
    "  ✗ line 5   ^prod/   does not match",
    '  ✓ line 10  \\.yaml$  matches ".yaml": this rule applies',
    "",
    "Settings that apply:",
    `  keys                alice (${short})  (the creation rule on line 10)`,
    "  unencrypted_suffix  _unencrypted  (default)",
    "  mac_only_encrypted  false  (default)",
    "  format              yaml  (the file's name)",
    "  indent              2  (stores.yaml in .sops.yaml)",
    "  layout              sops  ($SOPSMITH_LAYOUT)",
  ]);
});

test("an encrypted file keeps its settings, and differences from its rule are shown", async () => {
  const repo = setUp();
  repo.write(".sops.yaml", `creation_rules:\n  - age: ${alice}\n`);
  const { stdout } = await repo.box.run(["explain", "--json", "prod/app.yaml", "user"]);
  expect(JSON.parse(stdout)).toMatchObject({
    isEncrypted: true,
    rule: 2,
    path: {
      isEncrypted: "no",
      because: "No key of the path matches ^(pass|tok) (encrypted_regex).",
    },
    settings: expect.arrayContaining([
      {
        name: "keys",
        value: `group 1: ${alice}; group 2: ${bob}`,
        from: "the file itself",
        note: `The creation rule on line 2 says ${alice}; run \`sopsmith updatekeys\` to update the file.`,
      },
      {
        name: "encrypted_regex",
        value: "^(pass|tok)",
        from: "the file itself",
        note: "The creation rule on line 2 says unencrypted_suffix _unencrypted; decrypt the file and encrypt it again to apply that.",
      },
    ]),
  });
});

test("a value that was added by hand is reported", async () => {
  const repo = setUp();
  repo.write(
    "prod/app.yaml",
    repo.box.read("prod/app.yaml").replace(/pass: ENC\[[^\n]*/, "pass: p"),
  );
  const { stdout } = await repo.box.run(["explain", "prod/app.yaml", "pass"]);
  expect(stdout).toContain(
    'The key "pass" matches ^(pass|tok) (encrypted_regex). But in the file it is unencrypted, because it was changed by hand',
  );
});

test("variables that replace the rule's keys are shown, and so is a configuration that is not used", async () => {
  const repo = setUp();
  repo.write("dev/.sops.yaml", "creation_rules: []\n");
  const env = { SOPS_AGE_RECIPIENTS: bob };
  const { stdout } = await repo.box.run(["explain", "dev/new.yaml"], { env });
  expect(stdout).toContain(
    `  keys                ${bob}  ($SOPS_AGE_RECIPIENTS)\n      The variable replaces all keys of the creation rule on line 10`,
  );
  expect(stdout).toContain("  dev/.sops.yaml is nearer to the file but is not used");
});

test("says when no rule matches, and when there is no configuration", async () => {
  const repo = setUp();
  const { code, stdout } = await repo.box.run(["explain", "a.json"]);
  expect(code).toBe(0);
  expect(stdout).toContain("No creation rule matches: `sopsmith encrypt` refuses the file.\n");
  const bare = await repository().box.run(["explain", "a.json"]);
  expect(bare.stdout).toContain("Configuration: none found here or above\n");
});
