import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { parse } from "yaml";
import { PROJECT_URI } from "../../src/project-uri.ts";
import { sandboxFor } from "./rows.ts";
import { identities, recipients, sealed } from "./samples.ts";
import { shellProgram } from "./program-under-test.ts";

const root = join(import.meta.dirname, "../..");

/** A runner's files, with the program on PATH, and a clean repository. */
function runner(files: Readonly<Record<string, string>> = {}) {
  const box = sandboxFor(identities.A, { "s.env": sealed["sealed.env"] ?? "", ...files });
  onTestFinished(() => box.remove());
  execFileSync("git", ["init", "--quiet"], { cwd: box.dir });
  mkdirSync(box.path(".git/bin"));
  writeFileSync(box.path(".git/bin/sopsmith"), `#!/bin/sh\nexec ${shellProgram} "$@"\n`, {
    mode: 0o755,
  });
  const env = {
    ...box.env,
    PATH: `${box.path(".git/bin")}:${box.env["PATH"] ?? ""}`,
    GITHUB_OUTPUT: box.path(".git/output"),
    GITHUB_PATH: box.path(".git/path"),
    RUNNER_TEMP: box.path(".git"),
  };
  const run = (script: string, variables: Readonly<Record<string, string>>) =>
    spawnSync("bash", [join(root, "scripts/action", script)], {
      cwd: box.dir,
      env: { ...env, ...variables },
      encoding: "utf8",
    });
  return { box, run };
}

test("the action installs an executable only if its checksum is the expected one", () => {
  const { box, run } = runner();
  mkdirSync(box.path(".git/r/v1.0"), { recursive: true });
  for (const platform of ["linux-x64", "linux-arm64", "macos-arm64", "macos-x64"])
    writeFileSync(box.path(`.git/r/v1.0/sopsmith-${platform}`), "#!/bin/sh\necho here\n");
  const sum = createHash("sha256").update("#!/bin/sh\necho here\n").digest("hex");
  const base = { SOPSMITH_VERSION: "1.0", SOPSMITH_RELEASES: `file://${box.path(".git/r")}` };
  const wrong = run("install.sh", {
    ...base,
    SOPSMITH_SHA256: sum.replace(/^./, (digit) => (digit === "0" ? "1" : "0")),
  });
  expect([wrong.status, wrong.stdout]).toEqual([
    1,
    "::error::the downloaded sopsmith has another checksum than the expected one\n",
  ]);
  expect(readdirSync(box.path(".git"))).not.toContain("path");
  for (const version of ["v1.0", "1.0"])
    expect(
      run("install.sh", { ...base, SOPSMITH_VERSION: version, SOPSMITH_SHA256: sum }),
    ).toMatchObject({ status: 0, stderr: "" });
  const [folder = ""] = readFileSync(box.path(".git/path"), "utf8").split("\n");
  expect(execFileSync(join(folder, "sopsmith"), { encoding: "utf8" })).toBe("here\n");
});

test("the action's check annotates, writes SARIF, and fails on findings", () => {
  const { box, run } = runner({ "keys.txt": identities.B });
  const found = run("check.sh", { SOPSMITH_CHECK: "all", SOPSMITH_SARIF: ".git/out.sarif" });
  expect(found.status).toBe(10);
  expect(found.stdout).toBe(
    "::error file=keys.txt,line=1,col=1,title=SM301::an age identity is in the tree\n",
  );
  expect(JSON.parse(box.read(".git/out.sarif"))).toMatchObject({
    version: "2.1.0",
    runs: [{ results: [{ ruleId: "SM301" }] }],
  });
  const clean = runner().run("check.sh", { SOPSMITH_CHECK: "all", SOPSMITH_SARIF: "" });
  expect([clean.status, clean.stdout]).toEqual([0, ""]);
});

test("the action masks every value before it becomes an output", async () => {
  const { box, run } = runner();
  box.write("m.env", "A=one%two\nB=first\\nsecond\n");
  await box.run(["encrypt", "-i", "--age", recipients.A, "m.env"]);
  const { status, stdout } = run("decrypt.sh", {
    SOPSMITH_DECRYPT: "m.env",
    SOPS_AGE_KEY: identities.A,
  });
  expect(status).toBe(0);
  const masks = stdout.trim().split("\n");
  expect(masks.every((line) => line.startsWith("::add-mask::"))).toBe(true);
  for (const mask of ["one%25two", "first%0Asecond", "first", "second"])
    expect(masks).toContain(`::add-mask::${mask}`);
  expect(box.read(".git/output")).toMatch(
    /^values<<(.*)\n\{"A":"one%two","B":"first\\nsecond"\}\n\1\n$/,
  );
});

test("by default the action looks where release.yml puts the executables", () => {
  const { inputs } = parse(readFileSync(join(root, "action.yml"), "utf8")) as {
    inputs: { releases: { default: string } };
  };
  expect(inputs.releases.default).toBe(`${PROJECT_URI}/releases/download`);
  // A tag is the version after a v.
  const release = readFileSync(join(root, ".github/workflows/release.yml"), "utf8");
  expect(release).toContain('tags: ["v*"]');
});

test("action.yml runs scripts that exist, and puts no input into a line of shell", () => {
  const action = parse(readFileSync(join(root, "action.yml"), "utf8")) as {
    runs: { steps: { run: string }[] };
  };
  for (const { run } of action.runs.steps) {
    expect(run).not.toContain("${{");
    const [, script] = /scripts\/action\/([\w.]+)/.exec(run) ?? [];
    if (script !== undefined) expect(readdirSync(join(root, "scripts/action"))).toContain(script);
  }
});

test("the hooks for pre-commit run commands that exist", () => {
  const hooks = parse(readFileSync(join(root, ".pre-commit-hooks.yaml"), "utf8")) as {
    id: string;
    entry: string;
  }[];
  expect(hooks.map(({ id, entry }) => [id, entry])).toEqual([
    ["sopsmith-check", "sopsmith check"],
    ["sopsmith-check-staged", "sopsmith check --staged"],
  ]);
});
