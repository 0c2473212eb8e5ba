// Makes the programs that tests and benchmarks compare with, and writes their paths to .cache/counterparts.json (see
// test/counterparts.ts). Quick when all is there.
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SetupError, type Counterpart } from "./setup/counterpart.ts";
import { counterparts } from "./setup/index.ts";

const cache = join(import.meta.dirname, "../.cache");
const result = join(cache, "counterparts.json");

const known: Record<string, string> = existsSync(result)
  ? (JSON.parse(readFileSync(result, "utf8")) as Record<string, string>)
  : {};
const found: Record<string, string> = {};
try {
  mkdirSync(cache, { recursive: true });
  for (const counterpart of counterparts as readonly Counterpart[]) {
    const { names } = counterpart;
    const isReady = names.every((name) => name in known) && counterpart.isReady(known);
    const paths = isReady ? known : await counterpart.make(cache);
    for (const name of names) found[name] = paths[name] ?? "";
  }
  if (JSON.stringify(found) !== JSON.stringify(known)) {
    writeFileSync(`${result}.new`, `${JSON.stringify(found, null, 2)}\n`);
    renameSync(`${result}.new`, result);
  }
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
