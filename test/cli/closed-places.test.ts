import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, mkdtempSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { runsAsRoot } from "../as-root.ts";
import { isExecutable, programUnderTest } from "./program-under-test.ts";
import { identities, recipients } from "./samples.ts";
import { Sandbox } from "./sandbox.ts";

let box: Sandbox;

beforeEach(() => {
  box = new Sandbox({}, { SOPS_AGE_KEY: identities.A });
  chmodSync(box.dir, 0o755);
});

afterEach(() => {
  box.remove();
});

/** Runs the program as a user who owns nothing here. */
function runAsNobody(cwd: string, args: readonly string[], env: Record<string, string> = {}) {
  const words = ["--reuid=65534", "--regid=65534", "--clear-groups", ...programUnderTest, ...args];
  const options = { cwd, env: { ...box.env, ...env }, encoding: "utf8" } as const;
  const { status, stdout, stderr } = spawnSync("setpriv", words, options);
  return { status, stdout, stderr };
}

async function sealed(file: string): Promise<void> {
  const made = await box.run(["encrypt", "-i", "--age", recipients.A, file]);
  expect([made.code, made.stderr]).toEqual([0, ""]);
}

// After `sudo -u` the working directory may be one that the user cannot enter.
describe.runIf(runsAsRoot)("a working directory that the user cannot enter", () => {
  let closed: string;

  beforeEach(async () => {
    closed = mkdtempSync(box.path("closed-"));
    box.write("a.yaml", "a: b\n");
    box.write(".sops.yaml", `creation_rules:\n  - age: ${recipients.A}\n`);
    await sealed("a.yaml");
    chmodSync(box.path("a.yaml"), 0o644);
  });

  test.each([
    ["decrypt", "a: b\n"],
    ["check", ""],
    ["who", "opens alone"],
  ])("%s opens a file elsewhere", (command, shown) => {
    const result = runAsNobody(closed, [command, box.path("a.yaml")]);
    expect(result).toMatchObject({ status: 0 });
    expect(result.stdout).toContain(shown);
  });

  test("edit starts the editor, in the root directory", () => {
    mkdirSync(box.path("own"));
    box.write("own/b.yaml", box.read("a.yaml"));
    for (const path of ["own", "own/b.yaml"]) chownSync(box.path(path), 65_534, 65_534);
    const EDITOR = "sed -i s/b$/changed/";
    const env = { EDITOR, TMPDIR: "/tmp" };
    expect(runAsNobody(closed, ["edit", box.path("own/b.yaml")], env)).toMatchObject({ status: 0 });
    const opened = runAsNobody("/", ["decrypt", box.path("own/b.yaml")], env);
    expect(opened.stdout).toBe("a: changed\n");
  });

  test.each([[["git", "install"]], [["check", "--staged"]]])("%j names the directory", (args) => {
    expect(runAsNobody(closed, args)).toEqual({
      status: 1,
      stdout: "",
      stderr: `The working directory ${closed} cannot be used: permission denied\nChange to a directory that exists and that you may enter.\n`,
    });
  });

  test("so does every command where a directory above it is closed", () => {
    const inside = join(closed, "inside");
    mkdirSync(inside, { mode: 0o755 });
    for (const args of [
      ["decrypt", "../../a.yaml"],
      ["set", "../../a.yaml", '["a"]', "1"],
      ["check"],
      ["diff"],
    ])
      expect(runAsNobody(inside, args), args.join(" ")).toEqual({
        status: 1,
        stdout: "",
        stderr: `The working directory ${inside} cannot be used: permission denied\nChange to a directory that exists and that you may enter.\n`,
      });
  });
});

test("a missing working directory is reported", () => {
  const gone = mkdtempSync(box.path("gone-"));
  const line = `rmdir '${gone}'; exec ${programUnderTest.map((word) => `'${word}'`).join(" ")} "$@"`;
  for (const args of [["decrypt", "a.yaml"], ["check"], ["git", "install"], ["edit", "a.yaml"]]) {
    const options = { cwd: gone, env: box.env, encoding: "utf8" } as const;
    const { status, stderr } = spawnSync("sh", ["-c", line, "sh", ...args], options);
    // Bun ends the executable by itself before it runs any code of ours.
    const message = isExecutable
      ? "error: The current working directory was deleted, so that command didn't work. Please cd into a different directory and try again.\n"
      : "The working directory cannot be used: no such file or directory\nChange to a directory that exists and that you may enter.\n";
    expect([status, stderr], args.join(" ")).toEqual([1, message]);
    mkdirSync(gone);
  }
});

// What cannot be read may hold a secret that is not encrypted.
describe.runIf(runsAsRoot)("a check does not skip what it cannot read", () => {
  beforeEach(async () => {
    box.write(
      ".sops.yaml",
      `creation_rules:\n  - path_regex: \\.yaml$\n    age: ${recipients.A}\n`,
    );
    for (const name of ["open", "closed"]) mkdirSync(box.path(name));
    box.write("open/a.yaml", "a: b\n");
    await sealed("open/a.yaml");
    box.write("closed/b.yaml", "b: plain\n");
    chmodSync(box.path("open/a.yaml"), 0o644);
    chmodSync(box.path("closed"), 0o700);
  });

  describe.each(["without Git", "in a repository"])("%s", (where) => {
    beforeEach(() => {
      if (where === "without Git") return;
      spawnSync("git", ["init", "-q"], { cwd: box.dir, env: box.env });
      spawnSync("chown", ["-R", "65534:65534", ".git"], { cwd: box.dir });
      chownSync(box.dir, 65_534, 65_534);
    });

    test.each([[["check"]], [["check", "closed"]], [["check", "."]], [["filestatus", "--check"]]])(
      "%j fails for a closed directory",
      (args) => {
        const result = runAsNobody(box.dir, args);
        expect(result.stderr).toMatch(
          /^cannot check closed: permission denied\n1 file or directory could not be read\n$/,
        );
        expect(result.status).toBe(1);
      },
    );

    test.each([[["check"]], [["filestatus", "--check"]]])("%j fails for a closed file", (args) => {
      chmodSync(box.path("closed"), 0o755);
      chmodSync(box.path("closed/b.yaml"), 0o600);
      const result = runAsNobody(box.dir, args);
      expect(result.stderr).toBe(
        "cannot check closed/b.yaml: permission denied\n1 file or directory could not be read\n",
      );
      expect(result.status).toBe(1);
    });

    test.each([["who"], ["secrets age"]])("%s warns", (command) => {
      const { stderr } = runAsNobody(box.dir, command.split(" "));
      expect(stderr).toContain("WARN: cannot read closed: permission denied\n");
    });
  });
});
