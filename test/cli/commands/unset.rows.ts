import { decrypts, type Row } from "../rows.ts";
import { yamlText } from "../samples.ts";

export const rows: readonly Row[] = [
  {
    line: `unset sealed.yaml '["secret"]'`,
    after: decrypts("sealed.yaml", yamlText.replace("secret: hello\n", "")),
  },
  { line: `unset sealed.yaml '["l"][0]'`, after: decrypts("sealed.yaml", /\nl:\n {4}- k: 1\n$/) },
  {
    line: `unset --no-atomic sealed.yaml '["secret"]'`,
    after: decrypts("sealed.yaml", /\na: 1\nl:/),
  },
  {
    line: `unset --idempotent sealed.yaml '["secret"]'`,
    after: decrypts("sealed.yaml", /\na: 1\nl:/),
  },
  { line: `unset --idempotent sealed.yaml '["zz"]'` },
  { line: `unset --idempotent sealed.yaml '["l"][7]'` },
  { line: `unset sealed.yaml '["zz"]'`, code: 1, stderr: /^Key not found: zz .*sealed\.yaml/ },
  { line: `unset sealed.yaml '["l"][7]'`, code: 1, stderr: /^Index 7 out of bounds/ },
  {
    line: `unset --idempotent sealed.yaml '["secret"]["x"]'`,
    code: 1,
    stderr: /^Unsupported type: /,
  },
  { line: `unset sealed.yaml '["l"]["x"]'`, code: 2, stderr: /sealed\.yaml/ },
  { line: `unset sealed.yaml ''`, code: 2, stderr: /sealed\.yaml/ },
  { line: "unset sealed.yaml zz", code: 7, stderr: /^Invalid unset index format/ },
  {
    line: "unset sealed.yaml",
    code: 100,
    stderr: /^Error: no file specified, or index is missing/,
  },
  { line: `unset sealed.yaml '["a"]' '["b"]'`, code: 100, stderr: /^Error: / },
  { line: `unset nofile.yaml '["a"]'`, code: 2, stderr: /^Error reading file: / },
];
