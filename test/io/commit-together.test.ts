import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { expect, test } from "vitest";
import { stageFile, type ReplaceOptions } from "../../src/io/atomic-write.ts";
import { commitTogether, TogetherFailed } from "../../src/io/commit-together.ts";
import { fileVersion } from "../../src/io/file-version.ts";
import type { StagedFile } from "../../src/io/staged.ts";
import { ChangedMeanwhile } from "../../src/io/write-errors.ts";
import { ending, printed, scratchDir, startScript } from "./script.ts";

const names = ["a", "b", "c"];

function folder(): string {
  const dir = scratchDir();
  for (const name of names) writeFileSync(join(dir, name), `old ${name}`);
  return dir;
}

const contents = (dir: string) =>
  Object.fromEntries(readdirSync(dir).map((name) => [name, readFileSync(join(dir, name), "utf8")]));
const old = { a: "old a", b: "old b", c: "old c" };

function staged(dir: string, options: ReplaceOptions = {}): Promise<StagedFile[]> {
  return Promise.all(
    names.map((name) => {
      const path = join(dir, name);
      return stageFile(path, [`new ${name}`], { expected: fileVersion(path), ...options });
    }),
  );
}

const fails = () => Promise.reject(new Error("last fails"));
const works = () => Promise.resolve();

test.each([{}, { noAtomic: true }])("changes several files with %o", async (options) => {
  const dir = folder();
  await commitTogether(await staged(dir, options), works);
  expect(contents(dir)).toEqual({ a: "new a", b: "new b", c: "new c" });
});

test.each([{}, { noAtomic: true }])(
  "a failure at the end undoes everything with %o",
  async (options) => {
    const dir = folder();
    chmodSync(join(dir, "b"), 0o640);
    const before = names.map((name) => statSync(join(dir, name)));
    const failure = await commitTogether(await staged(dir, options), fails).catch(
      (e: unknown) => e,
    );
    expect(failure).toBeInstanceOf(TogetherFailed);
    expect(failure).toMatchObject({ left: [], at: undefined });
    expect(contents(dir)).toEqual(old);
    const after = names.map((name) => statSync(join(dir, name)));
    expect(after.map(({ ino, mode }) => [ino, mode])).toEqual(
      before.map(({ ino, mode }) => [ino, mode]),
    );
  },
);

test("removes a new file again", async () => {
  const dir = folder();
  const files = [...(await staged(dir)), await stageFile(join(dir, "d"), ["new d"])];
  await expect(commitTogether(files, fails)).rejects.toBeInstanceOf(TogetherFailed);
  expect(contents(dir)).toEqual(old);
});

test("changes nothing when one file can no longer be replaced", async () => {
  const dir = folder();
  const files = await staged(dir, { expected: undefined });
  rmSync(join(dir, "b"));
  mkdirSync(join(dir, "b"));
  await expect(commitTogether(files, works)).rejects.toMatchObject({ left: [] });
  rmSync(join(dir, "b"), { recursive: true });
  expect(contents(dir)).toEqual({ a: "old a", c: "old c" });
});

test("says for each file that could not be restored where its old content is", async () => {
  const dir = folder();
  const failure = await commitTogether(await staged(dir), () => {
    for (const name of ["b", "c"]) rmSync(join(dir, name));
    mkdirSync(join(dir, "b"));
    return fails();
  }).catch((error: unknown) => error);
  rmSync(join(dir, "b"), { recursive: true });
  const left = failure instanceof TogetherFailed ? failure.left : [];
  expect(left.map(({ shown }) => shown)).toEqual([join(dir, "b")]);
  expect(readFileSync(left[0]?.oldIn ?? "", "utf8")).toBe("old b");
  expect(contents(dir)).toMatchObject({ a: "old a", c: "old c" });
});

test("leaves a file that changed meanwhile, and all others, ready to be tried again", async () => {
  const dir = folder();
  const files = await staged(dir);
  writeFileSync(join(dir, "b"), "changed by another");
  await expect(commitTogether(files, works)).rejects.toBeInstanceOf(ChangedMeanwhile);
  expect(contents(dir)).toMatchObject({ ...old, b: "changed by another" });
  const again = [...files];
  files[1]?.discard();
  again[1] = await stageFile(join(dir, "b"), ["new b"]);
  await commitTogether(again, works);
  expect(contents(dir)).toEqual({ a: "new a", b: "new b", c: "new c" });
});

test.each(["SIGTERM", "SIGINT"] as const)("undoes everything on %s", async (signal) => {
  const dir = folder();
  const child = startScript(
    `const { stageFile } = await io("atomic-write.ts");
     const { commitTogether } = await io("commit-together.ts");
     const files = await Promise.all(process.argv.slice(1).map((path) => stageFile(path, ["new"])));
     setInterval(() => {}, 1000);
     await commitTogether(files, () => { console.log("all changed"); return new Promise(() => {}); });`,
    names.map((name) => join(dir, name)),
  );
  await printed(child, "all changed");
  expect(readFileSync(join(dir, "a"), "utf8")).toBe("new");
  child.kill(signal);
  expect((await ending(child)).signal).toBe(signal);
  expect(contents(dir)).toEqual(old);
});

test("on a signal it says what could not be restored, and keeps the old content where no later run removes it", async () => {
  const dir = folder();
  const child = startScript(
    `const { stageFile } = await io("atomic-write.ts");
     const { commitTogether } = await io("commit-together.ts");
     const files = await Promise.all(process.argv.slice(1).map((path, index) =>
       stageFile(path, ["new"], { noAtomic: index === 2 })));
     setInterval(() => {}, 1000);
     const wait = () => { console.log("all changed"); return new Promise(() => {}); };
     await commitTogether(files, wait, (left) => console.log(JSON.stringify(left)));`,
    names.map((name) => join(dir, name)),
  );
  const told = printed(child, "]\n");
  await printed(child, "all changed");
  for (const name of ["b", "c"]) {
    rmSync(join(dir, name));
    mkdirSync(join(dir, name));
  }
  child.kill("SIGTERM");
  expect((await ending(child)).signal).toBe("SIGTERM");
  const left = JSON.parse((await told).split("\n").at(-2) ?? "") as {
    shown: string;
    oldIn: string;
  }[];
  expect(left.map(({ shown }) => shown)).toEqual([join(dir, "b"), join(dir, "c")]);
  for (const { shown, oldIn } of left) {
    expect(oldIn).toMatch(new RegExp(`^${shown}\\.[0-9a-f]{8}\\.old$`));
    expect(readFileSync(oldIn, "utf8")).toBe(`old ${basename(shown)}`);
  }
  expect(readFileSync(join(dir, "a"), "utf8")).toBe("old a");
  expect(readdirSync(dir).length).toBe(5);
});

test("a killed process leaves nothing that blocks the next one", async () => {
  const dir = folder();
  const child = startScript(
    `const { stageFile } = await io("atomic-write.ts");
     const { commitTogether } = await io("commit-together.ts");
     const { fileVersion } = await io("file-version.ts");
     const files = await Promise.all(process.argv.slice(1).map((path) =>
       stageFile(path, ["new"], { expected: fileVersion(path) })));
     for (const file of files) { await file.claim(); file.keepOld(); }
     console.log("ready"); setInterval(() => {}, 1000);`,
    names.map((name) => join(dir, name)),
  );
  await printed(child, "ready");
  child.kill("SIGKILL");
  await ending(child);
  expect(readdirSync(dir).length).toBe(12);
  await commitTogether(await staged(dir), works);
  expect(readFileSync(join(dir, "b"), "utf8")).toBe("new b");
  // Claims are kept for a minute; all else is gone.
  expect(readdirSync(dir).filter((name) => !/^(?:\w|\.sopsmith-claim-.*)$/.test(name))).toEqual([]);
});
