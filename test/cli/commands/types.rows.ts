import { encryptFile } from "../../../src/index.ts";
import { holds, type Row } from "../rows.ts";
import { recipients } from "../samples.ts";
import { Sandbox } from "../sandbox.ts";

const texts: Readonly<Record<string, string>> = {
  "app.enc.yaml": `# The password of
# the */ database
pass: hunter2hunter2
db:
  port: 5432 # a port
  big: 9007199254740993
  ratio: 0.5
  on: true
  when: 2024-01-02
  none: null
  empty: ""
  plain_unencrypted: 5
"a key": x
list: [1, two]
objects: [{ a: 1 }, { b: x }]
nothing: []
`,
  "dev.enc.yaml": "both: a\nonlyDev: b\ndiffers: 1\n",
  "prod.enc.yaml": "both: a\nonlyProd: b\ndiffers: x\n",
  ".env.enc": "export TOKEN=abc\n",
  "other.enc.json": '{"a": {"b": 1}}',
};

/** The encrypted files; nobody gives `types` the key. */
export const encrypted: Readonly<Record<string, string>> = await made();

async function made(): Promise<Record<string, string>> {
  const box = new Sandbox(texts);
  for (const name of Object.keys(texts))
    await encryptFile(box.path(name), {
      recipients: { age: recipients.A },
      inPlace: true,
      unencryptedCommentRegex: undefined,
      ...(name === ".env.enc" ? { format: "dotenv" as const } : {}),
    });
  const all = Object.fromEntries(Object.keys(texts).map((name) => [name, box.read(name)]));
  box.remove();
  // Comments that sops would have encrypted.
  const comments = '# The password of\n# the */ "database"\npass:';
  all["app.enc.yaml"] = (all["app.enc.yaml"] ?? "").replace(/^(?:#ENC.*\n)+pass:/m, comments);
  return all;
}

export const appTypes = `// Made by sopsmith types from app.enc.yaml: run it again when keys change.
export type Values = {
  /**
   * The password of
   * the *\\/ "database"
   */
  pass: string;
  db: {
    port: number;
    big: bigint | number;
    ratio: number;
    on: boolean;
    when: Date;
    none: null;
    empty: string;
    plain_unencrypted: number;
  };
  "a key": string;
  list: Array<number | string>;
  objects: Array<{
    a?: number | undefined;
    b?: string | undefined;
  }>;
  nothing: never[];
};

/** The values of app.enc.yaml, decrypted. */
declare const values: Values;
export default values;
`;

const stageTypes = (name: string, first: string, second: string) =>
  `// Made by sopsmith types from ${name}: run it again when keys change.
export type Values = {
  both: string;
  ${first}?: string | undefined;
  differs: number | string;
  ${second}?: string | undefined;
};

/** The values of ${name}, decrypted. */
declare const values: Values;
export default values;
`;

const mine = { "app.enc.d.yaml.ts": "export default 1;\n" };
const old = { "app.enc.d.yaml.ts": appTypes.replace("string", "number") };
const current = { "app.enc.d.yaml.ts": appTypes };

const lines: readonly Row[] = [
  {
    line: "types app.enc.yaml",
    stdout: "app.enc.d.yaml.ts\n",
    after: holds("app.enc.d.yaml.ts", appTypes),
  },
  { line: "types app.enc.yaml", files: current },
  {
    line: "types app.enc.yaml",
    files: old,
    stdout: "app.enc.d.yaml.ts\n",
    after: holds("app.enc.d.yaml.ts", appTypes),
  },
  {
    line: "types dev.enc.yaml prod.enc.yaml",
    stdout: "dev.enc.d.yaml.ts\nprod.enc.d.yaml.ts\n",
    after(box) {
      holds("dev.enc.d.yaml.ts", stageTypes("dev.enc.yaml", "onlyDev", "onlyProd"))(box);
      holds("prod.enc.d.yaml.ts", stageTypes("prod.enc.yaml", "onlyDev", "onlyProd"))(box);
    },
  },
  {
    line: "types --stages dev.enc.yaml other.enc.json",
    stdout: "dev.enc.d.yaml.ts\nother.enc.d.json.ts\n",
    after: holds(
      "other.enc.d.json.ts",
      /both\?: string \| undefined;[^]*a\?: \{\n {4}b: number;[^]*\nexport = values;\n/,
    ),
  },
  {
    line: "types",
    stdout:
      ".env.d.enc.ts\napp.enc.d.yaml.ts\ndev.enc.d.yaml.ts\nprod.enc.d.yaml.ts\nother.enc.d.json.ts\n",
    after: holds(".env.d.enc.ts", /\n {2}TOKEN: string;\n/),
  },
  {
    line: "types --output sopsmith.d.ts .env.enc other.enc.json dev.enc.yaml",
    stdout: "other.enc.d.json.ts\nsopsmith.d.ts\n",
    after: holds(
      "sopsmith.d.ts",
      /^\/\/ Made by sopsmith types[^]*declare module "\*\/\.env\.enc" \{\n {2}export type Values = \{\n {4}TOKEN: string;\n {2}\};[^]*declare module "\*\/dev\.enc\.yaml"/,
    ),
  },
  { line: "types --check app.enc.yaml", files: current },
  {
    line: "types --check app.enc.yaml",
    files: old,
    code: 10,
    stderr: /^app\.enc\.d\.yaml\.ts is out of date\nRun sopsmith types/,
  },
  {
    line: "types --check app.enc.yaml other.enc.json",
    code: 10,
    stderr: /^app\.enc\.d\.yaml\.ts is out of date\nother\.enc\.d\.json\.ts is out of date\n/,
  },
  {
    line: "types app.enc.yaml",
    files: mine,
    code: 3,
    stderr: /^app\.enc\.d\.yaml\.ts already exists and was not made by sopsmith types\n/,
  },
  { line: "types plain.yaml", code: 1, stderr: /^plain\.yaml is not an encrypted YAML/ },
  { line: "types sealed.bin", code: 1, stderr: /^sealed\.bin is not an encrypted YAML/ },
  { line: "types nowhere.yaml", code: 100, stderr: /non-existent file .*nowhere\.yaml/ },
  { line: "types --watch nowhere.yaml", code: 100, stderr: /non-existent file/ },
];

export const rows: readonly Row[] = lines.map((row) => ({
  ...row,
  env: { SOPS_AGE_KEY: "", ...row.env },
  files: { ...encrypted, ...row.files },
}));
