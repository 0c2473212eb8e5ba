import { holds, holdsBytes, type Row } from "../rows.ts";
import { plain, yamlText } from "../samples.ts";

/** A configuration with fields that no sops reads. */
const odd = { ".sops.yaml": "creation_rules:\n  - {colour: blue, age: A}\nteam: x\n" };

export const rows: readonly Row[] = [
  // Scripts read stdout and stderr as one, and the rules have no say in opening a file.
  { line: "decrypt sealed.yaml", files: odd, stdout: yamlText, stderr: /^$/ },
  { line: "-d sealed.yaml", files: odd, stdout: yamlText, stderr: /^$/ },
  {
    line: "decrypt --output-dir out sealed.yaml sealed.json",
    files: odd,
    stderr: /^2 files decrypted\n$/,
    after: holds("out/sealed.yaml", yamlText),
  },
  {
    line: "decrypt sealed.yaml",
    files: { ".sops.yaml": "team: x\ncreation_rules: 1\n" },
    code: 1,
    stderr: /^(?!WARN).*creation_rules/s,
  },
  { line: "decrypt sealed.yaml", stdout: yamlText },
  { line: "decrypt sealed.json", stdout: `{\n\t"a": 1,\n\t"secret": "hello"\n}\n` },
  { line: "decrypt sealed.env", stdout: "A=1\nSECRET=hello\n" },
  { line: "decrypt sealed.ini", stdout: "[s]\nsecret = hello\n" },
  {
    line: "decrypt --output out sealed.bin",
    after: holdsBytes("out", plain["plain.bin"]),
  },
  { line: "decrypt -i sealed.yaml", after: holds("sealed.yaml", yamlText) },
  {
    line: "decrypt -i --no-atomic sealed.yaml",
    after: holds("sealed.yaml", yamlText),
  },
  {
    line: "decrypt sealed.yaml --output out",
    after: holds("out", yamlText),
  },
  { line: "decrypt --output-type json sealed.yaml", stdout: /^\{\n\t"a": 1/ },
  {
    line: "decrypt --output-type binary sealed.yaml",
    code: 4,
    stderr: /^Error dumping file: .*sealed\.yaml/s,
  },
  {
    line: "decrypt --input-type json sealed.yaml",
    code: 1,
    stderr: /^WARN: sealed\.yaml looks like an encrypted yaml .*\nCould not unmarshal input data: /,
  },
  { line: "decrypt --filename-override x.json sealed.json", stdout: /^\{\n\t"a": 1/ },
  { line: "--indent 7 decrypt sealed.json", stdout: /^\{\n {7}"a": 1/ },
  { line: `decrypt --extract '["secret"]' sealed.yaml`, stdout: "hello" },
  { line: `decrypt --extract '["l"][1]["k"]' sealed.yaml`, stdout: "1\n" },
  {
    line: `decrypt -i --extract '["secret"]' sealed.yaml`,
    after: holds("sealed.yaml", "hello"),
  },
  { line: "decrypt --extract '' sealed.yaml", stdout: yamlText },
  {
    line: "decrypt --extract secret sealed.yaml",
    code: 91,
    stderr: /^error parsing --extract path: component /,
  },
  {
    line: "decrypt --extract secret sealed.yaml",
    env: { SOPS_AGE_KEY: "" },
    code: 91,
    stderr: /^error parsing --extract path: /,
  },
  {
    line: "decrypt --extract '[]' sealed.yaml",
    code: 2,
    stderr: /^error parsing --extract path: /,
  },
  {
    line: `decrypt --extract '["zz"]' sealed.yaml`,
    code: 1,
    stderr: /^error truncating tree: component \['zz'\] not found/,
  },
  {
    line: `decrypt --extract '["l"][-1]' sealed.yaml`,
    code: 2,
    stderr: /^error truncating tree: /,
  },
  {
    line: "decrypt --decryption-order age,age sealed.yaml",
    code: 112,
    stderr: /^Duplicate decryption key type: age\n/,
  },
  {
    line: "decrypt sealed.yaml",
    env: { SOPS_DECRYPTION_ORDER: "kms,kms" },
    code: 112,
    stderr: /^Duplicate decryption key type: kms\n/,
  },
  { line: "decrypt --decryption-order kms,what sealed.yaml", stdout: yamlText },
  {
    line: "decrypt --decryption-order age,age --extract secret sealed.yaml",
    code: 112,
    stderr: /^Duplicate/,
  },
  {
    line: "decrypt sealed.yaml",
    env: { SOPS_AGE_KEY: "" },
    code: 128,
    stderr: /^Failed to get the data key required to decrypt the SOPS file\.\n/,
  },
  {
    line: "decrypt --enable-local-keyservice=false sealed.yaml",
    code: 128,
    stderr: /^Failed to get the data key required to decrypt the SOPS file/,
  },
  { line: "decrypt plain.yaml", code: 1, stderr: /^sops metadata not found.*plain\.yaml/ },
  {
    line: "decrypt nofile.yaml",
    code: 100,
    stderr: /^Error: cannot operate on non-existent file /,
  },
  { line: "decrypt help", code: 100, stderr: /non-existent file ".*help"/ },
  {
    line: "decrypt -i",
    code: 8,
    stderr: /^Error: cannot use --in-place when reading from stdin\n/,
  },
  {
    line: "decrypt -i --output x sealed.yaml",
    code: 8,
    stderr: /^Error: cannot operate on both --output and --in-place\n/,
  },
  {
    line: "decrypt sealed.yaml --nope",
    stdout: yamlText,
    stderr: /^WARN: More than one .*\nWARN: Note that one of the ignored .*"--nope"/,
  },
  {
    line: "decrypt sealed.yaml -i sealed.json",
    after: (box) => {
      holds("sealed.yaml", yamlText)(box);
      holds("sealed.json", /"hello"/)(box);
    },
    stderr: /^2 files decrypted\n$/,
  },
  {
    line: "--output o decrypt sealed.yaml",
    stdout: yamlText,
    stderr: /^WARN: --output before "decrypt" has no effect/,
  },
];
