import { createHash } from "node:crypto";
import { openSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { ending, startScript } from "./script.ts";

const writer = `
const { writeStdout } = await io("output.ts");
const chunks = (await import("node:vm")).runInNewContext(process.argv[1]);
try { await writeStdout(chunks); }
catch (error) { process.stderr.write(JSON.stringify([error.code, error.exitCode, error.message])); process.exitCode = error.exitCode; }
`;

test("writes 100 MB to a slow reader completely", async () => {
  const child = startScript(writer, [
    `Array.from({ length: 100 }, () => "0123456789".repeat(100000))`,
  ]);
  const hash = createHash("sha256");
  let length = 0;
  let pauses = 0;
  child.stdout?.on("data", (chunk: Buffer) => {
    length += chunk.length;
    hash.update(chunk);
    if (length < pauses * 10_000_000) return;
    pauses++;
    child.stdout?.pause();
    void sleep(20).then(() => child.stdout?.resume());
  });
  const [status] = await new Promise<unknown[]>((resolve) =>
    child.on("close", (...args) => resolve(args)),
  );
  expect([status, length]).toEqual([0, 100_000_000]);
  expect(hash.digest("hex")).toBe(
    createHash("sha256").update("0123456789".repeat(10_000_000)).digest("hex"),
  );
});

test("says nothing and fails when the reader closes the output", async () => {
  const child = startScript(writer, [
    `Array.from({ length: 50 }, () => "0123456789".repeat(100000))`,
  ]);
  child.stdout?.once("data", () => child.stdout?.destroy());
  expect(await ending(child)).toMatchObject({ status: 141, stderr: '["output-closed",141,""]' });
});

test("says nothing either when the reader leaves a part unread in a socket", async () => {
  const child = startScript(writer, [
    `Array.from({ length: 50 }, () => "0123456789".repeat(100000))`,
  ]);
  child.stdout?.once("data", () => {
    child.stdout?.pause();
    // The buffer is full by then.
    setTimeout(() => child.stdout?.destroy(), 300);
  });
  expect(await ending(child)).toMatchObject({ status: 141, stderr: '["output-closed",141,""]' });
});

test("reports a full device", async () => {
  const full = openSync("/dev/full", "w");
  const child = startScript(writer, [`["x"]`], { stdio: ["ignore", full, "pipe"] });
  expect(await ending(child)).toMatchObject({
    status: 1,
    stderr: '["write-failed",1,"write /dev/stdout: no space left on device"]',
  });
});
