import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { lonelyFolder } from "./lonely-folder.ts";
import { installLine, type OptionalPackage } from "../src/io/optional-package.ts";

const root = join(import.meta.dirname, "..");
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
  version: string;
  engines: { node: string };
  exports: Exports;
  devDependencies: Record<string, string>;
  peerDependencies: Record<string, string>;
  peerDependenciesMeta: Record<string, { optional: boolean }>;
};
type Exports = string | { readonly [key: string]: Exports };

let folder: string;
let installed: string;

function run(command: string, args: readonly string[], cwd = folder) {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: "utf8" });
  return { status, stdout, stderr };
}

function npm(args: readonly string[], cwd?: string): string {
  const { status, stdout, stderr } = run("npm", args, cwd);
  if (status !== 0) throw new Error(`npm ${args.join(" ")}: ${stderr}`);
  return stdout;
}

beforeAll(() => {
  folder = lonelyFolder("package");
  // The built files are packed as they are: packing anew would build while other tests run the command.
  const [packed] = JSON.parse(
    npm(["pack", "--json", "--ignore-scripts", "--pack-destination", folder], root),
  ) as [{ filename: string }];
  writeFileSync(
    join(folder, "package.json"),
    JSON.stringify({ name: "consumer", private: true, type: "module" }),
  );
  const flags = ["--no-audit", "--no-fund", "--prefer-offline"];
  npm(["install", ...flags, join(folder, packed.filename)]);
  installed = join(folder, "node_modules/.bin/sopsmith");
}, 180_000);

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

test("the installed tarball gives the command sopsmith", () => {
  const { status, stdout, stderr } = run(installed, ["--version"]);
  expect({ status, stdout, stderr }).toEqual({
    status: 0,
    stdout: `sops 3.13.3 (sopsmith ${manifest.version})\n`,
    stderr: "",
  });
});

test("npm install -g puts it on PATH, as README.md says", () => {
  const prefix = join(folder, "prefix");
  const archive = readdirSync(folder).find((name) => name.endsWith(".tgz")) ?? "";
  npm([
    "install",
    "-g",
    "--prefix",
    prefix,
    "--no-audit",
    "--no-fund",
    "--prefer-offline",
    `./${archive}`,
  ]);
  expect(run(join(prefix, "bin/sopsmith"), ["--version"]).status).toBe(0);
  expect(existsSync(join(prefix, "share/man/man1/sopsmith.1"))).toBe(true);
}, 60_000);

test("the installed command encrypts and decrypts a file of each format", () => {
  const work = join(folder, "work");
  mkdirSync(work);
  const keys = join(work, "keys.txt");
  expect(run(installed, ["keygen", "-o", keys], work).status).toBe(0);
  const recipient = run(installed, ["keygen", "-y", keys], work).stdout.trim();
  const samples = {
    "a.yaml": "# note\na: b\n",
    "a.json": '{\n\t"a": "b"\n}\n',
    "a.env": "A=b\n",
    "a.ini": "[s]\na = b\n",
    "a.bin": "b",
  };
  const opened = Object.entries(samples).map(([name, text]) => {
    writeFileSync(join(work, name), text);
    const sealed = run(installed, ["encrypt", "-i", "--age", recipient, name], work);
    expect(sealed).toEqual({ status: 0, stdout: "", stderr: "" });
    expect(readFileSync(join(work, name), "utf8")).toContain("ENC[AES256_GCM,");
    const { status, stdout } = spawnSync(installed, ["decrypt", name], {
      cwd: work,
      encoding: "utf8",
      env: { ...process.env, SOPS_AGE_KEY_FILE: keys },
    });
    return { status, stdout };
  });
  expect(opened).toEqual(Object.values(samples).map((stdout) => ({ status: 0, stdout })));
});

test.each([
  [
    "@aws-sdk/client-kms",
    "@aws-sdk/client-kms@3 @aws-sdk/credential-providers@3",
    ["--kms", "arn:aws:kms:us-east-1:111122223333:key/k"],
    { kms: [{ arn: "arn:aws:kms:us-east-1:111122223333:key/k" }] },
    {},
  ],
  [
    "google-auth-library",
    "google-auth-library@10",
    ["--gcp-kms", "projects/p/locations/l/keyRings/r/cryptoKeys/k"],
    { gcp_kms: [{ resource_id: "projects/p/locations/l/keyRings/r/cryptoKeys/k" }] },
    { GOOGLE_CREDENTIALS: "{}" },
  ],
  [
    "@azure/identity",
    "@azure/identity@4 @azure/core-rest-pipeline@1",
    ["--azure-kv", "https://v.vault.azure.net/keys/k/1"],
    { azure_kv: [{ vault_url: "https://v.vault.azure.net", name: "k", version: "1" }] },
    {},
  ],
] as const)("the command says how %s is installed", (name, packages, flags, stored, env) => {
  const work = mkdtempSync(join(folder, "missing-"));
  const [[list, [key]]] = Object.entries(stored) as [[string, [object]]];
  const sealedKey = { ...key, created_at: "2026-11-23T21:15:59Z", enc: "AAAA" };
  const value = `ENC[AES256_GCM,data:AA==,iv:${"A".repeat(43)}=,tag:${"A".repeat(22)}==,type:str]`;
  const sops = {
    [list]: [sealedKey],
    lastmodified: "2026-11-23T21:15:59Z",
    mac: value,
    version: "3.13.3",
  };
  writeFileSync(join(work, "plain.json"), '{"a":"b"}');
  writeFileSync(join(work, "sealed.json"), JSON.stringify({ a: value, sops }));
  const call = (...args: string[]) =>
    spawnSync(installed, args, { cwd: work, encoding: "utf8", env: { ...process.env, ...env } });
  const encrypted = call("encrypt", ...flags, "plain.json");
  const decrypted = call("decrypt", "sealed.json");
  const missing = `the package ${name} is not installed; install it with npm install ${packages}`;
  expect(encrypted).toMatchObject({
    status: 1,
    stdout: "",
    stderr: expect.stringContaining(missing),
  });
  expect(encrypted.stderr.trimEnd().split("\n")).toHaveLength(1);
  expect(decrypted).toMatchObject({ status: 1, stdout: "" });
  expect(decrypted.stderr).toContain(`sealed.json: install it with npm install ${packages}: `);
});

test("a TypeScript program that uses the installed library compiles", () => {
  const compiler = join(root, "node_modules/typescript/bin/tsc");
  const compile = (file: string, text: string) => {
    writeFileSync(join(folder, file), text);
    const options = ["--noEmit", "--strict", "--module", "nodenext", "--target", "es2024"];
    return run(process.execPath, [
      compiler,
      ...options,
      "--types",
      "node",
      "--typeRoots",
      join(root, "node_modules/@types"),
      file,
    ]);
  };
  const right =
    'import { decryptFile } from "sopsmith";\nexport const opened = decryptFile("secrets.yaml");\n';
  expect(compile("right.ts", right)).toEqual({ status: 0, stdout: "", stderr: "" });
  // Every entry, with its declarations checked too, in a project that has none of the optional packages.
  const entries = Object.keys(manifest.exports).filter((name) => name !== "./package.json");
  expect(entries.length).toBeGreaterThan(8);
  const all = entries.map(
    (name, i) => `export * as n${i} from "${name.replace(".", "sopsmith")}";\n`,
  );
  expect(compile("all.ts", all.join(""))).toEqual({ status: 0, stdout: "", stderr: "" });
  const wrong = 'import { decryptFile } from "sopsmith";\nexport const opened = decryptFile(1);\n';
  expect(compile("wrong.ts", wrong).stdout).toContain("wrong.ts(2,");
}, 180_000);

/** What lies below node_modules, without the package manager's own notes. */
function installedFiles(): { packages: number; bytes: number } {
  const tree = join(folder, "node_modules");
  let [packages, bytes] = [0, 0];
  for (const entry of readdirSync(tree, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    bytes += statSync(path).size;
    if (/\bnode_modules[\\/](?:@[^\\/]+[\\/])?[^\\/@]+[\\/]package\.json$/.test(path)) packages++;
  }
  return { packages, bytes };
}

test("an installation has at most 40 packages and 15 MB", () => {
  const { packages, bytes } = installedFiles();
  expect(packages).toBeGreaterThan(1);
  expect(packages).toBeLessThanOrEqual(40);
  expect(bytes).toBeLessThanOrEqual(15_000_000);
});

test("no peer dependency is installed unasked, and each is tested in the release that its range begins with", () => {
  for (const [name, range] of Object.entries(manifest.peerDependencies)) {
    expect(existsSync(join(folder, "node_modules", name))).toBe(false);
    expect(manifest.peerDependenciesMeta[name]).toEqual({ optional: true });
    expect(range).toBe(`^${manifest.devDependencies[name]}`);
  }
});

test("the install line names each optional package in a release of its peer range", () => {
  const names = Object.keys(manifest.peerDependencies) as OptionalPackage[];
  for (const name of names) {
    const [major = "", minor = ""] = (manifest.devDependencies[name] ?? "").split(".");
    const release = major === "0" ? `0.${minor}` : major;
    expect(installLine(name).split(" ")).toContain(`${name}@${release}`);
  }
});

test("every file of the library is reached from `exports`", () => {
  const library = join(folder, "node_modules/sopsmith/dist/src");
  const targets = (value: Exports): string[] =>
    typeof value === "string" ? [value] : Object.values(value).flatMap(targets);
  const reached = new Set(
    targets(manifest.exports)
      .filter((file) => file.includes("/dist/"))
      .map((file) => join(folder, "node_modules/sopsmith", file)),
  );
  for (const file of reached) {
    const text = readFileSync(file, "utf8");
    for (const [, name = ""] of text.matchAll(/(?:from|import)\s*\(?\s*"(\.[^"]+\.[cm]?[jt]s)"/g)) {
      const to = join(dirname(file), name);
      reached.add(/\.d\.[cm]?ts$/.test(file) ? to.replace(/\.([cm]?)[jt]s$/, ".d.$1ts") : to);
    }
  }
  const there = readdirSync(library, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  expect(there.length).toBeGreaterThan(20);
  expect(there.filter((file) => !reached.has(file))).toEqual([]);
});

test("the installed library works with a plain import", () => {
  const program = 'import { version } from "sopsmith"; console.log(version);';
  const { stdout } = run(process.execPath, ["--input-type=module", "--eval", program]);
  expect(stdout).toBe(`${manifest.version}\n`);
});

/** The command as it starts on a Node that says it is `version`. */
function onNode(version: string) {
  const fake = `Object.defineProperty(process,"version",{value:${JSON.stringify(version)}})`;
  const args = ["--import", `data:text/javascript,${encodeURIComponent(fake)}`];
  return run(process.execPath, [...args, join(root, "dist/bin/sopsmith.js"), "--version"]);
}

test.each(["v18.20.8", "v20.20.2", "v22.22.1", "v23.11.0", "v24.14.9", "v25.2.0"])(
  "on Node %s the command says in one line which version it needs",
  (version) => {
    const { status, stdout, stderr } = onNode(version);
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
    expect(stderr).toContain(`needs Node.js ${manifest.engines.node}; this is ${version} `);
    expect(stderr).toContain("the executable that needs no Node.js");
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
  },
);

test.each(["v22.22.2", "v22.30.0", "v24.15.0", "v26.0.0", "v27.1.0"])(
  "runs on Node %s",
  (version) => {
    expect(onNode(version).status).toBe(0);
  },
);

test("the file that checks the version has no syntax or import that breaks an old Node", () => {
  const text = readFileSync(join(root, "dist/bin/sopsmith.js"), "utf8");
  expect(text.startsWith("#!/usr/bin/env node\n")).toBe(true);
  expect(text).not.toMatch(
    /\?\.[a-z[(]|\?\?|\bawait\b|\bexport\b|\bimport\s*[{*"'a-zA-Z]|catch\s*\{/,
  );
  expect(text.length).toBeLessThan(6000);
});

test("every file that the command needs is in the tarball, and nothing but what is meant to be", () => {
  const [packed] = JSON.parse(npm(["pack", "--json", "--dry-run", "--ignore-scripts"], root)) as [
    { files: { path: string }[] },
  ];
  const tops = new Set(
    packed.files.map(({ path }) =>
      path.startsWith("man/") ? "man" : path.split("/").slice(0, 2).join("/"),
    ),
  );
  expect([...tops].toSorted()).toEqual([
    "CHANGELOG.md",
    "LICENSE",
    "README.md",
    "SECURITY.md",
    "dist/THIRD-PARTY-NOTICES",
    "dist/bin",
    "dist/formats",
    "dist/src",
    "man",
    "package.json",
  ]);
});

test("runs from a folder that has no node_modules", () => {
  const alone = join(folder, "alone");
  cpSync(join(root, "dist/bin"), join(alone, "bin"), { recursive: true });
  writeFileSync(join(alone, "package.json"), '{"type":"module"}');
  expect(run(process.execPath, [join(alone, "bin/sopsmith.js"), "help"]).status).toBe(0);
});
