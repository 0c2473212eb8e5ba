import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { counterpart } from "../counterparts.ts";
import { shellProgram } from "./program-under-test.ts";
import { sandboxFor } from "./rows.ts";
import { identities, recipients, sealed } from "./samples.ts";

const root = join(import.meta.dirname, "../..");
const secret = "hunter2-planted";

/**
 * A repository with a file in clear beside an encrypted one, and another with our hooks. Their `language` is exchanged: `node` would have
 * npm install this repository with all that it needs.
 */
function repositories() {
  const box = sandboxFor(identities.A, {});
  onTestFinished(() => box.remove());
  const env = {
    ...box.env,
    PATH: `${box.path("bin")}:${box.env["PATH"] ?? ""}`,
    PRE_COMMIT_HOME: box.path("home"),
    TMPDIR: box.path("tmp"),
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
  };
  for (const folder of ["bin", "tmp", "hooks", "work"]) mkdirSync(box.path(folder));
  writeFileSync(box.path("bin/sopsmith"), `#!/bin/sh\nexec ${shellProgram} "$@"\n`, {
    mode: 0o755,
  });
  const git = (folder: string, ...args: string[]) =>
    execFileSync("git", ["-c", "user.name=t", "-c", "user.email=t@example.org", ...args], {
      cwd: box.path(folder),
      env,
    });
  const hooks = readFileSync(join(root, ".pre-commit-hooks.yaml"), "utf8");
  expect(hooks.match(/^ {2}language: system$/gm)).toHaveLength(2);
  box.write("hooks/.pre-commit-hooks.yaml", hooks);
  box.write(
    "work/.sops.yaml",
    `creation_rules:\n  - path_regex: secret\n    age: ${recipients.A}\n`,
  );
  box.write("work/it's a.secret.yaml", sealed["sealed.yaml"] ?? "");
  box.write("work/b.secret.yaml", `b: ${secret}\n`);
  for (const folder of ["hooks", "work"]) {
    git(folder, "init", "--quiet");
    git(folder, "add", "--all");
  }
  git("hooks", "commit", "--quiet", "-m", "hooks");
  const run = (hook: string) => {
    const args = ["try-repo", box.path("hooks"), hook, "--all-files"];
    const { status, stdout, stderr } = spawnSync(counterpart("preCommit"), args, {
      cwd: box.path("work"),
      env,
      encoding: "utf8",
    });
    return { status, output: stdout + stderr };
  };
  return { box, git, run };
}

test.each(["sopsmith-check", "sopsmith-check-staged"])(
  "pre-commit runs %s, which refuses an unencrypted secret and accepts encrypted files",
  (hook) => {
    const { box, git, run } = repositories();
    const found = run(hook);
    expect(found.output).toMatch(/^b\.secret\.yaml:1:1: error SM101: /m);
    expect(found.output).toContain("- exit code: 10");
    expect(found.output).not.toContain(secret);
    expect(found.status).toBe(1);
    box.write("work/b.secret.yaml", sealed["sealed.yaml"] ?? "");
    git("work", "add", "--all");
    const clean = run(hook);
    expect([clean.status, clean.output]).toEqual([0, expect.stringMatching(/\.Passed$/m)]);
  },
);
