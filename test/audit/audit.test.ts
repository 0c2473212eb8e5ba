import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Sandbox, type Result } from "../cli/sandbox.ts";
import { counterpart } from "../counterparts.ts";
import { alice } from "../keys/fake-host.ts";
import { freePort } from "../key-service/service.ts";
import { Postgres } from "./postgres.ts";

// A real PostgreSQL; sopsmith and real sops see an /etc/sops of the test's own in a private mount namespace.

let postgres: Postgres;
let box: Sandbox;
const etc = mkdtempSync(join(tmpdir(), "sopsmith-etc-"));

beforeAll(async () => {
  postgres = await Postgres.start();
  box = new Sandbox(
    { "plain.yaml": "a: b\n" },
    { SOPS_AGE_KEY: alice.identity, SOPS_AGE_RECIPIENTS: alice.recipient },
  );
  for (const name of ["a", "b", "c"])
    box.write(`${name}.yaml`, (await box.run(["encrypt", "plain.yaml"])).stdout);
  const other = await box.run(["encrypt", "plain.yaml"]);
  box.write("damaged.yaml", other.stdout.replace(/mac: ENC\[[^\]]*\]/, "mac: ''"));
});
afterAll(async () => {
  box?.remove();
  rmSync(etc, { recursive: true, force: true });
  await postgres?.stop();
});

const configFor = (...uris: string[]): string =>
  `backends:\n  postgres:\n${uris.map((uri) => `    - connection_string: "${uri}"\n`).join("")}`;

/** Runs a program that finds this text in /etc/sops/audit.yaml; nobody else sees it. */
function audited(
  config: string | Uint8Array,
  args: readonly string[],
  program: "sopsmith" | "sops" = "sopsmith",
  env: Readonly<Record<string, string>> = {},
): Promise<Result> {
  mkdirSync(etc, { recursive: true });
  const dir = mkdtempSync(join(etc, "sops-"));
  writeFileSync(join(dir, "audit.yaml"), config);
  // /etc itself is overlaid by a copy with one folder more, as /etc/sops need not be there to mount upon.
  const enter =
    'mount -t tmpfs none /mnt && cp -a /etc/. /mnt/ && mkdir -p /mnt/sops && cp "$1/audit.yaml" /mnt/sops/ && mount --move /mnt /etc && shift && exec "$@"';
  const command = program === "sops" ? [counterpart("sops")] : [process.execPath, Sandbox.program];
  const child = spawn("unshare", ["-m", "sh", "-c", enter, "sh", dir, ...command, ...args], {
    cwd: box.dir,
    env: { ...box.env, ...env },
    stdio: ["pipe", "pipe", "pipe"],
  });
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  child.stdin.on("error", () => {});
  child.stdin.end("a: b\n");
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, stdout, stderr }));
  });
}

const me = userInfo().username;

test.each([
  [["encrypt", "plain.yaml"], ["encrypt plain.yaml"]],
  [["decrypt", "a.yaml"], ["decrypt a.yaml"]],
  [["decrypt", "damaged.yaml"], ["decrypt damaged.yaml"]],
  [
    ["rotate", "a.yaml"],
    ["rotate a.yaml", "decrypt a.yaml", "encrypt a.yaml"],
  ],
  [
    ["set", "a.yaml", '["a"]', '"new"'],
    ["decrypt a.yaml", "encrypt a.yaml"],
  ],
  [
    ["set", "--idempotent", "c.yaml", '["a"]', '"b"'],
    ["decrypt c.yaml", "encrypt c.yaml"],
  ],
  [
    ["unset", "b.yaml", '["a"]'],
    ["decrypt b.yaml", "encrypt b.yaml"],
  ],
  [["exec-env", "c.yaml", "true"], ["decrypt c.yaml"]],
  [["edit", "c.yaml"], ["decrypt c.yaml"]],
  [["filestatus", "c.yaml"], []],
  [["--version"], []],
])("%j writes the events that real sops writes", async (args, events) => {
  const expected = events.map((event) => {
    const [action = "", file = ""] = event.split(" ");
    return `${action} ${me} ${box.path(file)}`;
  });
  const before = Object.fromEntries(
    box
      .names()
      .filter((name) => name.endsWith(".yaml"))
      .map((name) => [name, box.read(name)]),
  );
  const env = { EDITOR: "true" };
  const ours = await audited(configFor(postgres.uri()), args, "sopsmith", env);
  expect([postgres.takeEvents(), ours.stderr]).toEqual([expected, ours.stderr]);
  for (const [name, text] of Object.entries(before)) box.write(name, text);
  const theirs = await audited(configFor(postgres.uri()), args, "sops", env);
  expect([postgres.takeEvents(), theirs.code]).toEqual([expected, ours.code]);
  for (const [name, text] of Object.entries(before)) box.write(name, text);
});

test("stdin is recorded as the working directory, and every database gets every event", async () => {
  const config = configFor(postgres.uri(), postgres.uri());
  const words = ["encrypt", "--filename-override", "x.yaml"];
  expect((await audited(config, words)).code).toBe(0);
  expect(postgres.takeEvents()).toEqual(Array(2).fill(`encrypt ${me} ${box.dir}`));
});

test.each([
  [
    "a database that is not there",
    async () => postgres.uri(Postgres.password, await freePort()),
    "connection refused",
  ],
  [
    "a wrong password",
    () => postgres.uri("wrong pass/word"),
    'password authentication failed for user "sops"',
  ],
  [
    "another form of the same",
    () =>
      `host=127.0.0.1 port=${postgres.port} user=sops password='wrong pass/word' dbname=postgres sslmode=disable`,
    'password authentication failed for user "sops"',
  ],
  [
    "a server without TLS, where no sslmode is given",
    () => postgres.uri("wrong pass/word").replace("?sslmode=disable", ""),
    "The server does not support SSL connections",
  ],
])("%s stops every command, and the password is not shown", async (_, uri, reason) => {
  const connection = await uri();
  for (const words of [["decrypt", "c.yaml"], ["--version"]]) {
    const { code, stdout, stderr } = await audited(configFor(connection), words);
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(
      /^connecting to audit database, defined in \/etc\/sops\/audit\.yaml: connectStr: \S+/,
    );
    expect(stderr).toContain(`err: ${reason}`);
    expect(stderr).not.toMatch(/pass.word/);
    expect(stderr).toContain("***");
  }
});

test("what cannot be recorded is not done", async () => {
  postgres.sql("REVOKE INSERT ON audit_event FROM sops");
  try {
    const before = box.read("c.yaml");
    const { code, stdout, stderr } = await audited(configFor(postgres.uri()), [
      "rotate",
      "-i",
      "c.yaml",
    ]);
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(
      /^Failed to insert audit record: permission denied for table audit_event/,
    );
    expect(box.read("c.yaml")).toBe(before);
  } finally {
    postgres.sql("GRANT INSERT ON audit_event TO sops");
  }
});

test.each([
  ["", 0],
  ["backends: {}\n", 0],
  ["other: 1\n", 0],
  ["backends: [\n", 2],
  ["backends: 5\n", 2],
])("the configuration %j ends with status %d", async (config, status) => {
  const { code, stdout, stderr } = await audited(config, ["decrypt", "c.yaml"]);
  expect(code).toBe(status);
  if (status === 0) expect([stdout, stderr]).toEqual(["a: b\n", ""]);
  else {
    expect(stdout).toBe("");
    expect(stderr).toMatch(/^Error unmarshalling config: .*\/etc\/sops\/audit\.yaml\n$/);
  }
});
