import { expect } from "vitest";
import { decrypts, holds, type Row } from "../rows.ts";
import { identities, recipients, sealed } from "../samples.ts";

export const { A, B } = recipients;
const rule = (...keys: string[]) => `creation_rules:\n  - age: ${keys.join(",")}\n`;
export const toBoth = { ".sops.yaml": rule(A, B) };
const toA = { ".sops.yaml": rule(A) };
const heading = "The following changes will be made to the file's groups:\n";
const difference = `${heading}Group 1\n    ${A}\n+++ ${B}\n`;
const changesOf = (file: string) =>
  difference.replace(
    "The following changes will be made",
    `${file}: the following changes would be made`,
  );
const shown = (...lines: string[]) => new RegExp(`^${lines.join("\n")}\n$`);
const syncing = String.raw`Syncing keys for file /\S+/sealed.yaml`;

export const rows: readonly Row[] = [
  // One file.
  {
    line: "updatekeys -y sealed.yaml",
    files: toBoth,
    stdout: difference,
    stderr: shown(syncing, String.raw`File /\S+/sealed.yaml synced with new keys`),
    after: decrypts("sealed.yaml", /secret: hello/, "B"),
  },
  {
    line: "updatekeys sealed.yaml",
    files: toBoth,
    stdin: "y\n",
    stdout: `${difference}Is this okay? (y/n):`,
    stderr: shown(syncing, String.raw`File /\S+/sealed.yaml synced with new keys`),
    after: decrypts("sealed.yaml", /secret: hello/, "B"),
  },
  {
    line: "updatekeys sealed.yaml",
    files: toBoth,
    stdin: "maybe\nn\n",
    stdout: `${difference}Is this okay? (y/n):Is this okay? (y/n):`,
    stderr: shown(syncing, String.raw`File /\S+/sealed.yaml left unchanged`),
  },
  {
    line: "updatekeys sealed.yaml",
    files: toBoth,
    code: 1,
    stdout: `${difference}Is this okay? (y/n):`,
    stderr: /\nEOF: stdin has no answer to "Is this okay\? \(y\/n\):"\n/,
  },
  {
    line: "updatekeys sealed.yaml",
    files: toA,
    stderr: shown(syncing, String.raw`File /\S+/sealed.yaml already up to date`),
  },
  {
    line: "updatekeys --yes --input-type yaml note.txt",
    files: { ...toBoth, "note.txt": sealed["sealed.yaml"] ?? "" },
    stdout: difference,
    stderr: /synced with new keys/,
    after: holds("note.txt", /recipient: age1.*recipient: age1/s),
  },
  // Values, MAC and time stay as they are.
  {
    line: "updatekeys -y sealed.yaml",
    files: { ".sops.yaml": rule(B) },
    stdout: `${heading}Group 1\n+++ ${B}\n--- ${A}\n`,
    stderr: /synced with new keys/,
    after: (box) => {
      const values = (text: string) => text.replace(/^ {4}age:\n(?: {8}.*\n)+/m, "");
      expect(values(box.read("sealed.yaml"))).toBe(values(sealed["sealed.yaml"] ?? ""));
    },
  },
  // Thresholds.
  {
    line: "updatekeys -y sealed.yaml",
    files: {
      ".sops.yaml": `creation_rules:\n  - shamir_threshold: 7\n    key_groups:\n      - age: [${A}]\n      - age: [${B}]\n`,
    },
    stdout: `${heading}+++ shamir_threshold: 2\nGroup 1\n    ${A}\nGroup 2\n+++ ${B}\n`,
    stderr: /synced with new keys/,
    after: holds("sealed.yaml", /^ {4}shamir_threshold: 2$/m),
  },
  // Nothing is written.
  {
    line: "updatekeys --dry-run sealed.yaml",
    files: toBoth,
    stdout: difference,
    stderr: shown(syncing),
  },
  {
    line: "updatekeys --check sealed.yaml",
    files: toBoth,
    code: 10,
    stdout: difference,
    stderr: shown(
      syncing,
      String.raw`sealed.yaml: the master keys do not match \.sops\.yaml`,
      "Run `sopsmith updatekeys` with the file.",
    ),
  },
  { line: "updatekeys --check sealed.yaml", files: toA, stderr: /already up to date/ },
  {
    line: "updatekeys --check sealed.yaml",
    files: toA,
    env: { SOPS_AGE_KEY: "" },
    stderr: /already up to date/,
  },
  // Several files.
  {
    line: "updatekeys sealed.yaml sealed.json",
    files: toBoth,
    stdin: "n\ny\n",
    stdout: `${difference}Is this okay? (y/n):${difference}Is this okay? (y/n):`,
    stderr: /1 of 2 files updated, 1 unchanged\n$/,
    after: async (box) => {
      expect(box.read("sealed.yaml")).toBe(sealed["sealed.yaml"]);
      await decrypts("sealed.json", /hello/, "B")(box);
    },
  },
  {
    line: "updatekeys -y --recursive .",
    files: toBoth,
    stdout: difference.repeat(5),
    stderr: /5 files updated\n$/,
    after: decrypts("sealed.ini", /hello/, "B"),
  },
  {
    line: "updatekeys -y none.yaml sealed.yaml",
    files: toBoth,
    code: 1,
    stdout: difference,
    stderr:
      /ERROR: stat \S+\/none.yaml: no such file or directory\n[^]*1 of 2 files updated, 1 failed\n$/,
    after: decrypts("sealed.yaml", /hello/, "B"),
  },
  {
    line: "updatekeys -y --all-or-nothing none.yaml sealed.yaml",
    files: toBoth,
    code: 1,
    stdout: difference,
    stderr: /1 of 2 files failed; none was updated/,
  },
  {
    line: "updatekeys --check sealed.yaml sealed.json",
    files: toBoth,
    code: 10,
    stdout: ["sealed.yaml", "sealed.json"].map(changesOf).join(""),
    stderr: /^ERROR: sealed.yaml: the master keys[^]*ERROR: sealed.json: the master keys/,
  },
  {
    line: "updatekeys --check sealed.yaml sealed.json",
    files: toA,
    stderr: /^2 files up to date\n$/,
  },
  {
    line: "updatekeys --check --recursive .",
    files: {
      ".sops.yaml": `creation_rules:\n  - path_regex: json$\n    age: ${A},${B}\n  - age: ${A}\n`,
    },
    code: 10,
    stdout: changesOf("sealed.json"),
    stderr:
      /^ERROR: sealed.json: the master keys do not match \.sops\.yaml\nRun `sopsmith updatekeys` with the file\.\n4 of 5 files up to date, 1 failed\n$/,
  },
  // What the values decide about is compared, too.
  {
    line: "updatekeys --check sealed.yaml",
    files: {
      ".sops.yaml": `${rule(A)}    encrypted_regex: ^secret$\n    mac_only_encrypted: true\n`,
    },
    code: 10,
    stderr: shown(
      syncing,
      String.raw`sealed.yaml: selection is unencrypted_suffix _unencrypted, but should be encrypted_regex \^secret\$; mac_only_encrypted is false, but should be true`,
      "To change what is encrypted or what the MAC covers, decrypt the file and encrypt it again.",
    ),
  },
  {
    line: "updatekeys --check sealed.bin",
    files: { ".sops.yaml": `${rule(A)}    encrypted_regex: ^secret$\n` },
    stderr: /already up to date/,
  },
  {
    line: "updatekeys -y sealed.yaml",
    files: { ".sops.yaml": `${rule(A)}    encrypted_regex: ^secret$\n` },
    stderr: /already up to date/,
  },
  {
    line: "updatekeys --dry-run sealed.yaml sealed.json",
    files: toBoth,
    stdout: difference.repeat(2),
    stderr: /\n2 files checked\n$/,
  },
  // A warning about the configuration is given once.
  {
    line: "updatekeys --check sealed.yaml",
    files: { ".sops.yaml": `${rule(A)}    colour: blue\n` },
    stderr: shown(
      String.raw`WARN: \S+ line 3: unknown field "colour" [^\n]*`,
      syncing,
      String.raw`File /\S+/sealed.yaml already up to date`,
    ),
  },
  // JSON.
  {
    line: "updatekeys --json --check sealed.yaml",
    files: toBoth,
    code: 10,
    stdout: `${JSON.stringify({
      file: "sealed.yaml",
      inStep: false,
      changed: false,
      threshold: { before: 0, after: 0 },
      groups: [{ kept: [A], added: [B], removed: [] }],
      settings: [],
      rotationDue: [],
    })}\n`,
    stderr: /^\{"code":"out-of-step","exitCode":10,.*"file":"sealed.yaml".*\}\n$/,
  },
  {
    line: "updatekeys --json -y sealed.yaml",
    files: toBoth,
    stdout: /^\{"file":"sealed.yaml","inStep":true,"changed":true,.*\}\n$/,
    after: decrypts("sealed.yaml", /hello/, "B"),
  },
  {
    line: "updatekeys --json sealed.yaml",
    files: toBoth,
    code: 8,
    stderr: /"message":"Error: cannot ask questions with --json"/,
  },
  // Refusals.
  {
    line: "updatekeys sealed.yaml",
    code: 1,
    stderr: /^config file not found\nWrite a \.sops\.yaml/,
  },
  { line: "updatekeys", code: 1, stderr: /^config file not found/ },
  { line: "updatekeys", files: toBoth, code: 100, stderr: /^Error: no file specified\n/ },
  {
    line: "updatekeys .",
    files: toBoth,
    code: 1,
    stderr:
      /^can't operate on a directory: \/.*\nUse --recursive to update the encrypted files in it\.\n$/,
  },
  {
    line: "updatekeys plain.yaml",
    files: toBoth,
    code: 1,
    stderr: /\nsops metadata not found \(plain\.yaml\)/,
  },
  {
    line: "updatekeys sealed.yaml",
    files: { ".sops.yaml": "stores: {}\n" },
    code: 1,
    stderr: /\nThe config file \.sops\.yaml does not contain any creation rule\n/,
  },
  {
    line: "updatekeys sealed.yaml",
    files: { ".sops.yaml": "creation_rules:\n  - path_regex: other\n    age: x\n" },
    code: 1,
    stderr: /\nerror loading config: no matching creation rules found\n/,
  },
  {
    line: "updatekeys -y sealed.yaml",
    files: toBoth,
    env: { SOPS_AGE_KEY: identities.B },
    code: 128,
    stdout: difference,
    stderr: /\nFailed to get the data key required to decrypt the SOPS file\.\n/,
  },
  {
    line: "updatekeys -y --enable-local-keyservice=false sealed.yaml",
    files: toBoth,
    code: 128,
    stdout: difference,
    stderr: /no key service was asked/,
  },
  {
    line: "updatekeys -y sealed.yaml",
    files: { ".sops.yaml": `creation_rules:\n  - age: ${A}\n    pgp: "${"0".repeat(40)}"\n` },
    env: { SOPS_GPG_EXEC: "/no/gpg" },
    code: 1,
    stdout: /^The following changes/,
    stderr:
      /\nerror updating one or more master keys: \[failed to encrypt new data key with master key "0{40}": .*\/no\/gpg, which SOPS_GPG_EXEC names, was not found; .*\] \(sealed\.yaml\)\n$/,
  },
  {
    line: "updatekeys --shamir-secret-sharing-threshold 2 x",
    code: 1,
    stderr: /flag provided but not defined/,
  },
];
