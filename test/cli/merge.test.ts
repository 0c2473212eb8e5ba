import { execFileSync, spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { conflicting, repository, set } from "./merge-repository.ts";
import { expectCode } from "./rows.ts";
import { identities } from "./samples.ts";

const merged = (k1: string) =>
  ["v0", k1, "two", "v3", "v4", "five", "v6", "v7", "v8", "v9"]
    .map((value, i) => `k${i}: ${value}\n`)
    .join("");

test("a rebase of ten commits on neighbouring values stops nowhere, and each diff has at most two lines more", async () => {
  const repo = await repository();
  repo.git("checkout", "--quiet", "-b", "side");
  for (let i = 0; i < 10; i++) {
    await set(repo, `k${i}`, `side${i}`);
    repo.commit(`side ${i}`);
  }
  repo.git("checkout", "--quiet", "main");
  await repo.sopsmith(["set", "s.yaml", '["new"]', '"main"']);
  repo.commit("main");
  repo.git("checkout", "--quiet", "side");
  repo.git("rebase", "--quiet", "main");
  const counts = repo
    .git("log", "--format=", "--numstat", "main..side")
    .split("\n")
    .filter((line) => line !== "");
  // The value and the MAC, and the time where it is another second.
  expect(counts.length).toBe(10);
  for (const count of counts) expect(count).toMatch(/^(?:2\t2|3\t3)\ts\.yaml$/);
  expect(repo.opened("s.yaml")).toBe(
    `${Array.from({ length: 10 }, (_, i) => `k${i}: side${i}\n`).join("")}new: main\n`,
  );
});

test("a conflict becomes markers around encrypted lines, and the mergetool opens the plain values", async () => {
  const repo = await repository();
  await conflicting(repo);
  const { status, stdout, stderr } = repo.tryGit("merge", "--quiet", "side");
  expect(status).toBe(1);
  expect(stdout + stderr).toMatch(/conflict in s\.yaml at \["k1"\]: both changed it/);
  const text = repo.read("s.yaml");
  expect(text.match(/^[<=>]{7}.*\n(?:k1: ENC\[.*\n)?/gm)?.length).toBe(3);
  expect(text).not.toMatch(/theirs$(?<!>{7} theirs)|five/m);
  expect(repo.tryGit("diff", "--check").stdout).toContain("leftover conflict marker");
  // The editor keeps theirs, after a first round in which it left the markers.
  repo.write(
    ".git-bin/keep-theirs",
    `#!/bin/sh\ncp "$1" "${repo.path(".git-bin")}/seen"\nsed -i -e '/^<<<<<<</,/^=======/d' -e '/^>>>>>>>/d' "$1"\n`,
  );
  execFileSync("chmod", ["+x", repo.path(".git-bin/keep-theirs")]);
  await repo.sopsmith(["mergetool"], repo.path(".git-bin/keep-theirs"));
  expect(repo.read(".git-bin/seen")).toMatch(
    /^<{7} ours\nk1: ours\n={7}\nk1: theirs\n>{7} theirs\n/m,
  );
  expect(repo.opened("s.yaml")).toBe(merged("theirs"));
  expect(repo.git("diff", "--name-only", "--diff-filter=U")).toBe("");
  repo.git("commit", "--quiet", "--no-edit");
  expect(repo.git("for-each-ref", "refs/notes")).toBe("");
});

test("the mergetool resolves what Git's own merge of text left, and keeps both sides' other values", async () => {
  const repo = await repository(false);
  await conflicting(repo);
  expect(repo.tryGit("merge", "--quiet", "side").status).toBe(1);
  const editor = "sed -i -e '/^<<<<<<</d' -e '/^=======/,/^>>>>>>>/d'";
  await repo.sopsmith(["mergetool", "--no-add", "s.yaml"], editor);
  expect(repo.opened("s.yaml")).toBe(merged("ours"));
  expect(repo.git("diff", "--name-only", "--diff-filter=U")).toBe("s.yaml\n");
});

test("--accept takes lines that were chosen by hand, and refuses a value that no version has", async () => {
  const repo = await repository();
  await conflicting(repo);
  repo.tryGit("merge", "--quiet", "side");
  const text = repo.read("s.yaml");
  const left = await repo.run(["mergetool", "--accept", "s.yaml"], { env: repo.env });
  expectCode(left, 1);
  expect(left.stderr).toMatch(/s\.yaml still has conflict markers, the first on line 2/);

  const chosen = text.replace(/^<{7}(?:.*\n)*?={7}\n/m, "").replace(/^>{7}.*\n/m, "");
  const [, k3 = ""] = /^k3: (.*)$/m.exec(chosen) ?? [];
  repo.write("s.yaml", chosen.replace(/^k4: .*$/m, `k4: ${k3}`));
  const moved = await repo.run(["mergetool", "--accept", "s.yaml"], { env: repo.env });
  expectCode(moved, 1);
  expect(moved.stderr).toMatch(/no version of the file has this value at this place: \["k4"\]/);
  repo.write("s.yaml", chosen.replace(/^k4: .*$/m, "k4: typed"));
  expectCode(await repo.run(["mergetool", "--accept", "s.yaml"], { env: repo.env }), 1);

  repo.write("s.yaml", chosen);
  await repo.sopsmith(["mergetool", "--accept", "s.yaml"]);
  expect(repo.opened("s.yaml")).toBe(merged("theirs"));
});

test("without a key, Git's own merge takes over and one line says why", async () => {
  const repo = await repository();
  await conflicting(repo);
  const env = { ...repo.env, SOPS_AGE_KEY: identities.B };
  const result = spawnSync("git", ["merge", "--quiet", "side"], {
    cwd: repo.dir,
    env,
    encoding: "utf8",
  });
  expect(result.status).toBe(1);
  expect(result.stderr).toMatch(/s\.yaml is merged as text: /);
  expect(repo.read("s.yaml")).toMatch(/^<{7} ours\n/m);
  expect(repo.read("s.yaml")).toMatch(/^>{7} theirs\n/m);
});

test("a file without a conflict, or not encrypted, is reported", async () => {
  const repo = await repository();
  const none = await repo.run(["mergetool"], { env: repo.env });
  expect(none).toEqual({ code: 0, stdout: "", stderr: "No file has conflicts.\n" });
  const named = await repo.run(["mergetool", "s.yaml"], { env: repo.env });
  expectCode(named, 1);
  expect(named.stderr).toMatch(/s\.yaml has no conflict between two versions/);
  const few = await repo.run(
    [
      "git",
      "merge",
      "--decryption-order",
      "age",
      "--enable-local-keyservice",
      "--keyservice",
      "tcp://127.0.0.1:1",
      "a",
      "b",
    ],
    {
      env: repo.env,
    },
  );
  expectCode(few, 100);
});
