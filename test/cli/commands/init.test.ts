import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { inTerminal, scratchDir } from "../../io/script.ts";
import { shellProgram } from "../program-under-test.ts";
import { checkRows } from "../rows.ts";
import { identities, recipients } from "../samples.ts";
import { Sandbox } from "../sandbox.ts";
import { rows } from "./init.rows.ts";

checkRows(rows);

/** An empty home, and an empty clone in it. */
function emptyHome(): { home: string; clone: string; env: Record<string, string> } {
  const home = scratchDir();
  const clone = join(home, "clone");
  mkdirSync(clone);
  execFileSync("git", ["init", "-q", clone]);
  const { PATH = "" } = process.env;
  return { home, clone, env: { PATH, HOME: home, TERM: "xterm", SOPSMITH_LAYOUT: "sops" } };
}

const enter = "\r";
const answers = [
  { after: "What do you want to set up?", type: enter },
  { after: "What do you want to call your key?", type: enter },
  { after: "Which file do you want to encrypt first?", type: enter },
];

/** Everything below a directory but Git's own. */
const allFiles = (dir: string): string[] =>
  readdirSync(dir, { recursive: true, encoding: "utf8" })
    .filter((name) => !name.includes(".git/") && statSync(join(dir, name)).isFile())
    .toSorted();

test.each(["once", "twice"])(
  "gets from an empty home to an encrypted file in three answers: %s",
  async () => {
    const { home, clone, env } = emptyHome();
    const started = Date.now();
    const run = `cd ${clone} && ${shellProgram}`;
    const screen = await inTerminal(`sh -c '${run} init'`, answers, env);
    expect(Date.now() - started).toBeLessThan(60_000);
    expect(screen).toContain("secrets.yaml, encrypted");
    expect(allFiles(home)).toEqual([
      ".config/sops/age/keys.txt",
      "clone/.gitattributes",
      "clone/.gitignore",
      "clone/.sops.yaml",
      "clone/secrets.yaml",
    ]);
    expect(readFileSync(join(clone, "secrets.yaml"), "utf8")).toMatch(/^example: ENC\[/m);
    expect(statSync(join(home, ".config/sops/age/keys.txt")).mode & 0o777).toBe(0o600);
    expect(existsSync(join(clone, ".git/hooks/pre-commit"))).toBe(true);
    const plain = execFileSync("sh", ["-c", `${run} decrypt secrets.yaml`], { env });
    expect(plain.toString()).toMatch(/^example: change me$/m);
    const before = allFiles(home).map((name) => readFileSync(join(home, name), "utf8"));
    const again = await inTerminal(`sh -c '${run} init'`, [], env);
    expect(again).toMatch(/^Nothing to do: everything is set up\.\r?\n$/);
    expect(allFiles(home).map((name) => readFileSync(join(home, name), "utf8"))).toEqual(before);
  },
  60_000,
);

test.each([0, 1, 2])("leaves nothing when Ctrl+C answers question %i", async (turn) => {
  const { home, clone, env } = emptyHome();
  const typing = answers.map((answer, index) =>
    index === turn ? { ...answer, type: "\u0003" } : answer,
  );
  const screen = await inTerminal(
    `sh -c 'cd ${clone} && ${shellProgram} init; echo status $?'`,
    typing.slice(0, turn + 1),
    env,
  );
  expect(screen).toContain("User canceled operation");
  expect(screen).toContain("status 1");
  expect(readdirSync(home)).toEqual(["clone"]);
  expect(readdirSync(clone)).toEqual([".git"]);
});

test("leaves out the steps that are not chosen", async () => {
  const { home, clone, env } = emptyHome();
  // Down to the third and the following steps, each of which is taken out.
  const down = "\u001b[B";
  const screen = await inTerminal(
    `sh -c 'cd ${clone} && ${shellProgram} init'`,
    [
      {
        after: "What do you want to set up?",
        type: `${down}${down} ${down} ${down} ${down} ${enter}`,
      },
      { after: "What do you want to call your key?", type: `\u0015ops team${enter}` },
    ],
    env,
  );
  expect(screen).toContain(".sops.yaml, with the keys of ");
  expect(allFiles(home)).toEqual([".config/sops/age/keys.txt", "clone/.sops.yaml"]);
  expect(readFileSync(join(clone, ".sops.yaml"), "utf8")).toMatch(
    /- &ops-team age1.* # ops team$/m,
  );
});

test("overwrites nothing, and uses the existing key", async () => {
  const box = new Sandbox({ ".gitignore": "node_modules", "secrets.yaml": "a: 1\n" });
  try {
    execFileSync("git", ["init", "-q", box.dir]);
    const hook = box.path(".git/hooks/pre-commit");
    mkdirSync(box.path(".git/hooks"), { recursive: true });
    writeFileSync(hook, "#!/bin/sh\n");
    mkdirSync(box.path(".config/sops/age"), { recursive: true });
    writeFileSync(box.path(".config/sops/age/keys.txt"), identities.A);
    const { code, stdout } = await box.run(["init", "--yes", "secrets.yaml"]);
    expect(code).toBe(0);
    expect(stdout).not.toContain("age key");
    expect(box.read(".config/sops/age/keys.txt")).toBe(identities.A);
    expect(box.read(".sops.yaml")).toContain(recipients.A);
    expect(box.read(".gitignore")).toMatch(/^node_modules\n# Unencrypted copies/);
    expect(readFileSync(hook, "utf8")).toBe("#!/bin/sh\n");
    expect((await box.run(["decrypt", "secrets.yaml"])).stdout).toBe("a: 1\n");
    const again = await box.run(["init", "--yes", "secrets.yaml"]);
    expect(again.stdout).toBe("Nothing to do: everything is set up.\n");
  } finally {
    box.remove();
  }
});

test("writes a rule that matches the first file, whatever it is called", async () => {
  const box = new Sandbox({ ".env": "A=1\n" });
  try {
    const { code } = await box.run(["init", "--yes", ".env"]);
    expect(code).toBe(0);
    expect(box.read(".env")).toMatch(/^A=ENC\[/);
    expect(box.read(".sops.yaml")).toContain(String.raw`|^\.env$`);
  } finally {
    box.remove();
  }
});

test("adds nothing to a key file that a passphrase protects", async () => {
  const box = new Sandbox();
  try {
    mkdirSync(box.path(".config/sops/age"), { recursive: true });
    const protectedFile =
      "-----BEGIN AGE ENCRYPTED FILE-----\nAAAA\n-----END AGE ENCRYPTED FILE-----\n";
    writeFileSync(box.path(".config/sops/age/keys.txt"), protectedFile);
    const { code, stderr } = await box.run(["init", "--yes"]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/is protected by a passphrase.*\nName the public key .* --key/);
    expect(box.read(".config/sops/age/keys.txt")).toBe(protectedFile);
    expect(box.names()).toEqual([".config"]);
    const named = await box.run(["init", "--yes", "--key", recipients.A]);
    expect(named.code).toBe(0);
    expect(box.read(".sops.yaml")).toContain(recipients.A);
  } finally {
    box.remove();
  }
});

test("writes nothing where the key file cannot be made", async () => {
  const box = new Sandbox({ ".config": "no directory" });
  try {
    const { code, stderr, stdout } = await box.run(["init", "--yes", "secrets.yaml"]);
    expect(code).toBe(1);
    expect(stderr).toContain(".config");
    expect(stdout).toBe("");
    expect(box.names()).toEqual([".config"]);
  } finally {
    box.remove();
  }
});
