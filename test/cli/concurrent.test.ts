import { readdirSync, statSync, writeFileSync } from "node:fs";
import { spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { ending, printed, startScript } from "../io/script.ts";
import { identities, recipients, sealed } from "./samples.ts";
import { programUnderTest } from "./program-under-test.ts";
import { Sandbox } from "./sandbox.ts";

const sealedJson = sealed["sealed.json"] ?? "";

function boxWith(files: Readonly<Record<string, string>>): Sandbox {
  const box = new Sandbox(files, { SOPS_AGE_KEY: identities.A });
  onTestFinished(() => box.remove());
  return box;
}

async function plainOf(box: Sandbox, file: string): Promise<unknown> {
  const { code, stdout, stderr } = await box.run(["decrypt", file]);
  expect([code, stderr]).toEqual([0, ""]);
  return JSON.parse(stdout);
}

test("eight changes at once are all kept", { timeout: 120_000 }, async () => {
  const box = boxWith({ "f.json": sealedJson });
  const keys = Array.from({ length: 8 }, (_, i) => `k${i}`);
  const results = await Promise.all(
    keys.map((key) => box.run(["set", "f.json", `["${key}"]`, `"${key}"`])),
  );
  expect(results.map(({ code, stderr }) => [code, stderr])).toEqual(keys.map(() => [0, ""]));
  expect(await plainOf(box, "f.json")).toEqual({
    a: 1,
    secret: "hello",
    ...Object.fromEntries(keys.map((key) => [key, key])),
  });
  expect(box.names()).toEqual(["f.json"]);
});

test("different commands at once do not undo each other", { timeout: 120_000 }, async () => {
  const rules = `creation_rules: [{age: "${recipients.A},${recipients.B}"}]`;
  const box = boxWith({ "f.json": sealedJson, "g.json": sealedJson, ".sops.yaml": rules });
  const results = await Promise.all([
    box.run(["set", "f.json", '["one"]', "1"]),
    box.run(["unset", "f.json", '["secret"]']),
    box.run(["rotate", "-i", "f.json", "g.json"]),
    box.run(["updatekeys", "--yes", "f.json"]),
    box.run(["set", "--no-atomic", "f.json", '["two"]', "2"]),
    box.run(["groups", "add", "-i", "--file", "g.json", "--age", recipients.A]),
  ]);
  expect(results.map(({ code, stderr }) => (code === 0 ? "" : stderr))).toEqual(
    results.map(() => ""),
  );
  expect(await plainOf(box, "f.json")).toEqual({ a: 1, one: 1, two: 2 });
  expect(box.read("f.json")).toContain(recipients.B);
  expect(box.read("g.json")).toContain("key_groups");
});

test("a killed change blocks nobody", { timeout: 60_000 }, async () => {
  const box = boxWith({ "f.json": sealedJson });
  const holder = startScript(
    `const { claimFile } = await io("claim.ts");
     const { fileVersion } = await io("file-version.ts");
     const path = process.argv[1];
     await claimFile(path, fileVersion(path).ino, path);
     console.log("held"); setInterval(() => {}, 1000);`,
    [box.path("f.json")],
  );
  await printed(holder, "held");
  holder.kill("SIGKILL");
  await ending(holder);
  const started = Date.now();
  const results = await Promise.all(
    ["x", "y"].map((key) => box.run(["set", "f.json", `["${key}"]`, "1"])),
  );
  expect(results.map(({ code }) => code)).toEqual([0, 0]);
  expect(Date.now() - started).toBeLessThan(15_000);
  expect(await plainOf(box, "f.json")).toEqual({ a: 1, secret: "hello", x: 1, y: 1 });
});

test("changes that are killed now and then leave a whole file", { timeout: 120_000 }, async () => {
  const box = boxWith({ "f.json": sealedJson });
  const [program, ...words] = programUnderTest;
  for (let i = 0; i < 6; i++) {
    const child = spawn(program, [...words, "set", "f.json", `["k${i}"]`, "1"], {
      cwd: box.dir,
      env: box.env,
      stdio: "ignore",
    });
    await sleep(60 + i * 30);
    child.kill("SIGKILL");
  }
  expect((await box.run(["set", "f.json", '["last"]', "1"])).code).toBe(0);
  expect(await plainOf(box, "f.json")).toMatchObject({ secret: "hello", last: 1 });
  const rest = readdirSync(box.dir).filter(
    (name) => !/^(?:f\.json|\.sopsmith-claim-.*)$/.test(name),
  );
  expect(rest).toEqual([]);
});

test("a file that was encrypted meanwhile is not encrypted again", async () => {
  const box = boxWith({ "p.yaml": "a: 1\n" });
  const results = await Promise.all(
    [1, 2, 3].map(() => box.run(["encrypt", "-i", "--age", recipients.A, "p.yaml"])),
  );
  expect(results.filter(({ code }) => code === 0).length).toBe(1);
  expect(results.filter(({ code }) => code === 203).length).toBe(2);
  expect((await box.run(["decrypt", "p.yaml"])).stdout).toBe("a: 1\n");
});

test("a file that was only touched meanwhile is still the same", async () => {
  const box = boxWith({ "f.json": sealedJson });
  const { mode } = statSync(box.path("f.json"));
  writeFileSync(box.path("ed.sh"), '#!/bin/sh\nsed -i s/hello/changed/ "$1"; touch "$SEALED"\n', {
    mode: 0o755,
  });
  const { code, stderr } = await box.run(["edit", "f.json"], {
    env: { EDITOR: box.path("ed.sh"), SEALED: box.path("f.json"), TMPDIR: box.dir },
  });
  expect([code, stderr]).toEqual([0, ""]);
  expect(await plainOf(box, "f.json")).toEqual({ a: 1, secret: "changed" });
  expect(statSync(box.path("f.json")).mode).toBe(mode);
});
