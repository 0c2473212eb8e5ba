import { execFileSync, spawnSync } from "node:child_process";
import {
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { hadolint } from "../../scripts/kube-setup.ts";
import { alice } from "../keys/fake-host.ts";

const root = join(import.meta.dirname, "../..");
const work = mkdtempSync(join(tmpdir(), "sopsmith-images-test-"));
const layout = join(work, "images");
const program = join(root, "standalone/sopsmith");
const rootfs = join(work, "root");
afterAll(() => rmSync(work, { recursive: true, force: true }));

const skopeo = (...words: string[]): string =>
  execFileSync("skopeo", words, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });

interface Manifest {
  digest: string;
  artifactType?: string;
  platform: { architecture: string };
}
const indexOf = (name: string) =>
  JSON.parse(skopeo("inspect", "--raw", `oci:${layout}:${name}`)) as { manifests: Manifest[] };
const blob = (digest: string) => readFileSync(join(layout, "blobs", digest.replace(":", "/")));

beforeAll(() => {
  const run = (script: string, ...words: string[]) =>
    execFileSync(process.execPath, [join(root, "scripts", script), ...words], { cwd: root });
  run("build-standalone.ts", "--target", "host");
  // An executable for the other architecture would take another build; only its base is of that one.
  const programs = ["x64", "arm64"].flatMap((arch) => ["--program", `linux-${arch}=${program}`]);
  run("build-images.ts", ...programs, "--out", layout);
}, 600_000);

test.each(["command", "operator"])(
  "the image %s exists for both architectures, each with a bill of materials, and every digest is right",
  (name) => {
    const { manifests } = indexOf(name);
    expect(manifests.map(({ platform }) => platform.architecture)).toEqual([
      "amd64",
      "unknown",
      "arm64",
      "unknown",
    ]);
    // It reads every blob and compares its digest.
    const copy = join(work, `copy-${name}`);
    skopeo("copy", "--override-arch", "arm64", `oci:${layout}:${name}`, `dir:${copy}`);
    expect(readdirSync(copy)).toContain("manifest.json");
    for (const [position, image] of manifests.entries()) {
      if (image.artifactType === undefined) continue;
      const bill = JSON.parse(blob(image.digest).toString()) as {
        subject: { digest: string };
        layers: { digest: string }[];
      };
      expect(bill.subject.digest).toBe(manifests[position - 1]?.digest);
      const text = blob(bill.layers[0]?.digest ?? "").toString();
      const { components } = JSON.parse(text) as { components: { name: string }[] };
      expect(components.map((component) => component.name)).toEqual(
        expect.arrayContaining(["libc6", "ca-certificates", "yaml"]),
      );
    }
  },
);

test("both images run as a numeric user, and start what their names say", () => {
  const config = (name: string) =>
    (JSON.parse(skopeo("inspect", "--config", `oci:${layout}:${name}`)) as { config: object })
      .config;
  expect(config("command")).toMatchObject({
    User: "65532:65532",
    Entrypoint: ["/usr/local/bin/sopsmith"],
    WorkingDir: "/work",
  });
  expect(config("operator")).toMatchObject({
    User: "65532:65532",
    Entrypoint: ["/usr/local/bin/sopsmith", "operator"],
  });
});

test("in its root file system the program runs, under every name, and nothing else is there to run", () => {
  const architecture = process.arch === "arm64" ? "arm64" : "amd64";
  const image = indexOf("operator").manifests.find(
    ({ platform }) => platform.architecture === architecture,
  );
  const { layers } = JSON.parse(blob(image?.digest ?? "").toString()) as {
    layers: { digest: string }[];
  };
  mkdirSync(rootfs);
  for (const { digest } of layers)
    execFileSync("tar", ["-xzpf", join(layout, "blobs", digest.replace(":", "/")), "-C", rootfs]);
  // The runtime wants /proc, which a container has.
  mkdirSync(join(rootfs, "proc"));
  const isRoot = process.getuid?.() === 0;
  const script = `mount -t proc proc "$0/proc" && exec chroot ${isRoot ? "--userspec=65532:65532" : ""} "$0" "$@"`;
  const inside = (words: string[], env: Record<string, string> = {}) => {
    const [enter, ...how] = [
      "unshare",
      ...(isRoot ? [] : ["-r"]),
      "-m",
      "-p",
      "-f",
      "sh",
      "-c",
      script,
      rootfs,
    ] as [string, ...string[]];
    const options = {
      encoding: "utf8",
      env: { PATH: process.env["PATH"], HOME: "/tmp", ...env },
    } as const;
    const { status, stdout, stderr } = spawnSync(enter, [...how, ...words], options);
    return { status, stdout, stderr };
  };
  const bin = "/usr/local/bin";
  expect(inside([`${bin}/sopsmith`, "--version"]).stdout).toMatch(/^sops /);
  expect(inside([`${bin}/manager`, "-nope"]).stderr).toMatch(
    /^flag provided but not defined: -nope/,
  );
  expect(inside([`${bin}/ksops`, "none.yaml"]).stderr).toBe(
    "cannot read none.yaml: no such file\n",
  );
  writeFileSync(join(rootfs, "work/a.yaml"), "a: hunter2\n");
  const sealed = inside([`${bin}/sopsmith`, "encrypt", "--age", alice.recipient, "/work/a.yaml"]);
  expect(sealed).toMatchObject({ status: 0, stderr: "" });
  writeFileSync(join(rootfs, "work/b.yaml"), sealed.stdout);
  expect(
    inside([`${bin}/sopsmith`, "decrypt", "/work/b.yaml"], { SOPS_AGE_KEY: alice.identity }),
  ).toEqual({ status: 0, stdout: "a: hunter2\n", stderr: "" });
  const runnable = globSync("**/*", { cwd: rootfs }).filter((name) => {
    const stats = statSync(join(rootfs, name), { throwIfNoEntry: false });
    return stats?.isFile() === true && (stats.mode & 0o111) !== 0 && !/\.so(?:\.|$)/.test(name);
  });
  expect(runnable.toSorted()).toEqual(
    ["ksops", "manager", "sopsmith"].map((name) => `usr/local/bin/${name}`),
  );
  const copyright = readFileSync(join(rootfs, "usr/share/doc/sopsmith/copyright"), "utf8");
  expect(copyright).toMatch(/^MIT License\n[^]*^@aws-sdk\/client-kms \d/m);
});

test("hadolint finds nothing in the Dockerfiles", () => {
  const files = globSync("deploy/Dockerfile*", { cwd: root });
  expect(files.length).toBeGreaterThanOrEqual(2);
  const { status, stdout } = spawnSync(hadolint, files, { cwd: root, encoding: "utf8" });
  expect([status, stdout]).toEqual([0, ""]);
});
