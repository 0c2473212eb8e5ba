import { mkdirSync, readdirSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { replaceFile } from "../../src/io/atomic-write.ts";
import { ending, printed, scratchDir, startScript } from "./script.ts";

const forEver = "setInterval(() => {}, 1000);";

/** Starts a program that makes temporary files and waits. */
function holder(dir: string) {
  writeFileSync(join(dir, "file.yaml"), "old");
  return startScript(
    `const { stageFile } = await io("atomic-write.ts");
     const { withSecureTempFile } = await io("secure-temp.ts");
     const { realHost } = await io("real-host.ts");
     await stageFile(process.argv[1] + "/file.yaml", ["new"]);
     const host = { ...realHost(), env: { TMPDIR: process.argv[1] } };
     await withSecureTempFile(["secret"], "s.yaml", host, () => { console.log("ready"); ${forEver} return new Promise(() => {}); });`,
    [dir],
  );
}

const temporary = (dir: string) =>
  readdirSync(dir).filter((name) => /^\.?sopsmith-/.test(name)).length;

test("a later run removes plain text and temporary files of a killed run, but not of a running one", async () => {
  const dir = scratchDir();
  const living = holder(dir);
  await printed(living, "ready");
  const killed = holder(dir);
  await printed(killed, "ready");
  expect(temporary(dir)).toBe(4);
  killed.kill("SIGKILL");
  await ending(killed);
  await replaceFile(join(dir, "file.yaml"), ["newer"]);
  expect(temporary(dir)).toBe(2);
  living.kill("SIGTERM");
  await ending(living);
  expect(readdirSync(dir)).toEqual(["file.yaml"]);
});

test("leaves names alone that do not belong to a dead process on this machine", async () => {
  const dir = scratchDir();
  const names = [
    "sopsmith-notes",
    ".sopsmith-1-1-00000000-abcdef.tmp",
    ".sopsmith-999999999-1-00000000-abcdef.tmp",
    "sopsmith-999999999-1-00000000-0123456789abcdef0123456789abcdef",
  ];
  for (const name of names.slice(0, 3)) writeFileSync(join(dir, name), "");
  mkdirSync(join(dir, names[3] ?? ""));
  await replaceFile(join(dir, "file.yaml"), ["new"]);
  expect(readdirSync(dir).toSorted()).toEqual([...names, "file.yaml"].toSorted());
});

test("removes a claim that was left a minute ago", async () => {
  const dir = scratchDir();
  const claim = join(dir, ".sopsmith-claim-0123456789abcdef-0.tmp");
  writeFileSync(claim, "999999999-1-00000000");
  const then = Date.now() / 1000 - 100;
  utimesSync(claim, then, then);
  await replaceFile(join(dir, "file.yaml"), ["new"]);
  expect(readdirSync(dir)).toEqual(["file.yaml"]);
});
