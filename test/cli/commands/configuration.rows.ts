import { recipients, yamlText } from "../samples.ts";
import type { Row } from "../rows.ts";

const withRules = {
  ".sops.yaml": `creation_rules:
  - path_regex: ^plain
    age: ${recipients.A}
    encrypted_regex: ^secret$
`,
};

export const rows: readonly Row[] = [
  {
    line: "encrypt plain.yaml",
    files: withRules,
    stdout: /\na: 1\nsecret: ENC\[[^]*encrypted_regex: \^secret\$/,
  },
  {
    line: "encrypt --encrypted-regex ^a$ plain.yaml",
    stderr:
      /^WARN: plain\.yaml: \["secret"\] is left unencrypted by encrypted_regex \^a\$; the creation rule on line 2/,
    files: withRules,
    stdout: /\na: ENC\[.*\nsecret: hello\n/,
  },
  {
    line: "encrypt --encrypted-suffix a plain.yaml",
    files: withRules,
    code: 8,
    stderr: /^Error: cannot use more than one of /,
  },
  {
    line: "encrypt --age A value.json",
    files: withRules,
    code: 1,
    stderr: /^error loading config: no matching creation rules found\n/,
  },
  {
    line: "encrypt --filename-override plain-x.json value.json",
    stderr:
      /^WARN: value\.json: no value was encrypted: encrypted_regex \^secret\$ \(line 2 of \.sops\.yaml\) matches no key\n$/,
    files: withRules,
    stdout: /"x": 5/,
  },
  {
    line: "encrypt plain.yaml",
    files: { ".sops.yml": withRules[".sops.yaml"] },
    code: 1,
    stderr: /^WARN: ignoring "\.sops\.yml" [^\n]*\nconfig file not found, or has no creation rules/,
  },
  {
    line: "--config c encrypt --age A plain.yaml",
    code: 1,
    stderr: /^could not read config file: c: /,
  },
  { line: "--config c decrypt sealed.yaml", code: 1, stderr: /^could not read config file: c: / },
  {
    line: "--config plain.bin filestatus sealed.yaml",
    code: 1,
    stderr: /^error loading config: Could not unmarshal config file: /,
  },
  { line: "decrypt sealed.yaml", env: { SOPS_CONFIG: "" }, stdout: yamlText },
  {
    line: "--config c decrypt sealed.json",
    files: { c: "stores: {json: {indent: 1}}\n" },
    stdout: /^\{\n "a"/,
  },
  {
    line: "decrypt sealed.yaml",
    files: { ".sops.yml": "" },
    stdout: yamlText,
    stderr:
      /^WARN: ignoring ".sops.yml" when searching for config file; the config file must be called ".sops.yaml"\n$/,
  },
];
