import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { checkRows } from "../rows.ts";
import { identities, recipients, sealed } from "../samples.ts";
import { shellProgram } from "../program-under-test.ts";
import { Sandbox } from "../sandbox.ts";
import { rows } from "./program.rows.ts";

checkRows(rows);

test("warnings are coloured on a terminal, and never with NO_COLOR", { timeout: 60_000 }, () => {
  const box = new Sandbox(sealed, {
    SOPS_AGE_KEY: identities.A,
    TERM: "xterm",
  });
  const line = `${shellProgram} filestatus --input-type yaml sealed.yaml; ${shellProgram} decrypt sealed.ini -x > /dev/null`;
  const inTerminal = (env: Record<string, string>) =>
    spawnSync("script", ["-qefc", line, "/dev/null"], {
      cwd: box.dir,
      env: { ...box.env, ...env },
      encoding: "utf8",
    }).stdout;
  const [colored, bare] = [inTerminal({}), inTerminal({ NO_COLOR: "1" })];
  box.remove();
  expect(colored).toContain("\u001b[33mWARN\u001b[0m: More than one");
  expect(bare).toContain("\nWARN: More than one");
  expect(bare).not.toContain("\u001b");
});

test("decrypt on a terminal says what it waits for, and reads what is typed", () => {
  const box = new Sandbox(sealed, { SOPS_AGE_KEY: identities.A, TERM: "xterm" });
  const result = spawnSync(
    "script",
    ["-qefc", `${shellProgram} decrypt --input-type dotenv --output-type json`, "/dev/null"],
    {
      cwd: box.dir,
      env: box.env,
      encoding: "utf8",
      input: `${sealed["sealed.env"] ?? ""}\u0004`,
    },
  );
  box.remove();
  expect(result.stdout).toContain("Waiting for the file on stdin: type or paste it");
  expect(result.stdout).toMatch(/"SECRET": "hello"/);
  expect(result.status).toBe(0);
}, 60_000);

test("stdout closed by its reader ends the program quietly", { timeout: 60_000 }, () => {
  const big = `{"a": ${JSON.stringify("x".repeat(1_000_000))}}`;
  const box = new Sandbox({ "big.json": big });
  const shell = `${shellProgram} encrypt --age "$R" big.json | head -c 1 > /dev/null; echo "\${PIPESTATUS[0]}"`;
  const result = spawnSync("bash", ["-c", shell], {
    cwd: box.dir,
    env: { ...box.env, R: recipients.A },
    encoding: "utf8",
  });
  box.remove();
  expect([result.stdout, result.stderr]).toEqual(["141\n", ""]);
});
