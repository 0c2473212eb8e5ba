import { spawn, spawnSync } from "node:child_process";
import { existsSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { encryptFile } from "../../../src/index.ts";
import { expect, test } from "vitest";
import { checkRows, expectCode, holds, sandboxFor } from "../rows.ts";
import { identities, recipients, sealed, yamlText } from "../samples.ts";
import { programUnderTest, shellProgram } from "../program-under-test.ts";
import { rows, flat } from "./exec.rows.ts";

checkRows(rows);

test(
  "a large file passes through the FIFO whole, and a reader that stops early is not a failure",
  { timeout: 60_000 },
  async () => {
    const text = `{\n\t"a": "${"x".repeat(300_000)}"\n}\n`;
    const box = sandboxFor(identities.A, { "big.json": text });
    await encryptFile(box.path("big.json"), { recipients: { age: recipients.A }, inPlace: true });
    const whole = await box.run(["exec-file", "big.json", "sleep 0.2; cat {}"]);
    const early = await box.run(["exec-file", "big.json", "head -c 1 {}; sleep 0.1"]);
    const held = await box.run(["exec-file", "big.json", "exec 3< {}; sleep 0.1"]);
    box.remove();
    expect(whole).toEqual({ code: 0, stdout: text, stderr: "" });
    expect(early).toEqual({ code: 0, stdout: "{", stderr: "" });
    expect(held).toEqual({ code: 0, stdout: "", stderr: "" });
  },
);

test.each([
  ["has read", "cat {} > copy"],
  ["has read a part", "head -c 1 {} > copy"],
  ["has read nothing", "true < {}; sleep 0.3; touch copy"],
])(
  "after a reader of the FIFO that %s, the next one fails instead of waiting",
  async (_, first) => {
    const box = sandboxFor(identities.A, sealed);
    const line = `${first}; cat {}; echo $?; rm {} && echo removed`;
    const result = await box.run(["exec-file", "sealed.yaml", line]);
    expect(yamlText.startsWith(box.read("copy"))).toBe(true);
    box.remove();
    expect(result.stderr).toMatch(/^cat: .*\/tmp-file: No such file or directory\n$/);
    expect([result.code, result.stdout]).toEqual([0, "1\nremoved\n"]);
  },
  20_000,
);

test("a slow reader gets everything: the command's pipe blocks as it expects", () => {
  const box = sandboxFor(identities.A, sealed);
  const much = "head -c 400000 /dev/zero";
  for (const command of [`exec-file sealed.json '${much}'`, `exec-env sealed.env '${much}'`]) {
    const shell = `${shellProgram} ${command} | (sleep 1; wc -c)`;
    const { stdout, stderr } = spawnSync("sh", ["-c", shell], {
      cwd: box.dir,
      env: box.env,
      encoding: "utf8",
    });
    expect([Number(stdout), stderr]).toEqual([400_000, ""]);
  }
  box.remove();
}, 60_000);

/** Notes what it gets, and ends by itself after the first signal that it lets pass. */
const witness = `
const { appendFileSync } = require("node:fs");
let ends = false;
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"])
  process.on(signal, () => {
    appendFileSync("signals", signal + "\\n");
    if (!ends) setTimeout(() => process.exit(42), 300);
    ends = true;
  });
appendFileSync("ready", process.argv[2] ?? "");
setInterval(() => {}, 1000);
`;

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 400 && !condition(); i++) await sleep(25);
  expect(condition()).toBe(true);
}

const fileCommands = {
  "exec-env": ["exec-env", "first.env"],
  "exec-file": ["exec-file", "sealed.yaml"],
  "exec-file --no-fifo": ["exec-file", "--no-fifo", "sealed.yaml"],
};

test.concurrent.each(
  Object.entries(fileCommands).flatMap(([title, words]) =>
    (["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"] as const).map(
      (signal) => [title, signal, words] as const,
    ),
  ),
)(
  "%s passes %s to the command once and waits for its end",
  { timeout: 60_000 },
  async (_, signal, words) => {
    const box = sandboxFor(identities.A, { ...sealed, ...flat, "witness.cjs": witness });
    const tmp = join(box.dir, "tmp");
    const made = await box.run(["exec-env", "first.env", "mkdir tmp"]);
    expectCode(made, 0);
    const [program, ...first] = programUnderTest;
    const child = spawn(
      program,
      [...first, ...words, "--", process.execPath, "witness.cjs", "{}"],
      { cwd: box.dir, env: { ...box.env, TMPDIR: tmp }, stdio: "ignore" },
    );
    const ended = new Promise((resolve) => child.once("exit", (...end) => resolve(end)));
    await until(() => existsSync(box.path("ready")));
    if (words[0] === "exec-file") expect(readdirSync(tmp)).toHaveLength(1);
    child.kill(signal);
    expect(await ended).toEqual([42, null]);
    expect(box.read("signals")).toBe(`${signal}\n`);
    expect(readdirSync(tmp)).toEqual([]);
    box.remove();
  },
);

test.concurrent.each(Object.entries(fileCommands))(
  "on a terminal Ctrl+C reaches the command of %s once",
  { timeout: 60_000 },
  async (_, words) => {
    const box = sandboxFor(identities.A, { ...sealed, ...flat, "witness.cjs": witness });
    await box.run(["exec-env", "first.env", "mkdir tmp"]);
    const quoted = [...programUnderTest, ...words, "--", process.execPath, "witness.cjs"];
    const terminal = spawn(
      "script",
      ["-qefc", `exec ${quoted.map((word) => `'${word}'`).join(" ")}`, "/dev/null"],
      {
        cwd: box.dir,
        env: { ...box.env, TMPDIR: box.path("tmp") },
        stdio: ["pipe", "ignore", "ignore"],
      },
    );
    const ended = new Promise((resolve) => terminal.once("exit", resolve));
    await until(() => existsSync(box.path("ready")));
    terminal.stdin.write("\u0003");
    expect(await ended).toBe(42);
    expect(box.read("signals")).toBe("SIGINT\n");
    expect(readdirSync(box.path("tmp"))).toEqual([]);
    box.remove();
  },
);

test(
  "a closed terminal reaches the command, and the secret file is removed",
  { timeout: 60_000 },
  async () => {
    const box = sandboxFor(identities.A, { ...sealed, "witness.cjs": witness });
    await box.run(["keygen", "-o", "unused"]);
    writeFileSync(
      box.path("run.sh"),
      `mkdir tmp; ${shellProgram} exec-file --no-fifo sealed.yaml -- '${process.execPath}' witness.cjs; echo $? > status`,
    );
    const terminal = spawn("script", ["-qefc", "sh run.sh", "/dev/null"], {
      cwd: box.dir,
      env: { ...box.env, TMPDIR: box.path("tmp") },
      stdio: ["pipe", "ignore", "ignore"],
    });
    await until(() => existsSync(box.path("ready")));
    // The terminal goes with the program that made it.
    terminal.kill("SIGKILL");
    await until(() => existsSync(box.path("signals")));
    expect(box.read("signals")).toMatch(/^SIGHUP\n/);
    await until(() => readdirSync(box.path("tmp")).length === 0);
    rmSync(box.dir, { recursive: true, force: true });
  },
);

test(
  "exec-file removes its file when the command ends by a signal of its own",
  { timeout: 60_000 },
  async () => {
    const box = sandboxFor(identities.A, sealed);
    await box.run(["keygen", "-o", "unused"]);
    const tmp = box.path("tmp");
    const result = await box.run(
      ["exec-file", "--no-fifo", "sealed.yaml", "cp {} copy; kill -TERM $$"],
      {
        env: { TMPDIR: box.dir },
      },
    );
    expect(result).toEqual({ code: 255, stdout: "", stderr: "signal: terminated\n" });
    holds("copy", yamlText)(box);
    expect(box.names().filter((name) => name.startsWith("sopsmith-"))).toEqual([]);
    expect(existsSync(tmp)).toBe(false);
    box.remove();
  },
);
