import type { Row } from "../rows.ts";

const noRepository =
  /^WARN: this is not a Git repository: only the date of each whole file is known/;

/** What needs no history; the tests of each command have the rest. */
export const rows: readonly Row[] = [
  {
    line: "secrets age sealed.yaml",
    stdout: /^AGE {4}CHANGED +COMMIT +AUTHOR +VALUE\n≥ 0 d .* sealed\.yaml:2: a\n/,
    stderr: noRepository,
  },
  {
    line: "secrets age --json --max 0d sealed.env",
    code: 10,
    stdout: /^\{"file":"sealed\.env","line":1,"path":"\[\\"A\\"\]","days":0,/,
    stderr:
      /"code":"too-old","exitCode":10,"message":"2 of 2 values last changed more than 0 days ago"/,
  },
  {
    line: "secrets age --exact --keyservice unix:///none.sock --enable-local-keyservice --decryption-order age sealed.ini",
    stdout: /sealed\.ini:2: s\.secret\n$/,
    stderr: noRepository,
  },
  {
    line: "secrets age --max=soon",
    code: 1,
    stderr: /^--max must be a number of days such as 180d, not "soon"\n$/,
  },
  { line: "who sealed.yaml", stdout: /^ +age1\S+…\S+\nsealed\.yaml +●\nopens +1\n/ },
  { line: "who --json sealed.yaml", stdout: /^\{"file":"sealed\.yaml","groups":1,"needed":1,/ },
  { line: "who --markdown sealed.yaml", stdout: /^\| {2}\| age1\S+ \|\n\| --- \| :-: \|\n/ },
  { line: "who --svg - sealed.yaml", stdout: /^<svg xmlns/ },
  {
    line: "who --markdown --svg - .",
    code: 1,
    stderr: /^--markdown and --svg cannot be used together\n$/,
  },
  { line: "who plain.yaml", stderr: /^no encrypted files found\n$/ },
  { line: "who none.yaml", code: 100, stderr: /^cannot read none\.yaml: no such file/ },
  {
    line: "who nobody",
    code: 100,
    stderr: /^"nobody" is not a file here.*\nNo key here has a name\.\n$/,
  },
  { line: "who --markdown B", code: 1, stderr: /^--markdown shows everybody/ },
  { line: "explain sealed.yaml a", stdout: /^sealed\.yaml: encrypted\n\n\["a"\]: encrypted\n/ },
  {
    line: "explain --json plain.bin",
    stdout: /^\{"file":"plain\.bin","exists":true,"isEncrypted":false,/,
  },
  { line: "explain", code: 100, stderr: /^Error: no file specified\n$/ },
  {
    line: "explain a b c",
    code: 100,
    stderr: /^explain needs one file, and accepts one path in it\n$/,
  },
  { line: "explain a [b", code: 91, stderr: /^error parsing the path: / },
];
