import { expect, test } from "vitest";
import type { FormatName } from "../../formats/format.ts";
import { compare, type Comparison } from "../fuzz/compare.ts";
import { departures } from "../fuzz/departures.ts";
import { generators, task, type Task } from "../fuzz/generate.ts";

const count = 500;
const seed = 20_261;

/** A difference as one line, for the report of a failed test. */
function line({ index, settings }: Task, { mismatches }: Comparison): string[] {
  return mismatches.map(
    ({ check, wanted, got }) =>
      `document ${index} ${JSON.stringify(settings)}: ${check}: exit ${wanted.exit} wanted, ${got.exit} got${wanted.exit === got.exit ? ", other text" : ""}`,
  );
}

/** The differential test of one format: the same in every file beside this one, so that they run side by side. */
export function testRoundTrips(format: FormatName): void {
  const generator = generators[format];

  test(
    `${count} random ${format} documents go from sopsmith to real sops and back as in real sops`,
    { timeout: 600_000 },
    async () => {
      const differences: string[] = [];
      const reached = new Set<string>();
      const departed = new Set<string>();
      const one = async (index: number): Promise<void> => {
        const document = task(format, seed, index);
        const comparison = await compare(document.source, format, document.settings);
        differences.push(...line(document, comparison));
        for (const name of comparison.departed) departed.add(name);
        // A row counts when the document was taken; one that sops refuses, when it was refused.
        for (const row of document.rows)
          if (comparison.refused === generator.refused.has(row)) reached.add(row);
      };
      let next = 0;
      const work = async (): Promise<void> => {
        while (next < count) await one(next++);
      };
      await Promise.all([work(), work()]);
      expect(
        differences,
        `look closer with: npm run fuzz -- --format ${format} --seed ${seed} --count ${count}`,
      ).toEqual([]);
      expect(generator.rows.filter((row) => !reached.has(row))).toEqual([]);
      // The list is closed at both ends: no departure that never occurs is left in it.
      const known = departures
        .filter(({ formats, rare }) => !rare && formats.includes(format))
        .map(({ name }) => name);
      expect(known.filter((name) => !departed.has(name))).toEqual([]);
    },
  );
}
