import { spawnSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build as esbuild } from "esbuild";
import { rolldown } from "rolldown";
import { afterAll, beforeAll, expect, test } from "vitest";
import * as api from "../src/index.ts";
import { counterpart } from "./counterparts.ts";
import { alice } from "./keys/fake-host.ts";
import { lonelyFolder } from "./lonely-folder.ts";

const root = join(import.meta.dirname, "..");
let folder: string;

const env = {
  PATH: process.env["PATH"],
  HOME: "/nonexistent",
  SOPS_AGE_KEY: alice.identity,
  DENO_NO_UPDATE_CHECK: "1",
};

function run(program: string, args: readonly string[], cwd = folder) {
  const { status, stdout, stderr } = spawnSync(program, args, { cwd, env, encoding: "utf8" });
  return { status, stdout, stderr };
}

/** What a user's program does, in each runtime: keys, files in and out, an error, a change. */
const program = `
import { writeFileSync, readFileSync } from "node:fs";
import * as sopsmith from "sopsmith";
const { identity, recipient } = await sopsmith.keygen();
const recipients = { age: [recipient, ${JSON.stringify(alice.recipient)}] };
const seen = {};
for (const [name, text] of Object.entries({ yaml: "a: 1 # c\\n", json: '{"a": 1}', env: "A=1\\n", ini: "[s]\\na = 1\\n", bin: "x" })) {
  const file = new URL("plain." + name, import.meta.url);
  writeFileSync(file, text);
  await sopsmith.encryptFile(file, { recipients, inPlace: true });
  seen[name] = [await sopsmith.isEncrypted(file), Buffer.from(await sopsmith.decryptFile(file)).toString() === text];
}
const sealed = await sopsmith.encryptObject({ when: new Date(0), n: 2n ** 60n, list: [true, null] }, { recipients });
const changed = await sopsmith.update(sealed, (d) => d.set(["list", 0], "x"), { identities: identity, env: {} });
const { when, n, list } = await sopsmith.decryptObject(changed);
const pattern = await sopsmith.encrypt("a: 1\\nb: 2\\n", { recipients, encryptedRegex: "^a$" });
const groups = await sopsmith.encrypt("a: 1\\n", { recipients: [{ age: recipient }, { age: recipients.age[1] }], shamirThreshold: 2 });
const missing = await sopsmith.decryptFile("none.yaml").catch((error) => [error instanceof sopsmith.SopsmithError, error.code]);
const kms = await sopsmith.encrypt("a: 1\\n", { recipients: { kms: "arn:aws:kms:us-east-1:111122223333:key/k" } }).catch((error) => error.message.includes("npm install @aws-sdk/client-kms@3 @aws-sdk/credential-providers@3"));
console.log(JSON.stringify({ seen, when: when.getTime(), n: String(n), list, pattern: /^b: 2$/m.test(Buffer.from(pattern)), groups: Buffer.from(await sopsmith.decrypt(groups, { identities: identity })).toString(), missing, kms }));
`;

const right = {
  seen: Object.fromEntries(
    ["yaml", "json", "env", "ini", "bin"].map((name) => [name, [true, true]]),
  ),
  when: 0,
  n: String(2n ** 60n),
  list: ["x", null],
  pattern: true,
  groups: "a: 1\n",
  missing: [true, "unreadable"],
  kms: true,
};

beforeAll(() => {
  folder = lonelyFolder("runtimes");
  const packed = spawnSync(
    "npm",
    ["pack", "--json", "--ignore-scripts", "--pack-destination", folder],
    { cwd: root, encoding: "utf8" },
  );
  const [{ filename }] = JSON.parse(packed.stdout) as [{ filename: string }];
  writeFileSync(join(folder, "package.json"), '{"private":true,"type":"module"}');
  const flags = ["--no-audit", "--no-fund", "--prefer-offline", "--ignore-scripts"];
  const installed = spawnSync("npm", ["install", ...flags, join(folder, filename)], {
    cwd: folder,
    encoding: "utf8",
  });
  if (installed.status !== 0) throw new Error(installed.stderr);
  writeFileSync(join(folder, "program.mjs"), program);
}, 180_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The program's result. */
function resultOf(runtime: string, args: readonly string[]): unknown {
  const { status, stdout, stderr } = run(runtime, args);
  expect({ status, stderr }).toMatchObject({ status: 0 });
  return JSON.parse(stdout);
}

const bin = join(root, "node_modules/.bin");

test.each<[string, () => string, readonly string[]]>([
  ["Node 22", () => counterpart("node22"), ["program.mjs"]],
  ["Node 24", () => process.execPath, ["program.mjs"]],
  ["Node 26", () => counterpart("node26"), ["program.mjs"]],
  ["Bun", () => join(bin, "bun"), ["program.mjs"]],
  [
    "Deno",
    () => join(bin, "deno"),
    ["run", "--allow-all", "--no-config", "--node-modules-dir=manual", "program.mjs"],
  ],
])(
  "works in %s",
  (_name, runtime, args) => {
    expect(resultOf(runtime(), args)).toEqual(right);
  },
  60_000,
);

const optional = Object.keys(
  (
    JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
      peerDependencies: Record<string, string>;
    }
  ).peerDependencies,
);

test("esbuild bundles it for a server, without the optional packages", async () => {
  const outfile = join(folder, "esbuild/out.mjs");
  const { warnings, errors } = await esbuild({
    absWorkingDir: folder,
    entryPoints: ["program.mjs"],
    bundle: true,
    platform: "node",
    format: "esm",
    outfile,
    logLevel: "silent",
    nodePaths: [],
    banner: {
      js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);',
    },
  });
  expect([warnings, errors]).toEqual([[], []]);
  expect(resultOf(process.execPath, [outfile])).toEqual(right);
}, 60_000);

test("Rolldown bundles it for a server, without the optional packages", async () => {
  const warnings: string[] = [];
  const bundle = await rolldown({
    cwd: folder,
    input: "program.mjs",
    platform: "node",
    onLog: (_level, log) => {
      // What is not installed stays an import, as is right.
      if (!optional.some((name) => log.message.includes(name))) warnings.push(log.message);
    },
  });
  await bundle.write({ dir: join(folder, "rolldown"), format: "esm" });
  await bundle.close();
  expect(warnings).toEqual([]);
  expect(resultOf(process.execPath, ["rolldown/program.js"])).toEqual(right);
}, 60_000);

const oneSentence =
  "sopsmith decrypts secrets, so it runs on a server only: import it only in code that no browser loads.";

test("a bundle for a browser contains only one sentence, and fails with it", async () => {
  const outfile = join(folder, "browser/out.mjs");
  writeFileSync(
    join(folder, "client.mjs"),
    'import { decryptFile } from "sopsmith";\nconsole.log(decryptFile);\n',
  );
  const { warnings } = await esbuild({
    absWorkingDir: folder,
    entryPoints: ["client.mjs"],
    bundle: true,
    platform: "browser",
    format: "esm",
    outfile,
    logLevel: "silent",
  });
  expect(warnings).toEqual([]);
  expect(readFileSync(outfile, "utf8").length).toBeLessThan(3000);
  const { status, stdout, stderr } = run(process.execPath, [outfile]);
  expect([status, stdout]).toEqual([1, ""]);
  expect(stderr).toContain(`Error: ${oneSentence}`);
});

test("the module for browsers has every name of the library", () => {
  const text = readFileSync(join(root, "src/in-browser.ts"), "utf8");
  const names = [...text.matchAll(/^export const (\w+)/gm)].map(([, name = ""]) => name);
  expect(names.toSorted()).toEqual(Object.keys(api).toSorted());
});
