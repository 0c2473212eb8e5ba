import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";

/** The most memory that V8 took for new objects while a tree of objects grew in a process of its own. */
function largestYoungHeap(preparation: string): number {
  const script = `
    const v8 = require("node:v8");
    ${preparation}
    let most = 0;
    const kept = [];
    for (let i = 0; i < 2_000_000; i++) {
      kept.push({ value: i, other: [i] });
      if (i % 50_000 > 0) continue;
      const space = v8.getHeapSpaceStatistics().find(({ space_name }) => space_name === "new_space");
      most = Math.max(most, space.space_size);
    }
    process.stdout.write(String(most / 2 ** 20));
  `;
  return Number(execFileSync(process.execPath, ["-e", script], { encoding: "utf8" }));
}

test("the space for new objects stays small while many are made and stay", () => {
  const module = JSON.stringify(new URL("../../src/io/young-heap.ts", import.meta.url).href);
  const usual = largestYoungHeap("");
  const small = largestYoungHeap(
    `require(require("node:url").fileURLToPath(${module})).keepYoungHeapSmall();`,
  );
  expect(usual).toBeGreaterThan(16);
  expect(small).toBeLessThan(usual / 4);
}, 60_000);
