import { generateIdentity, identityToRecipient } from "age-encryption";
import { holds, words, type Row, expectCode } from "../rows.ts";
import { identities, plain, recipients } from "../samples.ts";
import { Sandbox } from "../sandbox.ts";

const third = await generateIdentity();
const C = await identityToRecipient(third);
const { A, B } = recipients;
const config = `creation_rules:\n  - shamir_threshold: 2\n    key_groups:\n${[A, B, C].map((key) => `      - age: [${key}]\n`).join("")}`;

const box = new Sandbox({ ...plain, "three.yaml": config });
const made = async (...args: string[]): Promise<string> => {
  const result = await box.run(args);
  expectCode(result, 0);
  return result.stdout;
};
/** Three groups of one key each, of which two are needed. */
const shared = await made("--config", "three.yaml", "encrypt", "plain.yaml");
const single = await made("encrypt", "--age", A, "plain.yaml");
box.remove();
const files = { "shared.yaml": shared, "single.yaml": single };
const both = { SOPS_AGE_KEY: `${identities.A} ${identities.B}` };
/** The file opens with these identities, and with none of them alone where there are several. */
const opensWith =
  (name: string, ...keys: string[]): NonNullable<Row["after"]> =>
  async (sandbox) => {
    expectCode(await sandbox.run(["decrypt", name], { env: { SOPS_AGE_KEY: keys.join(" ") } }), 0);
    for (const key of keys.length > 1 ? keys : [])
      expectCode(await sandbox.run(["decrypt", name], { env: { SOPS_AGE_KEY: key } }), 128);
  };

const lines: readonly Row[] = [
  // add
  {
    line: "groups add -i -f single.yaml --age B",
    after: async (sandbox, result) => {
      holds("single.yaml", /^ {4}shamir_threshold: 2$/m)(sandbox);
      await opensWith("single.yaml", identities.A, identities.B)(sandbox, result);
    },
  },
  {
    line: "groups add --file single.yaml --age B",
    stdout: /\n {4}key_groups:\n[^]*shamir_threshold: 2\n/,
  },
  {
    line: `groups add -i -f single.yaml --age B --age ${C}`,
    after: opensWith("single.yaml", identities.A, third),
  },
  {
    line: `groups add -i -f single.yaml --age ${B},${C}`,
    after: opensWith("single.yaml", identities.A, third),
  },
  {
    line: `groups add -i -f shared.yaml --age ${C}`,
    after: holds("shared.yaml", /^ {4}shamir_threshold: 2$/m),
  },
  {
    line: "groups add -i -f shared.yaml --shamir-secret-sharing-threshold 4 --age B",
    after: holds("shared.yaml", /^ {4}shamir_threshold: 4$/m),
  },
  // A key that is in two groups opens both.
  {
    line: "groups add -i -f single.yaml --age A",
    after: opensWith("single.yaml", identities.A),
  },
  // What sops writes all the same, and nobody could open.
  {
    line: "groups add -i -f single.yaml",
    code: 1,
    stderr:
      /^error: the new key group needs a key\nName one with --age, --pgp, --kms or another of the key flags\.\n$/,
  },
  {
    line: "groups add -i -f single.yaml --pgp AB --age B",
    env: { SOPS_GPG_EXEC: "/no/gpg", ...both },
    code: 1,
    stderr:
      /\[failed to encrypt new data key with master key "AB": .*\/no\/gpg, which SOPS_GPG_EXEC names, was not found/,
  },
  {
    line: "groups add -i -f single.yaml --age B --hckms tr-west-1:uuid",
    code: 1,
    stderr: /\[failed to encrypt new data key with master key "tr-west-1:uuid": /,
  },
  {
    line: "groups add -i -f single.yaml --age nonsense",
    code: 1,
    stderr: /^failed to parse input, unknown recipient type/,
  },
  {
    line: "groups add -i -f single.yaml --shamir-secret-sharing-threshold 3 --age B",
    code: 1,
    stderr: /parts cannot be less than threshold/,
  },
  {
    line: "groups add -f single.yaml x",
    code: 1,
    stderr: /^error: no positional arguments allowed\n/,
  },
  { line: "groups add --age B", code: 2, stderr: /^Error reading file: / },
  { line: "groups add -f none.yaml --age B", code: 2, stderr: /^Error reading file: none\.yaml: / },
  { line: "groups add -f plain.yaml --age B", code: 1, stderr: /^sops metadata not found/ },
  {
    line: "groups add -f shared.yaml --age B",
    env: { SOPS_AGE_KEY: identities.A },
    code: 1,
    stderr:
      /^Error getting data key: 2 successful groups required, got 1 \(shared\.yaml\)\nsopsmith decrypt shared\.yaml says why each key failed\.\n$/,
  },
  // delete
  {
    line: "groups delete -i -f shared.yaml 2",
    after: async (sandbox, result) => {
      holds("shared.yaml", /^ {4}shamir_threshold: 2$/m)(sandbox);
      await opensWith("shared.yaml", identities.A, identities.B)(sandbox, result);
    },
  },
  { line: "groups delete -f shared.yaml 0", stdout: new RegExp(`^(?![^]*${A})[^]*${B}`) },
  {
    line: "groups delete -i -f shared.yaml --shamir-secret-sharing-threshold 3 2",
    code: 1,
    stderr:
      /^removing this key group will make the Shamir threshold impossible to satisfy: Shamir threshold is 3, but we only have 2 key groups \(shared\.yaml\)\nLower it with/,
  },
  { line: "groups delete -i -f single.yaml 0", code: 1, stderr: /\[no key groups provided\]/ },
  {
    line: "groups delete -i -f shared.yaml 3",
    code: 2,
    stderr: /^there is no key group 3 \(shared\.yaml\): it has 3, counted from 0\n$/,
  },
  {
    line: "groups delete -i -f shared.yaml x",
    code: 1,
    stderr: /^failed to parse \[index\] argument: "x"/,
  },
  {
    line: "groups delete -i -f shared.yaml -- -1",
    code: 1,
    stderr: /^failed to parse \[index\] argument: "-1"/,
  },
  {
    line: "groups delete -i -f shared.yaml -1",
    code: 1,
    stderr: /^flag provided but not defined: -1/,
  },
  {
    line: "groups delete -i -f shared.yaml",
    code: 1,
    stderr: /^error: exactly one positional argument \(index\) required\n$/,
  },
  {
    line: "groups delete --in-place --no-atomic --keyservice unix:///none.sock --file shared.yaml 2",
    after: opensWith("shared.yaml", identities.A, identities.B),
  },
  {
    line: "groups delete --enable-local-keyservice=false -f shared.yaml 0",
    code: 1,
    stderr: /^Error getting data key: 2 successful groups required, got 0/,
  },
  { line: "groups delete 1", code: 2, stderr: /^Error reading file: / },
  // the word alone
  { line: "groups", stdout: /add +add a key group to a file/ },
  { line: "groups bogus", code: 3, stderr: /^No help topic for "bogus"/ },
  {
    line: "rotate -i shared.yaml",
    after: async (sandbox, result) => {
      holds("shared.yaml", /^ {4}shamir_threshold: 2$/m)(sandbox);
      await opensWith("shared.yaml", identities.B, third)(sandbox, result);
    },
  },
  {
    line: "set shared.yaml '[\"secret\"]' '\"new\"'",
    after: async (sandbox) => {
      expectCode(await sandbox.run(words("decrypt shared.yaml"), { env: both }), 0);
    },
  },
  {
    line: "decrypt --decryption-order pgp,age shared.yaml",
    stdout: /secret: hello/,
  },
  {
    line: "decrypt shared.yaml",
    env: { SOPS_AGE_KEY: third },
    code: 128,
    stderr:
      /\n1 of 3 key groups opened; 2 are needed\.\n[^]*\nGroup 0: FAILED\n {2}age1[^]*\nGroup 2: SUCCESS\n/,
  },
  {
    line: "--config merged.yaml encrypt plain.yaml",
    files: {
      ...files,
      "merged.yaml": `creation_rules:\n  - key_groups:\n      - merge:\n          - age: [${A}]\n          - age: [${B}]\n        age: [${A}, ${B}]\n`,
    },
    stdout: new RegExp(`^(?=[^]*${A}[^]*${B})(?![^]*${A}[^]*${A})(?![^]*key_groups)`),
  },
  {
    line: "encrypt --shamir-secret-sharing-threshold 3 --config three.yaml plain.yaml",
    files: { ...files, "three.yaml": config },
    stdout: /^ {4}shamir_threshold: 3$/m,
  },
  {
    line: "--config three.yaml encrypt --shamir-secret-sharing-threshold 3 plain.yaml",
    files: { ...files, "three.yaml": config },
    stdout: /^ {4}shamir_threshold: 3$/m,
  },
];

export const rows: readonly Row[] = lines.map((row) => ({ files, env: both, ...row }));
