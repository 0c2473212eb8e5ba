import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { counterpart } from "../counterparts.ts";
import { conflicting, repository, set, type Repository } from "./merge-repository.ts";
import { programUnderTest } from "./program-under-test.ts";
import { expectCode } from "./rows.ts";

const secret = /PLAIN-(?:OURS|THEIRS|OTHER)/;

/**
 * Runs a command with every process that it starts watched, and tells which files and sockets get plain text: each line of what is
 * written that holds a secret, without standard output and error.
 */
function written(
  repo: Repository,
  command: readonly string[],
  { editor = "false", folder = "traced" }: { editor?: string; folder?: string } = {},
): { status: number | null; places: string[]; pipes: string[]; calls: number; stderr: string } {
  mkdirSync(repo.path(`.git-bin/${folder}`));
  mkdirSync(repo.path(`.git-bin/${folder}/tmp`));
  const log = repo.path(`.git-bin/${folder}/log`);
  const traced = "trace=write,pwrite64,writev,pwritev,pwritev2,sendto,sendmsg";
  const { status, stderr } = spawnSync(
    counterpart("strace"),
    ["-f", "-qq", "-yy", "-s", "1000000", "-e", traced, "-e", "signal=none", "-o", log, ...command],
    {
      cwd: repo.dir,
      env: { ...repo.env, EDITOR: editor, TMPDIR: repo.path(`.git-bin/${folder}/tmp`) },
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  const lines = readFileSync(log, "utf8").split("\n");
  const all = lines
    .filter((line) => secret.test(line))
    .map((line) => /^\d+ +\w+\(\d+<([^>]*)>/.exec(line)?.[1] ?? line);
  // Standard output, and what one process hands to another.
  const [places, pipes] = [false, true].map((isPipe) => [
    ...new Set(all.filter((place) => /^(?:pipe|UNIX[\w-]*):/.test(place) === isPipe)),
  ]) as [string[], string[]];
  return { status, places, pipes, calls: lines.length, stderr };
}

/** Files of Git's own, and all others, that hold plain text: compressed objects are looked into. */
function atRest(repo: Repository): string {
  const objects = repo.git("cat-file", "--batch-all-objects", "--batch", "--unordered");
  expect(objects.length).toBeGreaterThan(1000);
  return [
    ...(secret.test(objects) ? ["an object"] : []),
    spawnSync("grep", ["-rlE", "--exclude-dir=.git-bin", "PLAIN-(OURS|THEIRS|OTHER)", repo.dir], {
      encoding: "utf8",
    }).stdout,
    repo.git("for-each-ref", "refs/notes"),
  ].join("");
}

async function sides(repo: Repository): Promise<void> {
  expectCode(await repo.run(["git", "install", "*.yaml"], { env: repo.env }), 0);
  repo.commit("attributes");
  await set(repo, "k7", "PLAIN-OTHER");
  repo.commit("other");
  await conflicting(repo, "PLAIN-OURS", "PLAIN-THEIRS");
}

test("git merge, git rebase and git diff write plain text to no file", async () => {
  const repo = await repository();
  await sides(repo);
  const merge = written(repo, ["git", "merge", "side"], { folder: "merge" });
  expect([merge.status, merge.places]).toEqual([1, []]);
  expect(merge.calls).toBeGreaterThan(10);
  expect(merge.stderr).toContain("conflict in s.yaml");
  repo.git("merge", "--abort");
  const rebase = written(repo, ["git", "rebase", "side"], { folder: "rebase" });
  expect([rebase.status, rebase.places]).toEqual([1, []]);
  expect(rebase.calls).toBeGreaterThan(10);
  repo.git("rebase", "--abort");
  const diff = written(repo, ["git", "diff", "HEAD~1"], { folder: "diff" });
  expect([diff.status, diff.places]).toEqual([0, []]);
  // The proof that plain text would be seen: what textconv prints is.
  expect(diff.pipes.length).toBeGreaterThan(0);
  expect(atRest(repo)).toBe("");
});

test("the mergetool writes plain text to its private temporary file only, which is gone afterwards", async () => {
  const repo = await repository();
  await sides(repo);
  repo.tryGit("merge", "--quiet", "side");
  const editor = "sed -i -e '/^<<<<<<</d' -e '/^=======/,/^>>>>>>>/d'";
  const { status, places, calls } = written(repo, [...programUnderTest, "mergetool"], {
    editor,
    folder: "tool",
  });
  expect(calls).toBeGreaterThan(10);
  expect(status).toBe(0);
  expect(places.length).toBeGreaterThan(0);
  // The editor's own copy is beside the file.
  const root = repo.path(".git-bin/tool/tmp");
  const strays = places.filter(
    (place) => !place.startsWith(`${root}/`) && !place.startsWith("/dev/shm/"),
  );
  expect(strays).toEqual([]);
  expect(repo.opened("s.yaml")).toContain("k1: PLAIN-OURS\n");
  expect(spawnSync("find", [root, "-mindepth", "1"], { encoding: "utf8" }).stdout).toBe("");
  repo.git("commit", "--quiet", "--no-edit");
  expect(atRest(repo)).toBe("");
});
