import { spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { updateFile } from "../../../src/index.ts";
import { programUnderTest, shellProgram } from "../program-under-test.ts";
import { checkRows, sandboxFor } from "../rows.ts";
import { identities } from "../samples.ts";
import { layers, rows } from "./run.rows.ts";

checkRows(rows);

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 800 && !condition(); i++) await sleep(25);
  expect(condition()).toBe(true);
}

test("the command sees a terminal if there is one, and only other output is masked", () => {
  const box = sandboxFor(identities.A, layers);
  box.write(
    "run.sh",
    `${shellProgram} run -- sh -c 'test -t 1 && echo "terminal $TOKEN"; test -t 2 || echo "none $TOKEN" >&2' 2>errors\n`,
  );
  const { stdout } = spawnSync("script", ["-qefc", "sh run.sh", "/dev/null"], {
    cwd: box.dir,
    env: box.env,
    encoding: "utf8",
  });
  const errors = box.read("errors");
  box.remove();
  expect(stdout.trim()).toBe("terminal tok-en 1234");
  expect(errors).toBe("none ***\n");
});

test("output of any bytes passes unchanged around secrets", async () => {
  const box = sandboxFor(identities.A, layers);
  const { code, stdout } = await box.run([
    "run",
    "--",
    "node",
    "-e",
    'for (let i = 0; i < 20000; i++) console.log(i, i % 7 ? "to" : process.env.TOKEN)',
  ]);
  box.remove();
  expect(code).toBe(0);
  const lines = Array.from({ length: 20_000 }, (_, i) => `${i} ${i % 7 ? "to" : "***"}\n`);
  expect(stdout).toBe(lines.join(""));
});

test("a reader that closes the output ends the command", () => {
  const box = sandboxFor(identities.A, layers);
  const line = `${shellProgram} run -- sh -c 'while echo "$TOKEN"; do :; done; echo over >>over' 2>&1 | head -n 1`;
  const { stdout } = spawnSync("sh", ["-c", line], {
    cwd: box.dir,
    env: box.env,
    encoding: "utf8",
    timeout: 30_000,
  });
  box.remove();
  expect(stdout).toBe("***\n");
});

const witness = `
const { appendFileSync } = require("node:fs");
appendFileSync("log", "start " + process.env.DB_PASS + "\\n");
process.on("SIGTERM", () => { appendFileSync("log", "end\\n"); process.exit(process.env.DB_PASS === "third value" ? 3 : 0); });
setInterval(() => {}, 1000);
`;

test(
  "--watch starts the command again when a value changes, and not otherwise",
  { timeout: 90_000 },
  async () => {
    const box = sandboxFor(identities.A, { ...layers, "witness.cjs": witness });
    const [program, ...first] = programUnderTest;
    const words = ["run", "--watch", "-f", "prod.enc.yaml", "--", process.execPath, "witness.cjs"];
    const child = spawn(program, [...first, ...words], {
      cwd: box.dir,
      env: box.env,
      stdio: "pipe",
    });
    let errors = "";
    child.stderr.on("data", (piece: Buffer) => (errors += piece.toString()));
    const ended = new Promise((resolve) => child.once("exit", (...end) => resolve(end)));
    const log = () => (existsSync(box.path("log")) ? readFileSync(box.path("log"), "utf8") : "");
    const change = (value: string) =>
      updateFile(box.path("prod.enc.yaml"), (document) => document.set('["db"]["pass"]', value), {
        identities: identities.A,
        inPlace: true,
      });
    await until(() => log() === "start s3cr3t/pass\n");
    box.write("other.txt", "x");
    await sleep(600);
    expect(log()).toBe("start s3cr3t/pass\n");
    await change("second value");
    await until(() => log() === "start s3cr3t/pass\nend\nstart second value\n");
    box.write("prod.enc.yaml", "broken: [\n");
    await until(() => errors.includes("the command is not restarted"));
    expect(log().endsWith("start second value\n")).toBe(true);
    box.write("prod.enc.yaml", layers["prod.enc.yaml"] ?? "");
    await until(() => log().endsWith("end\nstart s3cr3t/pass\n"));
    await change("third value");
    await until(() => log().endsWith("start third value\n"));
    child.kill("SIGTERM");
    expect(await ended).toEqual([3, null]);
    box.remove();
  },
);

test("after a signal nobody waits for programs that hold the output open", async () => {
  const box = sandboxFor(identities.A, layers);
  const [program, ...first] = programUnderTest;
  const line = 'sleep 60 & echo "$! $TOKEN"; wait';
  const child = spawn(program, [...first, "run", "--", "sh", "-c", line], {
    cwd: box.dir,
    env: box.env,
    stdio: ["ignore", "pipe", "ignore"],
  });
  let output = "";
  child.stdout.on("data", (piece: Buffer) => (output += piece.toString()));
  const ended = new Promise((resolve) => child.once("exit", (...end) => resolve(end)));
  await until(() => output.includes("***"));
  child.kill("SIGTERM");
  expect(await ended).toEqual([255, null]);
  process.kill(Number.parseInt(output, 10));
  box.remove();
});

test.each(["SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1"] as const)(
  "%s goes on to the command, whose end counts",
  { timeout: 60_000 },
  async (signal) => {
    const code = `process.on("${signal}", () => process.exit(42)); require("fs").writeFileSync("ready", ""); setInterval(() => {}, 1000);`;
    const box = sandboxFor(identities.A, { ...layers, "witness.cjs": code });
    const [program, ...first] = programUnderTest;
    const child = spawn(program, [...first, "run", "--", process.execPath, "witness.cjs"], {
      cwd: box.dir,
      env: box.env,
      stdio: "ignore",
    });
    const ended = new Promise((resolve) => child.once("exit", (...end) => resolve(end)));
    await until(() => existsSync(box.path("ready")));
    child.kill(signal);
    expect(await ended).toEqual([42, null]);
    box.remove();
  },
);
