import { decrypts, holds, type Row } from "../rows.ts";
import { identities, recipients, yamlText } from "../samples.ts";

const change = { EDITOR: "sed -i s/hello/changed/" };
const withRules = {
  ".sops.yaml": `creation_rules:\n  - path_regex: ^plain\n    age: ${recipients.A}\n`,
};

export const rows: readonly Row[] = [
  {
    line: "sealed.yaml",
    env: change,
    after: decrypts("sealed.yaml", yamlText.replace("hello", "changed")),
  },
  { line: "sealed.yaml", env: { EDITOR: "true" }, code: 200, stderr: /^File has not changed/ },
  {
    line: "--age A new.yaml",
    env: { EDITOR: "sed -i s/Welcome/Hi/" },
    after: decrypts("new.yaml", /^hello: Hi/),
  },
  {
    line: "-s sealed.yaml",
    env: { EDITOR: "cat" },
    code: 200,
    stdout: /\nsops:\n/,
    stderr: /^File has not changed/,
  },
  { line: "-e --age A plain.yaml", stdout: /\na: ENC/ },
  { line: "-e -i --age A plain.yaml", after: decrypts("plain.yaml", yamlText) },
  { line: "--encrypt --age A --output o.yaml plain.yaml", after: decrypts("o.yaml", yamlText) },
  {
    line: "--verbose --encrypt --age A --output o.yaml plain.yaml",
    stderr:
      /^\[AGE\]\t time="[^"]+Z" level=info msg="Encryption succeeded" recipient=age1\w+\n\[CMD\]\t time="[^"]+Z" level=info msg="File written successfully" file=o\.yaml\n$/,
    after: decrypts("o.yaml", yamlText),
  },
  {
    line: "--verbose -d sealed.env",
    stdout: /^A=1\n/,
    stderr:
      /^\[AGE\]\t time="[^"]+Z" level=info msg="Decryption succeeded" recipient=age1\w+\n\[SOPS\]\t time="[^"]+Z" level=info msg="Data key recovered successfully"\n$/,
  },
  {
    line: "--verbose decrypt sealed.env",
    env: { SOPS_AGE_KEY: identities.B },
    code: 128,
    stderr:
      /^\[AGE\]\t time="[^"]+Z" level=info msg="Decryption failed" recipient=age1\w+\n(?!.*recovered succ)/s,
  },
  {
    line: "-e --age A --encrypted-comment-regex nothing plain.yaml",
    stdout: /\na: 1\n[^]*encrypted_comment_regex: nothing/,
    stderr: /^WARN: plain\.yaml: no value was encrypted: encrypted_comment_regex nothing/,
  },
  {
    line: "-e --age A --unencrypted-comment-regex top plain.yaml",
    stdout: /^# top\na: 1\nsecret: ENC/,
  },
  {
    line: "-e --age A --mac-only-encrypted --encrypted-suffix t plain.yaml",
    stdout: /mac_only_encrypted: true/,
  },
  {
    line: "-e --age A --encrypted-suffix t --unencrypted-suffix u plain.yaml",
    code: 8,
    stderr: /^Error: cannot use more than one/,
  },
  { line: "-d sealed.yaml", stdout: yamlText },
  { line: "-d -i sealed.yaml", after: holds("sealed.yaml", yamlText) },
  { line: "-d --output-type json sealed.yaml", stdout: /^\{/ },
  { line: "-d --filename-override x.yaml --input-type yaml sealed.yaml", stdout: yamlText },
  { line: `-d --extract '["secret"]' sealed.yaml`, stdout: "hello" },
  { line: "-d --extract x sealed.yaml", code: 91, stderr: /^error parsing --extract path: / },
  {
    line: "-d sealed.yaml --output o",
    stdout: yamlText,
    stderr: /^WARN: More than one .*\nWARN: Note that .*"--output"/,
  },
  {
    line: "-d -i --output o sealed.yaml",
    code: 8,
    stderr: /^Error: cannot operate on both --output and --in-place\n/,
  },
  { line: "-d nofile.yaml", code: 100, stderr: /^Error: cannot operate on non-existent file / },
  { line: "-d --decryption-order age,age sealed.yaml", code: 112, stderr: /^Duplicate/ },
  { line: "-r sealed.yaml", stdout: /\na: ENC/ },
  {
    line: "-r -i --add-age B sealed.yaml",
    after: holds("sealed.yaml", new RegExp(recipients.B)),
  },
  {
    line: "-r -i --rm-age A sealed.yaml",
    code: 1,
    stderr: /^Could not generate data key: \[empty key group provided\]/,
  },
  { line: "-r nofile.yaml", code: 100, stderr: /^Error: cannot operate on non-existent file / },
  {
    line: "-r --add-age B nofile.yaml",
    code: 49,
    stderr:
      /^Error: cannot add or remove keys on non-existent file .*use `--kms` and `--pgp` instead\.\n/,
  },
  {
    line: `--set '["secret"] "x"' sealed.yaml`,
    after: decrypts("sealed.yaml", yamlText.replace("hello", "x")),
  },
  {
    line: `--set '["secret"]   "x"' --no-atomic sealed.yaml`,
    after: decrypts("sealed.yaml", yamlText.replace("hello", "x")),
  },
  { line: `--set '["secret"]"x"' sealed.yaml`, code: 7, stderr: /^Invalid --set format\n/ },
  {
    line: `--set '["secret"] x' sealed.yaml`,
    code: 7,
    stderr: /^Value for --set is not valid JSON\n/,
  },
  { line: `--set 'secret] 1' sealed.yaml`, code: 7, stderr: /^Invalid set index format/ },
  { line: `--set '["a"] 1' nofile.yaml`, code: 2, stderr: /^Error reading file: / },
  {
    line: `-d --set '["secret"] "x"' sealed.yaml`,
    after: decrypts("sealed.yaml", /\nsecret: x\n/),
    stderr:
      /^WARN: More than one command \(--encrypt, --decrypt, --rotate, --set\) has been specified\./,
  },
  {
    line: "-e -d sealed.yaml",
    env: { SOPS_AGE_RECIPIENTS: "@" },
    stdout: yamlText,
    stderr: /^WARN: More than one command/,
  },
  {
    line: "-d -r plain.yaml",
    code: 1,
    stderr: /^WARN: More than one command.*\nsops metadata not found/,
  },
  {
    line: "-r sealed.json",
    files: withRules,
    code: 1,
    stderr: /^error loading config: no matching creation rules found\n/,
  },
  { line: "-d sealed.json", files: withRules, stdout: /"hello"/ },
  { line: "rotate sealed.json", files: withRules, stdout: /ENC/ },
  { line: "-- decrypt sealed.yaml", stdout: yamlText },
  {
    line: "--enable-local-keyservice=false -d sealed.yaml",
    code: 128,
    stderr: /^Failed to get the data key/,
  },
];
