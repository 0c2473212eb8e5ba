import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, copyFileSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { expect, onTestFinished, test } from "vitest";
import { runsAsRoot } from "../as-root.ts";
import { isExecutable, shellProgram } from "./program-under-test.ts";
import { identities, sealed } from "./samples.ts";
import { Sandbox } from "./sandbox.ts";

const names = ["x.yaml", "y.yaml", "z.yaml"];
const text = sealed["sealed.yaml"] ?? "";

function boxWithThree(): Sandbox {
  const files = Object.fromEntries(names.map((name) => [name, text]));
  const box = new Sandbox(files, { SOPS_AGE_KEY: identities.A });
  onTestFinished(() => box.remove());
  return box;
}

const line = `${shellProgram} rotate -i --all-or-nothing ${names.join(" ")}`;

// As root: mounting needs it.
test.runIf(runsAsRoot)("a mount point among the files is found before anything changes", () => {
  const box = boxWithThree();
  copyFileSync(box.path("y.yaml"), box.path("m"));
  const script = `mount --bind m y.yaml || exit 77; ${line}`;
  const result = spawnSync("unshare", ["-m", "sh", "-c", script], {
    cwd: box.dir,
    env: box.env,
    encoding: "utf8",
  });
  // A container may forbid mounts.
  if (result.status === 77 || result.stderr.includes("unshare")) return;
  expect(result.stderr).toMatch(
    /y\.yaml: it is a mount point\n[^]*1 of 3 files failed; none was rotated/,
  );
  expect(result.status).toBe(3);
  for (const name of [...names, "m"]) expect(box.read(name)).toBe(text);
  expect(box.names()).toEqual(["m", ...names]);
});

// As root: the file of another user in a sticky folder.
test.runIf(runsAsRoot)(
  "a file that a sticky folder protects is found before anything changes",
  () => {
    const box = boxWithThree();
    mkdirSync(box.path("sticky"));
    chmodSync(box.dir, 0o755);
    for (const name of names) {
      copyFileSync(box.path(name), box.path(`sticky/${name}`));
      chmodSync(box.path(`sticky/${name}`), 0o666);
      if (name !== "y.yaml") chownSync(box.path(`sticky/${name}`), 65_534, 65_534);
    }
    chmodSync(box.path("sticky"), 0o1777);
    const result = spawnSync(
      "setpriv",
      ["--reuid=65534", "--regid=65534", "--clear-groups", "sh", "-c", line],
      { cwd: box.path("sticky"), env: box.env, encoding: "utf8" },
    );
    expect(result.stderr).toMatch(/y\.yaml: [^]*1 of 3 files failed; none was rotated/);
    expect(result.status).toBe(3);
    expect(readdirSync(box.path("sticky"))).toEqual(names);
    for (const name of names) expect(readFileSync(box.path(`sticky/${name}`), "utf8")).toBe(text);
  },
);

/** Runs in front of the program: sends a signal when the second file is about to get its new content. */
const hook = (signal: string): string => `
  import fs from "node:fs";
  import fsp from "node:fs/promises";
  import { syncBuiltinESMExports } from "node:module";
  const { renameSync } = fs;
  const { open } = fsp;
  const hit = () => { fs.writeSync(2, "in the middle\\n"); process.kill(process.pid, "${signal}"); };
  fs.renameSync = (from, to) => { if (to.endsWith("y.yaml")) hit(); return renameSync(from, to); };
  fsp.open = async (path, flags, ...more) => {
    if (flags === "r+" && path.endsWith("y.yaml")) {
      hit();
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    return open(path, flags, ...more);
  };
  syncBuiltinESMExports();`;

test.skipIf(isExecutable).each([
  ["", "SIGTERM"],
  ["", "SIGINT"],
  ["--no-atomic", "SIGTERM"],
  ["--no-atomic", "SIGHUP"],
])(
  "%s: after %s in the middle, all files are new or none is, and nothing is left beside them",
  async (flag, signal) => {
    const box = boxWithThree();
    box.write("hook.mjs", hook(signal));
    const result = spawnSync("sh", ["-c", `exec ${line} ${flag}`], {
      cwd: box.dir,
      env: { ...box.env, NODE_OPTIONS: `--import=${box.path("hook.mjs")}` },
      encoding: "utf8",
    });
    expect(result.stderr).toContain("in the middle");
    expect(result.signal).toBe(signal);
    const isNew = names.map((name) => box.read(name) !== text);
    // A rename cannot be interrupted between two files; a file that is rewritten can, and is taken back.
    expect(isNew).toEqual(names.map(() => flag === ""));
    for (const name of names) expect((await box.run(["decrypt", name])).code).toBe(0);
    expect(box.names()).toEqual(["hook.mjs", ...names]);
  },
);

test.skipIf(isExecutable)("a signal in the middle says what could not be undone", () => {
  const box = boxWithThree();
  box.write(
    "hook.mjs",
    `${hook("SIGTERM")}
    const { writeFileSync } = fs;
    fs.writeFileSync = (path, ...more) => {
      if (String(path).endsWith("x.yaml")) throw Object.assign(new Error("EIO"), { code: "EIO" });
      return writeFileSync(path, ...more);
    };
    syncBuiltinESMExports();`,
  );
  const result = spawnSync("sh", ["-c", `exec ${line} --no-atomic`], {
    cwd: box.dir,
    env: { ...box.env, NODE_OPTIONS: `--import=${box.path("hook.mjs")}` },
    encoding: "utf8",
  });
  expect(result.signal).toBe("SIGTERM");
  const told =
    /^in the middle\ninterrupted, and not everything could be undone \(--all-or-nothing\):\n {2}x\.yaml has its new content; the old is in (\S+)\n {2}All other files are as they were\.\n$/;
  expect(result.stderr).toMatch(told);
  const [, old = ""] = told.exec(result.stderr) ?? [];
  expect(readFileSync(old, "utf8")).toBe(text);
  expect(box.read("x.yaml")).not.toBe(text);
  expect([box.read("y.yaml"), box.read("z.yaml")]).toEqual([text, text]);
});
