import { decrypts, holds, lacks, type Row } from "../rows.ts";
import { recipients, yamlText } from "../samples.ts";

const change = { EDITOR: "sed -i s/hello/changed/" };
const reject = { EDITOR: "sed -i s/secret:/secret/" };

const one: readonly Row[] = [
  {
    line: "edit sealed.yaml",
    env: change,
    after: decrypts("sealed.yaml", yamlText.replace("hello", "changed")),
  },
  {
    line: "edit sealed.yaml",
    env: { ...change, SOPS_EDITOR: "true" },
    code: 200,
    stderr: /^File has not changed, exiting\.\n$/,
  },
  {
    line: "edit --no-atomic sealed.json",
    env: change,
    after: decrypts("sealed.json", /"changed"/),
  },
  {
    line: "edit sealed.ini",
    env: change,
    after: decrypts("sealed.ini", "[s]\nsecret = changed\n"),
  },
  {
    line: "edit sealed.yaml",
    env: { EDITOR: 'sh -c \'stat -c %a "$0" "${0%/*}"; basename "$0"\'' },
    code: 200,
    stdout: "600\n700\nsealed.yaml\n",
    stderr: /^File has not changed/,
  },
  {
    line: "edit sealed.yaml",
    env: { EDITOR: "false" },
    code: 201,
    stderr: /^Could not run editor: exit status 1\n$/,
  },
  {
    line: "edit sealed.yaml",
    env: { EDITOR: "sh -c 'kill -9 $$'" },
    code: 201,
    stderr: /^Could not run editor: signal: killed\n$/,
  },
  {
    line: "edit sealed.yaml",
    env: { EDITOR: "no-such-editor" },
    code: 201,
    stderr: /^Could not run editor: /,
  },
  {
    line: "edit sealed.yaml",
    env: { EDITOR: "'unclosed" },
    code: 201,
    stderr: /^Could not run editor: invalid \$EDITOR/,
  },
  {
    line: "edit sealed.yaml",
    env: { EDITOR: "sh -c 'echo x: 1 >> \"$0\"; false'" },
    code: 201,
    stderr: /^Could not run editor: exit status 1\nWhat you typed is kept, encrypted, in .*\n$/,
    after: decrypts("sealed.yaml.rescue", `${yamlText}x: 1\n`),
  },
  {
    line: "edit sealed.yaml",
    env: reject,
    code: 1,
    stderr:
      /^Could not load tree, probably due to invalid syntax\. Press enter to return to the editor, or Ctrl\+C to exit\.\n.*\n[^]*kept, encrypted, in/,
    after: decrypts("sealed.yaml.rescue", yamlText.replace("secret:", "secret")),
  },
  {
    line: "edit sealed.yaml",
    stdin: "\n",
    // The second round finds what the first one left.
    env: {
      EDITOR:
        'sh -c \'if grep -q ^secret: "$0"; then sed -i s/^secret:/secret/ "$0"; else sed -i "s/^secret /secret: new-/" "$0"; fi\'',
    },
    stderr: /^Could not load tree.*\n/,
    after: decrypts("sealed.yaml", yamlText.replace("hello", "new-hello")),
  },
  {
    line: "edit sealed.yaml",
    env: { EDITOR: "sh -c 'echo sops: 1 >> \"$0\"'" },
    code: 1,
    stderr: /^Tree not valid for encryption\. Press enter/,
    after: decrypts("sealed.yaml.rescue", `${yamlText}sops: 1\n`),
  },
  {
    line: "edit sealed.yaml",
    env: { EDITOR: "sh -c 'echo 1: 1 >> \"$0\"'" },
    code: 1,
    stderr: /^Tree not valid for encryption\. Press enter/,
    after: decrypts("sealed.yaml.rescue", `${yamlText}1: 1\n`),
  },
  { line: "edit plain.yaml", env: change, code: 1, stderr: /^sops metadata not found/ },
  { line: "edit", code: 100, stderr: /^Error: no file specified\n/ },
  {
    line: "edit sealed.yaml",
    env: { SOPS_AGE_KEY: "" },
    code: 128,
    stderr: /^Failed to get the data key/,
  },
  { line: "edit --decryption-order age,age sealed.yaml", code: 112, stderr: /^Duplicate/ },
  {
    line: "edit sealed.yaml x",
    env: { EDITOR: "true" },
    code: 200,
    stderr: /^WARN: More than one/,
  },
  {
    line: "edit --age B sealed.yaml",
    env: change,
    after: lacks("sealed.yaml", new RegExp(recipients.B)),
  },
];

const two: readonly Row[] = [
  {
    line: "edit --age A new.yaml",
    env: { EDITOR: "sed -i s/Welcome/Hi/" },
    after: decrypts(
      "new.yaml",
      /^hello: Hi to SOPS! Edit this file as you please!\nexample_key: example_value\n# Example comment\n/,
    ),
  },
  {
    line: "edit --age A new.json",
    env: { EDITOR: "sed -i s/Welcome/Hi/" },
    after: decrypts("new.json", /"hello": "Hi to/),
  },
  {
    line: "edit --age A new.env",
    env: { EDITOR: "sed -i s/Welcome/Hi/" },
    after: decrypts("new.env", /\nhello=Hi to/),
  },
  {
    line: "edit --age A new.ini",
    env: { EDITOR: "sed -i s/Edit/Hi/" },
    after: decrypts("new.ini", /Hi this file/),
  },
  {
    line: "edit --age A new.bin",
    env: { EDITOR: "sed -i s/Welcome/Hi/" },
    after: decrypts("new.bin", "Hi to SOPS! Edit this file as you please!"),
  },
  {
    line: "edit --age A --encrypted-regex ^hello --shamir-secret-sharing-threshold 1 new.yaml",
    env: { EDITOR: "sed -i s/Welcome/Hi/" },
    after: holds("new.yaml", /^hello: ENC.*\nexample_key: example_value\n[^]*shamir_threshold: 1/),
  },
  {
    line: "--mac-only-encrypted edit --age A new.yaml",
    env: { EDITOR: "sed -i s/Welcome/Hi/" },
    after: holds("new.yaml", /mac_only_encrypted: true/),
  },
  {
    line: "edit --age A new.yaml",
    env: { EDITOR: "true" },
    code: 200,
    stderr: /^File has not changed/,
  },
  {
    line: "edit new.yaml",
    env: { EDITOR: "true" },
    code: 1,
    stderr: /no keys provided through command line options\n/,
  },
  {
    line: "edit --age A --encrypted-regex '(' new.yaml",
    env: { EDITOR: "true" },
    code: 1,
    stderr: /error parsing regexp/,
  },
  {
    line: "edit --kms arn:x new.yaml",
    env: { EDITOR: "true" },
    code: 128,
    stderr: /^Error encrypting the data key with one or more master keys: \[/,
  },
  {
    line: "edit --age A --enable-local-keyservice=false new.yaml",
    env: { EDITOR: "true" },
    code: 128,
    stderr: /^Error encrypting the data key with one or more master keys: \[/,
  },
];

export const rows: readonly Row[] = [...one, ...two];
