import { identities } from "./samples.ts";

/** A command line whose input is wrong, what it ends with and what it says. */
export interface Bad {
  readonly line: string;
  readonly code: number;
  readonly says: RegExp;
  readonly stdin?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** A configuration among the files. */
  readonly config?: string;
}

const [updating, publishing] = ["updating.conf", "publishing.conf"];

const noData = {
  code: 128,
  says: /^Failed to get the data key required to decrypt the SOPS file\.\n/,
};
const asB = { SOPS_AGE_KEY: identities.B };
const path = `'["secret"]'`;

export const rows: readonly Bad[] = [
  // A file that is not there.
  { line: "encrypt --age A gone.yaml", code: 100, says: /gone\.yaml/ },
  { line: "decrypt gone.yaml", code: 100, says: /gone\.yaml/ },
  { line: "rotate gone.yaml", code: 2, says: /gone\.yaml/ },
  { line: `set gone.yaml ${path} '"x"'`, code: 2, says: /gone\.yaml/ },
  { line: `unset gone.yaml ${path}`, code: 2, says: /gone\.yaml/ },
  { line: "filestatus gone.yaml", code: 1, says: /gone\.yaml/ },
  { line: "exec-env gone.yaml true", code: 2, says: /gone\.yaml/ },
  { line: "exec-file gone.yaml true", code: 2, says: /gone\.yaml/ },
  { line: "updatekeys gone.yaml", code: 1, says: /gone\.yaml/, config: updating },
  { line: "publish --yes gone.yaml", code: 1, says: /gone\.yaml/, config: publishing },
  { line: "groups add --age A -f gone.yaml", code: 2, says: /gone\.yaml/ },
  { line: "groups delete -f gone.yaml 0", code: 2, says: /gone\.yaml/ },
  { line: "git textconv gone.yaml", code: 2, says: /gone\.yaml/ },
  { line: "keygen -y gone.txt", code: 1, says: /gone\.txt/ },
  // No operand.
  { line: "rotate", code: 100, says: /no file specified/ },
  { line: "edit", code: 100, says: /no file specified/ },
  { line: "set", code: 100, says: /no file specified/ },
  { line: "unset", code: 100, says: /no file specified/ },
  { line: "filestatus", code: 100, says: /no file specified/ },
  { line: "exec-env", code: 1, says: /missing file to decrypt/ },
  { line: "exec-file", code: 1, says: /missing file to decrypt/ },
  { line: "updatekeys", code: 100, says: /no file specified/, config: updating },
  { line: "publish", code: 100, says: /no file specified/, config: publishing },
  { line: "groups add --age A", code: 2, says: /--file/ },
  { line: "groups delete 0", code: 2, says: /--file/ },
  { line: "git textconv", code: 100, says: /no file specified/ },
  { line: "-d", code: 100, says: /no file specified/ },
  // A file that cannot be parsed.
  { line: "encrypt --age A bad.yaml", code: 2, says: /bad\.yaml, line \d/ },
  { line: "decrypt bad.yaml", code: 1, says: /bad\.yaml, line \d/ },
  { line: "rotate -i bad.yaml", code: 1, says: /bad\.yaml, line \d/ },
  { line: "edit bad.yaml", code: 1, says: /bad\.yaml, line \d/ },
  { line: `set bad.yaml ${path} '"x"'`, code: 1, says: /bad\.yaml, line \d/ },
  { line: `unset bad.yaml ${path}`, code: 1, says: /bad\.yaml, line \d/ },
  { line: "filestatus bad.yaml", code: 1, says: /bad\.yaml, line \d/ },
  { line: "updatekeys -y bad.yaml", code: 1, says: /bad\.yaml, line \d/, config: updating },
  { line: "publish --yes bad.yaml", code: 1, says: /bad\.yaml/, config: publishing },
  { line: "groups add --age A -f bad.yaml", code: 1, says: /bad\.yaml, line \d/ },
  { line: "exec-env bad.yaml true", code: 1, says: /bad\.yaml, line \d/ },
  { line: "decrypt -i cut.json", code: 1, says: /cut\.json/ },
  { line: "encrypt --age A empty.yaml", code: 92, says: /empty\.yaml/ },
  { line: "encrypt --age A list.yaml", code: 2, says: /list\.yaml/ },
  // A file that is not encrypted, or is already.
  { line: "decrypt -i plain.yaml", code: 1, says: /^sops metadata not found \(plain\.yaml\)/ },
  { line: "rotate -i plain.json", code: 1, says: /^sops metadata not found \(plain\.json\)/ },
  { line: `set plain.yaml ${path} '"x"'`, code: 1, says: /^sops metadata not found/ },
  { line: `unset plain.yaml ${path}`, code: 1, says: /^sops metadata not found/ },
  { line: "edit plain.yaml", code: 1, says: /^sops metadata not found/, env: { EDITOR: "true" } },
  { line: "updatekeys -y plain.yaml", code: 1, says: /sops metadata not found/, config: updating },
  { line: "publish --yes plain.yaml", code: 1, says: /metadata not found/, config: publishing },
  { line: "groups delete -f plain.yaml 0", code: 1, says: /^sops metadata not found/ },
  { line: "exec-env plain.yaml true", code: 1, says: /^sops metadata not found/ },
  { line: "exec-file plain.yaml true", code: 1, says: /^sops metadata not found/ },
  { line: "encrypt -i --age A sealed.yaml", code: 203, says: /sealed\.yaml/ },
  // A file without a key for us.
  { line: "decrypt -i sealed.yaml", ...noData, env: asB },
  { line: "rotate -i sealed.yaml", ...noData, env: asB },
  { line: `set sealed.yaml ${path} '"x"'`, ...noData, env: asB },
  { line: `unset sealed.yaml ${path}`, ...noData, env: asB },
  { line: "exec-env sealed.env true", ...noData, env: asB },
  { line: "exec-file sealed.yaml true", ...noData, env: asB },
  { line: "edit sealed.yaml", ...noData, env: { ...asB, EDITOR: "true" } },
  { line: "decrypt nokeys.yaml", code: 1, says: /nokeys\.yaml/ },
  // A file that was changed.
  { line: "decrypt -i tampered.yaml", code: 51, says: /^MAC mismatch.*tampered\.yaml/ },
  { line: "rotate -i tampered.yaml", code: 51, says: /^MAC mismatch.*tampered\.yaml/ },
  { line: `set tampered.yaml ${path} '"x"'`, code: 51, says: /^MAC mismatch.*tampered\.yaml/ },
  { line: "exec-file tampered.yaml true", code: 51, says: /^MAC mismatch.*tampered\.yaml/ },
  { line: "decrypt broken.yaml", code: 25, says: /broken\.yaml at \["secret"\]/ },
  { line: "exec-env broken.yaml true", code: 25, says: /broken\.yaml at \["secret"\]/ },
  // Values, paths and settings.
  { line: `set sealed.yaml ${path} nojson`, code: 7, says: /^Value for --set is not valid JSON/ },
  { line: `set sealed.yaml secret '"x"'`, code: 7, says: /^Invalid set index format/ },
  { line: "unset sealed.yaml secret", code: 7, says: /^Invalid unset index format/ },
  { line: `unset sealed.yaml '["zz"]'`, code: 1, says: /^Key not found: zz.*sealed\.yaml/ },
  { line: "decrypt --extract secret sealed.yaml", code: 91, says: /^error parsing --extract path/ },
  { line: "decrypt --extract '[\"zz\"]' sealed.yaml", code: 1, says: /sealed\.yaml at \["zz"\]/ },
  { line: "encrypt --age A --output no/where plain.yaml", code: 3, says: /no\/where/ },
  { line: "encrypt --age nonsense plain.yaml", code: 1, says: /age/ },
  { line: "encrypt plain.yaml", code: 1, says: /^config file not found/ },
  { line: "--config config.yaml encrypt plain.yaml", code: 1, says: /config\.yaml/ },
  { line: "--config gone.yaml decrypt sealed.yaml", code: 1, says: /gone\.yaml/ },
  { line: "decrypt --decryption-order age,age sealed.yaml", code: 112, says: /age/ },
  { line: "exec-env sealed.yaml true", code: 1, says: /offending key l/ },
  { line: "exec-file --filename ../x sealed.yaml true", code: 1, says: /not a local path/ },
  { line: "updatekeys -y sealed.yaml", code: 1, says: /^config file not found/ },
  { line: "publish --yes sealed.yaml", code: 1, says: /^config file not found/ },
  { line: "publish --yes .", code: 1, says: /a directory without --recursive/, config: publishing },
  {
    line: "publish --yes sealed.json",
    code: 1,
    says: /no destination configured/,
    config: publishing,
  },
  {
    line: "publish --yes sealed.ini",
    code: 1,
    says: /no matching destination/,
    config: publishing,
  },
  { line: "publish --json sealed.yaml", code: 1, says: /use it with --yes/, config: publishing },
  { line: "updatekeys --json sealed.yaml", code: 8, says: /with --json/, config: updating },
  { line: "groups delete -f sealed.yaml 9", code: 2, says: /no key group 9/ },
  { line: "groups delete -f sealed.yaml", code: 1, says: /exactly one positional argument/ },
  { line: "groups add -f sealed.yaml x", code: 1, says: /no positional arguments allowed/ },
  { line: "completion nushell", code: 3, says: /^No help topic for "nushell"/ },
  { line: "git install '# x'", code: 1, says: /git|pattern/ },
  { line: "git uninstall x", code: 1, says: /no operands/ },
  { line: "help nope", code: 3, says: /nope/ },
  { line: "filestatus --staged", code: 100, says: /no file specified, and no creation rules/ },
  { line: "keyservice --network nope", code: 1, says: /nope/ },
  // Several files.
  { line: "decrypt sealed.yaml sealed.json", code: 8, says: /2 files to stdout/ },
  { line: "decrypt -i --all-or-nothing sealed.yaml gone.yaml", code: 100, says: /gone\.yaml/ },
  {
    line: "rotate -i --all-or-nothing sealed.yaml tampered.yaml",
    code: 51,
    says: /tampered\.yaml/,
  },
  {
    line: "encrypt --age A -i --output-dir o plain.yaml",
    code: 8,
    says: /--output-dir and --in-place/,
  },
];
