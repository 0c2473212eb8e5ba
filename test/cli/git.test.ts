import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { expect, onTestFinished, test } from "vitest";
import { expectCode, sandboxFor } from "./rows.ts";
import { identities, sealed } from "./samples.ts";
import { programUnderTest, shellProgram } from "./program-under-test.ts";
import type { Sandbox } from "./sandbox.ts";

/** A repository of real Git, with sopsmith on PATH. */
function repository(): Sandbox & { git: (...args: string[]) => string } {
  const box = sandboxFor(identities.A, { "s.secret.yaml": sealed["sealed.yaml"] ?? "" });
  onTestFinished(() => box.remove());
  mkdirSync(box.path(".git-bin"));
  writeFileSync(box.path(".git-bin/sopsmith"), `#!/bin/sh\nexec ${shellProgram} "$@"\n`, {
    mode: 0o755,
  });
  const env = {
    ...box.env,
    PATH: `${box.path(".git-bin")}:${box.env["PATH"] ?? ""}`,
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_PAGER: "cat",
  };
  const git = (...args: string[]) =>
    execFileSync("git", args, { cwd: box.dir, env, encoding: "utf8", stdio: "pipe" });
  git("init", "--quiet");
  git("config", "user.name", "t");
  git("config", "user.email", "t@example.org");
  writeFileSync(box.path(".git/info/exclude"), ".git-bin\n");
  return Object.assign(box, { git, env });
}

test("git install makes diffs and logs readable, and git uninstall undoes it", async () => {
  const repo = repository();
  const { git } = repo;
  repo.write(".gitattributes", "*.png binary\n");
  repo.write("open.yaml", "a: 1\n");
  git("add", ".");
  git("commit", "--quiet", "-m", "one");
  const { code, stderr } = await repo.run(["git", "install"]);
  expect([code, stderr]).toEqual([
    0,
    expect.stringMatching(/^git diff decrypts and git merge merges \*\.yaml .* in /),
  ]);
  expectCode(await repo.run(["set", "s.secret.yaml", '["secret"]', '"changed"']), 0);
  repo.write("open.yaml", "a: 2\n");
  const diff = git("diff", "--", "s.secret.yaml", "open.yaml");
  expect(diff).toMatch(/^-secret: hello\n\+secret: changed$/m);
  expect(diff).toMatch(/^-a: 1\n\+a: 2$/m);
  expect(diff).not.toContain("ENC[");
  git("commit", "--quiet", "-am", "two");
  expect(git("log", "-p", "-1")).toMatch(/^\+secret: changed$/m);
  // What is stored is encrypted, and no plain text is cached.
  expect(git("show", "--no-textconv", "HEAD:s.secret.yaml")).toContain("ENC[");
  expect(git("for-each-ref", "refs/notes")).toBe("");

  const attributes = repo.read(".gitattributes");
  expectCode(await repo.run(["git", "install"]), 0);
  expect(repo.read(".gitattributes")).toBe(attributes);
  expectCode(await repo.run(["git", "install", "*.secret.yaml"]), 0);
  expect(repo.read(".gitattributes")).toMatch(
    /^\*\.png binary\n# [^\n]*\n\*\.secret\.yaml diff=sopsmith merge=sopsmith\n# [^\n]*\n$/,
  );

  expectCode(await repo.run(["git", "uninstall"]), 0);
  expect(repo.read(".gitattributes")).toBe("*.png binary\n");
  expect(git("diff", "HEAD~", "--", "s.secret.yaml")).toContain("ENC[");
  expectCode(await repo.run(["git", "uninstall"]), 0);
});

test("git install makes .gitattributes where there is none, and uninstall removes it", async () => {
  const repo = repository();
  mkdirSync(repo.path("deep"));
  const there = { ...repo.env, PWD: repo.path("deep") };
  const [program, ...first] = programUnderTest;
  const run = (args: readonly string[]) =>
    spawnSync(program, [...first, ...args], {
      cwd: repo.path("deep"),
      env: there,
      encoding: "utf8",
    });
  expect(run(["git", "install", "*.env"]).status).toBe(0);
  expect(repo.read(".gitattributes")).toContain("*.env diff=sopsmith merge=sopsmith\n");
  expect(run(["git", "uninstall"]).status).toBe(0);
  expect(existsSync(repo.path(".gitattributes"))).toBe(false);
});

test("without a key diffs still work, and show ciphertext", async () => {
  const repo = repository();
  repo.git("add", ".");
  repo.git("commit", "--quiet", "-m", "one");
  expectCode(await repo.run(["git", "install"]), 0);
  expectCode(await repo.run(["set", "s.secret.yaml", '["secret"]', '"changed"']), 0);
  const env = { SOPS_AGE_KEY: identities.B };
  const shown = await repo.run(["git", "textconv", "s.secret.yaml"], { env });
  expect(shown.stdout).toBe(repo.read("s.secret.yaml"));
  expect(shown.code).toBe(0);
  expect(shown.stderr).toMatch(
    /^WARN: s\.secret\.yaml is shown encrypted: Failed to get the data key/,
  );
});

test("git install outside a repository says so", async () => {
  const box = sandboxFor(identities.A, {});
  onTestFinished(() => box.remove());
  const result = await box.run(["git", "install"], { env: { GIT_CEILING_DIRECTORIES: "/" } });
  expect(result.code).toBe(1);
  expect(result.stderr).toMatch(/^git rev-parse --show-toplevel failed in .*\nRun this in a clone/);
  const surplus = await box.run(["git", "uninstall", "x"]);
  expect([surplus.code, surplus.stdout]).toEqual([1, ""]);
});

test("a pre-commit hook with filestatus --check --staged checks what is staged", async () => {
  const repo = repository();
  const { git } = repo;
  repo.write(
    ".git/hooks/pre-commit",
    "#!/bin/sh\nexec sopsmith filestatus --check --staged '*.secret.yaml'\n",
  );
  execFileSync("chmod", ["+x", repo.path(".git/hooks/pre-commit")]);
  const commit = () =>
    spawnSync("git", ["commit", "-qm", "m"], { cwd: repo.dir, env: repo.env, encoding: "utf8" });
  git("add", "s.secret.yaml");
  expect(commit().status).toBe(0);

  // In clear in the index, encrypted in the working tree.
  const cipher = repo.read("s.secret.yaml");
  repo.write("s.secret.yaml", "secret: hello\n");
  git("add", "s.secret.yaml");
  repo.write("s.secret.yaml", cipher);
  const refused = commit();
  expect(refused.status).toBe(1);
  expect(refused.stderr).toMatch(/^s\.secret\.yaml is not encrypted\n/m);

  // Encrypted in the index, in clear in the working tree; and a plain file that is nobody's secret.
  repo.write("s.secret.yaml", `${cipher}\n`);
  repo.write("a b.secret.yaml", cipher);
  repo.write("open.yaml", "a: 1\n");
  git("add", ".");
  repo.write("s.secret.yaml", "secret: hello\n");
  expect(commit().status).toBe(0);
  expect(git("log", "--format=%s").split("\n")).toHaveLength(3);
});

test("--staged alone checks the staged files that a creation rule with a path names", async () => {
  const repo = repository();
  repo.write(".sops.yaml", "creation_rules:\n  - path_regex: \\.secret\\.yaml$\n    age: age1x\n");
  repo.write("bad.secret.yaml", "a: 1\n");
  repo.write("open.yaml", "a: 1\n");
  repo.git("add", ".");
  const result = await repo.run(["filestatus", "--check", "--staged"]);
  expect(result.code).toBe(10);
  expect(result.stdout).toBe(
    `{"file":"bad.secret.yaml","encrypted":false}\n{"file":"s.secret.yaml","encrypted":true}\n`,
  );
});

test("git install takes its patterns from the creation rules, and textconv runs the program by its path", async () => {
  const repo = repository();
  repo.write(
    ".sops.yaml",
    "creation_rules:\n  - path_regex: \\.secret\\.ya?ml$\n    age: age1x\n  - path_regex: ^prod/.*\\.env$\n    age: age1x\n",
  );
  expectCode(await repo.run(["git", "install"]), 0);
  expect(repo.read(".gitattributes")).toMatch(
    /^#.*\n\*\.secret\.yaml diff=sopsmith merge=sopsmith\n\*\.secret\.yml .*\n\/prod\/\*\*\/\*\.env .*\n#.*\n$/,
  );
  expect(repo.git("config", "diff.sopsmith.textconv")).toContain(
    `'${repo.path(".git-bin/sopsmith")}' git textconv -- "$1"`,
  );
  expect(repo.git("config", "diff.sopsmith.cachetextconv")).toBe("false\n");
  repo.git("add", ".");
  repo.git("commit", "--quiet", "-m", "one");
  expectCode(await repo.run(["set", "s.secret.yaml", '["secret"]', '"changed"']), 0);
  // Wherever it is called from, and without PATH.
  const diff = execFileSync("/usr/bin/env", ["git", "diff"], {
    cwd: repo.dir,
    env: { ...repo.env, PATH: "/usr/bin:/bin" },
    encoding: "utf8",
  });
  expect(diff).toMatch(/^-secret: hello\n\+secret: changed$/m);
  // The program has gone: files are shown as they are, and nothing fails.
  execFileSync("rm", [repo.path(".git-bin/sopsmith")]);
  expect(repo.git("diff")).toMatch(/^\+secret: ENC\[/m);
});

test("for plain files, Git does not start the program", async () => {
  const repo = repository();
  for (let index = 0; index < 10; index++)
    repo.write(`p${index}.json`, '{"sops": "mac", "a": 1}\n');
  repo.git("add", ".");
  repo.git("commit", "--quiet", "-m", "one");
  expectCode(await repo.run(["git", "install"]), 0);
  for (let index = 0; index < 10; index++)
    repo.write(`p${index}.json`, '{"sops": "mac", "a": 2}\n');
  const script = 'cd "$1" && git diff >/dev/null; times';
  const { stdout } = spawnSync("bash", ["-c", script, "bash", repo.dir], {
    env: repo.env,
    encoding: "utf8",
  });
  const children = stdout.trim().split("\n")[1] ?? "";
  const seconds = [...children.matchAll(/(\d+)m([\d.]+)s/g)].map(
    ([, m, s]) => Number(m) * 60 + Number(s),
  );
  expect(seconds).toHaveLength(2);
  expect(seconds.reduce((sum, one) => sum + one, 0)).toBeLessThan(0.3);
});

test("git install warns where no shell finds the program by its name", async () => {
  const repo = repository();
  const PATH = "/usr/bin:/bin";
  const result = await repo.run(["git", "install"], { env: { PATH } });
  expect(result.code).toBe(0);
  expect(result.stderr).toMatch(/^WARN: sopsmith is not on PATH under that name; Git runs \//);
  repo.git("add", ".");
  repo.git("commit", "--quiet", "-m", "one");
  expectCode(await repo.run(["set", "s.secret.yaml", '["secret"]', '"changed"']), 0);
  expect(repo.git("diff")).toMatch(/^\+secret: changed$/m);
});

test("git install --check says what is missing in a clone, and changes nothing", async () => {
  const repo = repository();
  const before = await repo.run(["git", "install", "--check"]);
  expect(before.code).toBe(10);
  expect(before.stderr).toMatch(
    /^diff\.sopsmith\.textconv is not set in this clone\n[^]*\.gitattributes names no files\nRun `sopsmith git install`\.\n$/,
  );
  expect(existsSync(repo.path(".gitattributes"))).toBe(false);
  expectCode(await repo.run(["git", "install"]), 0);
  expectCode(await repo.run(["git", "install", "--check"]), 0);
  repo.git("add", ".");
  repo.git("commit", "--quiet", "-m", "one");
  // A clone has the attributes, and not the settings.
  const clone = repo.path("clone");
  repo.git("clone", "--quiet", repo.dir, clone);
  const [program, ...first] = programUnderTest;
  const there = spawnSync(program, [...first, "git", "install", "--check", "--hook"], {
    cwd: clone,
    env: { ...repo.env, PWD: clone },
    encoding: "utf8",
  });
  expect(there.status).toBe(10);
  expect(there.stderr).toMatch(
    /^diff\.sopsmith\.textconv is not set[^]*\nno pre-commit hook runs sopsmith\n/,
  );
  expect(there.stderr).not.toContain(".gitattributes");
  repo.git("config", "merge.sopsmith.driver", "/elsewhere/sopsmith");
  const moved = await repo.run(["git", "install", "--check"]);
  expect(moved.stderr).toMatch(/^merge\.sopsmith\.driver is not what this program would set/);
});

test("git install --hook refuses commits with unencrypted secrets, and leaves another hook alone", async () => {
  const repo = repository();
  const { git } = repo;
  repo.write(".sops.yaml", "creation_rules:\n  - path_regex: \\.secret\\.yaml$\n    age: age1x\n");
  expectCode(await repo.run(["git", "install", "--hook"]), 0);
  expectCode(await repo.run(["git", "install", "--check", "--hook"]), 0);
  repo.write("b.secret.yaml", "a: 1\n");
  git("add", "b.secret.yaml");
  const commit = spawnSync("git", ["commit", "-qm", "m"], {
    cwd: repo.dir,
    env: repo.env,
    encoding: "utf8",
  });
  expect(commit.status).toBe(1);
  expect(commit.stdout + commit.stderr).toMatch(/^b\.secret\.yaml:1:1: error SM101/m);
  expectCode(await repo.run(["git", "uninstall"]), 0);
  expect(existsSync(repo.path(".git/hooks/pre-commit"))).toBe(false);
  expect(() => git("config", "--get-regexp", "sopsmith")).toThrow("Command failed");
  repo.write(".git/hooks/pre-commit", "#!/bin/sh\n# mine\n");
  const refused = await repo.run(["git", "install", "--hook"]);
  expect(refused.code).toBe(1);
  expect(refused.stderr).toMatch(
    /^another hook already exists: .*pre-commit\nAdd this line to your pre-commit hook: .*sopsmith' check --staged\n$/,
  );
  expect(repo.read(".git/hooks/pre-commit")).toBe("#!/bin/sh\n# mine\n");
  git("config", "core.hooksPath", ".husky");
  const elsewhere = await repo.run(["git", "install", "--hook"]);
  expect([elsewhere.code, elsewhere.stderr.split("\n")[0]]).toEqual([
    1,
    "core.hooksPath puts hooks in another directory",
  ]);
});

test("after git install branches that change different values merge, and plain files merge as ever", async () => {
  const repo = repository();
  const { git } = repo;
  const lines = (a: number, z: number) =>
    `a: ${a}\n${"b: 1\n".repeat(9).replaceAll("b", () => "k")}z: ${z}\n`;
  repo.write("plain.yaml", lines(1, 1));
  expectCode(await repo.run(["git", "install"]), 0);
  git("add", ".");
  git("commit", "--quiet", "-m", "base");
  git("checkout", "--quiet", "-b", "side");
  repo.write("plain.yaml", lines(1, 2));
  expectCode(await repo.run(["set", "s.secret.yaml", '["secret"]', '"theirs"']), 0);
  git("commit", "--quiet", "-am", "theirs");
  git("checkout", "--quiet", "-");
  repo.write("plain.yaml", lines(2, 1));
  expectCode(await repo.run(["set", "s.secret.yaml", '["a"]', "2"]), 0);
  git("commit", "--quiet", "-am", "ours");
  git("merge", "--quiet", "--no-edit", "side");
  expect(repo.read("plain.yaml")).toBe(lines(2, 2));
  const { stdout } = await repo.run(["decrypt", "s.secret.yaml"]);
  expect(stdout).toMatch(/^a: 2\nsecret: theirs$/m);
});

test("after git install files whose names begin with a dash are shown decrypted and merge", async () => {
  const repo = repository();
  const { git } = repo;
  const names = ["--help.yaml", "-f.yaml", "-e.yaml"];
  for (const name of names) repo.write(name, sealed["sealed.yaml"] ?? "");
  repo.write("-v.yaml", "a: 1\n");
  expectCode(await repo.run(["git", "install"]), 0);
  git("add", ".");
  git("commit", "--quiet", "-m", "base");
  git("checkout", "--quiet", "-b", "side");
  for (const name of names)
    expectCode(await repo.run(["set", `./${name}`, '["secret"]', '"changed"']), 0);
  repo.write("-v.yaml", "a: 2\n");
  const diff = git("diff");
  expect(diff.match(/^\+secret: changed$/gm)).toHaveLength(names.length);
  expect(diff).toMatch(/^\+a: 2$/m);
  expect(diff).not.toContain("ENC[");
  git("commit", "--quiet", "-am", "theirs");
  git("checkout", "--quiet", "-");
  for (const name of names)
    expectCode(await repo.run(["set", `./${name}`, '["more"]', '"ours"']), 0);
  git("commit", "--quiet", "-am", "ours");
  git("merge", "--quiet", "--no-edit", "side");
  for (const name of names) {
    const { stdout } = await repo.run(["decrypt", `./${name}`]);
    expect(stdout).toMatch(/^secret: changed$/m);
    expect(stdout).toMatch(/^more: ours$/m);
  }
});

test("git install writes through no link that a repository has as .gitattributes", async () => {
  const repo = repository();
  mkdirSync(repo.path("outside"));
  repo.write("outside/profile", "echo mine\n");
  symlinkSync("outside/profile", repo.path(".gitattributes"));
  const refused = await repo.run(["git", "install"]);
  expect([refused.code, refused.stderr]).toEqual([
    1,
    expect.stringMatching(/\.gitattributes is a symbolic link, which Git does not read\n/),
  ]);
  expect(repo.read("outside/profile")).toBe("echo mine\n");
  expect(() => repo.git("config", "--get-regexp", "sopsmith")).toThrow("Command failed");
  const check = await repo.run(["git", "install", "--check"]);
  expect([check.code, check.stderr]).toEqual([10, expect.stringContaining("is a symbolic link")]);
  expectCode(await repo.run(["git", "uninstall"]), 0);
  expect(repo.read("outside/profile")).toBe("echo mine\n");
});

test("git install takes rules with spaces in their paths, and configurations below such folders", async () => {
  const repo = repository();
  const rule = "creation_rules:\n  - path_regex: ^a/my\\ secret\\.yaml$\n    age: age1x\n";
  mkdirSync(repo.path("my [1] dir/a"), { recursive: true });
  repo.write("my [1] dir/.sops.yaml", rule);
  repo.write("my [1] dir/a/my secret.yaml", "a: 1\n");
  expectCode(await repo.run(["git", "install"], { cwd: "my [1] dir" }), 0);
  const attribute = repo.git("check-attr", "diff", "--", "my [1] dir/a/my secret.yaml");
  expect(attribute).toMatch(/: diff: sopsmith\n$/);
});
