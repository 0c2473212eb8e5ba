import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { CounterpartName } from "../scripts/setup/index.ts";

const file = join(import.meta.dirname, "../.cache/counterparts.json");

/** Path of a program that tests compare with (scripts/setup/). */
export function counterpart(name: CounterpartName): string {
  let paths: Record<string, string>;
  try {
    paths = JSON.parse(readFileSync(file, "utf8")) as Record<string, string>;
  } catch (cause) {
    throw new Error(`${file} is missing: run \`node scripts/test-setup.ts\` (npm test does)`, {
      cause,
    });
  }
  const path = paths[name];
  if (path === undefined)
    throw new Error(`${file} has no ${name}: remove it and run \`node scripts/test-setup.ts\``);
  return path;
}
