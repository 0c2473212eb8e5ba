import { execFile } from "node:child_process";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, expect, test } from "vitest";
import { withAbsolutePath } from "../../src/io/program-path.ts";
import { scratchDir } from "./script.ts";

const own = process.env["PATH"];
afterEach(() => {
  if (own !== undefined) process.env["PATH"] = own;
});

test("a library that starts a program by its name finds none in the working directory", async () => {
  const dir = scratchDir();
  writeFileSync(join(dir, "az"), "#!/bin/sh\necho stranger\n");
  chmodSync(join(dir, "az"), 0o755);
  process.env["PATH"] = `.::${own}`;
  // As Microsoft's and Amazon's libraries do it.
  const login = () => promisify(execFile)("/bin/sh", ["-c", "az login"], { cwd: dir });
  expect((await login()).stdout).toBe("stranger\n");
  await expect(withAbsolutePath(login)).rejects.toThrow(/az: (?:command )?not found/);
  expect(process.env["PATH"]).toBe(`.::${own}`);
});

test.each([
  [".:/usr/bin::bin:/bin", "/usr/bin:/bin"],
  [".:", undefined],
  ["", undefined],
])("PATH %j is %j for a while", async (path, during) => {
  process.env["PATH"] = path;
  const seen = () => Promise.resolve(process.env["PATH"]);
  expect(await withAbsolutePath(() => withAbsolutePath(seen))).toBe(during);
  expect(process.env["PATH"]).toBe(path);
});

test("PATH comes back when the last of several is done, and after a failure", async () => {
  process.env["PATH"] = `.:${own}`;
  const slow = withAbsolutePath(() => new Promise((resolve) => setTimeout(resolve, 20)));
  await expect(withAbsolutePath(() => Promise.reject(new Error("no")))).rejects.toThrow("no");
  expect(process.env["PATH"]).toBe(own);
  await slow;
  expect(process.env["PATH"]).toBe(`.:${own}`);
});
