/**
 * Every option of the command line but those of the master keys (key-flags.ts), as data. Parsing, help and, one day,
 * completion read these objects; commands use them to look up values, so that a misspelt name does not compile.
 */

interface Named {
  /** Long name first. Where a flag is given under two names, the order decides how the error is worded (spec cli 1.1). */
  readonly names: readonly [string, ...string[]];
  /** One line for the help. */
  readonly about: string;
  /** Environment variable that supplies the value where the flag is absent. */
  readonly env?: string;
  /** Not in the help. */
  readonly isHidden?: boolean;
}

export interface TextFlag extends Named {
  readonly kind: "text";
  /** What stands for the value in the help. */
  readonly value?: string;
}

export interface BoolFlag extends Named {
  readonly kind: "bool";
  /** True unless switched off. */
  readonly on?: boolean;
}

export interface IntFlag extends Named {
  readonly kind: "int";
  /** What holds where the flag is not given, for the help; 0 by default. */
  readonly initial?: number;
  /** Both ends included; any integer by default. */
  readonly range?: { readonly from: number; readonly to: number };
}

/** May be given several times; each adds a value. In its environment variable the values are separated by commas. */
export interface ListFlag extends Named {
  readonly kind: "list";
  /** What stands for one value in the help. */
  readonly value?: string;
}

export type Flag = TextFlag | BoolFlag | IntFlag | ListFlag;

const FORMAT_NAMES = "yaml, json, dotenv, ini or binary";

// What decides about input and output.

export const inPlace: BoolFlag = {
  kind: "bool",
  names: ["in-place", "i"],
  about: "write the result back to the file instead of stdout",
};
export const output: TextFlag = {
  kind: "text",
  names: ["output"],
  about: "write the result to this file instead of stdout",
};
export const inputType: TextFlag = {
  kind: "text",
  names: ["input-type"],
  about: `format of the input: ${FORMAT_NAMES}; default: from the file name, or from the content of an encrypted file`,
};
export const outputType: TextFlag = {
  kind: "text",
  names: ["output-type"],
  about: `format of the output: ${FORMAT_NAMES}; default: the format of the input`,
};
export const filenameOverride: TextFlag = {
  kind: "text",
  names: ["filename-override"],
  about:
    "use this file name to choose the creation rule and the formats; required to encrypt stdin",
};
export const indent: IntFlag = {
  kind: "int",
  names: ["indent"],
  about: "number of spaces per level in YAML and JSON output; overrides the configuration",
  range: { from: -1_000, to: 1_000 },
};
export const layout: TextFlag = {
  kind: "text",
  names: ["layout"],
  value: "keep|sops",
  about:
    "whether an encrypted file keeps its author's layout (quotes, blank lines, comments) or looks the way sops writes it; overrides SOPSMITH_LAYOUT and the configuration; default: keep, or sops with --indent",
};
export const noAtomic: BoolFlag = {
  kind: "bool",
  names: ["no-atomic"],
  about:
    "overwrite the file in place instead of replacing it with a new one; for files that cannot be replaced",
};
export const config: TextFlag = {
  kind: "text",
  names: ["config"],
  env: "SOPS_CONFIG",
  about:
    "use this configuration file instead of searching for .sops.yaml from the working directory upwards",
};

// Several files.

export const recursive: BoolFlag = {
  kind: "bool",
  names: ["recursive"],
  about: "include the files in directories; encrypted ones are found by their content",
};
export const outputDir: TextFlag = {
  kind: "text",
  names: ["output-dir"],
  value: "directory",
  about: "write each result to this directory, under its relative path, instead of stdout",
};
export const allOrNothing: BoolFlag = {
  kind: "bool",
  names: ["all-or-nothing"],
  about: "write nothing when one of several files fails",
};
/** The flags of commands that take several files. */
export const severalFiles: readonly Flag[] = [recursive, outputDir, allOrNothing];

// Merges.

export const acceptResolved: BoolFlag = {
  kind: "bool",
  names: ["accept"],
  about: "accept a file in which you resolved the conflict by choosing encrypted lines",
};
export const noAdd: BoolFlag = {
  kind: "bool",
  names: ["no-add"],
  about: "do not run git add",
};

// What is encrypted.

export const unencryptedSuffix: TextFlag = {
  kind: "text",
  names: ["unencrypted-suffix"],
  about: "do not encrypt values whose key ends in this suffix",
};
export const encryptedSuffix: TextFlag = {
  kind: "text",
  names: ["encrypted-suffix"],
  about: "encrypt only values whose key ends in this suffix",
};
export const unencryptedRegex: TextFlag = {
  kind: "text",
  names: ["unencrypted-regex"],
  about: "do not encrypt values whose key matches this regular expression",
};
export const encryptedRegex: TextFlag = {
  kind: "text",
  names: ["encrypted-regex"],
  about: "encrypt only values whose key matches this regular expression",
};
export const unencryptedCommentRegex: TextFlag = {
  kind: "text",
  names: ["unencrypted-comment-regex"],
  about: "do not encrypt values whose comment matches this regular expression",
};
export const encryptedCommentRegex: TextFlag = {
  kind: "text",
  names: ["encrypted-comment-regex"],
  about: "encrypt only values whose comment matches this regular expression",
};
/** Which values are encrypted; one of them at most. */
export const selectors: readonly Flag[] = [
  unencryptedSuffix,
  encryptedSuffix,
  unencryptedRegex,
  encryptedRegex,
  unencryptedCommentRegex,
  encryptedCommentRegex,
];
export const macOnlyEncrypted: BoolFlag = {
  kind: "bool",
  names: ["mac-only-encrypted"],
  about: "let the MAC cover only the values that are encrypted",
};

// Keys and checks.

export const awsProfile: TextFlag = {
  kind: "text",
  names: ["aws-profile"],
  about: "AWS profile to use with the keys of --kms; it is stored in the file",
};
export const encryptionContext: TextFlag = {
  kind: "text",
  names: ["encryption-context"],
  value: "name:value,…",
  about: "AWS KMS encryption context for the keys of --kms",
};
export const threshold: IntFlag = {
  kind: "int",
  names: ["shamir-secret-sharing-threshold"],
  about:
    "number of key groups needed to recover the data key; 0 means the number in the configuration",
};
export const decryptionOrder: TextFlag = {
  kind: "text",
  names: ["decryption-order"],
  env: "SOPS_DECRYPTION_ORDER",
  about: "comma-separated types of master keys, in the order to try them",
};
export const localKeyService: BoolFlag = {
  kind: "bool",
  names: ["enable-local-keyservice"],
  env: "SOPS_ENABLE_LOCAL_KEYSERVICE",
  on: true,
  about: "use the keys of this machine",
};
export const keyService: ListFlag = {
  kind: "list",
  names: ["keyservice"],
  env: "SOPS_KEYSERVICE",
  value: "uri",
  about: "also use the keys of a key service at tcp://host:port or unix:///path; may be repeated",
};
/** Which keys wrap and unwrap the data key. */
export const keyServices: readonly Flag[] = [localKeyService, keyService];
export const strict: BoolFlag = {
  kind: "bool",
  names: ["strict"],
  about:
    "turn warnings into errors: recipients, groups or a threshold that differ from the creation rule, unencrypted values that it would encrypt, a file with nothing encrypted; strict: true in the configuration does the same",
};
export const ignoreMac: BoolFlag = {
  kind: "bool",
  names: ["ignore-mac"],
  about: "do not check the message authentication code (MAC)",
};

// Single commands.

export const extract: TextFlag = {
  kind: "text",
  names: ["extract"],
  value: "path",
  about: `print only the value at this path, such as '["key"][0]'`,
};
export const dotted: BoolFlag = {
  kind: "bool",
  names: ["dotted"],
  about:
    "write the path as db.users[0].name; a backslash before a dot, a bracket or a backslash makes it part of the key",
};
export const valueString: BoolFlag = {
  kind: "bool",
  names: ["string"],
  about: "read the value as plain text, not JSON: no quotes are needed",
};
export const showMasterKeys: BoolFlag = {
  kind: "bool",
  names: ["show-master-keys", "s"],
  about: "show the master keys in the editor, where they can also be changed",
};
export const valueFile: BoolFlag = {
  kind: "bool",
  names: ["value-file"],
  about:
    "the operand 'value' is the name of a file that holds the value, which keeps it out of the process list",
};
export const valueStdin: BoolFlag = {
  kind: "bool",
  names: ["value-stdin"],
  about: "read the value from stdin, which keeps it out of the process list",
};
export const furtherFiles: ListFlag = {
  kind: "list",
  names: ["file"],
  value: "file",
  about: "change this file too; may be repeated",
};
export const check: BoolFlag = {
  kind: "bool",
  names: ["check"],
  about: "exit with status 10 when a file, or a value that should be encrypted, is not",
};
export const staged: BoolFlag = {
  kind: "bool",
  names: ["staged"],
  about:
    "check what is staged for the next commit; operands are then Git path patterns; without any, the files that are encrypted or that a path_regex in the configuration matches",
};
export const idempotent: BoolFlag = {
  kind: "bool",
  names: ["idempotent"],
  about: "leave the file untouched when nothing would change",
};
export const keyOutput: TextFlag = {
  kind: "text",
  names: ["output", "o"],
  about: "write to this file, which must not exist, instead of stdout",
};
export const convert: BoolFlag = {
  kind: "bool",
  names: ["y"],
  about: "print the recipient of each identity in the file, or on stdin",
};
export const fromSsh: BoolFlag = {
  kind: "bool",
  names: ["from-ssh"],
  about:
    "print the age recipient of each Ed25519 SSH key in the file, private or public, or on stdin, as ssh-to-age does",
};
export const postQuantum: BoolFlag = {
  kind: "bool",
  names: ["pq"],
  about: "generate a post-quantum key",
};
export const defaultKeyFile: BoolFlag = {
  kind: "bool",
  names: ["default"],
  about: "append to the key file that sopsmith and sops read by default",
};

export const checkKeys: BoolFlag = {
  kind: "bool",
  names: ["check"],
  about:
    "change nothing; exit with status 10 when a file's keys, threshold, selection or mac_only_encrypted do not match .sops.yaml",
};
export const dryRun: BoolFlag = {
  kind: "bool",
  names: ["dry-run"],
  about: "show what would change, and change nothing",
};
export const yes: BoolFlag = {
  kind: "bool",
  names: ["yes", "y"],
  about: "answer yes to every question",
};
export const groupFile: TextFlag = {
  kind: "text",
  names: ["file", "f"],
  about: "the encrypted file whose key groups to change",
};
export const json: BoolFlag = {
  kind: "bool",
  names: ["json"],
  about:
    "report in JSON, one object per line on stdout; an error is an object on stderr with code, exitCode, message, file, path and hint",
};

export const pristine: BoolFlag = {
  kind: "bool",
  names: ["pristine"],
  about: "pass the command only the decrypted values, not this program's environment",
};
export const user: TextFlag = {
  kind: "text",
  names: ["user"],
  value: "name",
  about: "run the command as this user, with its groups and home directory; for root only",
};
export const sameProcess: BoolFlag = {
  kind: "bool",
  names: ["same-process"],
  about: "replace this process with the command instead of starting a child process",
};
export const background: BoolFlag = {
  kind: "bool",
  names: ["background"],
  about: "deprecated: start the command without input or output, and do not wait for it",
};
export const noFifo: BoolFlag = {
  kind: "bool",
  names: ["no-fifo"],
  about: "use a regular file, which can be read several times, instead of a FIFO",
};
export const filename: TextFlag = {
  kind: "text",
  names: ["filename"],
  value: "name",
  about: "name of the temporary file, for programs that depend on it (default: tmp-file)",
};
export const omitExtensions: BoolFlag = {
  kind: "bool",
  names: ["omit-extensions"],
  about: "drop the file's last extension from its name at the destination",
};
export const network: TextFlag = {
  kind: "text",
  names: ["network", "net"],
  about: "kind of address to listen on: tcp, tcp4, tcp6 or unix; default: tcp",
};
export const address: TextFlag = {
  kind: "text",
  names: ["address", "addr"],
  about: "where to listen, host:port or the path of a socket; default: 127.0.0.1:5000",
};
export const prompt: BoolFlag = {
  kind: "bool",
  names: ["prompt"],
  about: "ask before answering each request",
};

// Only in front of, or instead of, a command.

export const decryptMode: BoolFlag = {
  kind: "bool",
  names: ["decrypt", "d"],
  about: "decrypt the file; same as the command",
};
export const encryptMode: BoolFlag = {
  kind: "bool",
  names: ["encrypt", "e"],
  about: "encrypt the file; same as the command",
};
export const rotateMode: BoolFlag = {
  kind: "bool",
  names: ["rotate", "r"],
  about: "rotate the file; same as the command",
};
export const setMode: TextFlag = {
  kind: "text",
  names: ["set"],
  about: `set one value of the file, such as '["key"][0] "value"'; same as the command`,
};
export const verbose: BoolFlag = {
  kind: "bool",
  names: ["verbose"],
  about: "report on stderr which keys were used and what was written",
};
/** The same after a command's name, where `-v` cannot ask for the version. */
export const verboseHere: BoolFlag = { ...verbose, names: ["verbose", "v"] };
export const disableVersionCheck: BoolFlag = {
  kind: "bool",
  names: ["disable-version-check"],
  env: "SOPS_DISABLE_VERSION_CHECK",
  about: "accepted for scripts; nothing is looked up without --check-for-updates",
};
export const checkForUpdates: BoolFlag = {
  kind: "bool",
  names: ["check-for-updates"],
  about:
    "with --version: ask GitHub whether sops has a newer release than the one that sopsmith follows",
};
export const help: BoolFlag = { kind: "bool", names: ["help", "h"], about: "show this help" };
export const showVersion: BoolFlag = {
  kind: "bool",
  names: ["version", "v"],
  about: "print the version",
};

/** Flags whose variable must be a boolean before anything else is looked at (spec cli 1.4). */
export const environmentBooleans: readonly BoolFlag[] = [localKeyService, disableVersionCheck];

// Files that lie over each other, for a command.

export const layers: ListFlag = {
  kind: "list",
  names: ["file", "f"],
  value: "file",
  about:
    "a file with values, encrypted or not; a later one wins; default: the files in SOPSMITH_FILES, or else .env.enc and secrets.enc.yaml or .json, searched for upwards to the package's root",
};
export const only: ListFlag = {
  kind: "list",
  names: ["only"],
  value: "pattern",
  about: "use only variables whose name matches, such as DB_*; may be repeated",
};
export const prefix: TextFlag = {
  kind: "text",
  names: ["prefix"],
  about: "put this before the name of each variable",
};
export const separator: TextFlag = {
  kind: "text",
  names: ["separator"],
  about: "text that joins the keys of nested values; default: _, so that db.pass is DB_PASS",
};
export const keepCase: BoolFlag = {
  kind: "bool",
  names: ["keep-case"],
  about: "do not convert names to upper case",
};
export const explain: BoolFlag = {
  kind: "bool",
  names: ["explain"],
  about: "list each variable with the file that it comes from, without values, and run nothing",
};
export const watchFiles: BoolFlag = {
  kind: "bool",
  names: ["watch"],
  about: "start the command again when a file changes",
};
export const noRedact: BoolFlag = {
  kind: "bool",
  names: ["no-redact"],
  about: "do not mask secrets in output that goes to a pipe or a file",
};

// Types for TypeScript.

export const oneDeclaration: TextFlag = {
  kind: "text",
  names: ["output"],
  value: "file",
  about:
    "write the types of all files except JSON to this one, such as sopsmith.d.ts, instead of a file beside each",
};
export const stages: BoolFlag = {
  kind: "bool",
  names: ["stages"],
  about:
    "treat the files as stages of one configuration, whatever their names: keys that some of them lack are optional",
};
export const checkTypes: BoolFlag = {
  kind: "bool",
  names: ["check"],
  about: "write nothing; exit with status 10 when types are missing or out of date",
};
export const watchTypes: BoolFlag = {
  kind: "bool",
  names: ["watch"],
  about: "keep running, and write the types again when a file changes",
};
