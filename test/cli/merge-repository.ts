import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { expect, onTestFinished } from "vitest";
import { counterpart } from "../counterparts.ts";
import { shellProgram } from "./program-under-test.ts";
import { expectCode, sandboxFor } from "./rows.ts";
import { identities, recipients } from "./samples.ts";
import type { Sandbox } from "./sandbox.ts";

export interface Repository extends Sandbox {
  git(...args: string[]): string;
  /** Runs git, whatever its status. */
  tryGit(...args: string[]): { status: number | null; stdout: string; stderr: string };
  commit(message: string): void;
  sopsmith(args: readonly string[], editor?: string): Promise<void>;
  /** The plain values, as both versions of real sops read them. */
  opened(name: string): string;
}

/** A repository of real Git with the merge driver, and `s.yaml` with the keys k0 to k9. */
export async function repository(isDriven = true): Promise<Repository> {
  const lines = Array.from({ length: 10 }, (_, i) => `k${i}: v${i}\n`).join("");
  const box = sandboxFor(identities.A, {
    ".sops.yaml": `creation_rules:\n  - age: ${recipients.A}\n`,
    "s.yaml": lines,
  });
  onTestFinished(() => box.remove());
  mkdirSync(box.path(".git-bin"));
  writeFileSync(box.path(".git-bin/sopsmith"), `#!/bin/sh\nexec ${shellProgram} "$@"\n`, {
    mode: 0o755,
  });
  const env = {
    ...box.env,
    PATH: `${box.path(".git-bin")}:${box.env["PATH"] ?? ""}`,
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_EDITOR: "true",
  };
  const tryGit = (...args: string[]) =>
    spawnSync("git", args, { cwd: box.dir, env, encoding: "utf8" });
  const git = (...args: string[]) =>
    execFileSync("git", args, { cwd: box.dir, env, encoding: "utf8", stdio: "pipe" });
  git("init", "--quiet", "--initial-branch", "main");
  git("config", "user.name", "t");
  git("config", "user.email", "t@example.org");
  writeFileSync(box.path(".git/info/exclude"), ".git-bin\n");
  if (isDriven) {
    git("config", "merge.sopsmith.driver", "sopsmith git merge %O %A %B %L %P");
    box.write(".gitattributes", "*.yaml merge=sopsmith\n.sops.yaml -merge\n");
  }
  const repo: Repository = Object.assign(box, {
    env,
    git,
    tryGit,
    commit: (message: string) => {
      git("add", "--all");
      git("commit", "--quiet", "-m", message);
    },
    sopsmith: async (args: readonly string[], editor = "false") =>
      expectCode(await box.run(args, { env: { ...env, EDITOR: editor } }), 0),
    opened: (name: string) => {
      const [first, second] = ["sops", "sops311"].map((program) =>
        execFileSync(counterpart(program as "sops"), ["decrypt", box.path(name)], {
          encoding: "utf8",
          env: { SOPS_AGE_KEY: identities.A },
        }),
      );
      expect(first).toBe(second);
      return first ?? "";
    },
  });
  await repo.sopsmith(["encrypt", "-i", "s.yaml"]);
  repo.commit("start");
  return repo;
}

export const set = (repo: Repository, key: string, value: string) =>
  repo.sopsmith(["set", "s.yaml", `["${key}"]`, JSON.stringify(value)]);

/** Two branches that set the same key, and each a key of its own; `main` is checked out. */
export async function conflicting(
  repo: Repository,
  ours = "ours",
  theirs = "theirs",
): Promise<void> {
  repo.git("checkout", "--quiet", "-b", "side");
  await set(repo, "k1", theirs);
  await set(repo, "k5", "five");
  repo.commit("theirs");
  repo.git("checkout", "--quiet", "main");
  await set(repo, "k1", ours);
  await set(repo, "k2", "two");
  repo.commit("ours");
}
