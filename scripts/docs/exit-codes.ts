/** Exit codes by meaning, in the wording of the reference; test/cli/coverage.test.ts asks each for a test. */
export const exitCodes: readonly (readonly [code: string, meaning: string])[] = [
  ["0", "success"],
  [
    "1",
    "any failure without a code of its own: a wrong command line or configuration, no keys, no metadata in the file; or several files failed with different codes",
  ],
  [
    "2",
    "the input cannot be read, or plain input cannot be parsed; a path or position at which sops crashes; for terraform, a wrong command line",
  ],
  ["3", "the output or a temporary file cannot be written; no help for this word"],
  ["4", "the result cannot be written in the output format"],
  ["6", "the AWS encryption context is malformed"],
  ["7", "the path or value of set or unset is malformed"],
  ["8", "options that cannot be used together"],
  [
    "10",
    "check found an error, doctor a problem; --check: a file or a value is unencrypted (filestatus), keys do not match .sops.yaml (updatekeys), or types are out of date (types); a value is older than secrets age --max allows",
  ],
  ["23", "a value cannot be encrypted"],
  ["25", "a value cannot be decrypted"],
  ["49", "keys to add or remove, but the file does not exist"],
  ["51", "the MAC does not match, or cannot be decrypted"],
  ["91", "the path of --extract is malformed"],
  ["92", "no document to encrypt"],
  ["100", "no file given, a wrong number of operands, or no such file"],
  ["112", "a type appears twice in the decryption order"],
  ["128", "no data key: too few of the file's keys could be used"],
  ["200", "the file was not changed in the editor"],
  ["201", "the editor could not be run, or failed"],
  ["203", "the file is already encrypted"],
  [
    "255",
    "exec-env, exec-file, run: a signal ended the command (otherwise its own status is passed on)",
  ],
];
