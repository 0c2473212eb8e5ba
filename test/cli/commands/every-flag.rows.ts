import { expect } from "vitest";
import { decrypts, holds, type Row } from "../rows.ts";
import { recipients, sealed, yamlText } from "../samples.ts";

/**
 * Flags with their smallest effect, for commands whose other tests use them less often: keys of each type as far as they go
 * without their service (test/keys has the services), and options that several commands share.
 */

/** A key of each type that is malformed, and what is said about it; in `flags` where the wrapping finds out. */
const malformed: Readonly<Record<string, { key: string; says: RegExp; isLate: boolean }>> = {
  kms: { key: "bad", says: /no valid ARN found/, isLate: true },
  k: { key: "bad", says: /no valid ARN found/, isLate: true },
  "gcp-kms": { key: "bad", says: /no valid resource ID found/, isLate: true },
  hckms: { key: "bad", says: /^invalid key ID format/, isLate: false },
  "azure-kv": { key: "bad", says: /^could not parse an Azure Key Vault key/, isLate: false },
  "hc-vault-transit": { key: "bad", says: /^missing scheme in Vault URL/, isLate: false },
  pgp: { key: "0000", says: /"0000" is not a fingerprint/, isLate: true },
  p: { key: "0000", says: /"0000" is not a fingerprint/, isLate: true },
  age: { key: "bad", says: /^failed to parse input, unknown recipient type/, isLate: false },
  a: { key: "bad", says: /^failed to parse input, unknown recipient type/, isLate: false },
};
const { kms, "gcp-kms": gcp, hckms, "azure-kv": azure, "hc-vault-transit": vault } = malformed;

const refused = (line: string, how = kms, late = 1): Row => ({
  line,
  code: how?.isLate === true ? late : 1,
  stderr: how?.says ?? /^$/,
});

const dead = "--keyservice unix:///none.sock";
const none = { code: 128, stderr: /^Failed to get the data key/ };
const groupNone = { code: 1, stderr: /^Error getting data key: 1 successful groups required/ };
const noContext = { code: 6, stderr: /^Invalid KMS encryption context format/ };
const arn = "arn:aws:kms:eu-west-1:123456789012:key/1";
const newFile = { EDITOR: "sed -i s/Welcome/Hi/" };
const inTwo = `creation_rules:\n  - age: ${recipients.A},${recipients.B}\n`;

/** One rule asks no key, and one needs the data key. */
const unsent = {
  files: {
    ".sops.yaml": `destination_rules:
  - {path_regex: yaml$, s3_bucket: bucket}
  - {path_regex: json$, vault_path: a/, vault_address: "http://127.0.0.1:9"}
`,
  },
  stdin: "n\n",
  code: 1,
  stderr: /^Publication of \/.*\/sealed\.yaml canceled\n$/,
};

const tampered = {
  "tampered.yaml": (sealed["sealed.yaml"] ?? "").replace(/ *- ENC\[[^\n]*\n/, ""),
};

export const rows: readonly Row[] = [
  // encrypt
  refused("encrypt --kms bad plain.yaml"),
  refused("encrypt -k bad plain.yaml"),
  refused("encrypt --gcp-kms bad plain.yaml", gcp),
  refused("encrypt --hckms bad plain.yaml", hckms),
  refused("encrypt --azure-kv bad plain.yaml", azure),
  refused("encrypt --hc-vault-transit bad plain.yaml", vault),
  refused("encrypt -p 0000 plain.yaml", malformed["p"]),
  refused("encrypt --pgp 0000 plain.yaml", malformed["pgp"]),
  { ...refused("encrypt --kms bad --aws-profile team plain.yaml"), stderr: /"bad\|\|team"/ },
  { line: `encrypt --kms ${arn} --encryption-context a plain.yaml`, ...noContext },
  {
    line: "encrypt -i --all-or-nothing --age A plain.yaml empty.yaml",
    code: 92,
    stderr: /empty\.yaml/,
  },
  { line: `encrypt ${dead} --age A plain.yaml`, stdout: /\na: ENC/ },
  { line: `decrypt ${dead} sealed.yaml`, stdout: yamlText },
  {
    line: "decrypt --enable-local-keyservice=false sealed.yaml",
    env: { SOPS_KEYSERVICE: "unix:///one.sock, unix:///two.sock" },
    ...none,
    stderr: /one\.sock[^]*two\.sock/,
  },
  {
    line: "encrypt --age A number-key.yaml",
    files: { "number-key.yaml": "1: a\n" },
    code: 23,
    stderr: /^Error encrypting tree: .*non-string key.*number-key\.yaml/,
  },
  // Each key variable is the default of its flag.
  { ...refused("encrypt plain.yaml"), env: { SOPS_KMS_ARN: "bad" } },
  { ...refused("encrypt plain.yaml", gcp), env: { SOPS_GCP_KMS_IDS: "bad" } },
  { ...refused("encrypt plain.yaml", hckms), env: { SOPS_HUAWEICLOUD_KMS_IDS: "bad" } },
  { ...refused("encrypt plain.yaml", azure), env: { SOPS_AZURE_KEYVAULT_URLS: "bad" } },
  { ...refused("encrypt plain.yaml", vault), env: { SOPS_VAULT_URIS: "bad" } },
  { ...refused("encrypt plain.yaml", malformed["pgp"]), env: { SOPS_PGP_FP: "0000" } },
  // edit
  refused("edit --kms bad new.yaml", kms, 128),
  refused("edit -k bad new.yaml", kms, 128),
  refused("edit --gcp-kms bad new.yaml", gcp, 128),
  refused("edit --hckms bad new.yaml", hckms),
  refused("edit --azure-kv bad new.yaml", azure),
  refused("edit --hc-vault-transit bad new.yaml", vault),
  refused("edit --pgp 0000 new.yaml", malformed["pgp"], 128),
  refused("edit -p 0000 new.yaml", malformed["p"], 128),
  refused("edit -a bad new.yaml", malformed["a"]),
  {
    ...refused("edit --kms bad --aws-profile team new.yaml", kms, 128),
    stderr: /"bad\|\|team"/,
  },
  { line: `edit --kms ${arn} --encryption-context a new.yaml`, ...noContext },
  {
    line: "edit --input-type yaml --output-type yaml --age A new.txt",
    env: newFile,
    after: holds("new.txt", /^hello: ENC\[/),
  },
  {
    line: "edit --age A --unencrypted-suffix key new.yaml",
    env: newFile,
    after: holds("new.yaml", /\nexample_key: example_value\n/),
  },
  {
    line: "edit --age A --encrypted-suffix key new.yaml",
    env: newFile,
    after: holds("new.yaml", /^hello: Hi[^]*\nexample_key: ENC/),
  },
  {
    line: "edit --age A --unencrypted-regex ^hel new.yaml",
    env: newFile,
    after: holds("new.yaml", /^hello: Hi[^]*\nexample_key: ENC/),
  },
  {
    line: "edit --age A --encrypted-regex ^hel new.yaml",
    env: newFile,
    after: holds("new.yaml", /^hello: ENC[^]*\nexample_key: example_value\n/),
  },
  {
    line: "edit --age A --unencrypted-comment-regex nothing new.yaml",
    env: newFile,
    after: holds("new.yaml", /unencrypted_comment_regex: nothing\n/),
  },
  {
    line: "edit --age A --encrypted-comment-regex nothing new.yaml",
    env: newFile,
    stderr: /^WARN: new\.yaml: no value was encrypted: /,
    after: holds("new.yaml", /^hello: Hi[^]*encrypted_comment_regex: nothing\n/),
  },
  {
    line: "encrypt --age A --unencrypted-comment-regex top plain.yaml",
    stdout: /^# top\na: 1\nsecret: ENC/,
  },
  {
    line: "encrypt --age A --encrypted-comment-regex top plain.yaml",
    stdout: /\na: ENC[^]*\nsecret: hello\n[^]*encrypted_comment_regex: top/,
  },
  {
    line: "edit --ignore-mac tampered.yaml",
    files: tampered,
    env: { EDITOR: "sed -i s/hello/changed/" },
    after: decrypts("tampered.yaml", /\nsecret: changed\n/),
  },
  {
    line: `edit ${dead} sealed.yaml`,
    env: { EDITOR: "true" },
    code: 200,
    stderr: /^File has not changed/,
  },
  { line: "edit --enable-local-keyservice=false sealed.yaml", ...none },
  // set, unset
  {
    line: `set --all-or-nothing --file empty.yaml sealed.yaml '["secret"]' '"x"'`,
    code: 1,
    stderr: /empty\.yaml/,
  },
  {
    line: `set --output-dir out sealed.yaml '["secret"]' '"x"'`,
    stderr: /^1 file changed\n$/,
    after: (box) => expect(box.read("out/sealed.yaml")).toMatch(/\nsecret: ENC/),
  },
  {
    line: `set ${dead} sealed.yaml '["secret"]' '"x"'`,
    after: decrypts("sealed.yaml", yamlText.replace("hello", "x")),
  },
  {
    line: `set --ignore-mac tampered.yaml '["secret"]' '"x"'`,
    files: tampered,
    after: decrypts("tampered.yaml", /\nsecret: x\n/),
  },
  {
    line: `unset --ignore-mac tampered.yaml '["secret"]'`,
    files: tampered,
    after: decrypts("tampered.yaml", /^# top\na: 1\nl:/),
  },
  {
    line: `unset --input-type yaml --output-type json sealed.yaml '["secret"]'`,
    after: holds("sealed.yaml", /^\{\n/),
  },
  {
    line: `unset --shamir-secret-sharing-threshold 5 --decryption-order pgp,age ${dead} sealed.yaml '["secret"]'`,
    after: decrypts("sealed.yaml", yamlText.replace("secret: hello\n", "")),
  },
  { line: `unset --enable-local-keyservice=false sealed.yaml '["secret"]'`, ...none },
  // rotate
  refused("rotate --add-kms bad sealed.yaml"),
  refused("rotate --add-gcp-kms bad sealed.yaml", gcp),
  refused("rotate --add-hckms bad sealed.yaml", hckms),
  refused("rotate --add-azure-kv bad sealed.yaml", azure),
  refused("rotate --add-hc-vault-transit bad sealed.yaml", vault),
  refused("rotate --add-pgp 0000 sealed.yaml", malformed["pgp"]),
  refused("rotate --rm-hckms bad sealed.yaml", hckms),
  refused("rotate --rm-azure-kv bad sealed.yaml", azure),
  refused("rotate --rm-hc-vault-transit bad sealed.yaml", vault),
  { line: "rotate --rm-gcp-kms projects/p sealed.yaml", stdout: /ENC/ },
  { line: "rotate --rm-pgp 0000 sealed.yaml", stdout: /ENC/ },
  { line: `rotate --add-kms ${arn} --encryption-context a sealed.yaml`, ...noContext },
  { line: `rotate --in-place ${dead} sealed.yaml`, after: decrypts("sealed.yaml", yamlText) },
  { line: "rotate --enable-local-keyservice=false sealed.yaml", ...none },
  // updatekeys
  {
    line: "updatekeys --yes --output-dir out sealed.yaml",
    files: { ".sops.yaml": inTwo },
    stdout: /^The following changes/,
    stderr: /^Syncing keys/,
    after: (box) => expect(box.read("out/sealed.yaml")).toContain(recipients.B),
  },
  {
    line: `updatekeys --yes --no-atomic ${dead} sealed.yaml`,
    files: { ".sops.yaml": inTwo },
    stdout: /^The following changes/,
    stderr: /^Syncing keys/,
    after: decrypts("sealed.yaml", yamlText, "B"),
  },
  // groups
  refused("groups add -f sealed.yaml --kms bad"),
  refused("groups add -f sealed.yaml --gcp-kms bad", gcp),
  refused("groups add -f sealed.yaml --azure-kv bad", azure),
  refused("groups add -f sealed.yaml --hc-vault-transit bad", vault),
  {
    ...refused("groups add -f sealed.yaml --kms bad --aws-profile team"),
    stderr: /"bad\|\|team"/,
  },
  { line: `groups add -f sealed.yaml --kms ${arn} --encryption-context a`, ...noContext },
  {
    line: `groups add --in-place --no-atomic ${dead} -f sealed.yaml --age A`,
    after: decrypts("sealed.yaml", yamlText),
  },
  {
    line: "groups add --enable-local-keyservice=false -f sealed.yaml --age B",
    ...groupNone,
  },
  // exec
  { line: `exec-env ${dead} sealed.env 'echo $SECRET'`, stdout: "hello\n" },
  { line: `exec-file ${dead} sealed.env 'cat {}'`, stdout: "A=1\nSECRET=hello\n" },
  // publish: what is asked before anything is sent
  {
    line: `publish --omit-extensions --verbose --decryption-order pgp,age ${dead} sealed.yaml`,
    ...unsent,
    stdout: /^uploading \/.*\/sealed\.yaml to s3:\/\/bucket\/sealed \? \(y\/n\): ?$/,
  },
  {
    line: "publish -v sealed.yaml",
    ...unsent,
    stdout: /to s3:\/\/bucket\/sealed\.yaml \? /,
  },
  {
    line: "publish --enable-local-keyservice=false sealed.json",
    ...unsent,
    ...none,
    stdin: "",
  },
  {
    line: "publish --yes --all-or-nothing sealed.env plain.yaml",
    files: unsent.files,
    code: 1,
    stderr: /plain\.yaml/,
  },
  {
    line: "publish -y --recursive none",
    files: unsent.files,
    code: 1,
    stderr: /none/,
  },
  {
    line: "publish --json sealed.yaml",
    files: unsent.files,
    code: 1,
    stderr: /^\{"code":"usage","exitCode":1,"message":"--json cannot ask questions/,
  },
  // keyservice
  {
    line: "keyservice --network unix --address no/where.sock",
    code: 1,
    stderr: /no\/where\.sock/,
  },
  {
    line: "keyservice --net unix --addr no/where.sock --prompt --verbose",
    code: 1,
    stderr: /no\/where\.sock/,
  },
  {
    line: "keyservice --net unix --addr no/where.sock -v",
    code: 1,
    stderr: /no\/where\.sock/,
  },
  // git
  {
    line: `git textconv --decryption-order pgp,age ${dead} sealed.yaml`,
    stdout: yamlText,
  },
  {
    line: "git textconv --enable-local-keyservice=false sealed.yaml",
    stdout: sealed["sealed.yaml"] ?? "",
    stderr: /^WARN: /,
  },
  // the form without a command
  refused("-e --kms bad plain.yaml"),
  refused("-e -k bad plain.yaml"),
  refused("-e --gcp-kms bad plain.yaml", gcp),
  refused("-e --hckms bad plain.yaml", hckms),
  refused("-e --azure-kv bad plain.yaml", azure),
  refused("-e --hc-vault-transit bad plain.yaml", vault),
  refused("-e --pgp 0000 plain.yaml", malformed["pgp"]),
  refused("-e -p 0000 plain.yaml", malformed["p"]),
  refused("-e -a bad plain.yaml", malformed["a"]),
  { ...refused("-e --kms bad --aws-profile team plain.yaml"), stderr: /"bad\|\|team"/ },
  { line: `-e --kms ${arn} --encryption-context a plain.yaml`, ...noContext },
  {
    line: "-e --age A --unencrypted-regex ^sec plain.yaml",
    stdout: /\na: ENC.*\nsecret: hello\n/,
  },
  {
    line: "-e --age A --shamir-secret-sharing-threshold 2 plain.yaml",
    stdout: /shamir_threshold: 2/,
  },
  refused("--rotate --add-kms bad sealed.yaml"),
  refused("-r --add-gcp-kms bad sealed.yaml", gcp),
  refused("-r --add-hckms bad sealed.yaml", hckms),
  refused("-r --add-azure-kv bad sealed.yaml", azure),
  refused("-r --add-hc-vault-transit bad sealed.yaml", vault),
  refused("-r --add-pgp 0000 sealed.yaml", malformed["pgp"]),
  refused("-r --rm-hckms bad sealed.yaml", hckms),
  refused("-r --rm-azure-kv bad sealed.yaml", azure),
  refused("-r --rm-hc-vault-transit bad sealed.yaml", vault),
  {
    line: `-r --rm-kms ${arn} --rm-gcp-kms projects/p --rm-pgp 0000 sealed.yaml`,
    stdout: /\na: ENC/,
  },
];
