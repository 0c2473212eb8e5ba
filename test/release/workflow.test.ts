// The steps of release.yml that publish, run with programs in the place of cosign, skopeo, npm and gh that only note how they
// are called.
import { execFileSync, spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { parse } from "yaml";
import { targets } from "../../scripts/release/targets.ts";

const root = join(import.meta.dirname, "../..");
const { defaults, jobs } = parse(
  readFileSync(join(root, ".github/workflows/release.yml"), "utf8"),
) as {
  defaults: object;
  jobs: Record<string, Job>;
};

interface Job {
  readonly needs?: string | readonly string[];
  readonly permissions: Readonly<Record<string, string>>;
  readonly steps: readonly { readonly run?: string; readonly "working-directory"?: string }[];
}

/** What `build` and `sign-macos` hand over. */
const built = Object.keys(targets).map(
  (target) => `sopsmith-${target}${target.startsWith("windows") ? ".exe" : ""}`,
);

/** skopeo writes the digest of what it has copied where it is told to. */
const noteDigest = `while [ $# -gt 0 ]; do
  if [ "$1" = --digestfile ]; then printf 'sha256:abc' > "$2"; fi
  shift
done
`;

/** A checkout of the tag with the downloaded artifact, where every program that reaches out is a note in `calls`. */
function runner(version: string) {
  const folder = mkdtempSync(join(tmpdir(), "sopsmith-release-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const write = (name: string, text: string, mode = 0o644) => {
    mkdirSync(join(folder, name, ".."), { recursive: true });
    writeFileSync(join(folder, name), text, { mode });
  };
  const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as object;
  write("package.json", JSON.stringify({ ...manifest, version }));
  write(
    "CHANGELOG.md",
    `# Changelog\n\n## [Unreleased]\n\n## [${version}] - 2026-12-01\n\n- New.\n`,
  );
  for (const name of ["install.sh", "scripts/release", "src/project-uri.ts"])
    cpSync(join(root, name), join(folder, name), { recursive: true });
  for (const name of built) write(`standalone/${name}`, name);
  for (const name of [`sopsmith-${version}.tgz`, "sopsmith.cdx.json", "THIRD-PARTY-NOTICES"])
    write(`standalone/${name}`, name);
  for (const arch of ["amd64", "arm64"]) write(`standalone/sopsmith_${version}_${arch}.deb`, arch);
  // Of a build that was not signed for macOS yet.
  write("standalone/SHA256SUMS", "old\n");
  write("bin/node", `#!/bin/sh\nexec '${process.execPath}' "$@"\n`, 0o755);
  for (const name of ["cosign", "skopeo", "npm", "gh"])
    write(
      `bin/${name}`,
      `#!/bin/sh\nprintf '%s\\n' "${name} $*" >> '${folder}/calls'\n${name === "skopeo" ? noteDigest : ""}`,
      0o755,
    );
  write("calls", "");
  const follow = (job: string) => {
    for (const { run, "working-directory": below = "." } of jobs[job]?.steps ?? []) {
      if (run === undefined || run.startsWith("go install ")) continue;
      const { status, stderr } = spawnSync(
        "bash",
        ["--noprofile", "--norc", "-eo", "pipefail", "-c", run],
        {
          stdio: ["ignore", "pipe", "pipe"],
          cwd: join(folder, below),
          encoding: "utf8",
          env: {
            PATH: `${join(folder, "bin")}:${process.env["PATH"] ?? ""}`,
            GITHUB_REF_NAME: `v${version}`,
            REGISTRY: "ghcr.io/sopsmith/sopsmith",
            ACTOR: "someone",
            TOKEN: "t0ken",
          },
        },
      );
      expect({ job, status, stderr }).toEqual({ job, status: 0, stderr: "" });
    }
    const calls = readFileSync(join(folder, "calls"), "utf8").split("\n").slice(0, -1);
    writeFileSync(join(folder, "calls"), "");
    return calls;
  };
  return { folder, follow };
}

test("the steps run in the shell that they are tested in", () => {
  // GitHub runs it as bash --noprofile --norc -eo pipefail.
  expect(defaults).toEqual({ run: { shell: "bash" } });
});

test("the checksums of a release name every file that is published, and hold", () => {
  const { folder, follow } = runner("0.1.0");
  const calls = follow("sign");
  expect(calls).toEqual([
    "cosign sign-blob --yes --new-bundle-format --bundle SHA256SUMS.sigstore.json SHA256SUMS",
  ]);
  const published = join(folder, "published");
  cpSync(join(folder, "standalone"), published, { recursive: true });
  cpSync(join(folder, "install.sh"), join(published, "install.sh"));
  execFileSync("sha256sum", ["--check", "--strict", "--quiet", "SHA256SUMS"], { cwd: published });
  const named = readFileSync(join(published, "SHA256SUMS"), "utf8").match(/\S+$/gm) ?? [];
  // What is made from the checksums cannot be among them.
  const derived = ["SHA256SUMS", "sopsmith.rb", "aqua.yaml"];
  expect(named.toSorted()).toEqual(
    readdirSync(published)
      .filter((name) => !derived.includes(name))
      .toSorted(),
  );
  expect(readFileSync(join(folder, "standalone/sopsmith.rb"), "utf8")).toContain('version "0.1.0"');
});

test.each([
  ["0.1.0", true],
  ["0.2.0-beta.1", false],
])("a release %s becomes the latest: %s", (version, isLatest) => {
  const { folder, follow } = runner(version);
  follow("sign");
  // Of the real cosign.
  writeFileSync(join(folder, "standalone/SHA256SUMS.sigstore.json"), "{}");

  const images = follow("images");
  expect(images.join("\n")).not.toContain("t0ken");
  for (const [layout, name] of [
    ["command", "ghcr.io/sopsmith/sopsmith"],
    ["operator", "ghcr.io/sopsmith/sopsmith-operator"],
  ] as const) {
    const own = images.filter((call) => RegExp(`${name}[:@]`).test(call));
    expect(own).toEqual([
      `skopeo copy --all --digestfile digest oci:standalone/images:${layout} docker://${name}:${version}`,
      `cosign sign --yes --recursive ${name}@sha256:abc`,
      `cosign attest --yes --type cyclonedx --predicate standalone/sopsmith.cdx.json ${name}@sha256:abc`,
      ...(isLatest
        ? [`skopeo copy --all docker://${name}@sha256:abc docker://${name}:latest`]
        : []),
    ]);
  }

  expect(follow("npm")).toEqual([
    `npm publish --provenance --access public --tag ${isLatest ? "latest" : "next"} ./standalone/sopsmith-${version}.tgz`,
  ]);

  const [release = "", ...more] = follow("release");
  expect(more).toEqual([]);
  expect(release).toContain(
    `gh release create v${version} --verify-tag --title v${version} --notes-file notes.md ${isLatest ? "--latest" : "--prerelease"} `,
  );
  const files = release.split(" ").filter((word) => /^(?:install\.sh|standalone\/.*)$/.test(word));
  for (const name of files) expect(existsSync(join(folder, name)), name).toBe(true);
  const names = files.map((name) => name.replace(/^.*\//, ""));
  for (const name of [...built, "SHA256SUMS", "SHA256SUMS.sigstore.json", "THIRD-PARTY-NOTICES"])
    expect(names).toContain(name);
  expect(names.filter((name) => name.endsWith(".deb"))).toHaveLength(2);
  expect(readFileSync(join(folder, "notes.md"), "utf8")).toBe("- New.\n");
});

test("nothing is published before everything was tried, and each job may do only its own part", () => {
  const before = (job: string): string[] => {
    const direct = [jobs[job]?.needs ?? []].flat();
    return [...new Set([...direct, ...direct.flatMap(before)])];
  };
  expect(before("sign").toSorted()).toEqual(["build", "sign-macos", "test", "try", "try-linux"]);
  expect(before("npm")).toEqual(expect.arrayContaining(["sign", "images"]));
  expect(before("release")).toEqual(expect.arrayContaining(["sign", "images", "npm"]));
  const writes = Object.entries(jobs).map(([name, { permissions }]) => [
    name,
    Object.keys(permissions).filter((scope) => permissions[scope] === "write"),
  ]);
  expect(Object.fromEntries(writes)).toEqual({
    test: [],
    build: [],
    "sign-macos": [],
    try: [],
    "try-linux": [],
    sign: ["id-token", "attestations"],
    images: ["packages", "id-token"],
    npm: ["id-token"],
    release: ["contents"],
  });
});
