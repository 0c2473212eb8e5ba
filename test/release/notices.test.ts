// The licences of what is bundled: in the package for npm, and beside the executables.
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { bundledPackages, noticesText } from "../../scripts/notices.ts";
import {
  executableNotices,
  executablePackages,
} from "../../scripts/release/executable-packages.ts";

const root = join(import.meta.dirname, "../..");
const read = (name: string) => readFileSync(join(root, name), "utf8");

/** The text below the heading of a package. */
function licenseOf(notices: string, name: string, version: string): string {
  const section = notices
    .split(/^-{78}\n/m)
    .find((text) => text.split("\n\n")[0]?.includes(`${name} ${version} (`));
  return section === undefined ? "" : section.slice(section.indexOf("\n\n"));
}

const isLicense =
  /Permission is hereby granted|Permission to use, copy|Redistribution and use|Apache License|public domain/;

test("every package that rolldown bundles has its license in THIRD-PARTY-NOTICES", () => {
  const notices = read("dist/THIRD-PARTY-NOTICES");
  // What the bundles themselves say: the command's by the record of its chunks, the library's by rolldown's comments.
  const modules = [
    ...Object.values(
      JSON.parse(read("dist/metafile.json")) as Record<string, { modules: string[] }>,
    ).flatMap((chunk) => chunk.modules),
    ...globSync("dist/{src,formats}/**/*.js", { cwd: root })
      .flatMap((name) => [...read(name).matchAll(/^\/\/#region (.*)$/gm)])
      .map(([, path = ""]) => path),
  ].filter((path) => path.includes("node_modules/"));
  const names = new Set(
    modules.map((path) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? path),
  );
  expect(names.size).toBeGreaterThan(20);
  for (const name of names) {
    const version = RegExp(`^${name} (\\S+) \\(`, "m").exec(notices)?.[1] ?? "";
    expect(licenseOf(notices, name, version), name).toMatch(isLicense);
  }
  // And nothing else: what npm installs beside the package brings its own.
  const named = [...notices.matchAll(/^(\S+) \S+ \([^)]+\) https:/gm)].map(([, name]) => name);
  expect(named.filter((name) => !names.has(name ?? ""))).toEqual([]);
});

test("every package in the executables has its license there, and so has the runtime", () => {
  const packages = executablePackages();
  const notices = executableNotices();
  expect(packages.length).toBeGreaterThan(150);
  for (const { name, version } of packages)
    expect(licenseOf(notices, name, version), name).toMatch(isLicense);
  expect(notices).toContain("the runtime Bun ");
  expect(notices).toContain("JavaScriptCore");
  expect(notices).not.toContain(root);
});

/** A module of a package with these files. */
function packageWith(files: Readonly<Record<string, string>>, license = "MIT"): string {
  const parent = mkdtempSync(join(tmpdir(), "sopsmith-notices-"));
  onTestFinished(() => rmSync(parent, { recursive: true, force: true }));
  const folder = join(parent, "node_modules/@a/b");
  mkdirSync(folder, { recursive: true });
  const manifest = { name: "@a/b", version: "1.2.3", license, author: "Ada <ada@example.com>" };
  writeFileSync(join(folder, "package.json"), JSON.stringify(manifest));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return join(folder, "lib/index.js");
}

const permission = "Permission is hereby granted, free of charge";

test.each([
  ["its license file", { LICENSE: `(c) Ada\n\n${permission}\n` }, `(c) Ada\n\n${permission}\n`],
  [
    "that file and its notice",
    { "LICENSE.txt": permission, NOTICE: "Made at Home" },
    `${permission}\n\nMade at Home\n`,
  ],
  [
    "that section of its README",
    { "README.md": `# B\n\n## License\n\n(c) Ada\n${permission}` },
    `(c) Ada\n${permission}\n`,
  ],
  ["not a program of that name", { "license.js": "run()", LICENCE: permission }, `${permission}\n`],
])("the text of a package is %s", (_, files, text) => {
  const packages = bundledPackages([packageWith(files), join(root, "src/index.ts"), "\0runtime"]);
  expect(packages).toHaveLength(1);
  const [, section = ""] = noticesText(packages).split(/^-{78}\n/m);
  expect(section).toBe(`@a/b 1.2.3 (MIT) https://www.npmjs.com/package/@a/b\n\n${text}`);
});

test("a package without a text gets the text of its license with its author, and without a known license none", () => {
  const [bare] = bundledPackages([packageWith({})]);
  const [full] = bundledPackages([packageWith({ LICENSE: `(c) Bob\n\n${permission}` })]);
  if (bare === undefined || full === undefined) throw new Error("no package was found");
  expect(noticesText([bare, full])).toContain(
    `The MIT License\n\nCopyright (c) Ada <ada@example.com>\n\n${permission}\n`,
  );
  expect(() => noticesText([bare])).toThrow("@a/b has no text of its license, MIT");
  const [odd] = bundledPackages([packageWith({}, "SEE LICENSE")]);
  expect(() => noticesText(odd === undefined ? [] : [odd, full])).toThrow("@a/b has no text");
});
