import { decrypts, type Row } from "../rows.ts";
import { yamlText } from "../samples.ts";

export const rows: readonly Row[] = [
  {
    line: "encrypt --age A half.json",
    files: {
      "half.json": String.raw`{"a": 1,
"b": "\ud800", "c": "\ud83d\ude00"}`,
    },
    stdout: /"a": "ENC/,
    stderr:
      /^WARN: half\.json: line 2: an escape for half a surrogate pair becomes U\+FFFD, as in sops\n$/,
  },
  {
    line: "encrypt --age A plain.yaml",
    stdout: /^#ENC.*\na: ENC\[.*type:int\]\n[^]*\nsops:\n[^]*unencrypted_suffix: _unencrypted\n/,
  },
  { line: "encrypt -a A plain.yaml", stdout: /ENC\[/ },
  {
    line: "encrypt --age A --output-dir out plain.yaml plain.json",
    files: { ".sops.yaml": "team: x\nstores: {yaml: {indent: 2}}\n" },
    stderr: /^WARN: \.sops\.yaml line 1: unknown field "team" [^\n]*\n2 files encrypted\n$/,
    after: decrypts("out/plain.yaml", yamlText.replaceAll("\n    ", "\n  ")),
  },
  { line: "encrypt plain.yaml -age A", stdout: /ENC\[/ },
  { line: "encrypt --age A -i plain.yaml", after: decrypts("plain.yaml", yamlText) },
  { line: "encrypt plain.yaml --in-place --age A", after: decrypts("plain.yaml", yamlText) },
  { line: "encrypt --age A --no-atomic -i plain.yaml", after: decrypts("plain.yaml", yamlText) },
  { line: "encrypt --age A --output out.yaml plain.yaml", after: decrypts("out.yaml", yamlText) },
  { line: "encrypt --age A plain.json", stdout: /^\{\n\t"a": "ENC\[/ },
  { line: "--indent 2 encrypt --age A plain.json", stdout: /^\{\n {2}"a"/ },
  { line: "--indent 0 encrypt --age A plain.json", stdout: /^\{\n"a"/ },
  { line: "--indent 2 encrypt --age A plain.yaml", stdout: /\nl:\n {2}- ENC/ },
  {
    line: "encrypt --age A plain.yaml",
    env: { SOPS_CONFIG: "c" },
    files: { c: "stores: {yaml: {indent: 3}}\n" },
    stdout: /\nl:\n {3}- ENC/,
  },
  {
    line: "--indent -1 encrypt --age A plain.yaml",
    code: 4,
    stderr: /^Could not marshal tree: .*\n/,
  },
  { line: "encrypt --age A --input-type yaml --output-type json plain.yaml", stdout: /^\{\n/ },
  {
    line: "encrypt --age A --input-type yml plain.json",
    code: 2,
    stderr:
      /^--input-type: there is no format "yml" \(did you mean yaml\?\)\nThe formats are yaml, json, dotenv, ini, binary\.\n$/,
  },
  {
    line: "encrypt --age A --output-type nonsense plain.json",
    code: 2,
    stderr: /^--output-type: there is no format "nonsense"\n/,
  },
  { line: "encrypt --age A --filename-override x.json", stdin: `{"q": 1}`, stdout: /"q": "ENC\[/ },
  { line: "encrypt --age A --filename-override x.txt plain.yaml", stdout: /^\{\n\t"data": "ENC/ },
  {
    line: "encrypt --age A --encrypted-suffix ret plain.yaml",
    stdout: /\na: 1\nsecret: ENC\[[^]*encrypted_suffix: ret\n/,
  },
  {
    line: "encrypt --age A --unencrypted-suffix ret plain.yaml",
    stdout: /\na: ENC\[.*\nsecret: hello\n/,
  },
  { line: "encrypt --age A --encrypted-regex ^sec plain.yaml", stdout: /\na: 1\nsecret: ENC\[/ },
  {
    line: "encrypt --age A --unencrypted-regex ^sec plain.yaml",
    stdout: /\na: ENC\[.*\nsecret: hello\n/,
  },
  {
    line: "encrypt --age A --encrypted-regex '(' plain.yaml",
    code: 1,
    stderr: /encrypted_regex: error parsing regexp: /,
  },
  {
    line: "encrypt --age A --encrypted-regex x --encrypted-suffix y plain.yaml",
    code: 8,
    stderr: /^Error: cannot use more than one of encrypted_suffix, /,
  },
  {
    line: "encrypt --age A --encrypted-regex x plain.bin",
    stdout: /"data"/,
    stderr: /^WARN: plain.bin: encrypted_regex .*\n$/,
  },
  { line: "--mac-only-encrypted encrypt --age A plain.yaml", stdout: /mac_only_encrypted: true/ },
  {
    line: "--encrypted-comment-regex x encrypt --age A plain.yaml",
    stdout: /\na: ENC\[/,
    stderr: /^WARN: --encrypted-comment-regex before "encrypt" has no effect/,
  },
  {
    line: "--age A encrypt plain.yaml",
    code: 1,
    stderr:
      /^WARN: --age before "encrypt".*\nconfig file not found, or has no creation rules, and no keys provided through command line options\n/,
  },
  {
    line: "encrypt --age A --shamir-secret-sharing-threshold 2 plain.yaml",
    stdout: /shamir_threshold: 2/,
  },
  {
    line: "encrypt --age A --shamir-secret-sharing-threshold 0x2 plain.yaml",
    stdout: /shamir_threshold: 2/,
  },
  {
    line: "encrypt plain.yaml",
    env: { SOPS_AGE_RECIPIENTS: "@" },
    code: 1,
    stderr: /^failed to parse input, unknown recipient type/,
  },
  {
    line: "encrypt plain.yaml",
    code: 1,
    stderr:
      /^config file not found, or has no creation rules, and no keys provided through command line options\n/,
  },
  {
    line: "encrypt plain.yaml",
    env: { SOPS_AGE_RECIPIENTS: "" },
    code: 1,
    stderr: /no keys provided/,
  },
  {
    line: "encrypt --age x plain.yaml",
    code: 1,
    stderr: /^failed to parse input, unknown recipient type/,
  },
  {
    // gpg makes a directory of its own in HOME, but none that it is told to look in.
    line: "encrypt --pgp 85D77543B3D624B63CEA9E6DBC17301B491B3F21 plain.yaml",
    env: { GNUPGHOME: "/nonexistent" },
    code: 1,
    stderr: /^Could not generate data key: \[/,
  },
  {
    line: "encrypt --age A --enable-local-keyservice=false plain.yaml",
    code: 1,
    stderr:
      /^Could not generate data key: \[no key services provided, cannot update master keys\]\n/,
  },
  {
    line: "encrypt --age A plain.yaml",
    env: { SOPS_ENABLE_LOCAL_KEYSERVICE: "" },
    code: 1,
    stderr: /no key services provided/,
  },
  {
    line: "encrypt -i",
    code: 8,
    stderr: /^Error: cannot use --in-place when reading from stdin\n/,
  },
  {
    line: "encrypt -i --output x",
    code: 8,
    stderr: /^Error: cannot use --in-place when reading from stdin\n/,
  },
  {
    line: "encrypt --age A",
    code: 8,
    stderr: /^Error: must specify --filename-override when reading from stdin\n/,
  },
  {
    line: "encrypt -i --output x nofile",
    code: 8,
    stderr: /^Error: cannot operate on both --output and --in-place\n/,
  },
  {
    line: "encrypt --age A nofile.yaml",
    code: 100,
    stderr: /^Error: cannot operate on non-existent file ".*nofile\.yaml"\n/,
  },
  { line: "encrypt --age A ''", code: 2, stderr: /^Error reading file: / },
  { line: "encrypt --age A bad.yaml", code: 2, stderr: /^Error unmarshalling file: .*bad\.yaml/ },
  {
    line: "encrypt --age A empty.yaml",
    code: 92,
    stderr: /^File cannot be completely empty, it must contain at least one document/,
  },
  {
    line: "encrypt --age A sealed.yaml",
    code: 203,
    stderr: /^The file you have provided contains a top-level entry called 'sops', or for\n/,
  },
  {
    line: "encrypt --age A --output no/where plain.yaml",
    code: 3,
    stderr: /^Could not open output file for writing: no\/where: /,
  },
  {
    line: "encrypt --age A plain.yaml -x",
    stdout: /\na: ENC/,
    stderr:
      /^WARN: More than one positional argument provided\. Only the first one will be used!\nWARN: Note that one of the ignored positional argument is "-x", which looks like a flag\..*\n$/,
  },
];
