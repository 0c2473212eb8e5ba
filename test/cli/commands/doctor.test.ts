import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { execFileSync } from "node:child_process";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { programPath } from "../../../src/io/program-path.ts";
import { identities, plain, recipients, sealed } from "../samples.ts";
import { checkRows } from "../rows.ts";
import { Sandbox } from "../sandbox.ts";
import { rows } from "./doctor.rows.ts";

checkRows(rows);

const { A, B } = recipients;
const file = sealed["sealed.yaml"] ?? "";
const keyFile = ".config/sops/age/keys.txt";
const rule = (age: string): string => `creation_rules:\n  - age: ${age}\n`;
const arn = "arn:aws:kms:eu-west-1:123456789012:key/1";

/** A machine, and what the first line of the report must say. */
interface Setup {
  readonly name: string;
  readonly files?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly prepare?: (box: Sandbox) => Promise<void> | void;
  readonly args?: readonly string[];
  readonly first: RegExp;
}

const own = { [keyFile]: `${identities.A}\n` };

const withKey = (type: string, fields: string): string =>
  `a: ENC[AES256_GCM,data:QQ==,iv:AA==,tag:AA==,type:str]\nsops:\n    ${type}:\n        - ${fields}\n          created_at: "2026-01-01T00:00:00Z"\n          enc: x\n    lastmodified: "2026-01-01T00:00:00Z"\n    mac: ENC[AES256_GCM,data:AA==,iv:AA==,tag:AA==,type:str]\n    version: 3.13.3\n`;

/** A directory with the programs that are needed and no others. */
function bareBin(box: Sandbox, names: readonly string[]): string {
  const bin = box.path("bin");
  mkdirSync(bin);
  for (const name of names) {
    const path = programPath(name, process);
    if (path !== undefined) symlinkSync(path, join(bin, name));
  }
  return bin;
}

const broken: readonly Setup[] = [
  { name: "an empty home", first: /`sopsmith init`.*no age key and no \.sops\.yaml/ },
  { name: "no such file", files: own, args: ["nofile.yaml"], first: /nofile\.yaml.*no such file/ },
  {
    name: "a file that is not encrypted",
    files: own,
    args: ["plain.yaml"],
    first: /sopsmith encrypt -i plain\.yaml.*not encrypted/,
  },
  {
    name: "no key",
    args: ["sealed.yaml"],
    first: RegExp(`^To open sealed\\.yaml, set SOPS_AGE_KEY_FILE.*${A}`),
  },
  {
    name: "another key",
    files: { [keyFile]: identities.B },
    args: ["sealed.yaml"],
    first: RegExp(`identity of one of these recipients: ${A}`),
  },
  {
    name: "a key file that is not there",
    env: { SOPS_AGE_KEY_FILE: "/none/keys.txt" },
    args: ["sealed.yaml"],
    first: /SOPS_AGE_KEY_FILE.*(?:could not be used|no such file)/,
  },
  {
    name: "a ~ that no shell has replaced",
    env: { SOPS_AGE_KEY_FILE: "~/keys.txt" },
    args: ["sealed.yaml"],
    first: /SOPS_AGE_KEY_FILE begins with ~.*\$HOME/,
  },
  {
    name: "a recipient for an identity",
    env: { SOPS_AGE_KEY: A },
    args: ["sealed.yaml"],
    first: /SOPS_AGE_KEY holds a recipient/,
  },
  {
    name: "a file name for an identity",
    env: { SOPS_AGE_KEY: "./keys.txt" },
    first: /SOPS_AGE_KEY holds a file name.*SOPS_AGE_KEY_FILE/,
  },
  {
    name: "an empty key file",
    files: { [keyFile]: "# nothing\n" },
    first: /Put your identity.*~\/\.config\/sops\/age\/keys\.txt: it contains none/,
  },
  {
    name: "a misspelled variable",
    files: { "k.txt": identities.A },
    env: { SOPS_AGE_KEYFILE: "k.txt" },
    first: /Rename the variable SOPS_AGE_KEYFILE to SOPS_AGE_KEY_FILE/,
  },
  {
    name: "a key where XDG_CONFIG_HOME does not lead",
    files: own,
    env: { XDG_CONFIG_HOME: "/xdg" },
    args: ["sealed.yaml"],
    first:
      /Set SOPS_AGE_KEY_FILE to ~\/\.config\/sops\/age\/keys\.txt: it holds the identity of age1/,
  },
  {
    name: "a key file that others can read",
    files: own,
    prepare: (box) => chmodSync(box.path(keyFile), 0o644),
    args: ["sealed.yaml"],
    first: /chmod 600 ~\/\.config\/sops\/age\/keys\.txt/,
  },
  {
    name: "a configuration that is no YAML",
    files: { ...own, ".sops.yaml": "creation_rules: [\n" },
    first: /\.sops\.yaml/,
  },
  {
    name: "a configuration of another name",
    files: { ...own, ".sops.yml": rule(A) },
    first: /Rename \.sops\.yml to \.sops\.yaml/,
  },
  {
    name: "a pattern that does not compile",
    files: { ...own, ".sops.yaml": `creation_rules:\n  - path_regex: "("\n    age: ${A}\n` },
    first: /line 2 of \.sops\.yaml: path_regex/,
  },
  {
    name: "a recipient that is none",
    files: { ...own, ".sops.yaml": rule("age1nonsense") },
    first: /line 2 of \.sops\.yaml: this creation rule cannot be used/,
  },
  {
    name: "no rule for the file",
    files: { ...own, ".sops.yaml": `creation_rules:\n  - path_regex: ^prod/\n    age: ${A}\n` },
    args: ["sealed.yaml"],
    first: /path_regex matches sealed\.yaml/,
  },
  {
    name: "an identity in the configuration",
    files: { ...own, ".sops.yaml": `# ${identities.B}\n${rule(A)}` },
    first: /Remove the identity from \.sops\.yaml/,
  },
  {
    name: "another's rules",
    files: { ...own, ".sops.yaml": rule(B) },
    first: RegExp(`add your recipient ${A} with .sopsmith grant`),
  },
  {
    name: "keys that are not the rule's",
    files: { ...own, ".sops.yaml": rule(`${A},${B}`) },
    args: ["sealed.yaml"],
    first: /sopsmith updatekeys sealed\.yaml/,
  },
  {
    name: "a value that was changed",
    files: {
      ...own,
      "t.yaml": file.replace(
        /(secret: ENC\[AES256_GCM,data:)(.)/,
        (_, a: string, b: string) => a + (b === "A" ? "B" : "A"),
      ),
    },
    args: ["t.yaml"],
    first: /Restore t\.yaml.*\["secret"\]/,
  },
  {
    name: "a value that was taken out",
    files: { ...own, "t.yaml": file.replace(/^secret: .*\n/m, "") },
    args: ["t.yaml"],
    first: /Restore t\.yaml.*MAC/,
  },
  {
    name: "a merge conflict",
    files: { ...own, "t.yaml": `<<<<<<< ours\n${file}=======\n>>>>>>> theirs\n` },
    args: ["t.yaml"],
    first: /merge conflict on line 1 of t\.yaml/,
  },
  {
    name: "a broken sops block",
    files: { ...own, "t.yaml": file.replace(/lastmodified: .*/, "lastmodified: yesterday") },
    args: ["t.yaml"],
    first: /t\.yaml|lastmodified/,
  },
  {
    name: "a name that says another format",
    files: { ...own, "t.json.txt": file },
    args: ["t.json.txt"],
    first: /--input-type yaml.*binary/,
  },
  {
    name: "a file that lost its MAC",
    files: { ...own, "t.yaml": file.replace(/^ *(?:mac|version): .*\n/gm, "") },
    args: ["t.yaml"],
    first: /Restore t\.yaml.*incomplete `sops` block/,
  },
  {
    name: "an empty file",
    files: { ...own, "t.yaml": "" },
    args: ["t.yaml"],
    first: /Restore t\.yaml.*is empty/,
  },
  { name: "a directory", files: own, args: ["."], first: /Name a file: \. is a directory/ },
  {
    name: "a newer version",
    files: { ...own, "t.yaml": file.replace(/version: 3.*/, "version: 4.0.0") },
    args: ["t.yaml"],
    first: /Update sopsmith.*4\.0\.0/,
  },
  {
    name: "a plugin that is not installed",
    files: {
      ...own,
      ".sops.yaml": rule(
        `${A},age1yubikey1qwt50d05nh5vutpdzmlg5wn80xq5negm4uj9ghv0snvdd3yysf5yw3rhl3t`,
      ),
    },
    first: /Install age-plugin-yubikey/,
  },
  {
    name: "no gpg",
    files: { ...own, "t.yaml": withKey("pgp", "fp: 85D77543B3D624B63CEA9E6DBC17301B491B3F21") },
    prepare: (box) => void bareBin(box, ["vi"]),
    env: { PATH: "bin" },
    args: ["t.yaml"],
    first: /Install GnuPG/,
  },
  {
    name: "no credentials of AWS",
    files: { "t.yaml": withKey("kms", `arn: ${arn}`) },
    args: ["t.yaml"],
    first: /AWS credentials.*AWS_PROFILE/,
  },
  {
    name: "a profile of AWS that is not there",
    files: { "t.yaml": withKey("kms", `arn: ${arn}`) },
    env: { AWS_PROFILE: "team" },
    args: ["t.yaml"],
    first: /AWS_PROFILE.*team/,
  },
  {
    name: "a file of Google's that is not there",
    files: {
      "t.yaml": withKey("gcp_kms", "resource_id: projects/p/locations/l/keyRings/r/cryptoKeys/k"),
    },
    env: { GOOGLE_APPLICATION_CREDENTIALS: "/none.json" },
    args: ["t.yaml"],
    first: /GOOGLE_APPLICATION_CREDENTIALS.*\/none\.json/,
  },
  {
    name: "no token of Vault",
    files: {
      "t.yaml": withKey(
        "hc_vault",
        "vault_address: https://vault.example\n          engine_path: sops\n          key_name: k",
      ),
    },
    args: ["t.yaml"],
    first: /Vault token.*vault login/,
  },
  {
    name: "too few key groups",
    files: {
      ...own,
      ".sops.yaml": `creation_rules:\n  - shamir_threshold: 2\n    key_groups:\n      - age: [${A}]\n      - age: [${B}]\n`,
    },
    prepare: async (box) => void (await box.run(["encrypt", "-i", "plain.yaml"])),
    args: ["plain.yaml"],
    first: /To open plain\.yaml.*1 of 2 key groups open, 2 are needed/,
  },
  {
    name: "an editor that is not installed",
    files: own,
    env: { EDITOR: "no-such-editor" },
    args: ["sealed.yaml"],
    first: /Set EDITOR.*no-such-editor is not found/,
  },
  {
    name: "an editor that does not wait",
    files: own,
    prepare: (box) => symlinkSync("/bin/true", join(bareBin(box, ["git"]), "code")),
    env: { EDITOR: "code", PATH: "bin" },
    args: ["sealed.yaml"],
    first: /Set EDITOR to "code --wait"/,
  },
  {
    name: "a clone without the settings of Git",
    files: { ...own, ".gitattributes": "*.yaml diff=sopsmith merge=sopsmith\n" },
    prepare: (box) => void execFileSync("git", ["init", "-q", box.dir]),
    args: ["sealed.yaml"],
    first: /sopsmith git install/,
  },
];

function sandboxOf({ files = {}, env = {} }: Setup): Sandbox {
  const box = new Sandbox({ ...plain, ...sealed }, { EDITOR: "cat" });
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(box.path(name)), { recursive: true });
    writeFileSync(box.path(name), content, { mode: 0o600 });
  }
  Object.assign(box.env, env, env["PATH"] === undefined ? {} : { PATH: box.path(env["PATH"]) });
  return box;
}

test.each(broken)("names the cause first: $name", async (setup) => {
  const box = sandboxOf(setup);
  try {
    await setup.prepare?.(box);
    const { code, stdout, stderr } = await box.run(["doctor", ...(setup.args ?? [])]);
    const [first = ""] = stdout.split("\n");
    expect(first).toMatch(setup.first);
    expect(code, stdout).toBe(10);
    expect(stderr).toMatch(/^\d+ problems? w(?:as|ere) found\n$/);
    expect(stdout).toContain("\n✗ ");
    for (const secret of [identities.A, identities.B, box.dir])
      expect(stdout).not.toContain(secret);
  } finally {
    box.remove();
  }
});

test("says so when nothing is wrong, and who else could open the file", async () => {
  const box = sandboxOf({
    name: "",
    files: {
      ...own,
      ".sops.yaml": `keys:\n  - &alice ${A}\n  - &bob ${B}\ncreation_rules:\n  - age: ${A},${B}\n`,
    },
    first: /x/,
  });
  try {
    await box.run(["encrypt", "-i", "plain.yaml"]);
    const { code, stdout, stderr } = await box.run(["doctor", "plain.yaml"]);
    expect(stderr).toBe("");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Nothing to do: /);
    expect(stdout).toMatch(/✓ master key +alice \(age1.*: opened with the identity in ~\/\.config/);
    expect(stdout).toMatch(/– master key +bob \(age1.*: its private half is not here/);
    expect(stdout).toMatch(
      /✓ age keys +~\/\.config\/sops\/age\/keys\.txt, mode 0600: 1 identity, age1/,
    );
  } finally {
    box.remove();
  }
});

test("reports in JSON, without secrets and without the home directory", async () => {
  const box = sandboxOf({ name: "", files: { [keyFile]: identities.B }, first: /x/ });
  try {
    const { code, stdout, stderr } = await box.run(["doctor", "--json", "sealed.yaml"]);
    expect(code).toBe(10);
    const report: unknown = JSON.parse(stdout);
    expect(report).toMatchObject({
      well: false,
      todo: expect.stringContaining("SOPS_AGE_KEY_FILE"),
      checks: expect.arrayContaining([
        expect.objectContaining({ name: "file", state: "problem" }),
        expect.objectContaining({ name: "gpg", state: "unused", todo: null }),
      ]),
    });
    expect(JSON.parse(stderr)).toMatchObject({ code: "unwell", exitCode: 10 });
    expect(stdout).not.toContain(box.dir);
    expect(stdout).not.toContain("AGE-SECRET-KEY");
  } finally {
    box.remove();
  }
});

test("tries keys that need the network only when told to", async () => {
  const files = {
    "t.yaml": withKey(
      "hc_vault",
      "vault_address: http://127.0.0.1:9\n          engine_path: sops\n          key_name: k",
    ),
  };
  const box = sandboxOf({ name: "", files, env: { VAULT_TOKEN: "token" }, first: /x/ });
  try {
    const quiet = await box.run(["doctor", "t.yaml"]);
    expect(quiet.stdout).toMatch(/^Run `sopsmith doctor --network t\.yaml` to try /);
    expect(quiet.code).toBe(0);
    const asked = await box.run(["doctor", "--network", "t.yaml"]);
    expect(asked.stdout).toMatch(/^To open t\.yaml, /);
    expect(asked.stdout).toContain("127.0.0.1:9");
    expect(asked.code).toBe(10);
  } finally {
    box.remove();
  }
});
