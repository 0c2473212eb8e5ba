import { spawnSync } from "node:child_process";
import { afterAll, beforeAll, expect, test } from "vitest";
import { shellProgram } from "../program-under-test.ts";
import { identities, recipients } from "../samples.ts";
import { Sandbox } from "../sandbox.ts";

const box = new Sandbox();
const plain = `db:
  password: hunter2
  a.b: dotted key
  "[c]": brackets
  'back\\slash': kept
users:
  - name: ann
  - name: bob
port: 8080
`;

beforeAll(async () => {
  box.write("key.txt", identities.A);
  box.write("plain.yaml", plain);
  const { stdout } = await box.run(["encrypt", "--age", recipients.A, "plain.yaml"]);
  box.write("sealed.yaml", stdout);
});
afterAll(() => box.remove());

const run = (args: readonly string[], stdin?: string) =>
  box.run(args, {
    env: { SOPS_AGE_KEY_FILE: box.path("key.txt") },
    ...(stdin === undefined ? {} : { stdin }),
  });

test.each([
  ["db.password", "hunter2"],
  ["db.a\\.b", "dotted key"],
  ["db.\\[c\\]", "brackets"],
  ["db.back\\\\slash", "kept"],
  ["users[1].name", "bob"],
  ["users[1]", "name: bob\n"],
  ["port", "8080\n"],
  [`["db"]["a.b"]`, "dotted key"],
])("get prints the value at %s", async (path, value) => {
  expect(await run(["get", "sealed.yaml", path])).toMatchObject({ code: 0, stdout: value });
});

test("on a terminal the value ends its line; programs get it as it is", () => {
  const line = ["db.password", "port"]
    .map((path) => `${shellProgram} get sealed.yaml ${path}; printf next`)
    .join("; ");
  const { stdout } = spawnSync("script", ["-qefc", line, "/dev/null"], {
    cwd: box.dir,
    env: { ...box.env, SOPS_AGE_KEY_FILE: box.path("key.txt"), TERM: "xterm" },
    encoding: "utf8",
  });
  expect(stdout).toBe("hunter2\r\nnext8080\r\nnext");
}, 60_000);

test("get reads stdin as - and writes other formats", async () => {
  const sealed = box.read("sealed.yaml");
  const args = ["get", "--input-type", "yaml", "--output-type", "json", "-", "users[0]"];
  const { code, stdout } = await run(args, sealed);
  expect({ code, value: JSON.parse(stdout) as unknown }).toEqual({
    code: 0,
    value: { name: "ann" },
  });
});

test.each([
  ["db.nope", 1],
  ["a..b", 91],
  [".a", 91],
  ["a.", 91],
  ["a[x]", 91],
  ["a[0", 91],
  ["", 91],
  ["a\\", 91],
])("get refuses the path %j with status %i and prints nothing on stdout", async (path, status) => {
  const { code, stdout, stderr } = await run(["get", "sealed.yaml", path]);
  expect({ code, stdout }).toEqual({ code: status, stdout: "" });
  expect(stderr).not.toContain("hunter2");
});

test("get needs a file and a path", async () => {
  expect(await run(["get", "sealed.yaml"])).toMatchObject({ code: 100, stdout: "" });
  expect(await run(["get", "missing.yaml", "a"])).toMatchObject({ code: 100, stdout: "" });
});

test("--dotted and --string save quoting in set, unset and --extract", async () => {
  box.write("changed.yaml", box.read("sealed.yaml"));
  await run(["set", "--dotted", "--string", "changed.yaml", "db.password", `it's "new": 1`]);
  await run(["set", "--dotted", "changed.yaml", "users[2].name", `"carl"`]);
  await run(["set", "--string", "--value-stdin", "--dotted", "changed.yaml", "token"], "abc\n");
  await run(["unset", "--dotted", "changed.yaml", "port"]);
  const extracted = await run(["decrypt", "--dotted", "--extract", "db.password", "changed.yaml"]);
  expect(extracted.stdout).toBe(`it's "new": 1`);
  const { stdout } = await run(["decrypt", "--output-type", "json", "changed.yaml"]);
  expect(JSON.parse(stdout)).toMatchObject({
    users: [{ name: "ann" }, { name: "bob" }, { name: "carl" }],
    token: "abc",
  });
  expect(stdout).not.toContain("port");
});

test("a wrong dotted path changes nothing", async () => {
  const before = box.read("sealed.yaml");
  const { code } = await run(["set", "--dotted", "--string", "sealed.yaml", "a..b", "x"]);
  expect(code).toBe(7);
  expect(box.read("sealed.yaml")).toEqual(before);
});

test("options that sops accepts only before the command are accepted after it too", async () => {
  const after = await run(["decrypt", "--indent", "7", "sealed.yaml"]);
  const before = await run(["--indent", "7", "decrypt", "sealed.yaml"]);
  expect(after.stdout).toContain("\n       password: hunter2\n");
  expect(before.stdout).toBe(after.stdout);
  // The one after the command wins.
  const both = await run(["--indent", "3", "decrypt", "--indent", "7", "sealed.yaml"]);
  expect(both.stdout).toBe(after.stdout);
  const config = await run(["decrypt", "--config", "missing.yaml", "sealed.yaml"]);
  expect(config).toMatchObject({ code: 1, stdout: "" });
  const mac = await run(["encrypt", "--mac-only-encrypted", "--age", recipients.A, "plain.yaml"]);
  expect(mac.stdout).toContain("mac_only_encrypted: true");
  const verbose = await run(["decrypt", "--verbose", "sealed.yaml"]);
  expect(verbose.stderr).not.toBe("");
});

test("the words of a command to run are its own", async () => {
  box.write("flat.yaml", "a: b\n");
  const { stdout } = await box.run(["encrypt", "--age", recipients.A, "flat.yaml"]);
  box.write("flat.yaml", stdout);
  const line = ["exec-env", "flat.yaml", "--", "printf", "%s", "--verbose"];
  expect(await run(line)).toMatchObject({ code: 0, stdout: "--verbose" });
});
