import { expect, test } from "vitest";
import { documentsIfReadable } from "./values.ts";
import { counterpart } from "../counterparts.ts";
import { keepAndOpen, keepMany, RealSops } from "../fuzz/layout.ts";

// 10,000: npm run fuzz -- --format layout --count 10000
test("1,000 random texts come back byte for byte, except at most 5 that cannot be kept", async () => {
  const { counts, odd } = await keepMany(1, 0, 1000);
  expect(odd.filter(([, { kind }]) => kind === "wrong")).toEqual([]);
  expect(counts["fell back"]).toBeLessThanOrEqual(5);
  expect(counts.kept).toBeGreaterThan(950);
});

/** sops's own encryption turns a comment without text into an empty string where it is in a list (spec file-format 10, D16). */
const withoutBareMarks = (text: string): string => text.replaceAll(/#(?=\r?$)/gm, "# x");

test.each(["sops", "sops311"] as const)(
  "300 random texts that were kept are read by real %s without a warning, with the same values as from its own encryption",
  async (name) => {
    using sops = new RealSops(counterpart(name));
    let compared = 0;
    for (let from = 0; from < 310; from += 8) {
      await Promise.all(
        Array.from({ length: 8 }, async (_, i) => {
          const outcome = await keepAndOpen(3, from + i, withoutBareMarks);
          if (outcome.kind !== "kept") return;
          const view = await sops.view(from + i, outcome.source, outcome.sealed);
          expect([from + i, view.said]).toEqual([from + i, ""]);
          const own = view.own === undefined ? undefined : documentsIfReadable(view.own);
          const printed = documentsIfReadable(view.printed);
          if (own === undefined || printed === undefined) return;
          compared++;
          expect([from + i, printed]).toEqual([from + i, own]);
        }),
      );
    }
    expect(compared).toBeGreaterThan(270);
  },
);
