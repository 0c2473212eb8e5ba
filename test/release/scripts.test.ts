// The scripts of a release, as far as they can run without a public host.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { parse } from "yaml";
import { executableNotices } from "../../scripts/release/executable-packages.ts";
import { counterpart } from "../counterparts.ts";

const root = join(import.meta.dirname, "../..");
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
  version: string;
  dependencies: Record<string, string>;
  optionalDependencies: Record<string, string>;
};

function script(
  name: string,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(root, "scripts/release", name), ...args],
    {
      encoding: "utf8",
      env: { ...process.env, ...env },
      maxBuffer: 1 << 26,
    },
  );
  return { status, stdout, stderr };
}

const read = (name: string) => readFileSync(join(root, name), "utf8");

/** What the headings of THIRD-PARTY-NOTICES name, as the bill of materials does. */
function noticed(notices: string): string[] {
  const found = [...notices.matchAll(/^(\S+) (\d\S*) \([^)]+\) https:\/\/www\.npmjs\.com\//gm)];
  expect(found.length).toBeGreaterThan(20);
  return found.map(([, name = "", version]) => `pkg:npm/${name.replace("@", "%40")}@${version}`);
}

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), "sopsmith-release-"));
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

test("the notes of a release are its section, and nothing is released when versions disagree", () => {
  const changelog = join(folder(), "CHANGELOG.md");
  const { version } = manifest;
  const notes = (text: string, tag = `v${version}`) => {
    writeFileSync(changelog, text);
    return script("notes.ts", [tag], { CHANGELOG: changelog });
  };
  const right = `# Changelog\n\n## [Unreleased]\n\n## [${version}] - 2026-12-01\n\n### Added\n\n- All of it.\n\n## [0.0.1] - 2026-01-01\n\n- Old.\n`;
  expect(notes(right)).toEqual({ status: 0, stdout: "### Added\n\n- All of it.\n", stderr: "" });
  expect(notes(right, "v9.9.9")).toMatchObject({
    status: 1,
    stdout: "",
    stderr: expect.stringContaining("v9.9.9"),
  });
  expect(notes(right.replace(" - 2026-12-01", " - soon")).status).toBe(1);
  expect(notes(right.replace("### Added\n\n- All of it.\n", "")).status).toBe(1);
  expect(notes("# Changelog\n\n## [Unreleased]\n").stderr).toBe(
    `CHANGELOG.md has no section [${version}] - DATE\n`,
  );
});

test("the bill of materials names every package that the command uses, the runtimes, and no tool of ours", () => {
  const { status, stdout } = script("sbom.ts");
  expect(status).toBe(0);
  const bom = JSON.parse(stdout) as {
    metadata: { component: object };
    components: { "bom-ref": string; name: string; hashes: { content: string }[] }[];
    dependencies: { ref: string; dependsOn: string[] }[];
  };
  expect(bom).toMatchObject({ bomFormat: "CycloneDX", specVersion: "1.6" });
  expect(bom.metadata.component).toMatchObject({ name: "sopsmith", version: manifest.version });
  const refs = bom.components.map((part) => part["bom-ref"]);
  const wanted = Object.entries({ ...manifest.dependencies, ...manifest.optionalDependencies });
  for (const [name, version] of wanted)
    expect(refs).toContain(`pkg:npm/${name.replace("@", "%40")}@${version}`);
  expect(new Set(refs).size).toBe(refs.length);
  const names = bom.components.map(({ name }) => name);
  // Packages for development in npm's eyes, and yet shipped: bundled by rolldown, or by Bun into the executables.
  for (const name of ["execa", "commander", "@aws-sdk/client-kms", "@grpc/grpc-js", "pg"])
    expect(names).toContain(name);
  for (const ref of [...noticed(read("dist/THIRD-PARTY-NOTICES")), ...noticed(executableNotices())])
    expect(refs).toContain(ref);
  for (const name of ["vitest", "typescript", "vitepress"]) expect(names).not.toContain(name);
  expect(names.filter((name) => name.startsWith("@oven/bun-"))).toHaveLength(7);
  for (const { hashes } of bom.components) expect(hashes[0]?.content).toMatch(/^[0-9a-f]{128}$/);
  // Whatever is named is there, and everything but the runtimes is reached from the program.
  const graph = new Map(bom.dependencies.map(({ ref, dependsOn }) => [ref, dependsOn]));
  const [self = ""] = graph.keys();
  const reached = new Set([self]);
  for (const ref of reached) for (const next of graph.get(ref) ?? []) reached.add(next);
  expect([...reached].filter((ref) => ref !== self && !refs.includes(ref))).toEqual([]);
  expect(refs.filter((ref) => !reached.has(ref) && !ref.includes("/bun-"))).toEqual([]);
  expect(stdout).toBe(script("sbom.ts").stdout);
});

test("the formula of Homebrew is Ruby with the checksum of each executable; the entry for aqua names the same files", () => {
  const work = folder();
  const platforms = [
    "linux-x64",
    "linux-arm64",
    "linux-x64-musl",
    "linux-arm64-musl",
    "macos-arm64",
    "macos-x64",
    "windows-x64.exe",
  ];
  const sums = new Map(platforms.map((name, i) => [`sopsmith-${name}`, String(i).repeat(64)]));
  writeFileSync(
    join(work, "SHA256SUMS"),
    [...sums].map(([name, sum]) => `${sum}  ${name}\n`).join(""),
  );
  expect(script("packaging.ts", [work])).toMatchObject({ status: 0, stderr: "" });
  const formula = readFileSync(join(work, "sopsmith.rb"), "utf8");
  const pairs = [...formula.matchAll(/url ".*\/v([^/]+)\/([^"]+)"\n +sha256 "([0-9a-f]{64})"/g)];
  expect(pairs.map(([, version]) => version)).toEqual(Array(4).fill(manifest.version));
  for (const [, , name = "", sum] of pairs) expect(sum).toBe(sums.get(name));
  const { status, stdout } = spawnSync(counterpart("ruby"), ["-c", join(work, "sopsmith.rb")], {
    encoding: "utf8",
  });
  expect([status, stdout]).toEqual([0, "Syntax OK\n"]);
  const { packages } = parse(readFileSync(join(work, "aqua.yaml"), "utf8")) as {
    packages: [{ asset: string; replacements: Record<string, string> }];
  };
  const [{ asset, replacements }] = packages;
  const assetFor = (os: string, arch: string) =>
    asset
      .replace("{{.OS}}", replacements[os] ?? os)
      .replace("{{.Arch}}", replacements[arch] ?? arch);
  for (const [os, arch] of [
    ["linux", "amd64"],
    ["linux", "arm64"],
    ["darwin", "arm64"],
    ["darwin", "amd64"],
  ] as const)
    expect(sums.has(assetFor(os, arch))).toBe(true);
  writeFileSync(join(work, "SHA256SUMS"), `${"0".repeat(64)}  sopsmith-linux-x64\n`);
  expect(script("packaging.ts", [work]).stderr).toContain("SHA256SUMS has no sopsmith-");
});
