// npm run fuzz -- --count N --seed S [--format yaml|layout] [--start N] [--limit N] [--save]
// Compares random documents as the differential tests do; a document that differs is shrunk and printed, with --save kept.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { FormatName } from "../../formats/format.ts";
import { compare, type Comparison, type Mismatch } from "./compare.ts";
import { generators, task } from "./generate.ts";
import { shrink } from "./shrink.ts";
import { sops, type Settings } from "./sides.ts";

const { values } = parseArgs({
  options: {
    count: { type: "string", default: "500" },
    start: { type: "string", default: "0" },
    seed: { type: "string", default: "1" },
    format: { type: "string" },
    limit: { type: "string", default: "5" },
    save: { type: "boolean", default: false },
  },
});
const start = Number(values.start);
const count = start + Number(values.count);
const seed = Number(values.seed);
if (values.format === "layout") {
  const { fuzzLayout } = await import("./layout.ts");
  process.exit((await fuzzLayout(seed, start, count)) ? 0 : 1);
}
const names = Object.keys(generators) as FormatName[];
const chosen = values.format === undefined ? names : names.filter((name) => name === values.format);
if (chosen.length === 0 || !Number.isInteger(count) || !Number.isInteger(seed)) {
  process.stderr.write(
    `usage: npm run fuzz -- --count N --seed S [--format ${names.join("|")}|layout] [--start N] [--limit N] [--save]\n`,
  );
  process.exit(2);
}

const shown = (bytes: Uint8Array): string => {
  const text = Buffer.from(bytes).toString();
  return `${text.replaceAll(/[^\n\u0020-\u007e]/gu, (character) => `<${(character.codePointAt(0) ?? 0).toString(16)}>`)}`.replaceAll(
    /^/gm,
    "    | ",
  );
};

function print(mismatch: Mismatch): void {
  process.stdout.write(`  ${mismatch.check}\n`);
  for (const [side, outcome] of [
    ["wanted", mismatch.wanted],
    ["got", mismatch.got],
  ] as const) {
    process.stdout.write(
      `  ${side}: exit ${outcome.exit} ${outcome.said.trim().slice(0, 300)}\n${outcome.exit === 0 ? `${shown(outcome.out)}\n` : ""}`,
    );
  }
}

/** Writes the document and what sops prints for it into fixtures/fuzz. */
async function save(
  format: FormatName,
  source: Uint8Array,
  settings: Settings,
  name: string,
): Promise<void> {
  const folder = join(import.meta.dirname, "../../fixtures/fuzz", format, name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "plain"), source);
  writeFileSync(join(folder, "settings.json"), `${JSON.stringify(settings)}\n`);
  const encrypted = await sops.encrypt(source, format, settings);
  const decrypted = encrypted.exit === 0 ? await sops.decrypt(encrypted.out, format) : encrypted;
  if (decrypted.exit === 0) writeFileSync(join(folder, "expected"), decrypted.out);
  else writeFileSync(join(folder, "refused"), `${decrypted.exit}\n`);
}

const checksOf = (comparison: Comparison): string =>
  comparison.mismatches.map(({ check }) => check).join();

let failures = 0;
for (const format of chosen) {
  const counts = { same: 0, refused: 0, different: 0 };
  const departed = new Map<string, number>();
  const one = async (index: number): Promise<void> => {
    const { source, settings } = task(format, seed, index);
    const comparison = await compare(source, format, settings);
    for (const name of comparison.departed) departed.set(name, (departed.get(name) ?? 0) + 1);
    counts[
      comparison.mismatches.length > 0 ? "different" : comparison.refused ? "refused" : "same"
    ]++;
    const [first] = comparison.mismatches;
    if (!first || ++failures > Number(values.limit)) return;
    const checks = checksOf(comparison);
    const small = await shrink(source, async (smaller) => {
      const again = await compare(smaller, format, settings);
      return (
        checksOf(again) === checks &&
        again.mismatches[0]?.wanted.exit === first.wanted.exit &&
        again.mismatches[0].got.exit === first.got.exit
      );
    });
    process.stdout.write(
      `\n${format} document ${index} of seed ${seed}, settings ${JSON.stringify(settings)}, made smaller:\n${shown(small)}\n`,
    );
    const [again] = (await compare(small, format, settings)).mismatches;
    print(again ?? first);
    if (values.save) await save(format, small, settings, `seed-${seed}-${index}`);
  };
  for (let index = start; index < count; index += 2) {
    await Promise.all([one(index), ...(index + 1 < count ? [one(index + 1)] : [])]);
  }
  process.stdout.write(
    `${format}: ${counts.same} same, ${counts.refused} refused by both, ${counts.different} different\n`,
  );
  for (const [name, times] of departed) process.stdout.write(`  ${times} × ${name}\n`);
}
process.exitCode = failures > 0 ? 1 : 0;
