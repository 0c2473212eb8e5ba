import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";

const root = join(import.meta.dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "sopsmith-guide-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("every program of the guide for Node compiles under --strict", () => {
  const guide = readFileSync(join(root, "docs/guides/node.md"), "utf8");
  const programs = [...guide.matchAll(/^```ts\n(.*?)^```$/gms)]
    .map(([, text = ""]) => text)
    .filter((text) => text.includes('from "sopsmith"'));
  expect(programs.length).toBeGreaterThan(3);
  mkdirSync(join(folder, "node_modules/sopsmith"), { recursive: true });
  mkdirSync(join(folder, "node_modules/@types"));
  for (const name of ["package.json", "dist"])
    symlinkSync(join(root, name), join(folder, "node_modules/sopsmith", name));
  for (const name of ["@types/node", "undici-types"])
    symlinkSync(join(root, "node_modules", name), join(folder, "node_modules", name));
  writeFileSync(join(folder, "package.json"), '{"type":"module"}');
  const files = programs.map((text, i) => {
    writeFileSync(join(folder, `program-${i}.ts`), `${text}\nexport {};\n`);
    return `program-${i}.ts`;
  });
  const flags = ["--noEmit", "--strict", "--preserveSymlinks", "--target", "es2024"];
  const { stdout } = spawnSync(
    process.execPath,
    [
      join(root, "node_modules/typescript/bin/tsc"),
      ...flags,
      "--types",
      "node",
      "--module",
      "nodenext",
      ...files,
    ],
    { cwd: folder, encoding: "utf8" },
  );
  expect(stdout).toBe("");
}, 60_000);
