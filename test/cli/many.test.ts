import { spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { checkRows, decrypts, expectCode, sandboxFor } from "./rows.ts";
import { identities, plain, recipients, sealed, yamlText } from "./samples.ts";
import { programUnderTest, shellProgram } from "./program-under-test.ts";
import type { Sandbox } from "./sandbox.ts";
import { rows, cipher } from "./many.rows.ts";

checkRows(rows);

/** A sandbox with a tree of files. */
function tree(files: Readonly<Record<string, string | Uint8Array>>): Sandbox {
  const box = sandboxFor(identities.A, {});
  onTestFinished(() => box.remove());
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(box.path(name)), { recursive: true });
    writeFileSync(box.path(name), content);
  }
  return box;
}

const {
  "sealed.yaml": sealedYaml = "",
  "sealed.json": sealedJson = "",
  "sealed.bin": sealedBin = "",
} = sealed;
const mixed = {
  "t/a.yaml": sealedYaml,
  "t/deep/er/b.json": sealedJson,
  "t/deep/no-extension": sealedBin,
  "t/deep/settings.conf": sealedYaml,
  "t/plain.yaml": plain["plain.yaml"],
  "t/README.md": "How we use sops: the mac is checked.\nsops:\n  no\n",
  "t/.git/objects/x.yaml": sealedYaml,
};

function namesIn(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: "utf8" }).toSorted();
}

describe("a directory", () => {
  test("is decrypted by the content of its files, to the same paths elsewhere", async () => {
    const box = tree(mixed);
    const result = await box.run(["decrypt", "--recursive", "--output-dir", "out", "t"]);
    expect(result).toEqual({ code: 0, stdout: "", stderr: "4 files decrypted\n" });
    expect(namesIn(box.path("out"))).toEqual([
      "t",
      "t/a.yaml",
      "t/deep",
      "t/deep/er",
      "t/deep/er/b.json",
      "t/deep/no-extension",
      "t/deep/settings.conf",
    ]);
    expect(box.read("out/t/deep/settings.conf")).toBe(yamlText);
    expect(readFileSync(box.path("out/t/deep/no-extension"))).toEqual(plain["plain.bin"]);
    expect(box.read("t/a.yaml")).toBe(sealedYaml);
  });

  test("is encrypted, except for files that are already encrypted or have no creation rule", async () => {
    const box = tree({
      ...mixed,
      ".sops.yaml": `creation_rules:\n  - path_regex: \\.yaml$\n    age: ${recipients.A}\n`,
      "t/.sops.yaml": "creation_rules: []\n",
    });
    const result = await box.run(["encrypt", "-i", "--recursive", "t"]);
    expect(result.stderr).toBe("1 of 2 files encrypted, 1 left alone\n");
    expect(result.code).toBe(0);
    await decrypts("t/plain.yaml", yamlText)(box);
    expect(box.read("t/README.md")).toBe(mixed["t/README.md"]);
    expect(box.read("t/.sops.yaml")).toBe("creation_rules: []\n");
    expect(box.read("t/a.yaml")).toBe(sealedYaml);
  });

  test("with one encrypted file may go to stdout", async () => {
    const box = tree({ "t/a.yaml": sealedYaml, "t/b.yaml": plain["plain.yaml"] });
    expect(await box.run(["decrypt", "--recursive", "t"])).toEqual({
      code: 0,
      stdout: yamlText,
      stderr: "",
    });
  });

  test("without an encrypted file is not an error", async () => {
    const box = tree({ "t/b.yaml": plain["plain.yaml"] });
    const result = await box.run(["rotate", "-i", "--recursive", "t"]);
    expect(result).toEqual({ code: 0, stdout: "", stderr: "0 files rotated\n" });
  });

  const listed: readonly (readonly [string, boolean])[] = [
    ["t/README.md", false],
    ["t/a.yaml", true],
    ["t/deep/er/b.json", true],
    ["t/deep/no-extension", true],
    ["t/deep/settings.conf", true],
    ["t/plain.yaml", false],
  ];
  const lines = (files: typeof listed): string[] =>
    files.map(([file, encrypted]) => JSON.stringify({ file, encrypted }));

  test("is listed by filestatus", async () => {
    const box = tree(mixed);
    const result = await box.run(["filestatus", "--recursive", "t"]);
    expect(result).toMatchObject({ code: 0, stderr: "" });
    expect(result.stdout.trim().split("\n")).toEqual(lines(listed));
  });

  test("is checked by filestatus: files that are encrypted, or should be by a creation rule", async () => {
    const box = tree(mixed);
    const check = () => box.run(["filestatus", "--recursive", "--check", "t"]);
    const encrypted = listed.filter(([, isEncrypted]) => isEncrypted);
    const unruled = await check();
    expect(unruled).toMatchObject({ code: 0, stderr: "" });
    expect(unruled.stdout.trim().split("\n")).toEqual(lines(encrypted));
    box.write(
      ".sops.yaml",
      `creation_rules:\n  - path_regex: \\.yaml$\n    age: ${recipients.A}\n`,
    );
    const ruled = await check();
    expect(ruled.code).toBe(10);
    expect(ruled.stdout.trim().split("\n")).toEqual(lines([...encrypted, ["t/plain.yaml", false]]));
    expect(ruled.stderr).toMatch(/^t\/plain\.yaml is not encrypted\n(?!t\/)/);
  });

  test("can be given to set, which leaves plain files alone", async () => {
    const box = tree({ "t/a.yaml": sealedYaml, "t/b/c.json": sealedJson, "t/p.yaml": "a: 1\n" });
    const result = await box.run(["set", "--recursive", "t", '["region"]', '"eu"']);
    expect(result).toEqual({ code: 0, stdout: "", stderr: "2 files changed\n" });
    await decrypts("t/b/c.json", /"region": "eu"/)(box);
    expect(box.read("t/p.yaml")).toBe("a: 1\n");
  });

  test("may hold the output directory", async () => {
    const box = tree({ "a.yaml": sealedYaml, "d/b.yaml": sealedYaml });
    for (const _ of [1, 2])
      expect(await box.run(["rotate", "--recursive", "--output-dir", "d/out", "."])).toEqual({
        code: 0,
        stdout: "",
        stderr: "2 files rotated\n",
      });
    expect(box.names()).toEqual(["a.yaml", "d"]);
    expect(namesIn(box.path("d/out"))).toEqual(["a.yaml", "d", "d/b.yaml"]);
  });
});

describe("a hostile tree:", () => {
  test("links are followed only to files in it, and never in circles", async () => {
    const box = tree({ "t/d/a.yaml": sealedYaml, "outside.yaml": sealedYaml });
    symlinkSync("..", box.path("t/d/up"));
    symlinkSync("self", box.path("t/self"));
    symlinkSync("d/a.yaml", box.path("t/alias.yaml"));
    symlinkSync("../outside.yaml", box.path("t/out.yaml"));
    const result = await box.run(["decrypt", "-i", "--recursive", "t"]);
    expect(result.code).toBe(0);
    expect(result.stderr).toMatch(
      /^WARN: t\/out\.yaml is skipped.*\nWARN: t\/self is skipped.*\n1 file decrypted\n$/,
    );
    expect(box.read("t/d/a.yaml")).toBe(yamlText);
    expect(box.read("outside.yaml")).toBe(sealedYaml);
    expect(readdirSync(box.path("t")).toSorted()).toEqual(["alias.yaml", "d", "out.yaml", "self"]);
  });

  test("a file under several names is changed once", async () => {
    const box = tree({ "d/a.yaml": sealedYaml });
    symlinkSync("d", box.path("e"));
    const names = ["d/a.yaml", "./d//a.yaml", "e/a.yaml", box.path("d/a.yaml"), "d/../d/a.yaml"];
    const result = await box.run(["decrypt", "-i", ...names]);
    expect(result).toEqual({ code: 0, stdout: "", stderr: "1 file decrypted\n" });
    expect(box.read("d/a.yaml")).toBe(yamlText);
  });

  test("hard links to one file are refused by name, as for a single file", async () => {
    const box = tree({ "a.yaml": sealedYaml, "c.yaml": sealedYaml });
    linkSync(box.path("a.yaml"), box.path("b.yaml"));
    const result = await box.run(["decrypt", "-i", "a.yaml", "b.yaml", "c.yaml"]);
    expect(result.code).toBe(3);
    expect(result.stderr).toMatch(
      /ERROR: Could not open in-place.*a\.yaml: it has 2 hard links[^]*\n1 of 2 files decrypted, 1 failed\n$/,
    );
    expect(box.read("b.yaml")).toBe(sealedYaml);
  });

  test("names that clash in the output directory are refused before anything is written", async () => {
    const other = mkdtempSync(join(tmpdir(), "sopsmith-other-"));
    onTestFinished(() => rmSync(other, { recursive: true }));
    writeFileSync(join(other, "a.yaml"), sealedYaml);
    const box = tree({ "a.yaml": sealedYaml });
    const result = await box.run(["decrypt", "--output-dir", "o", "a.yaml", join(other, "a.yaml")]);
    expect(result.code).toBe(8);
    expect(result.stderr).toMatch(
      /^Error: a\.yaml and .*a\.yaml would both be written to o\/a\.yaml\n/,
    );
    expect(existsSync(box.path("o"))).toBe(false);
  });

  test("an output path that is a file fails by name, and the others are processed", async () => {
    const box = tree({ "a.yaml": sealedYaml, "d/b.yaml": sealedYaml, "o/d": "file" });
    const result = await box.run(["decrypt", "--output-dir", "o", "a.yaml", "d/b.yaml"]);
    expect(result.code).toBe(3);
    expect(result.stderr).toMatch(
      /ERROR: d\/b\.yaml: Could not open output file for writing: o\/d: .*\n1 of 2/,
    );
    expect(box.read("o/a.yaml")).toBe(yamlText);
  });

  test("sockets, pipes and broken files do not stop the others", async () => {
    const box = tree({
      "t/a.yaml": sealedYaml,
      "t/broken.yaml": sealedYaml.replace(/mac: ENC\[[^\]]*\]/, "mac: nonsense"),
      "t/cut.json": sealedJson.slice(0, -4),
    });
    spawnSync("mkfifo", [box.path("t/pipe.yaml")]);
    const result = await box.run(["decrypt", "-i", "--recursive", "t"]);
    expect(result.code).toBe(1);
    expect(result.stderr).toMatch(
      /ERROR: .*broken\.yaml.*\n([^E].*\n)?ERROR: .*cut\.json.*\n(.*\n)?1 of 3 files decrypted, 2 failed\n$/,
    );
    expect(box.read("t/a.yaml")).toBe(yamlText);
  });

  // Root reads everything, so this runs as another user.
  test("an unreadable directory is listed and the rest is processed", async () => {
    const box = tree({ "t/a.yaml": sealedYaml, "t/closed/b.yaml": sealedYaml });
    const asRoot = process.getuid?.() === 0;
    chmodSync(box.dir, 0o755);
    chmodSync(box.path("t/closed"), 0);
    const argv = [...programUnderTest, "decrypt", "--recursive", "t"];
    const [program = "", ...args] = asRoot
      ? ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", ...argv]
      : argv;
    const result = spawnSync(program, args, {
      cwd: box.dir,
      env: box.env,
      encoding: "utf8",
    });
    chmodSync(box.path("t/closed"), 0o755);
    expect(result.stderr).toBe(
      "ERROR: Error reading file: t/closed: permission denied\n1 of 2 files decrypted, 1 failed\n",
    );
    expect([result.status, result.stdout]).toEqual([2, yamlText]);
  });
});

test("ten thousand files need few descriptors", { timeout: 120_000 }, () => {
  const box = tree({});
  mkdirSync(box.path("t"));
  for (let i = 0; i < 10_000; i++) writeFileSync(box.path(`t/${i}.env`), "A=1\n");
  const line = `ulimit -n 64; exec ${shellProgram} encrypt -i --age ${recipients.A} --recursive t`;
  const result = spawnSync("sh", ["-c", line], {
    cwd: box.dir,
    env: box.env,
    encoding: "utf8",
  });
  expect([result.status, result.stderr]).toEqual([0, "10000 files encrypted\n"]);
  const names = readdirSync(box.path("t"));
  expect(names.filter((name) => !/^\d+\.env$/.test(name))).toEqual([]);
  expect(names.every((name) => cipher.test(box.read(`t/${name}`)))).toBe(true);
});

test("an interruption leaves whole files and nothing else", { timeout: 60_000 }, async () => {
  const box = tree({});
  mkdirSync(box.path("t"));
  const text = `${"A=1\n".repeat(50)}`.replaceAll("A", () => `K${Math.random()}`.replace(".", ""));
  for (let i = 0; i < 3_000; i++) writeFileSync(box.path(`t/${i}.env`), text);
  const [program, ...words] = programUnderTest;
  const child = spawn(
    program,
    [...words, "encrypt", "-i", "--age", recipients.A, "--recursive", "t"],
    { cwd: box.dir, env: box.env, stdio: "ignore" },
  );
  const started = Date.now();
  while (Date.now() - started < 30_000 && !readdirSync(box.path("t")).some(isTemporary))
    await new Promise((resolve) => setTimeout(resolve, 2));
  child.kill("SIGINT");
  const signal = await new Promise((resolve) => child.on("exit", (_, name) => resolve(name)));
  expect(signal).toBe("SIGINT");
  const names = readdirSync(box.path("t"));
  expect(names.filter(isTemporary)).toEqual([]);
  expect(names).toHaveLength(3_000);
  const states = names.map((name) => {
    const content = box.read(`t/${name}`);
    return content === text ? "plain" : /\nsops_version=[\d.]+\n$/.test(content) ? "whole" : "torn";
  });
  expect(states).toContain("plain");
  expect(states).not.toContain("torn");
});

const isTemporary = (name: string) => name.endsWith(".tmp");

test("a file that vanishes midway is a failure of its own", async () => {
  const box = tree({ "a.yaml": sealedYaml, "b.yaml": sealedYaml });
  symlinkSync("gone.yaml", box.path("c.yaml"));
  const result = await box.run(["rotate", "-i", "a.yaml", "b.yaml", "c.yaml"]);
  expect(result.code).toBe(2);
  expect(result.stderr).toMatch(
    /ERROR: Error reading file: c\.yaml: no such file or directory\n2 of 3 files rotated, 1 failed\n$/,
  );
});

test("progress is drawn on a terminal, and gone at the end", () => {
  const box = tree({ "a.yaml": sealedYaml, "b.yaml": sealedYaml });
  const line = `${shellProgram} decrypt --output-dir o a.yaml b.yaml`;
  const run = (env: Record<string, string>) =>
    spawnSync("script", ["-qefc", line, "/dev/null"], {
      cwd: box.dir,
      env: { ...box.env, ...env },
      encoding: "utf8",
    }).stdout;
  const shown = run({ TERM: "xterm" });
  expect(shown).toContain(`[${"-".repeat(30)}] 0/2`);
  expect(shown.endsWith("] 2/2\r\u001b[K2 files decrypted\r\n")).toBe(true);
  expect(run({ TERM: "dumb" })).toBe("2 files decrypted\r\n");
});

test("a new file in the output directory is like that of --output", async () => {
  const box = tree({ "d/a.yaml": sealedYaml });
  expectCode(await box.run(["decrypt", "--output-dir", "o", "d/a.yaml"]), 0);
  expectCode(await box.run(["decrypt", "--output", "p", "d/a.yaml"]), 0);
  expect(statSync(box.path("o/d/a.yaml")).mode).toBe(statSync(box.path("p")).mode);
});
