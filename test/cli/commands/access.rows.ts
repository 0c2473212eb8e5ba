import { recipients } from "../samples.ts";
import type { Row } from "../rows.ts";

const { A, B } = recipients;
const rule = { ".sops.yaml": `keys:\n  - &alice ${A}\ncreation_rules:\n  - age: [*alice]\n` };
const both = {
  ".sops.yaml": `keys:\n  - &alice ${A}\n  - &bob ${B}\ncreation_rules:\n  - age: [*alice, *bob]\n`,
};
const noRepository = /^WARN: this is not a Git repository: /;

export const rows: readonly Row[] = [
  { line: "grant", code: 1, stderr: /^grant needs a name and a public key\n/ },
  { line: "grant bob", code: 1, stderr: /^grant needs a name and a public key\n/ },
  { line: "grant bob B", code: 1, stderr: /^config file not found\nMake one with `sopsmith init`/ },
  {
    line: "grant bob no-key",
    code: 1,
    stderr: /^"no-key" is not a public key\n/,
  },
  {
    line: "grant bob AGE-SECRET-KEY-1",
    code: 1,
    stderr: /^this is an identity, the secret half of a key\n/,
  },
  {
    line: "grant --yes ci arn:aws:kms:eu-west-1:123456789012:key/1|a:b|prod",
    files: rule,
    code: 1,
    stderr: /^"arn\S+" is more than the ARN of a key\nLeave out what is after the first \|/,
  },
  {
    // The patch can be applied: it shows alice's key, not her name.
    line: "grant --yes bob B",
    files: { ".sops.yaml": `{keys: [&alice ${A}], creation_rules: [{age: [*alice]}]}\n` },
    code: 1,
    stderr: new RegExp(String.raw`^-\{keys: \[&alice ${A}\], .*\n\+\{.* ${A} .* ${B} `, "m"),
  },
  { line: "grant --plan --yes bob B", code: 8, stderr: /--plan and --yes cannot be used together/ },
  { line: "grant --json bob B", code: 8, stderr: /Use --json with --plan or --yes/ },
  {
    line: "grant --plan --json bob B",
    files: rule,
    stdout:
      /^\{"name":"bob","key":\{"type":"age","id":"age1.*"files":\["sealed\.bin","sealed\.env",/,
  },
  {
    line: "grant alice B",
    files: rule,
    code: 1,
    stderr: /^alice is already the name of age1\S+\nChoose another name/,
  },
  {
    line: "grant --yes --group 1 bob B",
    files: rule,
    code: 1,
    stderr: /^the creation rule on line 4 of \.sops\.yaml has no key group 1\n.* leave --group out/,
  },
  {
    line: "grant bob B",
    files: rule,
    stdin: "n\n",
    stdout: /Is this okay\? \(y\/n\):$/,
    stderr: /^nothing was changed\n$/,
  },
  {
    line: "grant -y bob B sealed.yaml",
    files: rule,
    code: 1,
    stderr:
      /^the creation rule on line 4 of \.sops\.yaml also governs sealed\.bin\nName sealed\.bin too/,
  },
  {
    line: "grant --enable-local-keyservice=false --keyservice unix:///none.sock --yes bob B",
    files: rule,
    code: 128,
    stdout: /^bob/,
    stderr: /: failed too\nFailed to get the data key required/,
  },
  { line: "revoke", code: 1, stderr: /^revoke needs a name, or a public key\n/ },
  { line: "revoke bob", code: 100, stderr: /^"bob" is not a file here, and not a name or key/ },
  { line: "revoke --json alice", files: rule, code: 8, stderr: /Use --json with --plan or --yes/ },
  {
    line: "revoke --plan alice",
    files: rule,
    code: 1,
    stderr: /^sealed\.bin would have no recipient left\nGrant somebody else access first/,
  },
  {
    line: "revoke --plan --json --report - bob",
    files: both,
    stdout: /^\{"names":\["bob"\],.*"values":\[\]\}\n# Access revoked: bob\n\nNo value has to be /,
    stderr: noRepository,
  },
  {
    line: "revoke --yes --decryption-order age bob",
    files: both,
    stdout: /^bob \(age1\S+\) loses access; 0 files get a new data key:\n\n--- a\/\.sops\.yaml\n/,
    stderr: /these files\. All copies of the old files can still be opened with the old key\.\n$/,
    after: (box) => {
      if (box.read(".sops.yaml") !== rule[".sops.yaml"]) throw new Error(box.read(".sops.yaml"));
    },
  },
  {
    line: "revoke --enable-local-keyservice=false --keyservice unix:///none.sock --plan bob",
    files: both,
    stdout: /^bob/,
    stderr: noRepository,
  },
];
