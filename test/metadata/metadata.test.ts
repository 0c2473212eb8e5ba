import { expect, test } from "vitest";
import { emitMetadata, parseMetadata } from "../../src/metadata/metadata.ts";
import {
  bool,
  comment,
  entry,
  float,
  int,
  map,
  nil,
  seq,
  str,
  time,
  type Entry,
  type Mapping,
  type Node,
} from "../../src/tree/node.ts";

/** A block from plain JavaScript values. */
function node(value: unknown): Node {
  if (typeof value === "string") return str(value);
  if (typeof value === "boolean") return bool(value);
  if (typeof value === "number") return Number.isInteger(value) ? int(BigInt(value)) : float(value);
  if (value === null) return nil();
  if (Array.isArray(value)) return seq(value.map(node));
  if (typeof value === "object")
    return "kind" in value
      ? (value as Node)
      : map(Object.entries(value).map(([key, child]): Entry => entry(key, node(child))));
  throw new Error("no node");
}
const blockOf = (fields: Record<string, unknown>): Mapping => node(fields) as Mapping;

/** The block as plain values, keys in order. */
function plain(tree: Node): unknown {
  if (tree.kind === "map")
    return Object.fromEntries(
      tree.items.map((item) =>
        item.kind === "entry" ? [item.key, plain(item.value)] : ["#", item.value],
      ),
    );
  if (tree.kind === "seq") return tree.items.map(plain);
  if (tree.kind === "null") return null;
  return tree.kind === "int" ? Number(tree.value) : tree.value;
}
const rewritten = (fields: Record<string, unknown>): string =>
  JSON.stringify(plain(emitMetadata(parseMetadata(blockOf(fields)))), null, 1);

const base = {
  age: [{ recipient: "age1a", enc: "armor\n" }],
  lastmodified: "2026-11-23T21:25:10Z",
  mac: "ENC[m]",
  unencrypted_suffix: "_unencrypted",
  version: "3.13.3",
};

test("reads a block", () => {
  expect(
    parseMetadata(blockOf({ ...base, shamir_threshold: 2, mac_only_encrypted: true })),
  ).toMatchObject({
    keyGroups: [[{ type: "age", id: "age1a", enc: "armor\n" }]],
    shamirThreshold: 2,
    lastModified: "2026-11-23T21:25:10Z",
    mac: "ENC[m]",
    macOnlyEncrypted: true,
    selector: { name: "unencrypted_suffix", value: "_unencrypted" },
    version: "3.13.3",
  });
});

const created = "2026-11-23T21:15:59Z";
const allTypes = {
  age: [{ enc: "E", recipient: "R" }],
  azure_kv: [{ created_at: created, enc: "E", name: "n", vault_url: "https://v", version: "1" }],
  gcp_kms: [{ created_at: created, enc: "E", resource_id: "p" }],
  hc_vault: [
    { created_at: created, enc: "E", engine_path: "t", key_name: "k", vault_address: "https://v" },
  ],
  hckms: [{ created_at: created, enc: "E", key_id: "r:u" }],
  kms: [
    {
      arn: "A",
      aws_profile: "",
      context: { a: "1", b: null },
      created_at: created,
      enc: "E",
      role: "R",
    },
    { arn: "B", aws_profile: "dev", created_at: created, enc: "F" },
  ],
  pgp: [{ created_at: created, enc: "E", fp: "AB" }],
};

test("keeps every field of every key type and writes all in ascending order", () => {
  const { age, azure_kv, gcp_kms, hc_vault, hckms, kms, pgp } = allTypes;
  const whole = {
    age,
    azure_kv,
    encrypted_regex: "^data$",
    gcp_kms,
    hc_vault,
    hckms,
    kms,
    lastmodified: "2026-11-23T21:25:10Z",
    mac: "ENC[m]",
    mac_only_encrypted: true,
    pgp,
    shamir_threshold: 1,
    version: "3.7.1",
  };
  expect(rewritten(whole)).toBe(JSON.stringify(whole, null, 1));
  const backwards = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(backwards);
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(
      Object.entries(value)
        .toReversed()
        .map(([key, child]) => [key, backwards(child)]),
    );
  };
  expect(rewritten(backwards(whole) as Record<string, unknown>)).toBe(
    JSON.stringify(whole, null, 1),
  );
});

test("the keys of a loaded group are ordered by type, whatever the order of the text", () => {
  const { keyGroups } = parseMetadata(blockOf({ ...base, ...allTypes }));
  expect(keyGroups.map((group) => group.map(({ type }) => type))).toEqual([
    ["kms", "kms", "gcp_kms", "hckms", "azure_kv", "hc_vault", "pgp", "age"],
  ]);
});

test("fields that no sops knows are dropped, in the block and in its keys", () => {
  const known = { ...base, age: [{ enc: "armor\n", recipient: "age1a" }] };
  const extra = {
    ...known,
    age: [{ enc: "armor\n", recipient: "age1a", note: "x" }],
    pgp: null,
    kms: [],
    comment: "x",
  };
  expect(rewritten(extra)).toBe(JSON.stringify(known, null, 1));
});

test("times lose their fraction and keep their offset", () => {
  const out = parseMetadata(
    blockOf({
      ...base,
      lastmodified: "2026-11-23T21:25:10.999+00:00",
      pgp: [{ created_at: "2020-02-29T01:02:03.5+02:00", fp: "A" }],
    }),
  );
  expect(out.lastModified).toBe("2026-11-23T21:25:10Z");
  expect(out.keyGroups[0]?.[0]?.fields.items[0]).toMatchObject({
    key: "created_at",
    value: { value: "2020-02-29T01:02:03+02:00" },
  });
});

test("several groups are written as key_groups, with the lists that every group has", () => {
  const groups = {
    key_groups: [
      { age: [{ enc: "1", recipient: "a" }], hc_vault: [] },
      { age: [], hc_vault: [], pgp: [{ created_at: created, enc: "2", fp: "B" }] },
    ],
    lastmodified: "2026-11-23T21:25:10Z",
    mac: "m",
    shamir_threshold: 2,
    unencrypted_suffix: "_unencrypted",
    version: "3.13.3",
  };
  expect(rewritten(groups)).toBe(JSON.stringify(groups, null, 1));
});

test("a single key group becomes flat, and flat lists win over key_groups", () => {
  const { age, ...rest } = base;
  const flat = { age: [{ enc: "armor\n", recipient: "age1a" }], ...rest };
  expect(rewritten({ ...rest, key_groups: [{ age, hc_vault: [] }] })).toBe(
    JSON.stringify(flat, null, 1),
  );
  expect(rewritten({ ...base, key_groups: [{ pgp: [{ fp: "X", created_at: created }] }] })).toBe(
    JSON.stringify(flat, null, 1),
  );
});

test("without a selector, the default one applies; a binary file's empty one is not written", () => {
  const { unencrypted_suffix: _, ...rest } = base;
  const metadata = parseMetadata(blockOf({ ...rest, encrypted_regex: "" }));
  expect(metadata.selector).toEqual({ name: "unencrypted_suffix", value: "_unencrypted" });
  metadata.selector = { name: "unencrypted_suffix", value: "" };
  expect(Object.keys(plain(emitMetadata(metadata)) as object)).toEqual([
    "age",
    "lastmodified",
    "mac",
    "version",
  ]);
});

test("converts as loosely as sops does", () => {
  const metadata = parseMetadata(
    blockOf({
      AGE: { Recipient: "age1a", enc: 5 },
      LastModified: base.lastmodified,
      MAC: true,
      shamir_threshold: "0x2",
      mac_only_encrypted: "T",
      version: "v3.13.3-rc.1+b",
      encrypted_suffix: 1.5,
    }),
  );
  expect(metadata).toMatchObject({
    keyGroups: [[{ id: "age1a", enc: "5" }]],
    mac: "1",
    shamirThreshold: 2,
    macOnlyEncrypted: true,
    selector: { name: "encrypted_suffix", value: "1.5" },
  });
});

test("comments in the block are passed over", () => {
  const items = node([{ recipient: "r", enc: "e" }]);
  if (items.kind === "seq") items.items.unshift(comment(" c"));
  expect(parseMetadata(blockOf({ ...base, age: items })).keyGroups[0]).toHaveLength(1);
});

test("reads lastmodified without quotes, as rops writes it", () => {
  const block = blockOf({ ...base, lastmodified: time("2020-01-01T00:00:00Z") });
  expect(parseMetadata(block).lastModified).toBe("2020-01-01T00:00:00Z");
});

test("reads created_at of keys without quotes too, and writes it as a text", () => {
  const at = "2020-01-01T00:00:00Z";
  const pgp = node([{ created_at: time(at), enc: "E", fp: "AB" }]);
  const metadata = parseMetadata(blockOf({ ...base, pgp }));
  const quoted = node([{ created_at: at, enc: "E", fp: "AB" }]);
  expect(emitMetadata(metadata)).toEqual(
    emitMetadata(parseMetadata(blockOf({ ...base, pgp: quoted }))),
  );
});

test.each<[string, Record<string, unknown>, string]>([
  [
    "a timestamp for a text",
    { version: time("2020-01-01T00:00:00Z") },
    "decoding failed due to the following error(s):\n\n'version' expected type 'string', got unconvertible type 'time.Time'",
  ],
  [
    "a threshold that is no number",
    { shamir_threshold: "two", lastmodified: "foo" },
    "decoding failed due to the following error(s):\n\n'shamir_threshold' cannot parse value as 'int': strconv.ParseInt: invalid syntax",
  ],
  [
    "a bool that is none",
    { mac_only_encrypted: "yes" },
    "'mac_only_encrypted' cannot parse value as 'bool': strconv.ParseBool: invalid syntax",
  ],
  ["a text for a key", { age: ["age1a"] }, "'age[0]' expected a map or struct, got \"string\""],
  [
    "a list for a text",
    { key_groups: [{ age: [{ enc: [1] }] }] },
    "'key_groups[0].age[0].enc' expected type 'string', got unconvertible type '[]interface {}'",
  ],
  [
    "a text for a map",
    { kms: [{ context: "x", created_at: created }] },
    "'kms[0].context' expected a map",
  ],
  ["no lastmodified", { lastmodified: null, age: [] }, "parsing time in 'lastmodified'"],
  ["a date only", { lastmodified: "2026-01-02" }, "parsing time in 'lastmodified'"],
  [
    "a day that does not exist",
    { lastmodified: "2026-02-29T00:00:00Z" },
    "parsing time in 'lastmodified'",
  ],
  [
    "a key without created_at",
    { pgp: [{ fp: "A" }], unencrypted_regex: "x" },
    "parsing time in 'pgp[0].created_at'",
  ],
  [
    "a HuaweiCloud key without region",
    { hckms: [{ key_id: "u", created_at: created }] },
    "invalid key ID format: expected 'region:key-uuid'",
  ],
  ["no key", { age: [], unencrypted_regex: "x" }, "No keys found in file"],
  ["only empty groups", { age: null, key_groups: [{ age: [] }, {}] }, "No keys found in file"],
  [
    "two selectors",
    { unencrypted_regex: "x", version: "" },
    "Cannot use more than one of encrypted_suffix, unencrypted_suffix, ",
  ],
  ["no version", { version: null }, "Version string empty"],
  ["a version of two parts", { version: 3.13 }, "No Major.Minor.Patch elements found"],
  ["a leading zero", { version: "03.1.1" }, "Major number must not contain leading zeroes"],
  ["a letter in the patch", { version: "3.13.a" }, "Invalid character(s) found in patch number"],
  ["four parts", { version: "3.1.1.1" }, "Invalid character(s) found in patch number"],
  ["an empty pre-release", { version: "3.1.1-" }, "Prerelease is empty"],
])("refuses %s", (_, change, message) => {
  expect(() => parseMetadata(blockOf({ ...base, ...change }))).toThrow(
    expect.objectContaining({ exitCode: 1, message: expect.stringContaining(message) }),
  );
});

test.each(["1.x", "4.0.0", "v3.0.0", "3.13.3-alpha.1", "3.0.0+build.5"])(
  "accepts version %s",
  (version) => {
    expect(parseMetadata(blockOf({ ...base, version })).version).toBe(version);
  },
);
