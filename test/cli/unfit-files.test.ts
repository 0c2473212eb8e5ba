import { execFileSync } from "node:child_process";
import { mkdirSync, symlinkSync } from "node:fs";
import { createServer } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { shellProgram } from "./program-under-test.ts";
import { identities, recipients, sealed } from "./samples.ts";
import { Sandbox } from "./sandbox.ts";

function boxWith(env: Record<string, string> = {}): Sandbox {
  const box = new Sandbox({ "s.yaml": sealed["sealed.yaml"] ?? "", "p.yaml": "a: 1\n" }, env);
  onTestFinished(() => box.remove());
  return box;
}

const fifo = (path: string) => execFileSync("mkfifo", [path]);
const zero = (path: string) => symlinkSync("/dev/zero", path);

test.each([
  ["a FIFO", fifo, /could not read config file: \.sops\.yaml: is not a regular file/],
  ["/dev/zero", zero, /could not read config file: \.sops\.yaml: is not a regular file/],
])("a .sops.yaml that is %s neither hangs nor fills the memory", async (_, make, says) => {
  const box = boxWith({ SOPS_AGE_KEY: identities.A });
  make(box.path(".sops.yaml"));
  const { code, stderr } = await box.run(["encrypt", "--age", recipients.A, "p.yaml"]);
  expect(stderr).toMatch(says);
  expect(code).toBe(1);
});

test.each([
  ["--config", ["--config", "/dev/zero", "encrypt", "--age", recipients.A, "p.yaml"], {}],
  ["SOPS_AGE_KEY_FILE", ["decrypt", "s.yaml"], { SOPS_AGE_KEY_FILE: "/dev/zero" }],
])("%s that names an endless file ends with a message", async (_, args, env) => {
  const { code, stderr } = await boxWith(env).run(args);
  expect(stderr).toMatch(/file\s+too\s+large/);
  expect(code).not.toBe(0);
});

test("a key file in its usual place that is a FIFO does not hang", async () => {
  const box = boxWith();
  mkdirSync(box.path(".config/sops/age"), { recursive: true });
  fifo(box.path(".config/sops/age/keys.txt"));
  const { code, stderr } = await box.run(["decrypt", "s.yaml"]);
  expect(stderr.replaceAll(/\s*\|?\s+/g, " ")).toContain("is not a regular file");
  expect(code).toBe(128);
});

test("a process substitution of the shell may hold the key and the configuration", () => {
  const box = boxWith();
  const line = `SOPS_AGE_KEY_FILE=<(echo ${identities.A}) ${shellProgram} --config <(echo 'stores: {}') decrypt s.yaml`;
  const stdout = execFileSync("bash", ["-c", line], {
    cwd: box.dir,
    env: box.env,
    encoding: "utf8",
  });
  expect(stdout).toContain("secret: hello");
});

test.each(["1000000000", "1001", "-1001"])("an indent of %s is refused", async (indent) => {
  const box = boxWith({ SOPS_AGE_KEY: identities.A });
  const flag = await box.run([`--indent=${indent}`, "decrypt", "s.yaml"]);
  expect(flag.stderr).toContain("it must be from -1000 to 1000");
  expect([flag.code, flag.stdout]).toEqual([1, ""]);
  box.write(".sops.yaml", `stores: {json: {indent: ${indent}}}\n`);
  const config = await box.run(["decrypt", "--output-type", "json", "s.yaml"]);
  expect(config.stderr).toMatch(/'indent' must be an integer from -1000 to 1000/);
  expect([config.code, config.stdout]).toEqual([1, ""]);
});

test(
  "a key service that never answers is given up after 30 seconds",
  { timeout: 90_000 },
  async () => {
    const box = boxWith();
    const server = createServer(() => {});
    onTestFinished(() => void server.close());
    await new Promise<void>((resolve) => server.listen(box.path("k.sock"), resolve));
    const started = Date.now();
    const args = ["decrypt", "--keyservice", `unix://${box.path("k.sock")}`, "s.yaml"];
    const { code, stderr } = await box.run(args);
    expect(code).toBe(128);
    expect(stderr).toContain("DeadlineExceeded");
    expect(Date.now() - started).toBeGreaterThan(25_000);
    expect(Date.now() - started).toBeLessThan(60_000);
  },
);
