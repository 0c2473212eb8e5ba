import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { makeFolder } from "../../src/io/make-folder.ts";

const root = mkdtempSync(join(tmpdir(), "sopsmith-folders-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

test("creates what is missing and says where it began; an existing folder stays", async () => {
  expect(await makeFolder(join(root, "a/b/c"), 0o700)).toBe(join(root, "a"));
  expect(statSync(join(root, "a/b")).mode & 0o777).toBe(0o700);
  expect(await makeFolder(join(root, "a/b/d"))).toBe(join(root, "a/b/d"));
  expect(await makeFolder(join(root, "a/b/c"))).toBe(undefined);
});

test("folders that share their beginning can be made at once", async () => {
  for (let i = 0; i < 50; i++) {
    const paths = ["x", "x/y", "x/y/z", "v", "v/w"].map((name) => join(root, `same${i}/way`, name));
    await Promise.all(paths.map((path) => makeFolder(path)));
    for (const path of paths) expect(statSync(path).isDirectory()).toBe(true);
  }
});

test("fails on a file in the way, and where no folder can be made", async () => {
  writeFileSync(join(root, "file"), "");
  await expect(makeFolder(join(root, "file"))).rejects.toMatchObject({ code: "EEXIST" });
  await expect(makeFolder(join(root, "file/in"))).rejects.toMatchObject({ code: "ENOTDIR" });
});

test.runIf(process.platform === "linux")("gives up in /proc, where Node never ends", async () => {
  await expect(makeFolder("/proc/sopsmith-none/in")).rejects.toMatchObject({ code: "ENOENT" });
});
