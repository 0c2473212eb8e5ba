import { decrypts, holds, type Row } from "./rows.ts";
import { recipients, sealed } from "./samples.ts";

export const { A, B } = recipients;
const strict = "strict: true\n";
const rule = (more = "", keys = A) => ({
  ".sops.yaml": `creation_rules:\n  - age: ${keys}\n${more}`,
});
const onlyUser = "    encrypted_regex: ^user$\n";

/** A file that opens, and whose selection somebody has narrowed since: the MAC does not cover that. */
const narrowed = {
  "sealed.yaml": (sealed["sealed.yaml"] ?? "").replace(
    "unencrypted_suffix: _unencrypted",
    "encrypted_regex: ^(a|secret|l|)$",
  ),
};
const before = sealed["sealed.yaml"] ?? "";
const strangerToo = (enc: string) => ({
  "sealed.yaml": before.replace(
    "    lastmodified:",
    `        - recipient: ${B}\n          enc: ${enc}\n    lastmodified:`,
  ),
});
const [stolen = ""] =
  /enc: \|\n(?: {12}.*\n)+/.exec(before)?.[0].slice(5).split("    lastmod") ?? [];

const nothing = (what: string) => new RegExp(`^WARN: .*: no value was encrypted: ${what}\n$`);

export const rows: readonly Row[] = [
  // Nothing is encrypted.
  {
    line: "encrypt plain.env",
    files: rule("    encrypted_regex: ^data$\n"),
    stdout: /^A=1\n/,
    stderr: nothing(String.raw`encrypted_regex \^data\$ \(line 2 of \.sops\.yaml\) matches no key`),
  },
  {
    line: "encrypt --age A --encrypted-suffix _x plain.yaml",
    stdout: /secret: hello/,
    stderr: nothing("encrypted_suffix _x matches no key"),
  },
  {
    line: "encrypt --age A --unencrypted-regex . plain.yaml",
    stdout: /secret: hello/,
    stderr: nothing(String.raw`unencrypted_regex \. leaves every value as it is`),
  },
  {
    line: "encrypt plain.yaml",
    files: rule("    encrypted_comment_regex: sops\n"),
    stdout: /secret: hello/,
    stderr: nothing(
      String.raw`encrypted_comment_regex sops \(line 2 of \.sops\.yaml\) matches no comment`,
    ),
  },
  {
    line: "encrypt --age A void.json",
    files: { "void.json": `{"a": null, "b": {"c": ""}}` },
    stdout: /"a": null/,
    stderr: nothing("all values are null or empty text"),
  },
  {
    line: "encrypt -i --strict --age A --encrypted-suffix _x plain.yaml",
    code: 1,
    stderr: /^plain\.yaml: no value was encrypted: encrypted_suffix _x matches no key\n.*--strict/,
  },
  {
    line: "encrypt -i plain.yaml",
    files: rule(`    encrypted_suffix: _x\n${strict}`),
    code: 1,
    stderr: /^plain\.yaml: no value was encrypted: encrypted_suffix _x \(line 2 of \.sops\.yaml\)/,
  },
  {
    line: "edit --strict --age A --encrypted-suffix _x new.yaml",
    env: { EDITOR: "sed -i s/Welcome/Hi/" },
    code: 1,
    stderr: /new\.yaml: no value was encrypted/,
    after: decrypts("new.yaml.rescue", /^hello: Hi to SOPS/),
  },
  // The rule would encrypt more.
  {
    line: "encrypt --encrypted-regex ^secret$ plain.yaml",
    files: rule(),
    stdout: /a: 1/,
    stderr:
      /^WARN: plain\.yaml: \["a"\], \["l"\]\[0\], \["l"\]\[1\]\["k"\] are left unencrypted by encrypted_regex \^secret\$; the creation rule on line 2 of \.sops\.yaml would encrypt them\n$/,
  },
  {
    line: "encrypt plain.yaml",
    files: rule(onlyUser.replace("user", "a")),
    stdout: /secret: hello/,
  },
  {
    line: `set sealed.yaml '["api_key"]' '"x"'`,
    files: { ...narrowed, ...rule() },
    stderr:
      /^WARN: sealed\.yaml: \["api_key"\] is left unencrypted by encrypted_regex .*; the creation rule on line 2 of \.sops\.yaml would encrypt it\n$/,
    after: holds("sealed.yaml", /api_key: x/),
  },
  {
    line: `set --strict sealed.yaml '["api_key"]' '"x"'`,
    files: { ...narrowed, ...rule() },
    code: 1,
    stderr: /^sealed\.yaml: \["api_key"\] is left unencrypted by/,
  },
  {
    line: `set sealed.yaml '["api_key"]' '"x"'`,
    files: { ...narrowed, ...rule(strict) },
    code: 1,
    stderr: /^sealed\.yaml: \["api_key"\] is left unencrypted by/,
  },
  {
    line: `set sealed.yaml '["api_key"]' '{"a": "x", "b": ["y"]}'`,
    files: narrowed,
    stderr:
      /^WARN: sealed\.yaml: \["api_key"\]\["b"\]\[0\] is left unencrypted by encrypted_regex .*\$\n$/,
    after: holds("sealed.yaml", /- "y"/),
  },
  {
    line: `set --strict sealed.yaml '["api_key"]' '"x"'`,
    files: rule(),
    after: decrypts("sealed.yaml", /api_key: x/),
  },
  {
    line: "edit sealed.yaml",
    env: { EDITOR: "sed -i s/^secret:/other:/" },
    files: { ...narrowed, ...rule() },
    stderr: /^WARN: sealed\.yaml: \["other"\] is left unencrypted by encrypted_regex/,
    after: holds("sealed.yaml", /other: hello/),
  },
  {
    line: "edit --strict sealed.yaml",
    env: { EDITOR: "sed -i s/^secret:/other:/" },
    files: { ...narrowed, ...rule() },
    code: 1,
    stderr: /sealed\.yaml: \["other"\] is left unencrypted by encrypted_regex/,
    after: decrypts("sealed.yaml.rescue", /^other: hello$/m),
  },
  // Recipients that the rule does not have.
  {
    line: "rotate -i sealed.yaml",
    files: { ...rule(), ...strangerToo(stolen.trimEnd()) },
    stderr: new RegExp(
      `^WARN: sealed\\.yaml: ${B} is not in the creation rule on line 2 of \\.sops\\.yaml, but gets the new data key\\n$`,
    ),
    after: decrypts("sealed.yaml", /hello/, "B"),
  },
  {
    line: "rotate -i --strict sealed.yaml",
    files: { ...rule(), ...strangerToo(stolen.trimEnd()) },
    code: 1,
    stderr: new RegExp(`^sealed\\.yaml: ${B} is not in the creation rule`),
  },
  {
    line: "rotate -i --rm-age B sealed.yaml",
    files: { ...rule(), ...strangerToo("x") },
    after: decrypts("sealed.yaml", /hello/),
  },
  {
    line: "rotate -i --strict --add-age B sealed.yaml",
    files: rule(),
    after: decrypts("sealed.yaml", /hello/, "B"),
  },
  {
    line: "rotate -i sealed.yaml",
    files: { ...rule("", `${A},${B}`), ...strangerToo("x") },
    code: 1,
    stderr: new RegExp(
      `^sealed\\.yaml: the \`enc\` of ${B} is not a wrapped data key: somebody added this recipient to the file by hand\\n`,
    ),
  },
  {
    line: `set sealed.yaml '["secret"]' '"x"'`,
    files: { ...rule(), ...strangerToo(stolen.trimEnd()) },
    stderr: new RegExp(`^WARN: sealed\\.yaml: ${B} is not in the creation rule on line 2`),
    after: decrypts("sealed.yaml", /secret: x/),
  },
  {
    line: "edit --strict sealed.yaml",
    env: { EDITOR: "false" },
    files: { ...rule(), ...strangerToo(stolen.trimEnd()) },
    code: 1,
    stderr: new RegExp(`^sealed\\.yaml: ${B} is not in the creation rule`),
  },
  // Recipients of the rule that the file lacks.
  {
    line: "rotate -i sealed.yaml",
    files: rule("", `${A},${B}`),
    stderr: new RegExp(
      `^WARN: sealed\\.yaml: ${B} is in the creation rule on line 2 of \\.sops\\.yaml, but cannot open the file\\n$`,
    ),
    after: decrypts("sealed.yaml", /hello/),
  },
  {
    line: `set --strict sealed.yaml '["secret"]' '"x"'`,
    files: rule("", `${A},${B}`),
    code: 1,
    stderr: new RegExp(`^sealed\\.yaml: ${B} is in the creation rule on line 2 .*\\n.*updatekeys`),
  },
  {
    line: "edit --strict sealed.yaml",
    env: { EDITOR: "false" },
    files: rule("", B),
    code: 1,
    stderr: new RegExp(
      `^sealed\\.yaml: ${A} is not in the creation rule .*\\nsealed\\.yaml: ${B} is in the creation rule`,
    ),
  },
  {
    line: "rotate -i --strict --add-age B sealed.yaml",
    files: rule("", `${A},${B}`),
    after: decrypts("sealed.yaml", /hello/, "B"),
  },
  {
    line: "rotate -i --strict --rm-age B sealed.yaml",
    files: { ...rule("", `${A},${B}`), ...strangerToo("x") },
    after: decrypts("sealed.yaml", /hello/),
  },
  {
    line: "updatekeys --yes sealed.yaml",
    files: rule("", `${A},${B}`),
    stdout: new RegExp(`^The following changes .*\\nGroup 1\\n    ${A}\\n\\+\\+\\+ ${B}\\n$`),
    stderr: /^Syncing keys for file .*\nFile .* synced with new keys\n$/,
    after: decrypts("sealed.yaml", /hello/, "B"),
  },
  // A rule that cannot be used is no hindrance, as in sops, unless strictness is asked for.
  {
    line: `set sealed.yaml '["secret"]' '"x"'`,
    files: rule("", "age1bad"),
    after: decrypts("sealed.yaml", /secret: x/),
  },
  {
    line: `set --strict sealed.yaml '["secret"]' '"x"'`,
    files: rule("", "age1bad"),
    code: 1,
    stderr: /malformed recipient "age1bad"/,
  },
  {
    line: "rotate -i --strict sealed.yaml",
    files: { ".sops.yaml": `creation_rules:\n  - path_regex: other\n    age: ${B}\n` },
    after: decrypts("sealed.yaml", /hello/),
  },
];
