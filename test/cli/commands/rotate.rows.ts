import { decrypts, type Row } from "../rows.ts";
import { recipients, yamlText } from "../samples.ts";

export const rows: readonly Row[] = [
  { line: "rotate sealed.yaml", stdout: /\na: ENC\[/ },
  { line: "rotate -i sealed.yaml", after: decrypts("sealed.yaml", yamlText) },
  { line: "rotate -i --no-atomic sealed.yaml", after: decrypts("sealed.yaml", yamlText) },
  { line: "rotate --output out.yaml sealed.yaml", after: decrypts("out.yaml", yamlText) },
  { line: "rotate --output-type json sealed.yaml", stdout: /^\{\n/ },
  { line: "rotate --input-type yaml --filename-override x.json sealed.yaml", stdout: /^\{\n/ },
  { line: "rotate --decryption-order pgp sealed.yaml", stdout: /ENC/ },
  {
    line: "rotate -i --add-age B sealed.yaml",
    after: decrypts("sealed.yaml", yamlText, "B"),
  },
  {
    line: "rotate --add-age B --rm-age A sealed.yaml",
    stdout: new RegExp(`^(?![^]*${recipients.A})[^]*${recipients.B}`),
  },
  {
    line: "rotate --rm-age A sealed.yaml",
    code: 1,
    stderr: /^Could not generate data key: \[empty key group provided\]\n/,
  },
  {
    line: "rotate --add-age x sealed.yaml",
    code: 1,
    stderr: /^failed to parse input, unknown recipient type/,
  },
  { line: "rotate --rm-kms arn:x sealed.yaml", stdout: /ENC/ },
  { line: "rotate", code: 100, stderr: /^Error: no file specified\n/ },
  { line: "rotate -i", code: 100, stderr: /^Error: no file specified\n/ },
  {
    line: "rotate -i --output x sealed.yaml",
    code: 8,
    stderr: /^Error: cannot operate on both --output and --in-place\n/,
  },
  { line: "rotate nofile.yaml", code: 2, stderr: /^Error reading file: / },
  {
    line: "rotate --add-age A nofile.yaml",
    code: 49,
    stderr:
      /^Error: cannot add or remove keys on non-existent file ".*nofile\.yaml", use the `edit` subcommand instead\.\n/,
  },
  { line: "rotate --rm-pgp A nofile.yaml", code: 49, stderr: /^Error: cannot add or remove keys/ },
  {
    line: "rotate --ignore-mac sealed.yaml",
    code: 1,
    stderr: /^flag provided but not defined: -ignore-mac\n$/,
  },
  {
    line: "rotate sealed.yaml",
    env: { SOPS_AGE_KEY: "" },
    code: 128,
    stderr: /^Failed to get the data key/,
  },
  { line: "rotate sealed.yaml -y", stdout: /ENC/, stderr: /^WARN: More than one/ },
];
