import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { commands } from "../src/cli/commands/index.ts";
import { Sandbox } from "./cli/sandbox.ts";
import { alice } from "./keys/fake-host.ts";

const bin = dirname(Sandbox.program);
const { peerDependencies } = JSON.parse(readFileSync(join(bin, "../../package.json"), "utf8")) as {
  peerDependencies: Record<string, string>;
};

const arn = "arn:aws:kms:us-east-1:111122223333:key/k";
let box: Sandbox;

/** Every module that the program loads in one run. */
function loadedBy(args: readonly string[], env: Record<string, string> = {}) {
  const log = box.path("loaded");
  const hook = `import{registerHooks}from"node:module";import{appendFileSync}from"node:fs";registerHooks({load(url,context,next){appendFileSync(${JSON.stringify(log)},url+"\\n");return next(url,context)}})`;
  const preload = ["--import", `data:text/javascript,${encodeURIComponent(hook)}`];
  const { status, stdout } = spawnSync(process.execPath, [...preload, Sandbox.program, ...args], {
    cwd: box.dir,
    env: {
      ...box.env,
      SOPS_AGE_KEY: alice.identity,
      AWS_EC2_METADATA_DISABLED: "true",
      ...env,
    },
    encoding: "utf8",
  });
  const urls = readFileSync(log, "utf8").trimEnd().split("\n");
  box.write("loaded", "");
  return {
    status,
    stdout,
    files: urls.filter((url) => url.startsWith("file:")).map((url) => fileURLToPath(url)),
  };
}

beforeAll(async () => {
  box = new Sandbox({ "plain.json": '{"a":"b"}', "plain.yaml": "a: b\n" });
  const yaml = await box.run(["encrypt", "--age", alice.recipient, "plain.yaml"]);
  box.write("sealed.yaml", yaml.stdout);
  const { stdout } = await box.run(["encrypt", "--age", alice.recipient, "plain.json"]);
  box.write("sealed.json", stdout);
  box.write("many.yaml", Array.from({ length: 6000 }, (_, i) => `k${i}: v\n`).join(""));
  const many = await box.run(["encrypt", "--age", alice.recipient, "many.yaml"]);
  box.write("sealed-many.yaml", many.stdout);
});
afterAll(() => box.remove());

test("decrypting a file for an age key loads no package and nothing that uses the network", () => {
  const { status, stdout, files } = loadedBy(["decrypt", "sealed.json"]);
  expect({ status, a: (JSON.parse(stdout) as { a: string }).a }).toEqual({ status: 0, a: "b" });
  expect(files.length).toBeGreaterThan(2);
  expect(files.filter((file) => !file.startsWith(bin))).toEqual([]);
  const http = readdirSync(join(bin, "chunks")).filter((name) =>
    readFileSync(join(bin, "chunks", name), "utf8").includes("setDefaultCACertificates"),
  );
  expect(http).toHaveLength(1);
  expect(files.filter((file) => http.some((name) => file.endsWith(name)))).toEqual([]);
});

test("a file for an AWS key loads Amazon's client from its package, and no other vendor's", () => {
  const { files } = loadedBy(["encrypt", "--kms", arn, "plain.json"]);
  const vendors = Object.keys(peerDependencies).filter((name) =>
    files.some((file) => file.includes(`/node_modules/${name}/`)),
  );
  expect(vendors).toContain("@aws-sdk/client-kms");
  expect(vendors.filter((name) => !name.startsWith("@aws-sdk/"))).toEqual([]);
});

/** What the build wrote about its chunks. */
const chunks = JSON.parse(readFileSync(join(bin, "../metafile.json"), "utf8")) as Record<
  string,
  { imports: string[]; dynamicImports: string[]; modules: string[] } | undefined
>;

/** The chunks that a run opened. */
function openedBy(args: readonly string[]): string[] {
  const { status, files } = loadedBy(args);
  expect(status).toBe(0);
  const opened = files.map((file) => file.slice(bin.length + 1)).filter((name) => chunks[name]);
  return [...new Set(opened)].map((name) => name.replace(/-[\w-]{8}\.js$/, "")).toSorted();
}

test("what every run loads contains no package", () => {
  const reached = new Set(["sopsmith.js"]);
  for (const name of reached) {
    // The first file loads the command line by import(), so that an old Node gets as far as its message.
    const next = [...(chunks[name]?.imports ?? [])];
    if (name === "sopsmith.js") next.push(...(chunks[name]?.dynamicImports ?? []));
    for (const other of next) if (chunks[other]) reached.add(other);
  }
  const modules = [...reached].flatMap((name) => chunks[name]?.modules ?? []);
  expect(modules.length).toBeGreaterThan(50);
  expect(modules.filter((id) => id.includes("node_modules"))).toEqual([]);
  const keys = modules.filter((id) => id.startsWith("src/keys/"));
  expect(keys).toContain("src/keys/aws-kms/aws-kms.ts");
  expect(keys.filter((id) => /\/(?:wrap|remote|report)\.ts$/.test(id))).toEqual([]);
  for (const id of ["key-service/client", "crypto/shamir", "go/regexp"])
    expect(modules).not.toContain(`src/${id}.ts`);
});

test.each([
  [["--version"], []],
  [["decrypt", "sealed.yaml"], []],
  [
    ["decrypt", "sealed.json"],
    ["chunks/json", "chunks/writer"],
  ],
  [["decrypt", "sealed-many.yaml"], ["chunks/leaf-batch"]],
])("%s opens what every run opens and %s", (args, more) => {
  const always = ["chunks/core.js", "chunks/rolldown-runtime", "sopsmith.js"];
  expect(openedBy(args)).toEqual([...always, ...more].toSorted());
});

test.each(commands.map(({ name }) => name))("%s opens no package before it works", (name) => {
  const { status, files } = loadedBy([name, "--help"]);
  expect(status).toBe(0);
  const opened = files.map((file) => chunks[file.slice(bin.length + 1)]?.modules ?? []);
  expect(opened.length).toBeGreaterThan(2);
  // commander is small; it knows which word was meant.
  const packages = opened.flat().filter((id) => id.includes("node_modules"));
  expect(packages.filter((id) => !id.includes("node_modules/commander/"))).toEqual([]);
});

/** What a built file imports, by the way it does. */
function importsOf(file: string): { statically: string[]; later: string[] } {
  const text = readFileSync(file, "utf8");
  const all = (pattern: RegExp) => [...text.matchAll(pattern)].map(([, name = ""]) => name);
  return {
    statically: all(/\brequire\(["`]([^"`]+)["`]\)/g).filter((name) => !isBuiltin(name)),
    later: all(/\bimport\(\s*[`"]([^"`]+)[`"]/g),
  };
}

test("the built command contains no optional package: each is a real import, done when it is needed", () => {
  const files = [
    "sopsmith.js",
    ...readdirSync(join(bin, "chunks")).map((name) => `chunks/${name}`),
  ];
  const outside = (names: readonly string[]) =>
    names.filter((name) => !/^(?:\.{0,2}\/|node:)/.test(name) && !name.startsWith("#"));
  const found = files.map((file) => importsOf(join(bin, file)));
  expect(found.flatMap(({ statically }) => outside(statically))).toEqual([]);
  const later = new Set(found.flatMap(({ later }) => outside(later)));
  for (const name of [
    "@aws-sdk/client-kms",
    "@aws-sdk/credential-providers",
    "google-auth-library",
    "@azure/identity",
  ])
    expect([...later]).toContain(name);
  expect([...later].filter((name) => !(name in peerDependencies))).toEqual([]);
});

test("no run leaves or reads compiled code where HOME and XDG_CACHE_HOME point", () => {
  const tree = new Sandbox({ "sealed.yaml": box.read("sealed.yaml") });
  const folders = [".cache/sopsmith", "sopsmith"].map((name) => tree.path(name));
  // What earlier versions kept there, and would have run.
  for (const folder of folders) mkdirSync(folder, { recursive: true });
  for (const kind of ["other", "decrypt-yaml", "decrypt"])
    for (const folder of folders)
      writeFileSync(join(folder, `${kind}-0123456789abcdef`), "planted");
  const before = readdirSync(tree.dir, { recursive: true });
  const env = { ...tree.env, SOPS_AGE_KEY: alice.identity };
  for (const more of [
    { XDG_CACHE_HOME: tree.dir },
    { HOME: tree.dir, XDG_CACHE_HOME: tree.path(".cache") },
    { HOME: "/nonexistent", XDG_CACHE_HOME: "." },
  ])
    for (const args of [
      ["--version"],
      ["decrypt", "sealed.yaml"],
      ["help", "decrypt"],
      ["nothing"],
    ])
      spawnSync(process.execPath, [Sandbox.program, ...args], {
        cwd: tree.dir,
        env: { ...env, ...more },
      });
  expect(readdirSync(tree.dir, { recursive: true })).toEqual(before);
  tree.remove();
});
