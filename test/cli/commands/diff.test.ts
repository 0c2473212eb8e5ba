import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { expect, onTestFinished, test } from "vitest";
import { counterpart } from "../../counterparts.ts";
import { expectCode, sandboxFor } from "../rows.ts";
import { identities, recipients } from "../samples.ts";
import type { Sandbox } from "../sandbox.ts";

const secrets = ["s3cret-one", "s3cret-two", "s3cret-new", "open-one", "open-two", "hello-three"];

interface Repository extends Sandbox {
  git(...args: string[]): string;
  commit(message: string): void;
  /** Runs the program, which must end well. */
  ok(...args: string[]): Promise<string>;
}

/** A repository with one committed file of two formats. */
async function repository(): Promise<Repository> {
  const box = sandboxFor(identities.A, {
    "s.yaml":
      "# note\ndb:\n    user: s3cret-one\n    password: s3cret-two\nlist:\n    - a\n    - b\nshown_unencrypted: open-one\nport: 1\n",
    "s.env": "TOKEN=s3cret-one\nNAME=hello-three\n",
    "plain.yaml": "a: 1\n",
  });
  onTestFinished(() => box.remove());
  const env = { ...box.env, GIT_CONFIG_NOSYSTEM: "1", GIT_CONFIG_GLOBAL: "/dev/null" };
  const git = (...args: string[]) =>
    execFileSync("git", args, { cwd: box.dir, env, encoding: "utf8", stdio: "pipe" });
  git("init", "--quiet", "--initial-branch", "main");
  git("config", "user.name", "t");
  git("config", "user.email", "t@example.org");
  const commit = (message: string) => {
    git("add", "--all");
    git("commit", "--quiet", "-m", message);
  };
  const ok = async (...args: string[]) => {
    const result = await box.run(args);
    expectCode(result, 0);
    return result.stdout;
  };
  await ok("encrypt", "-i", "--age", recipients.A, "s.yaml", "s.env");
  commit("one");
  return Object.assign(box, { git, commit, ok });
}

const set = (repo: Repository, file: string, path: string, value: string) =>
  repo.ok("set", file, path, value);

test("shows added, removed and changed values, recipients and rotations, and no value", async () => {
  const repo = await repository();
  expect(await repo.ok("diff")).toBe("");
  await set(repo, "s.yaml", '["db"]["password"]', '"s3cret-new"');
  await set(repo, "s.yaml", '["db"]["host"]', '"s3cret-new"');
  await set(repo, "s.yaml", '["shown_unencrypted"]', '"open-two"');
  await set(repo, "s.yaml", '["port"]', '"text"');
  await repo.ok("unset", "s.yaml", '["db"]["user"]');
  await repo.ok("rotate", "-i", "--add-age", recipients.B, "s.env");
  repo.write("plain.yaml", "a: 2\n");
  const text = await repo.ok("diff");
  expect(text).toBe(
    [
      "s.env",
      `  + recipient  ${recipients.B}`,
      "  data key rotated",
      "s.yaml",
      "  changed      db.password",
      "  added        db.host",
      "  removed      db.user",
      "  changed      shown_unencrypted",
      "  type changed port",
      "",
    ].join("\n"),
  );
  expect(await repo.ok("diff", "--stat")).toBe(
    "s.env  | +1 recipients, data key rotated\ns.yaml | 2 changed, 1 added, 1 removed, 1 type changed\n",
  );
  const lines = (await repo.ok("diff", "--json")).trim().split("\n");
  expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([
    {
      file: "s.env",
      state: "changed",
      rotated: true,
      recipients: { added: [recipients.B] },
      values: [],
    },
    {
      file: "s.yaml",
      rotated: false,
      values: [{ kind: "changed", path: '["db"]["password"]' }, {}, {}, {}, {}],
    },
  ]);
  const markdown = await repo.ok("diff", "--markdown");
  expect(markdown).toMatch(
    /^<!-- sopsmith -->\n### Encrypted files\n\n\*\*`s\.env`\*\*\n\n- \+ recipient {2}age1/,
  );
  expect(markdown).toContain("\n| `db.password` | changed |\n");
  for (const secret of secrets) expect(text + lines.join("") + markdown).not.toContain(secret);
  // The same between commits, and of one file only.
  repo.commit("two");
  expect(await repo.ok("diff")).toBe("");
  expect(await repo.ok("diff", "HEAD~1", "HEAD")).toBe(text);
  expect(await repo.ok("diff", "HEAD~1..HEAD", "--", "s.env")).toBe(text.split("s.yaml")[0]);
  expect(await repo.ok("diff", "HEAD~1", "s.env")).toBe(text.split("s.yaml")[0]);
  expect((await repo.run(["diff", "--exit-code", "HEAD~1"])).code).toBe(1);
  expect((await repo.run(["diff", "--exit-code"])).code).toBe(0);
});

test("finds the one value that changed across a rotation by real sops", async () => {
  const repo = await repository();
  const sops = counterpart("sops");
  const env = { ...repo.env, SOPS_AGE_KEY: identities.A };
  execFileSync(sops, ["rotate", "-i", "s.yaml"], { cwd: repo.dir, env, stdio: "pipe" });
  execFileSync(sops, ["set", "s.yaml", '["list"][1]', '"s3cret-new"'], {
    cwd: repo.dir,
    env,
    stdio: "pipe",
  });
  expect(await repo.ok("diff")).toBe("s.yaml\n  changed      list[1]\n  data key rotated\n");
});

test("a list in which an item was put first has one addition", async () => {
  const repo = await repository();
  await set(repo, "s.yaml", '["list"]', '["s3cret-new", "a", "b"]');
  // New nonces for a list that was replaced as a whole would show three: the values kept theirs.
  expect(await repo.ok("diff", "--stat")).toMatch(/^s\.yaml \| /);
  repo.commit("list");
  repo.write("s.yaml", repo.read("s.yaml").replace(/^ {4}- ENC.*\n/m, ""));
  expect(await repo.ok("diff")).toBe("s.yaml\n  removed      list[0]\n");
});

test("says so when a file was encrypted from scratch", async () => {
  const repo = await repository();
  await repo.ok("decrypt", "-i", "s.yaml");
  expect(await repo.ok("diff")).toBe(
    `s.yaml: UNENCRYPTED now, encrypted before\n  - recipient  ${recipients.A}\n`,
  );
  await repo.ok("encrypt", "-i", "--age", recipients.A, "s.yaml");
  expect(await repo.ok("diff")).toMatch(
    /^s\.yaml\n(?: {2}comments: .*\n)? {2}encrypted from scratch, so there is no telling which values changed\n$/,
  );
});

test("added, removed and moved files are reported as such", async () => {
  const repo = await repository();
  mkdirSync(repo.path("deep"));
  repo.git("mv", "s.yaml", "deep/t.yaml");
  repo.write("n.env", repo.read("s.env"));
  repo.git("rm", "--quiet", "--cached", "s.env");
  expect(await repo.ok("diff")).toBe(
    `deep/t.yaml (was s.yaml)\nn.env: new encrypted file\n  + recipient  ${recipients.A}\n`,
  );
  execFileSync("rm", [repo.path("s.env")]);
  repo.commit("moved");
  expect(await repo.ok("diff", "HEAD~1", "HEAD", "--stat")).toBe(
    "deep/t.yaml (was s.yaml) | \nn.env (was s.env)        | \n",
  );
});

test("a changed selection, and a value that became unencrypted, are reported", async () => {
  const repo = await repository();
  repo.write("s.yaml", repo.read("s.yaml").replace(/(?<=password: )ENC.*/, "s3cret-new"));
  repo.write(
    "s.env",
    repo
      .read("s.env")
      .replace("sops_unencrypted_suffix=_unencrypted", "sops_encrypted_regex=^TOKEN$"),
  );
  expect(await repo.ok("diff")).toBe(
    "s.env\n  selection: unencrypted_suffix: _unencrypted → encrypted_regex: ^TOKEN$\ns.yaml\n  unencrypted  db.password\n",
  );
  repo.write("s.yaml", "sops: [\nENC[AES256_GCM,\n");
  expect(await repo.ok("diff", "--", "s.yaml")).toMatch(/^s\.yaml: cannot be read: /);
});

test("--values shows them to anyone who has a key, and only on a terminal", async () => {
  const repo = await repository();
  await set(repo, "s.yaml", '["db"]["password"]', '"s3cret-new"');
  const refused = await repo.run(["diff", "--values"]);
  expect([refused.code, refused.stdout]).toEqual([1, ""]);
  expect(refused.stderr).toMatch(/^--values shows secrets, but the output is not a terminal\n/);
  expect(await repo.ok("diff", "--values", "--force")).toBe(
    's.yaml\n  changed      db.password: "s3cret-two" → "s3cret-new"\n',
  );
  const other = await repo.run(["diff", "--values", "--force"], {
    env: { SOPS_AGE_KEY: identities.B },
  });
  expect(other.code).toBe(0);
  expect(other.stdout).toBe("s.yaml\n  changed      db.password: \n");
  expect(other.stderr).toMatch(/^WARN: s\.yaml: values are not shown: /);
});

test("Markdown of hostile names stays text", async () => {
  const repo = await repository();
  const name = "a|`b`<img src=x>@all.env";
  repo.write(name, repo.read("s.env"));
  const markdown = await repo.ok("diff", "--markdown");
  expect(markdown).toContain("**``a\\|`b`<img src=x>@all.env``**");
});

test.each([
  [["nothing"], 1, /^"nothing" is neither a commit nor a file\n/],
  [["--stat", "--markdown"], 1, /^--stat, --json and --markdown cannot be used together/],
  [["--output=x"], 1, /output/],
  [["HEAD", "HEAD", "HEAD"], 1, /^diff compares two commits at most/],
] as const)("refuses %j", async (args, code, stderr) => {
  const repo = await repository();
  const result = await repo.run(["diff", ...args]);
  expect([result.code, result.stdout]).toEqual([code, ""]);
  expect(result.stderr).toMatch(stderr);
});
