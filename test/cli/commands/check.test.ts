import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { expect, onTestFinished, test } from "vitest";
import { programUnderTest } from "../program-under-test.ts";
import { expectCode, sandboxFor } from "../rows.ts";
import { identities, recipients, sealed } from "../samples.ts";
import type { Sandbox } from "../sandbox.ts";

const secret = "hunter2-planted";

/** A repository of real Git with a rule for `*.secret.yaml`, one such file, and nothing wrong. */
function repository(
  files: Readonly<Record<string, string>> = {},
): Sandbox & { git: (...args: string[]) => string; commit: (message: string) => void } {
  const box = sandboxFor(identities.A, {
    ".sops.yaml": `creation_rules:\n  - path_regex: \\.secret\\.yaml$\n    age: ${recipients.A}\n`,
    "s.secret.yaml": sealed["sealed.yaml"] ?? "",
    ...files,
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
    git("commit", "--quiet", "--allow-empty", "-m", message);
  };
  return Object.assign(box, { git, commit, env });
}

test("a clean tree has no finding, and a tree without a repository is checked too", async () => {
  const repo = repository();
  const result = await repo.run(["check"]);
  expect(result).toMatchObject({ code: 0, stdout: "" });
  expect(result.stderr).toBe("0 errors, 0 warnings in 2 files\n");
  const box = sandboxFor(identities.A, { "keys.txt": identities.B });
  onTestFinished(() => box.remove());
  const plain = await box.run(["check"], { env: { GIT_CEILING_DIRECTORIES: "/", PATH: "" } });
  expect(plain.code).toBe(10);
  expect(plain.stdout).toMatch(/^keys\.txt:1:1: error SM301: an age identity is in the tree\n/);
});

test("ignored files are left alone unless they are named, links are never followed", async () => {
  const repo = repository({
    ".gitignore": "*.local.secret.yaml\n",
    "a.local.secret.yaml": `a: ${secret}\n`,
  });
  execFileSync("ln", ["-s", "/etc/passwd", repo.path("link.secret.yaml")]);
  expectCode(await repo.run(["check", "--strict"]), 0);
  const named = await repo.run(["check", "a.local.secret.yaml"]);
  expect([named.code, named.stdout.split("\n")[0]]).toEqual([
    10,
    "a.local.secret.yaml:1:1: error SM101: the file is unencrypted, but the creation rule on line 2 of .sops.yaml names it",
  ]);
});

test("--staged checks the index, whatever the work tree contains", async () => {
  const repo = repository({ "b.secret.yaml": `b: ${secret}\n` });
  repo.git("add", ".");
  repo.write("b.secret.yaml", sealed["sealed.yaml"] ?? "");
  const staged = await repo.run(["check", "--staged"]);
  expect([staged.code, staged.stdout]).toEqual([
    10,
    expect.stringMatching(/^b\.secret\.yaml:1:1: error SM101/),
  ]);
  expect(staged.stdout + staged.stderr).not.toContain(secret);
  const other = await repo.run(["check", "--staged", "s.*"]);
  expect([other.code, other.stderr]).toEqual([0, "0 errors, 0 warnings in 1 file\n"]);
  repo.git("add", ".");
  expectCode(await repo.run(["check", "--staged"]), 0);
  repo.commit("one");
  const nothing = await repo.run(["check", "--staged"]);
  expect(nothing.stderr).toBe("0 errors, 0 warnings in 0 files\n");
});

test("--range finds a secret that a later commit removed, and names its commit", async () => {
  const repo = repository();
  repo.commit("start");
  repo.write("c.secret.yaml", `c: ${secret}\n`);
  repo.commit("secret");
  const guilty = repo.git("rev-parse", "HEAD").trim();
  repo.write("c.secret.yaml", sealed["sealed.yaml"] ?? "");
  repo.commit("fixed");
  expectCode(await repo.run(["check"]), 0);
  const found = await repo.run(["check", "--range", "HEAD~2..HEAD"]);
  expect(found.code).toBe(10);
  expect(found.stdout).toMatch(
    RegExp(`^c\\.secret\\.yaml:1:1: error SM101: .* \\(commit ${guilty.slice(0, 12)}\\)\\n`),
  );
  expectCode(await repo.run(["check", "--range", "HEAD~1..HEAD"]), 0);
  expectCode(await repo.run(["check", "--range", "HEAD~2..HEAD", "s.*"]), 0);
  const json = await repo.run(["check", "--range", "HEAD~2..HEAD", "--format", "json"]);
  expect(JSON.parse(json.stdout)).toMatchObject({ rule: "SM101", commit: guilty });
  // What a merge brings in from a branch outside of the range is not new.
  repo.git("checkout", "--quiet", "-b", "side", "HEAD~2");
  repo.commit("side");
  repo.git("merge", "--quiet", "--no-edit", "main");
  expectCode(await repo.run(["check", "--range", "main..side"]), 0);
});

test("--rules applies only some rules, by number or its beginning", async () => {
  const repo = repository({ "keys.txt": identities.B, "c.secret.yaml": `c: ${secret}\n` });
  const found = async (rules: string) =>
    [...(await repo.run(["check", "--rules", rules])).stdout.matchAll(/ (SM\d+):/g)].map(
      ([, rule]) => rule,
    );
  expect(await found("SM301")).toEqual(["SM301"]);
  expect(await found("sm1, SM3")).toEqual(["SM101", "SM301"]);
  expectCode(await repo.run(["check", "--rules=SM2"]), 0);
});

test("--stdin-filename checks stdin under the name of a file that need not exist", async () => {
  const repo = repository();
  const run = (name: string, stdin: string) =>
    repo.run(["check", "--stdin-filename", name], { stdin });
  const clear = await run("new.secret.yaml", `c: ${secret}\n`);
  expect(clear.code).toBe(10);
  expect(clear.stdout).toMatch(/^new\.secret\.yaml:1:1: error SM101: /);
  expect(clear.stdout + clear.stderr).not.toContain(secret);
  expectCode(await run("new.secret.yaml", sealed["sealed.yaml"] ?? ""), 0);
  expectCode(await run("other.yaml", `c: ${secret}\n`), 0);
});

test.each([
  [["--rules", "SM9"], /^--rules needs rules such as SM101, separated by commas, not "SM9"/],
  [["--rules", "SM101,"], /not ""/],
  [["--staged", "--stdin-filename", "x"], /^--staged and --stdin-filename cannot be used together/],
  [["--stdin-filename", "x", "y"], /^--stdin-filename and paths cannot be used together/],
  [["--range", "nothing..HEAD"], /^git .*rev-list.* failed/],
  [["--range", "HEAD"], /^"HEAD" is not a range of commits\nWrite it as A\.\.B/],
  [["--range", "--all..x"], /is not a range of commits/],
  [["--format", "xml"], /^--format must be one of text, json, sarif, github, gitlab, not "xml"/],
  [["--staged", "--range", "a..b"], /^--staged and --range cannot be used together/],
  [["--sta"], /--staged/],
] as const)("refuses %j in one message", async (args, stderr) => {
  const repo = repository();
  repo.commit("one");
  const result = await repo.run(["check", ...args]);
  expect([result.code, result.stdout]).toEqual([1, ""]);
  expect(result.stderr).toMatch(stderr);
});

test("a missing path exits with status 100, a broken configuration with 1", async () => {
  const repo = repository();
  const gone = await repo.run(["check", "gone.yaml"]);
  expect([gone.code, gone.stderr]).toEqual([
    100,
    "cannot read gone.yaml: no such file or directory\n",
  ]);
  repo.write(".sops.yaml", "creation_rules: [\n");
  const broken = await repo.run(["check"]);
  expect([broken.code, broken.stdout]).toEqual([1, ""]);
  expect(broken.stderr).toMatch(/^error loading config: /);
});

test("warnings fail with --strict only", async () => {
  const repo = repository({ "s.secret.yaml.bak": `a: ${secret}\n` });
  const lax = await repo.run(["check"]);
  expect([lax.code, lax.stdout]).toEqual([
    0,
    expect.stringMatching(/^s\.secret\.yaml\.bak:1:1: warning SM302/),
  ]);
  expectCode({ ...(await repo.run(["check", "--strict"])), stderr: "" }, 10);
});

test("the policy ignores findings by rule and path, each with a reason", async () => {
  const repo = repository({ "keys.txt": identities.B, "s.secret.yaml.bak": "a: 1\n" });
  const policy = (text: string) =>
    repo.write(".sops.yaml", `${repo.read(".sops.yaml").split("check:")[0]}check:\n${text}`);
  policy(
    "  ignore:\n    - { rule: SM301, path: keys.txt, reason: a test key }\n    - { rule: SM302, path: '*.bak', reason: x }\n",
  );
  expectCode(await repo.run(["check", "--strict"]), 0);
  policy("  ignore:\n    - { rule: SM301, path: other.txt, reason: a test key }\n");
  expectCode({ ...(await repo.run(["check"])), stderr: "" }, 10);
  policy("  ignore:\n    - { rule: SM301, path: keys.txt }\n");
  const silent = await repo.run(["check"]);
  expect([silent.code, silent.stderr]).toEqual([
    1,
    "an item of 'ignore' has no reason (.sops.yaml, line 6)\nEach needs rule (such as SM302), path and reason.\n",
  ]);
  // sops ignores the section, and no other command minds.
  expectCode(await repo.run(["decrypt", "s.secret.yaml"]), 0);
});

test("an unmerged file is recognised by the index, even without markers", async () => {
  const repo = repository();
  repo.commit("base");
  repo.git("checkout", "--quiet", "-b", "side");
  expectCode(await repo.run(["set", "s.secret.yaml", '["secret"]', '"theirs"']), 0);
  repo.commit("theirs");
  repo.git("checkout", "--quiet", "main");
  expectCode(await repo.run(["set", "s.secret.yaml", '["secret"]', '"ours"']), 0);
  repo.commit("ours");
  expect(() => repo.git("merge", "side")).toThrow("Command failed");
  const markers = await repo.run(["check"]);
  expect(markers.stdout).toMatch(
    /^s\.secret\.yaml:1:1: error SM106: the file is unmerged.*\ns\.secret\.yaml:\d+:1: error SM106: the file has conflict markers\n/,
  );
  repo.write("s.secret.yaml", repo.git("show", "HEAD:s.secret.yaml"));
  const chosen = await repo.run(["check"]);
  expect(chosen.stdout).toMatch(/^s\.secret\.yaml:1:1: error SM106: the file is unmerged/);
});

test("max_age finds a data key that has been in use for too long, in Git's history", async () => {
  const repo = repository();
  repo.write(".sops.yaml", `${repo.read(".sops.yaml")}check:\n  max_age: 100d\n`);
  const dated = (days: number, message: string) => {
    repo.git("add", "--all");
    const date = new Date(Date.now() - days * 86_400_000).toISOString();
    execFileSync("git", ["commit", "--quiet", "-m", message, "--date", date], {
      cwd: repo.dir,
      env: { ...repo.env, GIT_COMMITTER_DATE: date },
    });
  };
  dated(300, "encrypted");
  expectCode(await repo.run(["set", "s.secret.yaml", '["secret"]', '"other"']), 0);
  dated(50, "a value changed");
  const old = await repo.run(["check"]);
  expect(old.stdout).toMatch(
    /^s\.secret\.yaml:1:1: warning SM204: the data key has been in use since \d{4}-\d\d-\d\d, for more than 100 days\n/,
  );
  expectCode(await repo.run(["rotate", "-i", "s.secret.yaml"]), 0);
  dated(40, "rotated");
  expectCode(await repo.run(["check", "--strict"]), 0);
});

test("nothing that a repository says runs a program", async () => {
  const repo = repository();
  repo.commit("one");
  const trap = repo.path("trap.sh");
  writeFileSync(trap, `#!/bin/sh\necho x >> "${repo.path("sprung")}"\ncat\n`, { mode: 0o755 });
  for (const [key, value] of [
    ["core.fsmonitor", trap],
    ["core.hooksPath", repo.path("hooks")],
    ["core.pager", trap],
    ["diff.external", trap],
    ["diff.x.command", trap],
    ["diff.x.textconv", trap],
    ["filter.x.clean", trap],
    ["filter.x.smudge", trap],
    ["log.showSignature", "true"],
    ["gpg.program", trap],
    ["core.sshCommand", trap],
    ["alias.ls-files", `!${trap}`],
  ] as const)
    execFileSync("git", ["config", key, value], { cwd: repo.dir });
  mkdirSync(repo.path("hooks"));
  for (const hook of ["post-index-change", "pre-commit", "reference-transaction"])
    writeFileSync(repo.path(`hooks/${hook}`), `#!/bin/sh\nexec ${trap}\n`, { mode: 0o755 });
  repo.write(".gitattributes", "* diff=x filter=x\n");
  // A git in the working directory is not the one that is run.
  writeFileSync(repo.path("git"), `#!/bin/sh\nexec ${trap}\n`, { mode: 0o755 });
  const PATH = `.::${repo.env["PATH"] ?? ""}`;
  for (const args of [["--staged"], ["--range", "HEAD~0..HEAD"], []]) {
    repo.write("s.secret.yaml", `${repo.read("s.secret.yaml")}\n`);
    await repo.run(["check", ...args], { env: { PATH } });
    await repo.run(["filestatus", "--check", "--staged"], { env: { PATH } });
  }
  expect(repo.names()).not.toContain("sprung");
});

test("names from the repository cannot write to the terminal, nor break a report's lines", async () => {
  const name = "a\u001b[31m\n::error::x.secret.yaml";
  const repo = repository({ [name]: `a: ${secret}\n` });
  const text = await repo.run(["check"]);
  expect(text.stdout.split("\n")[0]).toMatch(
    /^a\\x1b\[31m\\x0a::error::x\.secret\.yaml:1:1: error SM101/,
  );
  const github = await repo.run(["check", "--format", "github"]);
  expect(github.stdout).toMatch(
    /^::error file=a.\[31m%0A%3A%3Aerror%3A%3Ax\.secret\.yaml,line=1,col=1,title=SM101::[^\n]*\n$/,
  );
  const sarif = await repo.run(["check", "--format", "sarif"]);
  expect(sarif.stdout).toContain('"uri": "a%1B%5B31m%0A%3A%3Aerror%3A%3Ax.secret.yaml"');
});

test("a broken file is reported and the others are checked", async () => {
  const repo = repository({
    "a.secret.yaml": (sealed["sealed.yaml"] ?? "").replace("sops:", "sops: ["),
    "z.secret.yaml": `z: ${secret}\n`,
  });
  const { code, stdout } = await repo.run(["check"]);
  expect(code).toBe(10);
  expect(stdout).toMatch(
    /^a\.secret\.yaml:\d+:1: error SM105: the file cannot be read: .*\nz\.secret\.yaml:1:1: error SM101/,
  );
});

test("runs in a subdirectory, with paths relative to it", async () => {
  const repo = repository();
  mkdirSync(repo.path("deep"));
  repo.write("deep/x.secret.yaml", `x: ${secret}\n`);
  const [program, ...first] = programUnderTest;
  const run = (...args: string[]) => {
    try {
      return execFileSync(program, [...first, "check", ...args], {
        cwd: repo.path("deep"),
        env: { ...repo.env, PWD: repo.path("deep") },
        encoding: "utf8",
        stdio: "pipe",
      });
    } catch (error) {
      return String((error as { stdout: string }).stdout);
    }
  };
  expect(run()).toMatch(/^x\.secret\.yaml:1:1: error SM101: .* of \.\.\/\.sops\.yaml names it\n/);
  expect(run("..")).toMatch(/^x\.secret\.yaml:1:1: error SM101/);
});
