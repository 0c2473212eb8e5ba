import { encryptFile } from "../../../src/index.ts";
import type { Row } from "../rows.ts";
import { recipients } from "../samples.ts";
import { Sandbox } from "../sandbox.ts";

const texts: Readonly<Record<string, string>> = {
  "defaults.yaml":
    "db:\n  host: localhost\n  port: 5432\n  pass: none\nhosts: [a, b]\nempty: null\n",
  "prod.enc.yaml":
    "db:\n  pass: s3cr3t/pass\n  hint_unencrypted: not-secret\nhosts: [x]\nmixedCase: v\npin: 123456\nflag: true\n",
  ".env.enc": 'TOKEN="tok-en 1234"\nexport SHORT=abc\n',
  "same.yaml": "db:\n  pass: a\ndb_pass: b\n",
  "equals.env": "A=1\n",
};
const isEncrypted = (name: string): boolean => name.includes(".enc");

/** Files for layers; those with `.enc` in their names are encrypted to A. */
export const layers: Readonly<Record<string, string>> = await made();

async function made(): Promise<Record<string, string>> {
  const box = new Sandbox(texts);
  for (const name of Object.keys(texts).filter(isEncrypted))
    await encryptFile(box.path(name), {
      recipients: { age: recipients.A },
      inPlace: true,
      format: name.endsWith(".yaml") ? "yaml" : "dotenv",
    });
  const all = Object.fromEntries(Object.keys(texts).map((name) => [name, box.read(name)]));
  box.remove();
  return all;
}

const show = (...names: string[]) =>
  `sh -c 'printf "%s|" ${names.map((name) => `"\${${name}-unset}"`).join(" ")}'`;
const both = "-f defaults.yaml -f prod.enc.yaml";
/** Answers no request for a key. */
const dead = "--keyservice unix:///nowhere.sock";

const lines: readonly Row[] = [
  {
    line: `run --no-redact ${both} -- ${show("DB_HOST", "DB_PASS", "DB_PORT", "HOSTS_0", "HOSTS_1", "MIXEDCASE", "EMPTY")}`,
    stdout: "localhost|s3cr3t/pass|5432|x|unset|v|unset|",
  },
  {
    line: `run --no-redact --file prod.enc.yaml --file defaults.yaml -- ${show("DB_PASS", "HOSTS_1")}`,
    stdout: "none|b|",
  },
  {
    line: `run ${both} -- ${show("DB_PASS", "DB_HINT_UNENCRYPTED", "PIN", "FLAG", "DB_HOST")}`,
    stdout: "***|not-secret|123456|true|localhost|",
  },
  { line: `run ${both} -- ${show("DB_PASS")}`, env: { DB_PASS: "mine" }, stdout: "mine|" },
  { line: `run -- ${show("TOKEN", "SHORT")}`, stdout: "***|abc|" },
  { line: `run --no-redact -- ${show("TOKEN")}`, stdout: "tok-en 1234|" },
  {
    line: `run --no-redact -- ${show("TOKEN", "DB_PASS")}`,
    env: { SOPSMITH_FILES: "defaults.yaml, prod.enc.yaml" },
    stdout: "unset|s3cr3t/pass|",
  },
  {
    line: `run ${both} -- sh -c 'printf "u:$DB_PASS" | base64; echo "$DB_PASS" >&2'`,
    stdout: /^dT\S*\*\*\*\S*\n$/,
    stderr: /^\*\*\*\n$/,
  },
  {
    line: `run --no-redact --separator __ --prefix APP_ --keep-case -f prod.enc.yaml -- ${show("APP_db__pass", "APP_mixedCase")}`,
    stdout: "s3cr3t/pass|v|",
  },
  {
    line: `run ${both} --only DB_* --only PI? -- ${show("DB_HOST", "PIN", "FLAG")}`,
    stdout: "localhost|123456|unset|",
  },
  { line: "run -f same.yaml --separator __ --explain", stdout: /^DB__PASS {2}same.*\nDB_PASS /s },
  {
    line: `run ${both} --explain`,
    env: { FLAG: "x" },
    stdout: `DB_HOST              defaults.yaml at ["db"]["host"]
DB_PORT              defaults.yaml at ["db"]["port"]
DB_PASS              prod.enc.yaml at ["db"]["pass"]
DB_HINT_UNENCRYPTED  prod.enc.yaml at ["db"]["hint_unencrypted"]
HOSTS_0              prod.enc.yaml at ["hosts"][0]
MIXEDCASE            prod.enc.yaml at ["mixedCase"]
PIN                  prod.enc.yaml at ["pin"]
FLAG                 the environment, not prod.enc.yaml at ["flag"]
`,
  },
  { line: "run --decryption-order pgp,age -- true" },
  { line: `run ${dead} -- true` },
  {
    line: `run ${dead} --enable-local-keyservice=false -- true`,
    code: 128,
    stderr: /nowhere\.sock/,
  },
  { line: "run -- cat", stdin: "from stdin", stdout: "from stdin" },
  { line: "run -- sh -c 'exit 9'", code: 9, stderr: /^exit status 9\n$/ },
  { line: "run -- sh -c 'kill -TERM $$'", code: 255, stderr: /^signal: terminated\n$/ },
  {
    line: "run -- no-such-program",
    code: 127,
    stderr: /^exec: "no-such-program": executable file not found in \$PATH\n/,
  },
  {
    line: "run --watch -- no-such-program",
    code: 127,
    stderr: /^exec: "no-such-program": executable file not found in \$PATH\n/,
  },
  { line: "run", code: 1, stderr: /^error: no command to run\n/ },
  {
    line: "run prod.enc.yaml -- true",
    code: 1,
    stderr: /^error: "prod\.enc\.yaml" is before --\n/,
  },
  { line: "run -f nowhere.yaml -- true", code: 100, stderr: /non-existent file .*nowhere\.yaml/ },
  { line: "run --only NOPE -- true", code: 1, stderr: /no variable matches --only "NOPE"/ },
  {
    line: "run -f same.yaml -- true",
    code: 1,
    stderr:
      /^\["db"\]\["pass"\] and \["db_pass"\] would both be the variable DB_PASS \(same\.yaml\)\n/,
  },
  {
    line: "run -f plain.enc.yaml -- true",
    files: { "plain.enc.yaml": "a: hello\n" },
    code: 1,
    stderr: /^plain\.enc\.yaml is not encrypted, though its name says so\n/,
  },
  { line: "run -f bad.yaml -- true", code: 1, stderr: /bad\.yaml/ },
  {
    line: "run -f plain.bin -- true",
    code: 1,
    stderr: /plain\.bin is neither an encrypted file nor/,
  },
  {
    line: "run -f prod.enc.yaml -- true",
    env: { SOPS_AGE_KEY: "" },
    code: 128,
    stderr: /prod\.enc\.yaml/,
  },
];

export const rows: readonly Row[] = lines.map((row) => ({
  ...row,
  files: { ...layers, ...row.files },
}));
