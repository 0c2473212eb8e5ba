import { readFileSync } from "node:fs";
import { build as esbuild, type BuildOptions } from "esbuild";
import { build, createServer, type InlineConfig } from "vite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { rolldown } from "rolldown";
import sopsmithEsbuild from "../../src/node/esbuild.ts";
import sopsmithVite, { type ViteOptions } from "../../src/node/vite.ts";
import { identity, Program } from "./built.ts";

const secret = "super-secret-1";
const program = new Program({
  "yaml.mjs":
    'import s from "./a.enc.yaml";\nconsole.log(s.db.pass, s.when instanceof Date, s.big);\n',
  "json.mjs":
    'import s from "./b.enc.json" with { type: "json" };\nimport t from "./b.enc.json";\nconsole.log(s.x.y, t.x.y);\n',
  "env.mjs": 'import s from "./.env.enc";\nconsole.log(s.TOKEN);\n',
  "ini.mjs": 'import s from "./c.enc.ini";\nconsole.log(s.part.key);\n',
  "plain.mjs": 'import s from "./plain.enc.yaml";\nconsole.log(s);\n',
  "dynamic.cjs": 'import("./a.enc.yaml").then((m) => console.log(m.default.db.pass));\n',
  "plain.enc.yaml": "a: b\n",
  "entry.js": 'import s from "./a.enc.yaml";\nexport const values = s;\n',
  "use.mjs":
    "const { values } = await import(process.argv[2]);\nconsole.log(values.db.pass, values.when.getTime(), values.big);\n",
});

beforeAll(async () => {
  process.env["SOPS_AGE_KEY"] = identity;
  await program.seal(
    "a.enc.yaml",
    `db:\n  pass: ${secret}\nwhen: 2024-01-02T00:00:00Z\nbig: 9007199254740993\nfloat: 1.5\nnone: null\nlist: [a, 1]\n`,
    "yaml",
  );
  await program.seal("b.enc.json", '{"x": {"y": 1}}', "json");
  await program.seal(".env.enc", "TOKEN=abc\n", "dotenv");
  await program.seal("c.enc.ini", "[part]\nkey = value\n", "ini");
});
afterAll(() => {
  delete process.env["SOPS_AGE_KEY"];
  program.remove();
});

const out = (stdout: string) => ({ status: 0, stdout, stderr: "" });
const registered = (file: string, env = {}) =>
  program.node(["--import", "sopsmith/register", file], env);

test("sopsmith/register: programs import encrypted YAML, JSON, ENV and INI files", () => {
  expect(registered("yaml.mjs")).toEqual(out(`${secret} true 9007199254740993n\n`));
  expect(registered("json.mjs")).toEqual(out("1 1\n"));
  expect(registered("env.mjs")).toEqual(out("abc\n"));
  expect(registered("ini.mjs")).toEqual(out("value\n"));
  expect(registered("dynamic.cjs")).toEqual(out(`${secret}\n`));
});

test("sopsmith/register: a missing key and an unencrypted file end the program", () => {
  const closed = registered("yaml.mjs", { SOPS_AGE_KEY: "" });
  expect([closed.status, closed.stdout]).toEqual([1, ""]);
  expect(closed.stderr).toContain("a.enc.yaml");
  const { status, stderr } = registered("plain.mjs");
  expect(status).toBe(1);
  expect(stderr).toContain("plain.enc.yaml is not encrypted, though its name says so");
});

const config = (outDir: string, options?: ViteOptions): InlineConfig => ({
  root: program.dir,
  configFile: false,
  logLevel: "silent",
  plugins: [sopsmithVite(options)],
  ssr: { external: ["sopsmith"] },
  build: { outDir, ssr: "entry.js" },
});

const shown = `${secret} ${Date.parse("2024-01-02T00:00:00Z")} 9007199254740993n\n`;

test("sopsmith/vite: the server's bundle has the encrypted file and decrypts it when it starts", async () => {
  await build(config("ssr"));
  expect(readFileSync(program.path("ssr/entry.js"), "utf8")).not.toContain(secret);
  expect(program.node(["use.mjs", "./ssr/entry.js"])).toEqual(out(shown));
  expect(program.node(["use.mjs", "./ssr/entry.js"], { SOPS_AGE_KEY: "" }).status).toBe(1);
});

test("sopsmith/vite: with inline the server needs no key", async () => {
  await build(config("inline", { inline: true }));
  expect(program.node(["use.mjs", "./inline/entry.js"], { SOPS_AGE_KEY: "" })).toEqual(out(shown));
});

test("sopsmith/vite: a client build and the dev server's client are refused", async () => {
  const vitest = process.env["VITEST"];
  delete process.env["VITEST"];
  try {
    const refusal = /a\.enc\.yaml is encrypted and belongs on the server/;
    await expect(
      build({
        ...config("client"),
        build: { outDir: "client", rolldownOptions: { input: program.path("entry.js") } },
      }),
    ).rejects.toThrow(refusal);
    const server = await createServer({ ...config("dev"), server: { middlewareMode: true } });
    try {
      const { values } = (await server.ssrLoadModule("/entry.js")) as {
        values: { db: { pass: string } };
      };
      expect(values.db.pass).toBe(secret);
      await expect(server.environments["client"]?.transformRequest("/a.enc.yaml")).rejects.toThrow(
        refusal,
      );
    } finally {
      await server.close();
    }
  } finally {
    process.env["VITEST"] = vitest;
  }
});

test("sopsmith/vite is a plugin for rolldown too, with chunks in folders", async () => {
  const bundle = await rolldown({
    input: program.path("entry.js"),
    external: [/^sopsmith/],
    plugins: [sopsmithVite()],
  });
  await bundle.write({ dir: program.path("rolled"), entryFileNames: "deep/er/[name].mjs" });
  await bundle.close();
  expect(program.node(["use.mjs", "./rolled/deep/er/entry.mjs"])).toEqual(out(shown));
});

test("sopsmith/esbuild: a server's bundle decrypts, a browser's is refused", async () => {
  const options: BuildOptions = {
    entryPoints: [program.path("entry.js")],
    bundle: true,
    format: "esm",
    external: ["sopsmith"],
    logLevel: "silent",
    plugins: [sopsmithEsbuild()],
  };
  await esbuild({ ...options, platform: "node", outfile: program.path("built/entry.mjs") });
  expect(readFileSync(program.path("built/entry.mjs"), "utf8")).not.toContain(secret);
  expect(program.node(["use.mjs", "./built/entry.mjs"])).toEqual(out(shown));
  await expect(esbuild({ ...options, platform: "browser", write: false })).rejects.toThrow(
    /a\.enc\.yaml is encrypted and belongs on the server/,
  );
});
