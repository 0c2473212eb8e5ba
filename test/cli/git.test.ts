import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
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

test("git install makes diffs and logs plain, and git uninstall takes it back", async () => {
  const repo = repository();
  const { git } = repo;
  repo.write(".gitattributes", "*.png binary\n");
  repo.write("open.yaml", "a: 1\n");
  git("add", ".");
  git("commit", "--quiet", "-m", "one");
  const { code, stderr } = await repo.run(["git", "install"]);
  expect([code, stderr]).toEqual([0, expect.stringMatching(/^git diff decrypts \*\.yaml .* in /)]);
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
    /^\*\.png binary\n# [^\n]*\n\*\.secret\.yaml diff=sopsmith\n# [^\n]*\n$/,
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
  expect(repo.read(".gitattributes")).toContain("*.env diff=sopsmith\n");
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

// The hook in README.md.
test("a pre-commit hook with filestatus --check --staged looks at what is staged", async () => {
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
