import { globSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { defineConfig } from "vitest/config";
import type { ViteUserConfig } from "vitest/config";

/** What a test needs that `npm ci` does not bring: a build, another program, or a server that one of these starts. */
const needsMore = [
  "node:child_process",
  "execa",
  "test/counterparts.ts",
  "test/cli/program-under-test.ts",
  "src/io/run-command.ts",
];

/** Does the file, or what it imports from `test/`, import one of these, or read what a build makes? */
function needsPrograms(file: string, seen = new Set<string>()): boolean {
  if (needsMore.includes(file)) return true;
  if (!file.startsWith("test/") || seen.has(file)) return false;
  seen.add(file);
  const text = readFileSync(join(import.meta.dirname, file), "utf8");
  if (/["`]dist\//.test(text)) return true;
  const imports = [...text.matchAll(/\b(?:from|import)\s*\(?\s*"([^"]+)"/g)];
  return imports.some(([, name = ""]) =>
    needsPrograms(name.startsWith(".") ? normalize(join(dirname(file), name)) : name, seen),
  );
}

const tests = globSync("test/**/*.test.ts", { cwd: import.meta.dirname }).filter(
  (file) => !needsPrograms(file),
);

const config: ViteUserConfig = defineConfig({
  test: {
    include: tests,
    // Random tests run less often, see test/runs.ts.
    env: { SOPSMITH_LAYOUT: "sops", SOPSMITH_TEST_LANE: "unit" },
    testTimeout: 30_000,
    // Loading the modules anew for each file would take a third of the time; no test changes what they hold.
    isolate: false,
  },
});

export default config;
