import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { readSubject } from "../../src/check/subject.ts";
import { noPolicy } from "../../src/config/policy.ts";
import type { Host } from "../../src/io/host.ts";
import { realHost } from "../../src/io/real-host.ts";
import { History, type FollowedFile, type Since } from "../../src/people/history.ts";
import type { KeyId } from "../../src/people/key-id.ts";
import { pathText } from "../../src/tree/path.ts";
import { bob, eightCommits, repository, type Repository } from "./repository.ts";

const bobsKey: KeyId = { type: "age", id: bob };

async function followed(repo: Repository, name: string): Promise<FollowedFile> {
  const content = readFileSync(repo.box.path(name));
  const now = new Date("2025-12-01T00:00:00Z");
  const known = { isConfig: false, rule: undefined, policy: noPolicy, now };
  return { name, subject: await readSubject({ file: name, content, ...known }) };
}

async function historyOf(repo: Repository, name: string, keys: readonly KeyId[] = []) {
  const file = await followed(repo, name);
  const host: Host = { ...realHost(), cwd: () => repo.box.dir };
  return { file, history: await History.of(host, repo.box.dir, [file], keys) };
}

const told = ({ at, commit, isAtLeast }: Since): string =>
  `${isAtLeast ? "≥ " : ""}${at.toISOString().slice(0, 10)} ${commit?.author ?? "nobody"}`;

async function ages(repo: Repository, name = "app.yaml"): Promise<Record<string, string>> {
  const { file, history } = await historyOf(repo, name);
  return Object.fromEntries(
    history.values(file).map(({ path, since }) => [pathText(path), told(since)]),
  );
}

test("finds the age of each value in a history of plain sops, across rotations", async () => {
  expect(await ages(eightCommits())).toEqual({
    '["db"]["user"]': "2025-01-10 Ann Author",
    '["db"]["pass"]': "2025-07-10 Ann Author",
    '["api"]': "2025-05-10 Bob Builder",
    '["tok"]': "2025-01-10 Ann Author",
    '["new"]': "2025-08-10 Ann Author",
  });
});

test("lists exactly the values that a former recipient has read in their present form", async () => {
  const { file, history } = await historyOf(eightCommits(), "app.yaml", [bobsKey]);
  expect(
    history
      .readable(file)
      .map(({ path, line, readableSince }) => `${line} ${pathText(path)} ${told(readableSince)}`),
  ).toEqual([
    '2 ["db"]["user"] 2025-02-10 Bob Builder',
    '4 ["api"] 2025-05-10 Bob Builder',
    '5 ["tok"] 2025-02-10 Bob Builder',
  ]);
  expect(history.accessSince(file)).toBeUndefined();
});

test("says since when a recipient has access", async () => {
  const repo = eightCommits();
  repo.git("reset", "--quiet", "--hard", "HEAD~3");
  const { file, history } = await historyOf(repo, "app.yaml", [bobsKey]);
  expect(history.accessSince(file)).toMatchObject({ at: new Date("2025-02-10T12:00:00Z") });
  expect(history.readable(file)).toHaveLength(5);
});

test("follows a file that was renamed, twice, and changed on the way", async () => {
  const repo = eightCommits();
  repo.git("mv", "app.yaml", "b.yaml");
  repo.sops("set", "b.yaml", '["tok"]', '"t2"');
  repo.commit("rename", "09-01");
  repo.git("mv", "b.yaml", "c.yaml");
  repo.commit("rename again", "09-02");
  // Another file takes the old name: its history is its own.
  repo.write("app.yaml", "other: 1\n");
  repo.sops("encrypt", "-i", "app.yaml");
  repo.commit("new file", "09-03");
  expect(await ages(repo, "c.yaml")).toEqual({
    '["db"]["user"]': "2025-01-10 Ann Author",
    '["db"]["pass"]': "2025-07-10 Ann Author",
    '["api"]': "2025-05-10 Bob Builder",
    '["tok"]': "2025-09-01 Ann Author",
    '["new"]': "2025-08-10 Ann Author",
  });
  expect(await ages(repo)).toEqual({ '["other"]': "2025-09-03 Ann Author" });
});

test("follows a rename that is only staged", async () => {
  const repo = eightCommits();
  repo.git("mv", "app.yaml", "b.yaml");
  expect((await ages(repo, "b.yaml"))['["api"]']).toBe("2025-05-10 Bob Builder");
});

test("a value that moved in its list keeps its age", async () => {
  const repo = repository({
    ".sops.yaml": `creation_rules:\n  - age: ${bob}\n`,
    "l.yaml": "l:\n  - one\n  - two\n",
  });
  repo.sops("encrypt", "-i", "l.yaml");
  repo.commit("init", "01-10");
  const text = readFileSync(repo.box.path("l.yaml"), "utf8").split("\n");
  text.splice(1, 2, text[2] ?? "", text[1] ?? "");
  repo.write("l.yaml", text.join("\n"));
  repo.commit("swap", "02-10");
  expect(await ages(repo, "l.yaml")).toEqual({
    '["l"][0]': "2025-01-10 Ann Author",
    '["l"][1]': "2025-01-10 Ann Author",
  });
});

test("a value that came in on a side branch is the side branch's", async () => {
  const repo = eightCommits();
  repo.git("checkout", "--quiet", "-b", "side", "HEAD~1");
  repo.sops("set", "app.yaml", '["tok"]', '"t3"');
  repo.commit("side", "08-15", "Sid <sid@example.org>");
  repo.git("checkout", "--quiet", "main");
  repo.git("merge", "--quiet", "--no-ff", "-s", "recursive", "-X", "theirs", "-m", "m", "side");
  expect((await ages(repo))['["tok"]']).toBe("2025-08-15 Sid");
});

test("a value that is put back is as old as the commit that did it", async () => {
  const repo = eightCommits();
  repo.git("checkout", "--quiet", "HEAD~3", "--", "app.yaml");
  repo.commit("back", "09-10");
  expect(await ages(repo)).toEqual({
    '["db"]["user"]': "2025-01-10 Ann Author",
    '["db"]["pass"]': "2025-09-10 Ann Author",
    '["api"]': "2025-05-10 Bob Builder",
    '["list"][0]': "2025-09-10 Ann Author",
    '["tok"]': "2025-01-10 Ann Author",
  });
});

test("an uncommitted value has the file's own date", async () => {
  const repo = eightCommits();
  repo.sops("set", "app.yaml", '["tok"]', '"t9"');
  const { file, history } = await historyOf(repo, "app.yaml", [bobsKey]);
  const [, , , tok] = history.values(file).filter(({ path }) => path.at(-1) !== "new");
  expect(tok?.since.commit).toBeUndefined();
  expect(tok?.since.isAtLeast).toBe(false);
  expect(tok?.since.at.toISOString().replace(".000", "")).toBe(
    file.subject.sealed?.metadata?.lastModified,
  );
  expect(history.readable(file).map(({ path }) => pathText(path))).toEqual([
    '["db"]["user"]',
    '["api"]',
  ]);
});

test("a shallow clone shows the minimum age of values", async () => {
  const repo = eightCommits();
  const clone = repository();
  clone.git("pull", "--quiet", "--depth", "3", `file://${repo.box.dir}`, "main");
  const { file, history } = await historyOf(clone, "app.yaml");
  expect(history.reach).toBe("shallow");
  expect(history.values(file).map(({ since }) => told(since))).toEqual([
    "≥ 2025-06-10 Ann Author",
    "2025-07-10 Ann Author",
    "≥ 2025-06-10 Ann Author",
    "≥ 2025-06-10 Ann Author",
    "2025-08-10 Ann Author",
  ]);
});

test("without a commit, a value can be no newer than the file's own date", async () => {
  const repo = repository({
    ".sops.yaml": `creation_rules:\n  - age: ${bob}\n`,
    "a.yaml": "a: 1\n",
  });
  repo.sops("encrypt", "-i", "a.yaml");
  const { file, history } = await historyOf(repo, "a.yaml", [bobsKey]);
  expect(history.reach).toBe("no commits");
  expect(history.values(file)).toMatchObject([{ since: { isAtLeast: true, commit: undefined } }]);
  expect(history.readable(file)).toHaveLength(1);
});

test("in every format, and under names that Git quotes", async () => {
  const names = ["ä b.yaml", "s.json", ".env", "s.ini", "-x.yaml"];
  const repo = repository({ ".sops.yaml": `creation_rules:\n  - age: ${bob}\n` });
  for (const name of names) {
    repo.write(
      name,
      name.endsWith("json")
        ? '{"a":"1"}'
        : name.endsWith("ini")
          ? "[s]\na=1\n"
          : name === ".env"
            ? "a=1\n"
            : "a: 1\n",
    );
    repo.sops("encrypt", "-i", repo.box.path(name));
  }
  repo.commit("init", "01-10");
  for (const name of names)
    expect([name, Object.values(await ages(repo, name))]).toEqual([
      name,
      ["2025-01-10 Ann Author"],
    ]);
});

test("in a kept layout, whose flow collections spell the bracket of a ciphertext as an escape", async () => {
  const repo = repository({ "app.yaml": "a: [x, 'y']\nb: {c: z, d: 1}\n" });
  const { code } = await repo.box.run(["encrypt", "-i", "--age", bob, "app.yaml"], {
    env: { SOPSMITH_LAYOUT: "keep" },
  });
  expect(code).toBe(0);
  expect(repo.box.read("app.yaml")).toContain("\\x5D");
  repo.commit("init", "01-10");
  expect(new Set(Object.values(await ages(repo)))).toEqual(new Set(["2025-01-10 Ann Author"]));
});
