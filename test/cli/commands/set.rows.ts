import { decrypts, holds, lacks, type Row } from "../rows.ts";
import { sealed, yamlText } from "../samples.ts";

export const rows: readonly Row[] = [
  {
    line: `set sealed.yaml '["secret"]' '"new"'`,
    after: decrypts("sealed.yaml", yamlText.replace("hello", "new")),
  },
  {
    line: `set sealed.yaml '["x"]["k"][0]' '{"z": 5}'`,
    after: decrypts("sealed.yaml", `${yamlText}x:\n    k:\n        - z: 5\n`),
  },
  {
    line: `set sealed.yaml '["l"][9]' true`,
    after: decrypts("sealed.yaml", `${yamlText}    - true\n`),
  },
  {
    line: `set sealed.yaml '["a"]' '[1, "x"]'`,
    after: decrypts("sealed.yaml", /\na:\n {4}- 1\n {4}- x\n/),
  },
  {
    line: `set sealed.yaml '["a"]' 5`,
    after: holds("sealed.yaml", /\na: ENC\[.*type:float\]/),
  },
  { line: `set sealed.yaml '["a"]' -5`, after: decrypts("sealed.yaml", /\na: -5\n/) },
  {
    line: `set sealed.yaml '["a"]' 9007199254740993`,
    after: decrypts("sealed.yaml", /\na: 9007199254740993\n/),
  },
  {
    line: `set sealed.yaml '["a"]' 12345678901234567890`,
    stderr:
      /^WARN: the integer is larger than 64 bits and is stored as a float: its last digits are lost; set it as text with --string to keep them\n$/,
    after: decrypts("sealed.yaml", /\na: 1\.2345678901234567e\+19\n/),
  },
  {
    line: `-i --set '["a"] -99999999999999999999' sealed.json`,
    stderr: /^WARN: the integer is larger than 64 bits/,
    after: decrypts("sealed.json", /"a": -100000000000000000000,/),
  },
  // A float holds it.
  {
    line: `set sealed.yaml '["a"]' 18446744073709551616`,
    after: decrypts("sealed.yaml", /\na: 1\.8446744073709552e\+19\n/),
  },
  { line: `set --no-atomic sealed.json '["a"]' null`, after: decrypts("sealed.json", /"a": null/) },
  {
    line: `set --value-stdin sealed.yaml '["secret"]'`,
    stdin: `"in"\n`,
    after: decrypts("sealed.yaml", /\nsecret: in\n/),
  },
  {
    line: `set sealed.yaml '["a"]' value.json --value-file`,
    after: decrypts("sealed.yaml", /\na:\n {4}x: 5\n/),
  },
  { line: `set --idempotent sealed.yaml '["secret"]' '"hello"'` },
  {
    line: `set sealed.yaml '["secret"]' --idempotent '"v"'`,
    after: decrypts("sealed.yaml", /\nsecret: v\n/),
  },
  {
    line: `set --idempotent sealed.yaml '["a"]' 1`,
    after: holds("sealed.yaml", /\na: ENC\[.*type:float\]/),
  },
  {
    line: `set sealed.yaml '["secret"]' '"hello"'`,
    after: lacks("sealed.yaml", sealed["sealed.yaml"] ?? ""),
  },
  {
    line: `set --output-type json --input-type yaml sealed.yaml '["a"]' 1`,
    after: holds("sealed.yaml", /^\{\n/),
  },
  {
    line: `--indent 2 set sealed.yaml '["a"]' 1`,
    after: holds("sealed.yaml", /\nl:\n {2}- ENC/),
  },
  {
    line: `set --shamir-secret-sharing-threshold 3 sealed.yaml '["a"]' 1`,
    after: lacks("sealed.yaml", /shamir/),
  },
  {
    line: `set --decryption-order pgp,age sealed.yaml '["a"]' 1`,
    after: decrypts("sealed.yaml", /\na: 1\n/),
  },
  {
    line: "set sealed.yaml",
    code: 100,
    stderr: /^Error: no file specified, or index and value are missing/,
  },
  { line: `set --value-stdin sealed.yaml '["a"]' 1`, code: 100, stderr: /^Error: / },
  {
    line: `set --value-file --value-stdin sealed.yaml '["a"]'`,
    code: 1,
    stderr: /^Error: cannot use both --value-file and --value-stdin\n/,
  },
  {
    line: `set --value-file sealed.yaml '["a"]' nofile`,
    code: 1,
    stderr: /^open nofile: no such file/,
  },
  { line: "set sealed.yaml a 1", code: 7, stderr: /^Invalid set index format/ },
  { line: "set nofile.yaml a x", code: 7, stderr: /^Invalid set index format/ },
  { line: `set nofile.yaml '["a"]' x`, code: 7, stderr: /^Value for --set is not valid JSON\n/ },
  { line: `set nofile.yaml '["a"]' 1`, code: 2, stderr: /^Error reading file: nofile\.yaml: / },
  { line: `set sealed.yaml '' 1`, code: 2, stderr: /sealed\.yaml/ },
  { line: `set sealed.yaml '["l"][-1]' 1`, code: 2, stderr: /sealed\.yaml at \["l"\]\[-1\]/ },
  { line: `set sealed.yaml '["l"]["x"]' 1`, code: 2, stderr: /sealed\.yaml at \["l"\]\["x"\]/ },
  {
    line: `set sealed.yaml '["sops"]' 1`,
    code: 203,
    stderr: /^The file you have provided contains a top-level entry called 'sops'/,
  },
  { line: `set plain.yaml '["a"]' 1`, code: 1, stderr: /^sops metadata not found/ },
  {
    line: `set sealed.yaml '["a"]' 1`,
    env: { SOPS_AGE_KEY: "" },
    code: 128,
    stderr: /^Failed to get the data key/,
  },
  {
    line: `set --enable-local-keyservice=false sealed.yaml '["a"]' 1`,
    code: 128,
    stderr: /^Failed to get the data key/,
  },
  { line: `set --decryption-order age,age sealed.yaml '["a"]' 1`, code: 112, stderr: /^Duplicate/ },
];
