import { decrypts, holds, type Row } from "../rows.ts";
import { plain, recipients, sealed, yamlText } from "../samples.ts";

const flatYaml = { "flat.json": `{"a": "b"}` };
export const texts: Readonly<Record<string, string>> = {
  yaml: yamlText,
  json: `{\n\t"a": 1,\n\t"secret": "hello"\n}\n`,
  env: "A=1\nSECRET=hello\n",
  ini: "[s]\nsecret = hello\n",
  bin: plain["plain.bin"].toString("utf8"),
};
export const held = (format: string) => sealed[`sealed.${format}`] ?? "";

const hidden = { "x.enc": held("yaml"), "y.crypt": held("env"), "x.conf": held("ini") };

export const rows: readonly Row[] = [
  {
    line: "x.enc",
    files: hidden,
    env: { EDITOR: "sed -i s/hello/new/" },
    after: decrypts("x.enc", yamlText.replace("hello", "new")),
  },
  {
    line: "edit x.enc",
    files: hidden,
    env: { EDITOR: "sed -i s/hello/new/" },
    after: decrypts("x.enc", yamlText.replace("hello", "new")),
  },
  { line: "-d y.crypt", files: hidden, stdout: texts["env"] ?? "" },
  {
    line: `set x.enc '["secret"]' '"new"'`,
    files: hidden,
    after: decrypts("x.enc", yamlText.replace("hello", "new")),
  },
  { line: `unset x.conf '["s"]["secret"]'`, files: hidden, after: decrypts("x.conf", "[s]\n") },
  { line: "rotate -i x.conf", files: hidden, after: decrypts("x.conf", texts["ini"] ?? "") },
  { line: `groups add -i -f x.enc --age B`, files: hidden, after: holds("x.enc", /\nsops:\n/) },
  {
    line: "updatekeys -y x.enc",
    files: { ...hidden, ".sops.yaml": `creation_rules: [{age: ${recipients.B}}]` },
    stdout: /^The following changes/,
    stderr: /./,
    after: holds("x.enc", /\nsops:\n/),
  },
  { line: "exec-env y.crypt 'echo $SECRET'", files: hidden, stdout: "hello\n" },
  { line: "exec-file x.conf 'cat {}'", files: hidden, stdout: texts["ini"] ?? "" },
  { line: "filestatus x.conf", files: hidden, stdout: `{"encrypted":true}\n` },
  { line: "decrypt --output-type json x.enc", files: hidden, stdout: /^\{\n\t"a": 1/ },
  // What the user says goes first.
  {
    line: "decrypt --input-type json x.enc",
    files: hidden,
    code: 1,
    stderr:
      /^WARN: x\.enc looks like an encrypted yaml file but is read as json, as --input-type says\nCould not unmarshal input data: /,
  },
  {
    line: "decrypt --input-type dotenv --output-type dotenv",
    stdin: held("ini"),
    code: 1,
    stderr: /^WARN: stdin looks like an encrypted ini file but is read as dotenv, as --input-type/,
  },
  { line: "decrypt --input-type json sealed.bin", stdout: texts["bin"] ?? "" },
  {
    line: "decrypt --filename-override x.json x.enc",
    files: hidden,
    code: 1,
    stderr: /^Could not unmarshal input data: /,
  },
  // A right name is right: JSON is YAML, and comes out as YAML.
  {
    line: "decrypt right.yaml",
    files: { "right.yaml": held("json") },
    stdout: "a: 1\nsecret: hello\n",
  },
  // A plain file is what its name says.
  { line: "encrypt --age A x", files: { x: flatYaml["flat.json"] }, stdout: /^\{\n\t"data": "ENC/ },
  {
    line: "decrypt cut.conf",
    files: { "cut.conf": held("ini").replace(/^lastmodified.*\n/m, "") },
    code: 1,
    stderr:
      /^WARN: cut\.conf looks like an encrypted ini file but is read as binary; if it is ini, add --input-type ini --output-type ini\nCould not unmarshal/,
  },
];
