import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { onTestFinished } from "vitest";
import { sandboxFor } from "../cli/rows.ts";
import { identities, recipients } from "../cli/samples.ts";
import type { Sandbox } from "../cli/sandbox.ts";
import { counterpart } from "../counterparts.ts";

/** A Git repository whose encrypted files real sops writes. */
export class Repository {
  readonly box: Sandbox;

  /** @param files plain, not committed */
  constructor(files: Readonly<Record<string, string>> = {}) {
    this.box = sandboxFor(identities.A, {});
    for (const [name, text] of Object.entries(files)) this.write(name, text);
    this.git("init", "--quiet", "--initial-branch", "main");
    this.git("config", "user.name", "Ann Author");
    this.git("config", "user.email", "ann@example.org");
  }

  write(name: string, text: string): void {
    mkdirSync(dirname(this.box.path(name)), { recursive: true });
    writeFileSync(this.box.path(name), text);
  }

  private env(more: Readonly<Record<string, string>> = {}): Record<string, string> {
    const { PATH = "" } = process.env;
    const none = { GIT_CONFIG_NOSYSTEM: "1", GIT_CONFIG_GLOBAL: "/dev/null" };
    return { PATH, HOME: this.box.dir, SOPS_AGE_KEY: identities.A, ...none, ...more };
  }

  git(...args: string[]): string {
    const how = { cwd: this.box.dir, env: this.env(), encoding: "utf8", stdio: "pipe" } as const;
    return execFileSync("git", args, how);
  }

  /** Runs sops 3.13.3. */
  sops(...args: string[]): void {
    execFileSync(counterpart("sops"), args, { cwd: this.box.dir, env: this.env(), stdio: "pipe" });
  }

  /** Edits a file with sops, by a script of sed. */
  edit(name: string, script: string): void {
    const env = this.env({ EDITOR: `sed -i ${script}` });
    execFileSync(counterpart("sops"), ["edit", name], { cwd: this.box.dir, env, stdio: "pipe" });
  }

  /** @param day of 2025, as month and day: `03-01` */
  commit(message: string, day: string, author = "Ann Author <ann@example.org>"): void {
    const at = `2025-${day}T12:00:00Z`;
    this.git("add", "--all");
    execFileSync("git", ["commit", "--quiet", "-m", message, `--author=${author}`], {
      cwd: this.box.dir,
      env: this.env({ GIT_AUTHOR_DATE: at, GIT_COMMITTER_DATE: at }),
      stdio: "pipe",
    });
  }
}

/** The repository's own, gone with the test. */
export function repository(files: Readonly<Record<string, string>> = {}): Repository {
  const made = new Repository(files);
  onTestFinished(() => made.box.remove());
  return made;
}

/** Alice's key opens all of the history; bob's was there from February to June. */
export const [alice, bob] = [recipients.A, recipients.B];

/**
 * Eight commits of `app.yaml` by plain sops. By what it does, bob has read `db.user`, `api` and `tok` in their present form:
 * `db.pass` was changed after he was removed, and `new` came later.
 */
export function eightCommits(): Repository {
  const repo = repository({
    ".sops.yaml": `keys:\n  - &alice ${alice} # laptop\n  - &bob ${bob}\ncreation_rules:\n  - age: *alice\n`,
    "app.yaml": "db:\n  user: u1\n  pass: p1\napi: a1\nlist:\n  - x\ntok: t1\n",
  });
  repo.sops("encrypt", "-i", "app.yaml");
  repo.commit("init", "01-10");
  repo.sops("rotate", "-i", "--add-age", bob, "app.yaml");
  repo.commit("add bob", "02-10", "Bob Builder <bob@example.org>");
  repo.sops("set", "app.yaml", '["db"]["pass"]', '"p2"');
  repo.commit("new password", "03-10");
  repo.sops("rotate", "-i", "app.yaml");
  repo.commit("rotate", "04-10");
  repo.sops("set", "app.yaml", '["api"]', '"a2"');
  repo.commit("new key", "05-10", "Bob Builder <bob@example.org>");
  repo.sops("rotate", "-i", "--rm-age", bob, "app.yaml");
  repo.commit("remove bob", "06-10");
  repo.sops("set", "app.yaml", '["db"]["pass"]', '"p3"');
  repo.sops("unset", "app.yaml", '["list"]');
  repo.commit("new password again", "07-10");
  repo.edit("app.yaml", "'$ a new: n1'");
  repo.commit("edit", "08-10");
  return repo;
}
