import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { npmProgram } from "../cli/program-under-test.ts";
import { alice } from "../keys/fake-host.ts";
import { scratchDir } from "./script.ts";

const module = JSON.stringify(new URL("../../src/io/young-heap.ts", import.meta.url).href);
const call = `require(require("node:url").fileURLToPath(${module})).keepYoungHeapSmall();`;

/** The most memory, in MiB, that V8 took for new objects while a tree of objects grew in a process of its own. */
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

/** In MiB: what V8 takes by itself is 64 or 128, with the flag it is 7 to 32, which depends on its own threads. */
const MUCH = 48;

test("the space for new objects stays small while many are made and stay", () => {
  expect(largestYoungHeap("")).toBeGreaterThan(MUCH);
  expect(Math.min(largestYoungHeap(call), largestYoungHeap(call))).toBeLessThan(MUCH);
}, 60_000);

test("another engine is left alone", () => {
  const bun = `Object.defineProperty(process.versions, "bun", { value: "1.3.0" });`;
  expect(largestYoungHeap(bun + call)).toBeGreaterThan(MUCH);
}, 60_000);

/** V8's flags that the program sets while it encrypts and decrypts a file of so many bytes. */
function flagsSetFor(bytes: number, isStdin: boolean): readonly string[][] {
  const dir = scratchDir();
  const preload = join(dir, "preload.cjs");
  const log = join(dir, "log");
  writeFileSync(
    preload,
    `require("node:v8").setFlagsFromString = (flag) =>
      require("node:fs").appendFileSync(${JSON.stringify(log)}, flag + "\\n");`,
  );
  const plain = "x: y\n".padEnd(bytes - 1, "# comment") + "\n";
  const run = (input: string, ...args: string[]): string => {
    const file = join(dir, "file.yaml");
    writeFileSync(file, input);
    const names = isStdin ? ["--filename-override", "file.yaml"] : [file];
    return execFileSync(process.execPath, [npmProgram, ...args, ...names], {
      input: isStdin ? input : "",
      encoding: "utf8",
      maxBuffer: 1 << 24,
      env: {
        PATH: process.env["PATH"],
        HOME: dir,
        NODE_OPTIONS: `--require ${preload}`,
        SOPS_AGE_KEY: alice.identity,
      },
    });
  };
  const flags = (): string[] => readFileSync(log, "utf8").split("\n").filter(Boolean);
  writeFileSync(log, "");
  const sealed = run(plain, "encrypt", "--age", alice.recipient);
  const encrypting = flags();
  writeFileSync(log, "");
  expect(run(sealed, "decrypt") === plain).toBe(true);
  return [encrypting, flags()];
}

test.each([
  ["a file", false],
  ["standard input", true],
])(
  "only large documents change how memory is managed: %s",
  (_, isStdin) => {
    const flag = "--semi-space-growth-factor=1";
    expect(flagsSetFor(1000, isStdin)).toEqual([[], []]);
    expect(flagsSetFor(100_000, isStdin)).toEqual([[], []]);
    expect(flagsSetFor(300_000, isStdin)).toEqual([[flag], [flag]]);
  },
  60_000,
);
