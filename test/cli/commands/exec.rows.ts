import { existsSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { encryptFile } from "../../../src/index.ts";
import { expect } from "vitest";
import type { Row } from "../rows.ts";
import { recipients, yamlText } from "../samples.ts";
import { Sandbox } from "../sandbox.ts";

/** Files of one level, encrypted to A. */
export const flat = await sealFlat({
  "types.yaml":
    "s: one two\nn: 5\nf: 1e20\nwhole: 2.0\nb: true\nnothing: null\nt: 2024-01-02\nlines: |\n  a\n  b\n# gone\n",
  "first.env": "A=1\nB=first\n",
  "second.json": `{"B": "second", "C": "3"}`,
  "equals.yaml": `"a=b": 1\n`,
  "nul.json": `{"a": "x\\u0000y"}`,
  "latin.bin": Buffer.of(0xe9),
});

async function sealFlat(
  files: Readonly<Record<string, string | Buffer>>,
): Promise<Record<string, string>> {
  const box = new Sandbox(files);
  for (const name of Object.keys(files))
    await encryptFile(box.path(name), { recipients: { age: recipients.A }, inPlace: true });
  const texts = Object.fromEntries(Object.keys(files).map((name) => [name, box.read(name)]));
  box.remove();
  return texts;
}

/** A shell command that shows variables, and shows those that are not set as such. */
const show = (...names: string[]) =>
  `'printf "%s|" ${names.map((name) => `"\${${name}-unset}"`).join(" ")}'`;

const account = readFileSync("/etc/passwd", "utf8")
  .split("\n")
  .find((line) => line.startsWith("nobody:"))
  ?.split(":");
const [, , uid = "", , , home = ""] = account ?? [];

const lines: readonly Row[] = [
  // exec-env: what the child sees
  {
    line: `exec-env types.yaml ${show("s", "n", "f", "whole", "b", "nothing", "t", "lines")}`,
    stdout: "one two|5|1E+20|2.0|true|<nil>|2024-01-02T00:00:00Z|a\nb\n|",
  },
  {
    line: `exec-env first.env ${show("A", "B", "FROM")}`,
    env: { FROM: "x" },
    stdout: "1|first|x|",
  },
  { line: `exec-env first.env ${show("A")}`, env: { A: "mine" }, stdout: "1|" },
  {
    line: "exec-env --pristine first.env '/usr/bin/env | grep -v ^PWD='",
    stdout: "A=1\nB=first\n",
  },
  { line: `exec-env first.env --pristine ${show("A", "HOME")}`, stdout: "1|unset|" },
  { line: `exec-env -- first.env ${show("A")}`, stdout: "1|" },
  { line: `exec-env first.env -- ${show("A")}`, stdout: "1|" },
  { line: "exec-env first.env -- printf '%s %s' '$A' 'a  b'", stdout: "$A a  b" },
  { line: `exec-env first.env second.json -- ${show("A", "B", "C")}`, stdout: "1|second|3|" },
  { line: `exec-env second.json first.env -- ${show("A", "B", "C")}`, stdout: "1|first|3|" },
  { line: "exec-env first.env second.json -- sh -c 'echo $B'", stdout: "second\n" },
  { line: "exec-env first.env cat", stdin: "from stdin", stdout: "from stdin" },
  { line: "exec-env first.env 'echo oops >&2'", stderr: /^oops\n$/ },
  { line: `exec-env sealed.bin ${show("data")}`, code: 1, stderr: /NUL \(sealed\.bin\)/ },
  // exec-env: exit status
  { line: "exec-env first.env 'exit 7'", code: 7, stderr: /^exit status 7\n$/ },
  { line: "exec-env first.env -- sh -c 'exit 9'", code: 9, stderr: /^exit status 9\n$/ },
  { line: "exec-env first.env 'kill -KILL $$'", code: 255, stderr: /^signal: killed\n$/ },
  { line: "exec-env first.env 'kill -TERM $$'", code: 255, stderr: /^signal: terminated\n$/ },
  {
    line: "exec-env first.env no-such-program",
    code: 127,
    stderr: /no-such-program: not found\nexit status 127\n$/,
  },
  {
    line: "exec-env first.env -- no-such-program x",
    code: 127,
    stderr: /^exec: "no-such-program": executable file not found in \$PATH\n/,
  },
  { line: `exec-env --same-process first.env ${show("A")}`, stdout: "1|" },
  { line: "exec-env --same-process first.env 'exit 5'", code: 5 },
  { line: "exec-env --same-process first.env -- sh -c 'exit 6'", code: 6 },
  {
    line: "exec-env --same-process first.env 'ps -o comm= -p $$; test $PPID = $P'",
    env: { P: String(process.pid) },
    stdout: "sh\n",
  },
  // exec-env: refusals
  {
    line: "exec-env sealed.yaml env",
    code: 1,
    stderr: /^cannot use complex value in environment; offending key l \(sealed\.yaml\)\n/,
  },
  {
    line: "exec-env sealed.ini env",
    code: 1,
    stderr: /^cannot use complex value in environment; offending key DEFAULT \(sealed\.ini\)\n/,
  },
  {
    line: "exec-env equals.yaml env",
    code: 1,
    stderr: /^cannot use keys with '=' in environment: a=b \(equals\.yaml\)\n/,
  },
  {
    line: "exec-env nul.json env",
    code: 1,
    stderr: /^exec: environment variable contains NUL \(nul\.json\)\n/,
  },
  {
    line: "exec-env latin.bin env",
    code: 1,
    stderr: /^cannot use text that is not UTF-8 in environment \(latin\.bin\)\n/,
  },
  { line: "exec-env", code: 1, stderr: /^error: missing file to decrypt\n/ },
  { line: "exec-env first.env", code: 1, stderr: /^error: missing file to decrypt\n/ },
  { line: "exec-env first.env --", code: 1, stderr: /^error: missing file to decrypt\n/ },
  {
    line: "exec-env first.env echo hi",
    code: 1,
    stderr: /^error: missing file to decrypt\nPut -- between the file and /,
  },
  { line: "exec-env nofile.env env", code: 2, stderr: /^Error reading file: .*nofile\.env/ },
  { line: "exec-env plain.env env", code: 1, stderr: /^sops metadata not found/ },
  {
    line: "exec-env first.env env",
    env: { SOPS_AGE_KEY: "" },
    code: 128,
    stderr: /^Failed to get the data key required to decrypt the SOPS file/,
  },
  {
    line: "exec-env --enable-local-keyservice=false first.env env",
    code: 128,
    stderr: /^Failed to get the data key/,
  },
  {
    line: "exec-env --decryption-order age,age first.env env",
    code: 112,
    stderr: /^Duplicate decryption key type: age\n/,
  },
  {
    line: "exec-env --no-fifo first.env env",
    code: 1,
    stderr: /^flag provided but not defined: -no-fifo/,
  },
  // exec-env: other users and background
  {
    line: "exec-env --user nobody first.env 'id -u; id -G; echo $HOME $USER $LOGNAME $A'",
    stdout: new RegExp(`^${uid}\\n\\d+\\n${home} nobody nobody 1\\n$`),
  },
  { line: "exec-env --user nosuch first.env id", code: 1, stderr: /^user: unknown user nosuch\n/ },
  {
    line: "exec-env --background first.env 'echo $A > out; echo never seen'",
    stderr: /^WARN: exec-env's --background option is deprecated .*\n$/,
    after: async (box) => {
      for (let i = 0; i < 100 && !existsSync(box.path("out")); i++) await sleep(50);
      await sleep(50);
      expect(box.read("out")).toBe("1\n");
    },
  },
  {
    line: "exec-env --background --same-process first.env true",
    code: 8,
    stderr: /\nError: The --same-process flag cannot be used with --background\n$/,
  },
  // exec-file
  { line: "exec-file sealed.yaml 'cat {}'", stdout: yamlText },
  { line: "exec-file sealed.yaml 'test -p {} && stat -c %a {}'", stdout: "600\n" },
  { line: "exec-file sealed.yaml 'stat -c %a $(dirname {})'", stdout: "700\n" },
  { line: "exec-file sealed.yaml 'echo unread'", stdout: "unread\n" },
  { line: "exec-file sealed.yaml 'head -c 2 {} && rm -r $(dirname {})'", stdout: "# " },
  { line: "exec-file sealed.yaml 'rm -r $(dirname {})'" },
  { line: "exec-file sealed.yaml -- cat {}", stdout: yamlText },
  { line: "exec-file sealed.yaml -- echo a{}b", stdout: /^a\/\S+\/tmp-fileb\n$/ },
  {
    line: "exec-file --no-fifo sealed.yaml 'cat {} {} && test -f {} && stat -c %a {}'",
    stdout: `${yamlText}${yamlText}600\n`,
  },
  { line: "exec-file --filename x.yml sealed.yaml 'basename {}'", stdout: "x.yml\n" },
  { line: "exec-file --no-fifo --filename x.yml sealed.yaml 'basename {}'", stdout: "x.yml\n" },
  { line: "exec-file --output-type json sealed.yaml 'head -n 1 {}'", stdout: "{\n" },
  { line: "exec-file --input-type yaml sealed.yaml 'head -n 1 {}'", stdout: "# top\n" },
  {
    line: "exec-file sealed.yaml 'cat {} > /dev/null; exit 4'",
    code: 4,
    stderr: /^exit status 4\n$/,
  },
  { line: "exec-file --no-fifo sealed.yaml 'kill -9 $$'", code: 255, stderr: /^signal: killed\n$/ },
  {
    line: "exec-file --filename ../x sealed.yaml true",
    code: 1,
    stderr: /^The provided filename is not a local path\.\n/,
  },
  {
    line: "exec-file --filename /tmp/x sealed.yaml true",
    code: 1,
    stderr: /^The provided filename is not a local path\.\n/,
  },
  { line: "exec-file sealed.yaml", code: 1, stderr: /^error: missing file to decrypt\n/ },
  {
    line: "exec-file sealed.yaml sealed.json -- cat {}",
    code: 1,
    stderr: /^error: missing file to decrypt\nexec-file accepts one file/,
  },
  { line: "exec-file nofile.yaml true", code: 2, stderr: /^Error reading file: .*nofile\.yaml/ },
  {
    line: "exec-file sealed.yaml true",
    env: { SOPS_AGE_KEY: "" },
    code: 128,
    stderr: /^Failed to get the data key/,
  },
  {
    line: "exec-file --enable-local-keyservice=false sealed.yaml true",
    code: 128,
    stderr: /^Failed to get the data key/,
  },
  {
    line: "exec-file --decryption-order age,age sealed.yaml true",
    code: 112,
    stderr: /^Duplicate decryption key type: age\n/,
  },
  {
    line: "exec-file --pristine sealed.yaml true",
    code: 1,
    stderr: /^flag provided but not defined: -pristine/,
  },
  {
    line: "exec-file --background sealed.yaml true",
    stderr: /^WARN: exec-file's --background option is deprecated .*\n$/,
  },
  {
    line: "exec-file --user nobody sealed.yaml 'id -u; stat -c %U {}; head -n 1 {}; echo $HOME'",
    env: { TMPDIR: "/dev/shm" },
    stdout: `${uid}\nnobody\n# top\n${home}\n`,
  },
];
export const rows: readonly Row[] = lines.map((row) => ({
  ...row,
  files: { ...flat, ...row.files },
}));
