import { readFileSync } from "node:fs";
import { join } from "node:path";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { batches } from "../../src/io/chunks.ts";
import { ending, scratchDir, startScript } from "./script.ts";

/** Text is written in batches of so many UTF-16 units. */
const BORDER = 1 << 16;

/** JavaScript that makes pieces with a surrogate pair on a border: they are too long for an argument. */
const cases: Readonly<Record<string, string>> = {
  "a pair across the border": `["x".repeat(65535) + "😀y"]`,
  "a pair that begins on the border": `["x".repeat(65536) + "😀y"]`,
  "a pair that ends on the border": `["x".repeat(65534) + "😀y"]`,
  "a pair at the end of the text": `["x".repeat(65535) + "😀"]`,
  "pairs across every border": `["x" + "😀".repeat(131072)]`,
  "pairs that begin on every border": `["😀".repeat(131072)]`,
  "a pair that two pieces share on the border": String.raw`["x".repeat(65535) + "\ud83d", "\ude00y"]`,
  "a pair that two pieces share before the border": String.raw`["x\ud83d", "\ude00" + "y".repeat(65536)]`,
  "a pair across a border that another piece moved": `["xyz", "x".repeat(65532) + "😀y"]`,
};

const writer = `
const { replaceFile } = await io("atomic-write.ts");
const { writeStdout } = await io("output.ts");
const pieces = (await import("node:vm")).runInNewContext(process.argv[1]);
await writeStdout(pieces);
await replaceFile(process.argv[2], pieces);
`;

describe("writes text as its UTF-8, to stdout and to a file", () => {
  test.each(Object.entries(cases))("%s", async (_, source) => {
    const pieces: string[] = [...runInNewContext(source)];
    const wanted = Buffer.from(pieces.join(""));
    const file = join(scratchDir(), "out");
    const { status, stdout, stderr } = await ending(startScript(writer, [source, file]));
    expect([status, stderr]).toEqual([0, ""]);
    expect(Buffer.from(stdout).equals(wanted)).toBe(true);
    expect(readFileSync(file).equals(wanted)).toBe(true);
  });
});

test("cuts text nowhere inside a character, however the pieces are cut", () => {
  const text = fc
    .array(fc.tuple(fc.constantFrom("x", "é", "😀"), fc.nat(BORDER + 3)), { maxLength: 5 })
    .map((runs) => runs.map(([unit, count]) => unit.repeat(count)).join(""));
  const cuts = fc.array(fc.oneof(fc.nat(4 * BORDER), fc.constantFrom(BORDER - 1, BORDER)));
  fc.assert(
    fc.property(text, cuts, (whole, places) => {
      const sorted = [0, ...places.toSorted((a, b) => a - b), whole.length];
      const pieces = sorted.map((from, at) =>
        whole.slice(from, Math.max(from, sorted[at + 1] ?? from)),
      );
      fc.pre(pieces.join("") === whole);
      const batched = [...batches(pieces)];
      expect(Buffer.concat(batched).equals(Buffer.from(whole))).toBe(true);
      for (const batch of batched) expect(batch.length).toBeLessThanOrEqual(6 * BORDER);
    }),
    { numRuns: 80 },
  );
});
