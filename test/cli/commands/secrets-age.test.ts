import { expect, test } from "vitest";
import { recipients } from "../samples.ts";
import { eightCommits, repository, type Repository } from "../../people/repository.ts";

const columns = (text: string): string[][] =>
  text
    .trimEnd()
    .split("\n")
    .map((line) => line.split(/ {2,}/));

const records = (text: string): Record<string, unknown>[] =>
  text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);

const run = (repo: Repository, line: string) =>
  repo.box.run(line.split(" "), { env: { SOPS_AGE_KEY: "" } });

test("lists every value with its last change, the oldest first, without a key", async () => {
  const { code, stdout, stderr } = await run(eightCommits(), "secrets age");
  expect([code, stderr]).toEqual([0, ""]);
  const [head, ...rows] = columns(stdout);
  expect(head).toEqual(["AGE", "CHANGED", "COMMIT", "AUTHOR", "VALUE"]);
  expect(rows.map(([, changed, , author, value]) => [changed, author, value])).toEqual([
    ["2025-01-10", "Ann Author", "app.yaml:2: db.user"],
    ["2025-01-10", "Ann Author", "app.yaml:5: tok"],
    ["2025-05-10", "Bob Builder", "app.yaml:4: api"],
    ["2025-07-10", "Ann Author", "app.yaml:3: db.pass"],
    ["2025-08-10", "Ann Author", "app.yaml:6: new"],
  ]);
});

test("exits with status 10 when a value is older than --max, and marks it in JSON", async () => {
  const repo = eightCommits();
  repo.sops("set", "app.yaml", '["tok"]', '"t9"');
  const { code, stdout, stderr } = await run(repo, "secrets age --max 30d --json");
  expect(code).toBe(10);
  expect(JSON.parse(stderr)).toMatchObject({
    code: "too-old",
    exitCode: 10,
    message: "4 of 5 values last changed more than 30 days ago",
  });
  const byPath = new Map(records(stdout).map((record) => [record["path"], record]));
  expect(byPath.get('["db"]["pass"]')).toMatchObject({
    file: "app.yaml",
    line: 3,
    changed: "2025-07-10T12:00:00.000Z",
    author: "Ann Author",
    commit: expect.stringMatching(/^[0-9a-f]{40}$/),
    isAtLeast: false,
    isTooOld: true,
  });
  expect(byPath.get('["tok"]')).toMatchObject({
    days: 0,
    commit: null,
    author: null,
    isTooOld: false,
  });
  const lenient = await run(repo, "secrets age --max 100000");
  expect([lenient.code, lenient.stderr]).toEqual([0, ""]);
});

test("checks the given files and directories, from wherever it is run", async () => {
  const repo = eightCommits();
  repo.write("sub/b.yaml", "b: 1\n");
  repo.sops("encrypt", "-i", "--age", recipients.A, "sub/b.yaml");
  repo.commit("b", "09-10");
  expect(columns((await run(repo, "secrets age sub")).stdout)[1]?.at(-1)).toBe("sub/b.yaml:1: b");
  const inSub = await repo.box.run(["secrets", "age", "--json", "."], { cwd: "sub" });
  expect(records(inSub.stdout)).toMatchObject([{ file: "b.yaml", author: "Ann Author" }]);
  const above = await repo.box.run(["secrets", "age", "--json", "../app.yaml"], { cwd: "sub" });
  expect(records(above.stdout)).toHaveLength(5);
});

test("says in one line what a shallow clone, or a directory without Git, cannot show", async () => {
  const repo = eightCommits();
  const clone = repository();
  clone.git("pull", "--quiet", "--depth", "2", `file://${repo.box.dir}`, "main");
  const shallow = await run(clone, "secrets age");
  expect(shallow.stderr).toMatch(/^WARN: this clone is shallow: .*\n$/);
  expect(columns(shallow.stdout)[1]?.[0]).toMatch(/^≥ \d+ d$/);
  repo.git("checkout", "--quiet", "--orphan", "new");
  const fresh = await run(repo, "secrets age");
  expect([fresh.code, fresh.stderr]).toEqual([
    0,
    "WARN: nothing is committed here: only the date of each whole file is known, and its values may be older\n",
  ]);
  const plain = await repo.box.run(["secrets", "age"], { env: { GIT_DIR: "/nowhere" } });
  expect(plain.code).toBe(0);
  expect(plain.stderr).toMatch(/^WARN: this is not a Git repository: .*\n$/);
  expect(columns(plain.stdout)[1]?.slice(2, 4)).toEqual(["-", "not committed"]);
});

test.each([
  ["secrets age --max soon", 1, /^--max must be a number of days such as 180d, not "soon"\n$/],
  ["secrets age --max -1", 1, /^--max must be a number of days/],
  ["secrets age nowhere.yaml", 100, /^cannot read nowhere\.yaml: no such file/],
  ["secrets age plain.yaml", 0, /^no encrypted files found\n$/],
  [
    "secrets age broken.yaml",
    0,
    /^WARN: broken\.yaml is left out: .*\nno encrypted files found\n$/,
  ],
])("%s ends with status %i and one message", async (line, code, stderr) => {
  const repo = repository({ "plain.yaml": "a: 1\n", "broken.yaml": "a: [ENC[AES256_GCM,\n" });
  const result = await run(repo, line);
  expect(result.stderr).toMatch(stderr);
  expect([result.code, result.stdout]).toEqual([code, ""]);
});

test("names and authors from a repository cannot steer the terminal", async () => {
  const repo = repository({ "a\u001b[2Jb.yaml": "k: 1\n" });
  repo.sops("encrypt", "-i", "--age", recipients.A, "a\u001b[2Jb.yaml");
  repo.commit("x", "01-01", "E\u001b[31mve <e@example.org>");
  const { stdout } = await run(repo, "secrets age");
  expect(stdout).not.toContain("\u001b");
  expect(stdout).toContain(String.raw`a\x1b[2Jb.yaml`);
});

test("--exact sees through a file that was decrypted and encrypted again", async () => {
  const repo = eightCommits();
  repo.sops("decrypt", "-i", "app.yaml");
  repo.sops("encrypt", "-i", "app.yaml");
  repo.sops("set", "app.yaml", '["tok"]', '"t7"');
  repo.commit("anew", "09-10");
  const changed = (text: string) =>
    Object.fromEntries(
      records(text).map(({ path, changed: at }) => [path, String(at).slice(5, 10)]),
    );
  const plain = await run(repo, "secrets age --json");
  expect(new Set(Object.values(changed(plain.stdout)))).toEqual(new Set(["09-10"]));
  const exact = await repo.box.run(["secrets", "age", "--json", "--exact"]);
  expect([exact.code, exact.stderr]).toEqual([0, ""]);
  expect(changed(exact.stdout)).toEqual({
    '["db"]["user"]': "01-10",
    '["api"]': "05-10",
    '["db"]["pass"]': "07-10",
    '["new"]': "08-10",
    '["tok"]': "09-10",
  });
  const { code, stdout, stderr } = await run(repo, "secrets age --json --exact");
  expect([code, changed(stdout)]).toEqual([0, changed(plain.stdout)]);
  expect(stderr).toMatch(
    /^WARN: --exact could not open 10 versions, .*app\.yaml: Failed to get the data key[^\n]*\n$/,
  );
});
