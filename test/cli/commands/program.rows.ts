import type { Row } from "../rows.ts";

const version = /^sops 3\.13\.3 \(sopsmith \d+\.\d+\.\d+\)\n$/;

export const rows: readonly Row[] = [
  { line: "--version", stdout: version },
  { line: "-v", stdout: version },
  { line: "-version", stdout: version },
  { line: "--disable-version-check --version", stdout: version },
  { line: "-v --disable-version-check", stdout: version },
  { line: "--version decrypt nofile", stdout: version },
  { line: "--version", env: { SOPS_DISABLE_VERSION_CHECK: "1" }, stdout: version },
  {
    line: "--help",
    stdout: /^NAME:\n.*^USAGE:\n.*^VERSION:\n.*^COMMANDS:\n.*^GLOBAL OPTIONS:\n/ms,
  },
  { line: "-h", stdout: /^NAME:\n/ },
  { line: "--help decrypt", stdout: /^COMMANDS:$/m },
  { line: "--version --help", stdout: /^COMMANDS:$/m },
  { line: "help", stdout: /^ {3}help, h +/m },
  { line: "h", stdout: /^COMMANDS:$/m },
  {
    line: "help encrypt",
    stdout:
      /^NAME:\n {3}sopsmith encrypt - .*\n\nUSAGE:\n.*^OPTIONS:\n.*\[\$SOPS_AGE_RECIPIENTS\].*^EXAMPLES:\n/ms,
  },
  { line: "h rotate", stdout: /sopsmith rotate/ },
  { line: "help --help", stdout: /sopsmith help/ },
  { line: "decrypt --help", stdout: /^OPTIONS:\n(?: {3}--.*\n)+/m },
  { line: "decrypt nofile -h", stdout: /^OPTIONS:$/m },
  { line: "set --help=true", stdout: /sopsmith set/ },
  { line: "help nope", code: 3, stderr: /^No help topic for "nope"\n/ },
  { line: "help encrpt", code: 3, stderr: /did you mean encrypt\?/ },
  { line: "", code: 100, stderr: /^Error: no file specified\nsopsmith keygen .*\nsopsmith help /s },
  {
    line: "version",
    code: 100,
    stderr:
      /^Error: "version" is neither a command nor a file \(did you mean --version\?\)\n"sopsmith help" lists/,
  },
  { line: "ls", code: 100, stderr: /^Error: "ls" is neither a command nor a file/ },
  {
    line: "--age A --input-type yaml --output-type yaml fresh",
    env: { EDITOR: "true" },
    code: 200,
    stderr: /^File has not changed/,
  },
  {
    line: "--input-type yaml decyrpt plain.yaml",
    code: 100,
    stderr: /^Error: "decyrpt" is neither a command nor a file \(did you mean decrypt\?\)\n/,
  },
  {
    line: "--output-type json statu",
    code: 100,
    stderr: /^Error: "statu" is neither a command nor a file \(did you mean filestatus\?\)\n/,
  },
  {
    line: "edit --age A new",
    env: { EDITOR: "true" },
    code: 200,
    stderr: /^File has not changed/,
  },
  {
    line: "decrypt merged.yaml",
    files: {
      "merged.yaml": "a: 1\n<<<<<<< HEAD\nb: 1\n=======\nb: 2\n>>>>>>> other\nsops: {mac: x}\n",
    },
    code: 1,
    stderr: /merged\.yaml[^\n]*\nIt contains the conflict markers of a merge, starting on line 2\./,
  },
  { line: "--nope", code: 1, stderr: /^flag provided but not defined: -nope\n$/ },
  {
    line: "--indnt 2 decrypt sealed.yaml",
    code: 1,
    stderr: /^flag provided but not defined: -indnt \(did you mean --indent\?\)\n$/,
  },
  {
    line: "decrypt --outptu=x sealed.yaml",
    code: 1,
    stderr: /^flag provided but not defined: -outptu \(did you mean --output\?\)\n$/,
  },
  { line: "decrypt --nope --help", code: 1, stderr: /^flag provided but not defined: -nope\n$/ },
  {
    line: "encrypt --extract x plain.yaml",
    code: 1,
    stderr: /^flag provided but not defined: -extract/,
  },
  { line: "decrypt --output", code: 1, stderr: /^flag needs an argument: -output\n$/ },
  {
    line: "decrypt --in-place=maybe sealed.yaml",
    code: 1,
    stderr: /^invalid boolean value.*-in-place.*\n$/,
  },
  {
    line: "encrypt --shamir-secret-sharing-threshold x plain.yaml",
    code: 1,
    stderr: /^invalid value.*-shamir-secret-sharing-threshold.*\n$/,
  },
  {
    line: "--decrypt -d sealed.yaml",
    code: 1,
    stderr: /^Cannot use two forms of the same flag: d decrypt\n$/,
  },
  {
    line: "decrypt -h --help",
    code: 1,
    stderr: /^Cannot use two forms of the same flag: h help\n$/,
  },
  {
    line: "--help",
    env: { SOPS_DISABLE_VERSION_CHECK: "yes" },
    code: 1,
    stderr:
      /^could not parse SOPS_DISABLE_VERSION_CHECK as bool value for flag disable-version-check/,
  },
  {
    line: "--version",
    env: { SOPS_ENABLE_LOCAL_KEYSERVICE: "on" },
    code: 1,
    stderr:
      /^could not parse SOPS_ENABLE_LOCAL_KEYSERVICE as bool value for flag enable-local-keyservice/,
  },
  {
    line: "decyrpt plain.yaml",
    code: 100,
    stderr: /^Error: "decyrpt" is neither a command nor a file \(did you mean decrypt\?\)\n/,
  },
  { line: "statu", code: 100, stderr: /\(did you mean filestatus\?\)/ },
];
