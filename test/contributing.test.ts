import { globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { expect, test } from "vitest";

const root = join(import.meta.dirname, "..");

test("CONTRIBUTING.md lists every program that npm test sets up", () => {
  const text = readFileSync(join(root, "CONTRIBUTING.md"), "utf8");
  const listed = [...text.matchAll(/^\| `([a-z0-9-]+)` +\|/gm)].map(([, name]) => name);
  const setUp = globSync("scripts/setup/*.ts", { cwd: root })
    .map((file) => basename(file, ".ts"))
    .filter((name) => !["index", "counterpart"].includes(name));
  expect(new Set(listed)).toEqual(new Set(setUp));
  expect(listed).toHaveLength(setUp.length);
});
