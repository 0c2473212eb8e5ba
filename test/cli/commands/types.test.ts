import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { programUnderTest } from "../program-under-test.ts";
import { checkRows, sandboxFor } from "../rows.ts";
import { encrypted, rows } from "./types.rows.ts";

checkRows(rows);

const root = join(import.meta.dirname, "../../..");

test.each([
  ["nodenext", "nodenext", "beside"],
  ["esnext", "bundler", "beside"],
  ["nodenext", "nodenext", "one file"],
  ["esnext", "bundler", "one file"],
] as const)(
  "under tsc --strict --module %s (%s, %s) right use is accepted, a wrong type and an unknown key are refused",
  { timeout: 120_000 },
  async (module, moduleResolution, where) => {
    const box = sandboxFor("", encrypted);
    try {
      const made = await box.run(
        where === "beside" ? ["types"] : ["types", "--output", "sopsmith.d.ts"],
      );
      expect(made).toMatchObject({ code: 0, stderr: "" });
      box.write("package.json", '{"type":"module"}');
      const use = (lines: string) => `import app from "./app.enc.yaml";
import json from "./other.enc.json" with { type: "json" };
import env from "./.env.enc";
import dev from "./dev.enc.yaml";
${lines}
`;
      box.write(
        "right.ts",
        use(`export const pass: string = app.pass;
export const port: number = app.db.port;
export const when: Date = app.db.when;
export const on: boolean = app.db.on;
export const b: number = json.a.b;
export const token: string = env.TOKEN;
export const only: string | undefined = dev.onlyProd;`),
      );
      box.write(
        "wrong.ts",
        use(`export const pass: number = app.pass;
export const nope = app.nope;
export const deep = app.db.nope;
export const b: string = json.a.b;
export const token = env.TOKENS;
export const only: string = dev.onlyDev;`),
      );
      box.write(
        "tsconfig.json",
        JSON.stringify({
          compilerOptions: {
            strict: true,
            noEmit: true,
            module,
            moduleResolution,
            target: "es2024",
            types: [],
            // JSON has its types beside it always.
            allowArbitraryExtensions: true,
          },
          files: ["right.ts", "wrong.ts", ...(where === "beside" ? [] : ["sopsmith.d.ts"])],
        }),
      );
      const tsc = join(root, "node_modules/typescript/bin/tsc");
      const { stdout } = spawnSync(process.execPath, [tsc, "-p", "tsconfig.json"], {
        cwd: box.dir,
        encoding: "utf8",
      });
      const errors = stdout.split("\n").filter((line) => line.includes("error"));
      expect(errors.map((line) => line.replace(/: error (TS\d+): .*/, " $1"))).toEqual([
        "wrong.ts(5,14) TS2322",
        "wrong.ts(6,25) TS2339",
        "wrong.ts(7,28) TS2339",
        "wrong.ts(8,14) TS2322",
        "wrong.ts(9,26) TS2551",
        "wrong.ts(10,14) TS2322",
      ]);
    } finally {
      box.remove();
    }
  },
);

test("a link that a repository holds is not written through", async () => {
  const box = sandboxFor("", encrypted);
  box.write("victim", "mine\n");
  symlinkSync("victim", box.path("app.enc.d.yaml.ts"));
  const { code, stderr } = await box.run(["types", "app.enc.yaml"]);
  const victim = box.read("victim");
  box.remove();
  expect([code, victim]).toEqual([3, "mine\n"]);
  expect(stderr).toContain("app.enc.d.yaml.ts already exists and was not made by sopsmith types");
});

test("two files with one name get no common declaration", async () => {
  const box = sandboxFor("", encrypted);
  mkdirSync(box.path("inner"));
  box.write("inner/app.enc.yaml", encrypted["app.enc.yaml"] ?? "");
  const { code, stderr } = await box.run(["types", "--output", "all.d.ts"]);
  box.remove();
  expect(code).toBe(1);
  expect(stderr).toMatch(/^error: .*app\.enc\.yaml and .*app\.enc\.yaml have the same name\n/);
});

test("--watch follows changes until a signal ends it", { timeout: 60_000 }, async () => {
  const box = sandboxFor("", { "a.enc.yaml": encrypted["dev.enc.yaml"] ?? "" });
  const [program, ...first] = programUnderTest;
  const child = spawn(program, [...first, "types", "--watch", "a.enc.yaml"], {
    cwd: box.dir,
    env: box.env,
    stdio: "ignore",
  });
  const ended = new Promise((resolve) => child.once("exit", (...end) => resolve(end)));
  const holds = async (text: string) => {
    const name = "a.enc.d.yaml.ts";
    for (let i = 0; i < 800; i++) {
      if (existsSync(box.path(name)) && box.read(name).includes(text)) return;
      await sleep(25);
    }
    throw new Error(`${text} did not come`);
  };
  await holds("onlyDev");
  await sleep(300);
  box.write("a.enc.yaml", "broken: [\n");
  await sleep(600);
  box.write("a.enc.yaml", encrypted["prod.enc.yaml"] ?? "");
  await holds("onlyProd");
  child.kill("SIGINT");
  expect(await ended).toEqual([null, "SIGINT"]);
  box.remove();
});
