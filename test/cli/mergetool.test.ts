import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { expect, test } from "vitest";
import { conflicting, repository, type Repository } from "./merge-repository.ts";
import { programUnderTest } from "./program-under-test.ts";
import { expectCode } from "./rows.ts";
import { identities } from "./samples.ts";

const keepOurs = "sed -i -e '/^<<<<<<</d' -e '/^=======/,/^>>>>>>>/d'";

/** Runs the program in a folder of the repository. */
function runIn(repo: Repository, folder: string, args: readonly string[], editor = keepOurs) {
  const [program, ...first] = programUnderTest;
  return spawnSync(program, [...first, ...args], {
    cwd: repo.path(folder),
    env: { ...repo.env, EDITOR: editor },
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
}

const unmerged = (repo: Repository): string =>
  repo.git("-c", "core.quotePath=false", "diff", "--name-only", "--diff-filter=U", "-z");

/** One branch sets the key `a` of each file, and so does the other. */
async function conflictIn(repo: Repository, files: Readonly<Record<string, string>>) {
  for (const [name, text] of Object.entries(files)) {
    repo.write(name, text);
    await repo.sopsmith(["encrypt", "-i", name]);
  }
  repo.commit("files");
  repo.git("checkout", "--quiet", "-b", "side");
  for (const name of Object.keys(files)) await repo.sopsmith(["set", name, '["a"]', '"theirs"']);
  repo.commit("theirs");
  repo.git("checkout", "--quiet", "main");
  for (const name of Object.keys(files)) await repo.sopsmith(["set", name, '["a"]', '"ours"']);
  repo.commit("ours");
  return repo.tryGit("merge", "--quiet", "side");
}

test("works from a subdirectory, on names with spaces and quotes, and without operands on all files", async () => {
  const repo = await repository();
  mkdirSync(repo.path("sub dir"));
  const odd = `sub dir/it's "x" $y.yaml`;
  const { stdout, stderr } = await conflictIn(repo, { [odd]: "a: 1\n", "plain.env": "a=1\n" });
  expect(stdout + stderr).toContain(`Run sopsmith mergetool 'sub dir/it'\\''s "x" $y.yaml'\n`);
  const one = runIn(repo, "sub dir", ["mergetool", `it's "x" $y.yaml`]);
  expect([one.status, one.stderr]).toEqual([0, expect.stringMatching(/ is merged\n$/)]);
  expect(unmerged(repo)).toBe("plain.env\0");
  const all = runIn(repo, "sub dir", ["mergetool"]);
  expect([all.status, all.stderr]).toEqual([
    0,
    `conflict in ../plain.env at ["a"]: both changed it\n../plain.env is merged\n`,
  ]);
  expect(unmerged(repo)).toBe("");
  expect(repo.opened(odd)).toBe("a: ours\n");
  expect(repo.opened("plain.env")).toBe("a=ours\n");
});

test("without operands, files that are not encrypted are left alone", async () => {
  const repo = await repository();
  repo.write("notes.md", "one\n");
  repo.commit("notes");
  await conflicting(repo);
  repo.git("checkout", "--quiet", "side");
  repo.write("notes.md", "theirs\n");
  repo.commit("notes");
  repo.git("checkout", "--quiet", "main");
  repo.write("notes.md", "ours\n");
  repo.commit("notes");
  repo.tryGit("merge", "--quiet", "side");
  const { status, stderr } = runIn(repo, ".", ["mergetool"]);
  expect([status, stderr]).toEqual([
    0,
    expect.stringMatching(
      /^notes\.md is not encrypted: resolve it yourself\n[^]*s\.yaml is merged\n$/,
    ),
  ]);
  expect(unmerged(repo)).toBe("notes.md\0");
});

test("git mergetool runs it after git install", async () => {
  const repo = await repository();
  expectCode(await repo.run(["git", "install", "*.yaml"], { env: repo.env }), 0);
  mkdirSync(repo.path("sub dir"));
  await conflictIn(repo, { "sub dir/it's $y.yaml": "a: 1\n" });
  const result = spawnSync("git", ["mergetool", "--no-prompt", "--tool", "sopsmith"], {
    cwd: repo.path("sub dir"),
    env: { ...repo.env, EDITOR: keepOurs },
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
  expect([result.status, result.stderr]).toEqual([0, expect.stringMatching(/ is merged\n$/)]);
  expect(unmerged(repo)).toBe("");
  expect(repo.opened("sub dir/it's $y.yaml")).toBe("a: ours\n");
  // An editor that fails resolves nothing, and Git knows.
  repo.git("reset", "--quiet", "--hard");
  repo.tryGit("merge", "--quiet", "side");
  const failed = spawnSync("git", ["mergetool", "--no-prompt", "--tool", "sopsmith"], {
    cwd: repo.dir,
    env: { ...repo.env, EDITOR: "false" },
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
  expect(failed.status).toBe(1);
  expect(unmerged(repo)).toBe("sub dir/it's $y.yaml\0");
});

test.each([
  ["with markers", "sed -i s/ours$/typed/", 1, /^<<<<<<< [^]*a: typed\n=======\na: theirs\n/],
  ["that cannot be encrypted", `sh -c 'echo "1: typed" > "$0"'`, 23, /^1: typed\n$/],
])("keeps a text %s, encrypted", async (_, editor, code, text) => {
  const repo = await repository();
  await conflictIn(repo, { "a.yaml": "a: 1\n" });
  const { status, stdout, stderr } = runIn(repo, ".", ["mergetool"], editor);
  expect([status, stdout]).toEqual([code, ""]);
  const kept = repo.path("a.yaml.rescue");
  expect(stderr).toContain(
    `open it with \`sopsmith decrypt --input-type binary --output-type binary ${kept}\``,
  );
  expect(repo.read("a.yaml.rescue")).not.toContain("typed");
  expect(repo.opened("a.yaml.rescue")).toMatch(text);
  expect(unmerged(repo)).toBe("a.yaml\0");
});

test("a wrong key, and Ctrl-C in the editor, change nothing and leave no plain text", async () => {
  const repo = await repository();
  await conflicting(repo);
  repo.tryGit("merge", "--quiet", "side");
  const before = repo.read("s.yaml");
  const wrong = await repo.run(["mergetool", "s.yaml"], {
    env: { ...repo.env, SOPS_AGE_KEY: identities.B, EDITOR: keepOurs },
  });
  expect([wrong.code, wrong.stdout]).toEqual([128, ""]);
  expect(wrong.stderr).toMatch(/s\.yaml \(common ancestor\)/);

  const temp = repo.path(".git-bin/temp");
  mkdirSync(temp);
  repo.write(".git-bin/slow", `#!/bin/sh\ntouch "${repo.path(".git-bin/open")}"\nexec sleep 30\n`);
  const [program, ...first] = programUnderTest;
  const child = spawn(program, [...first, "mergetool"], {
    cwd: repo.dir,
    env: { ...repo.env, TMPDIR: temp, EDITOR: `sh ${repo.path(".git-bin/slow")}` },
    stdio: ["ignore", "ignore", "pipe"],
    detached: true,
  });
  let stderr = "";
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
  while (!readdirSync(repo.path(".git-bin")).includes("open")) await wait(50);
  // As a terminal does it: to all of the process group.
  process.kill(-(child.pid ?? 0), "SIGINT");
  expect(await ended).not.toBe(0);
  expect(stderr).toMatch(/s\.yaml was not written/);
  expect(readdirSync(temp)).toEqual([]);
  expect(repo.read("s.yaml")).toBe(before);
  expect(unmerged(repo)).toBe("s.yaml\0");
});

test("a file that exists on one side only is not a conflict of two versions, and is reported", async () => {
  const repo = await repository();
  repo.git("checkout", "--quiet", "-b", "side");
  repo.git("rm", "--quiet", "s.yaml");
  repo.commit("removed");
  repo.git("checkout", "--quiet", "main");
  await repo.sopsmith(["set", "s.yaml", '["k1"]', '"ours"']);
  repo.commit("changed");
  expect(repo.tryGit("merge", "--quiet", "side").status).toBe(1);
  const { status, stderr } = runIn(repo, ".", ["mergetool"]);
  expect(status).toBe(1);
  expect(stderr).toMatch(/^s\.yaml has no conflict between two versions\n.*git add or git rm/);
  expect(repo.opened("s.yaml")).toContain("k1: ours\n");
});

test("a file that both sides added merges by key, and conflicts where both have a value", async () => {
  const repo = await repository();
  const add = async (text: string) => {
    repo.write("new.yaml", text);
    await repo.sopsmith(["encrypt", "-i", "new.yaml"]);
    repo.commit("new");
  };
  repo.git("checkout", "--quiet", "-b", "side");
  await add("same: s\na: theirs\ntheirs: t\n");
  repo.git("checkout", "--quiet", "main");
  await add("same: s\na: ours\nours: o\n");
  const { status, stdout, stderr } = repo.tryGit("merge", "--quiet", "side");
  expect(status).toBe(1);
  expect(stdout + stderr).toContain('conflict in new.yaml at ["a"]: both changed it\n');
  expect(repo.read("new.yaml").match(/^a: ENC/gm)).toHaveLength(2);
  expect(runIn(repo, ".", ["mergetool"]).status).toBe(0);
  expect(repo.opened("new.yaml")).toBe("same: s\na: ours\ntheirs: t\nours: o\n");
});

test("a binary file that both sides changed conflicts, and the version that is kept keeps its bytes", async () => {
  const repo = await repository();
  repo.write(".gitattributes", "*.bin merge=sopsmith\n");
  const bytes = (of: number) => Buffer.from([0xff, of, 0x00, 0xfe, 0x0a, of, 0xc3]);
  const put = async (of: number) => {
    repo.write("b.bin", bytes(of));
    await repo.sopsmith(["encrypt", "-i", "b.bin"]);
    repo.commit("binary");
  };
  await put(1);
  repo.git("checkout", "--quiet", "-b", "side");
  await put(2);
  repo.git("checkout", "--quiet", "main");
  await put(3);
  const { status, stdout, stderr } = repo.tryGit("merge", "--quiet", "side");
  expect([status, stdout + stderr]).toEqual([
    1,
    expect.stringContaining('conflict in b.bin at ["data"]: both changed it\n'),
  ]);
  // The text of both has a line in common.
  const editor = `sh -c 'cp "${repo.path("mine")}" "$1"' -`;
  repo.write("mine", bytes(3));
  const result = runIn(repo, ".", ["mergetool", "b.bin"], editor);
  expect([result.status, result.stderr]).toEqual([0, expect.stringMatching(/is merged\n$/)]);
  await repo.sopsmith(["decrypt", "--output", "plain.bin", "b.bin"]);
  expect(readFileSync(join(repo.dir, "plain.bin"))).toEqual(bytes(3));
});
