import { expect, test } from "vitest";
import { loadFormat } from "../../formats/index.ts";
import { explainPath } from "../../src/explain/path.ts";
import type { SelectorName } from "../../src/metadata/selection.ts";
import { parseDottedPath } from "../../src/tree/path.ts";

const yaml = await loadFormat("yaml");

async function explained(path: string, name: SelectorName, value: string, text?: string) {
  const documents =
    text === undefined ? undefined : yaml.parse(Buffer.from(text), { sealed: false });
  const { isEncrypted, because } = await explainPath(
    parseDottedPath(path),
    { name, value },
    documents,
  );
  return `${isEncrypted}: ${because}`;
}

test.each([
  [
    "db.password",
    "unencrypted_suffix",
    "_unencrypted",
    'yes: No key of the path ends with "_unencrypted" (unencrypted_suffix).',
  ],
  [
    "db_unencrypted.x",
    "unencrypted_suffix",
    "_unencrypted",
    'no: The key "db_unencrypted" ends with "_unencrypted" (unencrypted_suffix).',
  ],
  ["a[0].pass", "encrypted_regex", "^pass", 'yes: The key "pass" matches ^pass (encrypted_regex).'],
  [
    "a[0].user",
    "encrypted_regex",
    "^pass",
    "no: No key of the path matches ^pass (encrypted_regex).",
  ],
  [
    "metadata.name",
    "unencrypted_regex",
    "^(metadata|kind)$",
    'no: The key "metadata" matches ^(metadata|kind)$ (unencrypted_regex).',
  ],
  ["x", "encrypted_suffix", "_enc", 'no: No key of the path ends with "_enc" (encrypted_suffix).'],
  [
    "x",
    "encrypted_comment_regex",
    "secret",
    "unknown: encrypted_comment_regex secret depends on comments, but there is no file whose comments could be read.",
  ],
  [
    "x",
    "encrypted_regex",
    "(",
    "no: No key of the path matches ( (encrypted_regex). encrypted_regex: error parsing regexp: missing closing ); as in sops, it matches nothing",
  ],
] as const)("%s under %s %s", async (path, name, value, expected) => {
  expect(await explained(path, name, value)).toBe(expected);
});

const text = `plain: 1
# keep: these
db:
  host: h
  # secret
  pass: p
  empty: ""
  none: null
  list:
    - a
    # secret
    - b
`;

test.each([
  [
    "db.pass",
    "encrypted_comment_regex",
    "^ secret",
    'yes: The comment "# secret" before it matches ^ secret (encrypted_comment_regex).',
  ],
  [
    "db.host",
    "encrypted_comment_regex",
    "^ secret",
    "no: No comment before it, or before a list or mapping around it, matches ^ secret (encrypted_comment_regex).",
  ],
  [
    "db.list[1]",
    "encrypted_comment_regex",
    "^ secret",
    'yes: The comment "# secret" before it matches ^ secret (encrypted_comment_regex).',
  ],
  [
    "db.list[0]",
    "encrypted_comment_regex",
    "^ secret",
    "no: No comment before it, or before a list or mapping around it, matches ^ secret (encrypted_comment_regex).",
  ],
  [
    "db.host",
    "unencrypted_comment_regex",
    "keep",
    'no: The comment "# keep: these" before "db" matches keep (unencrypted_comment_regex).',
  ],
  [
    "plain",
    "unencrypted_comment_regex",
    "keep",
    "yes: No comment before it, or before a list or mapping around it, matches keep (unencrypted_comment_regex).",
  ],
  ["db.empty", "unencrypted_suffix", "_x", "no: Empty text is never encrypted."],
  ["db.none", "unencrypted_suffix", "_x", "no: null is never encrypted."],
  [
    "db",
    "encrypted_regex",
    "^pass$",
    'some: No key of the path matches ^pass$ (encrypted_regex). But "pass" below it matches ^pass$ (encrypted_regex), and is encrypted.',
  ],
  [
    "db.user",
    "encrypted_regex",
    "^pass$",
    "no: No key of the path matches ^pass$ (encrypted_regex). At present, the file has nothing at this path.",
  ],
] as const)("of a file, %s under %s %s", async (path, name, value, expected) => {
  expect(await explained(path, name, value, text)).toBe(expected);
});
