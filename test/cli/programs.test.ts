import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { expectCode, sandboxFor } from "./rows.ts";
import { identities, sealed } from "./samples.ts";
import type { Sandbox } from "./sandbox.ts";

const fingerprint = "0123456789ABCDEF0123456789ABCDEF01234567";

/** Each call runs the program before it, or says that it is not there. */
const calls: readonly [program: string, args: string[], env?: Record<string, string>][] = [
  ["gpg", ["encrypt", "--pgp", fingerprint, "plain.yaml"]],
  ["my-gpg", ["encrypt", "--pgp", fingerprint, "plain.yaml"], { SOPS_GPG_EXEC: "my-gpg" }],
  ["age-plugin-stub", ["encrypt", "--age", "age1stub1wpkxz6tw74fqwk", "plain.yaml"]],
  ["git", ["git", "install"]],
  ["vim", ["edit", "sealed.yaml"]],
  ["nano", ["edit", "sealed.yaml"]],
  ["my-editor", ["edit", "sealed.yaml"], { EDITOR: "my-editor --flag" }],
  ["my-key", ["decrypt", "sealed.yaml"], { SOPS_AGE_KEY: "", SOPS_AGE_KEY_CMD: "my-key" }],
  ["mkfifo", ["exec-file", "sealed.yaml", "true"]],
  ["getent", ["exec-env", "--user", "nobody-has-this-name", "sealed.env", "true"]],
  ["my-tool", ["exec-env", "sealed.env", "--", "my-tool", "word"]],
];

/** A program that leaves a mark. It ends badly, so that nothing waits for what it would do. */
function plant(box: Sandbox, folder: string, program: string): void {
  mkdirSync(box.path(folder), { recursive: true });
  const file = box.path(join(folder, program));
  writeFileSync(file, `#!/bin/sh\n: > '${box.path("mark")}'\nexit 9\n`);
  chmodSync(file, 0o755);
}

describe.each(["", ".", "./", "bin", "./bin", "bin/../bin"])("with %j first in PATH", (entry) => {
  test.each(calls)("a planted %s is not run by %j", async (program, args, env = {}) => {
    const box = sandboxFor(identities.A, { "plain.yaml": "a: b\n", ...sealed });
    plant(box, ".", program);
    plant(box, "bin", program);
    // Nothing else is found: a real editor would wait for somebody.
    const path = `${entry}:${box.path("none")}`;
    const { stderr } = await box.run(args, { stdin: "", env: { ...env, PATH: path } });
    expect(box.names()).not.toContain("mark");
    expect(stderr).not.toMatch(/^ {4}at /m);
    box.remove();
  });
});

test.each(calls)(
  "%s in an absolute directory of PATH is run by %j",
  async (program, args, env = {}) => {
    const box = sandboxFor(identities.A, { "plain.yaml": "a: b\n", ...sealed });
    plant(box, "bin", program);
    await box.run(args, { env: { ...env, PATH: `.:${box.path("bin")}:${box.path("none")}` } });
    expect(box.names()).toContain("mark");
    box.remove();
  },
);

test("a program named with a slash is the one that the user named", async () => {
  const box = sandboxFor(identities.A, sealed);
  plant(box, ".", "ed");
  const named = await box.run(["edit", "sealed.yaml"], { env: { EDITOR: "./ed" } });
  expectCode(named, 201);
  expect(named.stderr).toMatch(/exit status 9/);
  expect(box.names()).toContain("mark");
  chmodSync(box.path("ed"), 0o644);
  const closed = await box.run(["edit", "sealed.yaml"], { env: { EDITOR: "./ed" } });
  expect(closed).toMatchObject({ code: 201, stderr: expect.stringContaining("permission denied") });
  box.remove();
});

test("no .env and no bunfig.toml of the working directory is read", async () => {
  const box = sandboxFor(identities.A, {
    ...sealed,
    ".env": "SOPS_AGE_KEY=wrong\n",
    "bunfig.toml": 'preload = ["./mark.js"]\n',
    "mark.js": 'require("node:fs").writeFileSync("mark", "");\n',
  });
  expectCode(await box.run(["decrypt", "sealed.yaml"]), 0);
  box.write(".env", `SOPS_AGE_KEY=${identities.A}\n`);
  expectCode(
    await box.run(["decrypt", "sealed.yaml"], { env: { SOPS_AGE_KEY: identities.B } }),
    128,
  );
  expect(box.names()).not.toContain("mark");
  box.remove();
});
