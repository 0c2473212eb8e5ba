import { readFileSync, statSync } from "node:fs";
import { expect, test } from "vitest";
import { checkRows, expectCode, holds, sandboxFor } from "../rows.ts";
import { identities, recipients, sealed, yamlText } from "../samples.ts";
import { Sandbox } from "../sandbox.ts";

const keyFile =
  /^# created: \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:Z|[+-]\d\d:\d\d)\n# public key: age1[0-9a-z]+\nAGE-SECRET-KEY-1[0-9A-Z]+\n$/;
const hybridFile =
  /^# created: .*\n# public key: age1pq1[0-9a-z]+\nAGE-SECRET-KEY-PQ-1[0-9A-Z]+\n$/;
const publicKey = /^Public key: age1[0-9a-z]+\n$/;
const key = { "key.txt": `# a comment\n${identities.A}\n${identities.B}\n` };
const both = `${recipients.A}\n${recipients.B}\n`;

checkRows([
  { line: "keygen", stdout: keyFile, stderr: publicKey },
  { line: "keygen -pq", stdout: hybridFile, stderr: /^Public key: age1pq1/ },
  { line: "keygen --pq", stdout: hybridFile, stderr: /^Public key: age1pq1/ },
  { line: "keygen -o new.txt", stderr: publicKey, after: holds("new.txt", keyFile) },
  { line: "keygen --output new.txt", stderr: publicKey, after: holds("new.txt", keyFile) },
  { line: "keygen -o key.txt", files: key, code: 1, stderr: /key\.txt.*file exists\n/ },
  { line: "keygen -o no/where", code: 1, stderr: /no\/where/ },
  { line: "keygen -y key.txt", files: key, stdout: both },
  { line: "keygen -y", stdin: key["key.txt"], stdout: both },
  { line: "keygen -y -", stdin: key["key.txt"], stdout: both },
  { line: "keygen -y -o recipients.txt key.txt", files: key, after: holds("recipients.txt", both) },
  {
    line: "keygen --from-ssh",
    stdin:
      "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA me@here\n",
    stdout: /^age1[0-9a-z]{58}\n$/,
  },
  {
    line: "keygen -y nofile",
    code: 1,
    stderr: /^failed to open input file "nofile": no such file/,
  },
  { line: "keygen -y plain.yaml", code: 1, stderr: /^failed to parse input: error at line 2/ },
  { line: "keygen -y key.txt key.txt", files: key, code: 1, stderr: /^too many arguments/ },
  { line: "keygen key.txt", files: key, code: 1, stderr: /^too many arguments/ },
  { line: "keygen -y -pq key.txt", files: key, code: 8, stderr: /-pq and -y/ },
  { line: "keygen --default -o x", code: 8, stderr: /--default/ },
  { line: "keygen -z", code: 1, stderr: /^flag provided but not defined: -z\n$/ },
]);

test("a new key file is for its owner alone", { timeout: 60_000 }, async () => {
  const box = new Sandbox();
  expectCode(await box.run(["keygen", "-o", "key.txt"]), 0);
  const { mode } = statSync(box.path("key.txt"));
  box.remove();
  expect(mode & 0o777).toBe(0o600);
});

test(
  "keygen --default makes keys that decrypt finds by itself, and keeps older ones",
  { timeout: 60_000 },
  async () => {
    const box = sandboxFor("", { ...sealed, "plain.yaml": yamlText });
    const config = { XDG_CONFIG_HOME: box.path("config") };
    const first = await box.run(["keygen", "--default"], { env: config });
    expectCode(first, 0);
    expect(first.stdout).toBe("");
    const recipient = /^Public key: (age1\S+)$/m.exec(first.stderr)?.[1] ?? "";
    expectCode(await box.run(["encrypt", "-i", "--age", recipient, "plain.yaml"]), 0);
    expectCode(await box.run(["keygen", "--default", "--no-atomic", "-pq"], { env: config }), 0);
    const opened = await box.run(["decrypt", "plain.yaml"], { env: config });
    expect(opened.stdout).toBe(yamlText);
    const keys = readFileSync(box.path("config/sops/age/keys.txt"), "utf8");
    expect(keys.match(/^AGE-SECRET-KEY-/gm)).toHaveLength(2);
    box.remove();
  },
);

test("a key given by name in SOPS_AGE_KEY_FILE opens files", { timeout: 60_000 }, async () => {
  const box = sandboxFor("", { ...sealed, ...key });
  const opened = await box.run(["decrypt", "sealed.yaml"], {
    env: { SOPS_AGE_KEY_FILE: box.path("key.txt") },
  });
  box.remove();
  expect(opened).toEqual({ code: 0, stdout: yamlText, stderr: "" });
});
