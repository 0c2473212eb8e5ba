// The ways to install that need neither npm nor Node.js: the shell installer and the Debian package.
import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import { basename, join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { programUnderTest, shellProgram } from "./program-under-test.ts";
import { Sandbox } from "./sandbox.ts";

const root = join(import.meta.dirname, "../..");

/** What stands for the executable of a release: the program under test itself, or a script that starts it. */
const executable: Uint8Array =
  programUnderTest.length === 1
    ? readFileSync(programUnderTest[0])
    : Buffer.from(`#!/bin/sh\nexec ${shellProgram} "$@"\n`);
const sum = createHash("sha256").update(executable).digest("hex");
const names = [
  "linux-x64",
  "linux-arm64",
  "linux-x64-musl",
  "linux-arm64-musl",
  "macos-arm64",
  "macos-x64",
].map((platform) => `sopsmith-${platform}`);

/** The files of a release with this executable for every platform. */
function releaseOf(content: Uint8Array): Record<string, string | Uint8Array> {
  const digest = createHash("sha256").update(content).digest("hex");
  return {
    ...Object.fromEntries(names.map((name) => [name, content])),
    SHA256SUMS: names.map((name) => `${digest}  ${name}\n`).join(""),
  };
}

/** A host of releases on this machine: by default one release whose files and checksums agree. */
async function releases(files: Readonly<Record<string, string | Uint8Array>> = {}) {
  const all: Record<string, string | Uint8Array> = { ...releaseOf(executable), ...files };
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? "");
    const path = request.url ?? "";
    const content = path.includes("/v9.9.9/") ? undefined : all[basename(path)];
    if (content === undefined) response.writeHead(404).end();
    else response.end(content);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  const address = server.address();
  const port = typeof address === "object" ? address?.port : undefined;
  return { url: `http://127.0.0.1:${port}/releases`, asked };
}

async function install(env: Readonly<Record<string, string>>) {
  const box = new Sandbox();
  onTestFinished(() => box.remove());
  mkdirSync(box.path("tmp"));
  const child = spawn("sh", [join(root, "install.sh")], {
    cwd: box.dir,
    env: { PATH: process.env["PATH"], HOME: box.dir, TMPDIR: box.path("tmp"), ...env },
  });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  const status = await new Promise<number | null>((resolve) => child.on("close", resolve));
  const installed = box.path(".local/bin/sopsmith");
  expect(readdirSync(box.path("tmp"))).toEqual([]);
  return { status, stdout, stderr, installed, isThere: existsSync(installed), box };
}

test("the installer puts the latest release's executable in place when the checksum is right", async () => {
  const { url, asked } = await releases();
  const { status, stdout, stderr, installed } = await install({ SOPSMITH_RELEASES: url });
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  expect(stdout).toMatch(
    /^installed .*\/\.local\/bin\/sopsmith: sops 3\.13\.3 \(sopsmith .*\)\n.* is not on your PATH yet\n$/,
  );
  expect(asked[0]).toMatch(/^\/releases\/latest\/download\/sopsmith-/);
  expect(
    execFileSync("bash", [join(root, "scripts/release/smoke.sh"), installed], { encoding: "utf8" }),
  ).toContain("all formats encrypt and decrypt");
});

test("it installs the release that it is asked for, over an older one", async () => {
  const { url, asked } = await releases();
  const first = await install({ SOPSMITH_RELEASES: url });
  const again = await install({
    SOPSMITH_RELEASES: url,
    SOPSMITH_VERSION: "0.1.0",
    SOPSMITH_SHA256: sum,
    SOPSMITH_INSTALL_DIR: join(first.box.dir, ".local/bin"),
  });
  expect(again).toMatchObject({ status: 0, stderr: "" });
  // The expected checksum was given: that of the server is not asked for.
  expect(asked.slice(2)).toEqual([
    expect.stringMatching(/^\/releases\/download\/v0\.1\.0\/sopsmith-/),
  ]);
  expect(readdirSync(first.box.path(".local/bin"))).toEqual(["sopsmith"]);
  expect(statSync(first.installed).mode & 0o777).toBe(0o755);
});

const changed = Buffer.concat([executable, Buffer.from("#")]);
test.each([
  [
    "was changed on its way",
    Object.fromEntries(names.map((name) => [name, changed])),
    /has the checksum [0-9a-f]{64}, not /,
  ],
  [
    "was truncated",
    Object.fromEntries(names.map((name) => [name, executable.subarray(0, 10)])),
    /truncated/,
  ],
  ["has no checksum", { SHA256SUMS: `${sum}  sopsmith-plan9\n` }, /has no checksum for sopsmith-/],
] as const)("it installs nothing where the executable %s", async (_, files, message) => {
  const { url } = await releases(files);
  const { status, stdout, stderr, isThere } = await install({ SOPSMITH_RELEASES: url });
  expect({ status, stdout, isThere }).toEqual({ status: 1, stdout: "", isThere: false });
  expect(stderr).toMatch(message);
  expect(stderr.trimEnd().split("\n")).toHaveLength(1);
});

test("it refuses a checksum that is not the one the user expects, a missing release, plain http and odd versions", async () => {
  const { url } = await releases();
  const other = sum.replace(/^./, (digit) => (digit === "0" ? "1" : "0"));
  const refused = [
    await install({ SOPSMITH_RELEASES: url, SOPSMITH_SHA256: other }),
    await install({ SOPSMITH_RELEASES: url.replace(/:\d+/, ":1") }),
    await install({ SOPSMITH_RELEASES: "http://releases.example" }),
    await install({ SOPSMITH_RELEASES: url, SOPSMITH_VERSION: "../../evil" }),
  ];
  for (const { status, isThere, stdout } of refused)
    expect({ status, isThere, stdout }).toEqual({ status: 1, isThere: false, stdout: "" });
  expect(refused[2]?.stderr).toContain("is not an https address");
  expect(refused[3]?.stderr).toContain("is not a version");
});

test("if anything fails, it says so in one line with the reason, and leaves nothing behind", async () => {
  const { url } = await releases();
  const broken = await releases(releaseOf(Buffer.from("#!/bin/sh\nexit 3\n")));
  const box = new Sandbox({ "a-file": "" });
  onTestFinished(() => box.remove());
  for (const folder of ["taken/sopsmith/x", "riscv"])
    mkdirSync(box.path(folder), { recursive: true });
  box.write("riscv/uname", "#!/bin/sh\ncase $1 in -m) echo riscv64 ;; *) echo Linux ;; esac\n");
  chmodSync(box.path("riscv/uname"), 0o755);
  const riscv = { PATH: `${box.path("riscv")}:${process.env["PATH"] ?? ""}` };
  const cases: [Readonly<Record<string, string>>, RegExp][] = [
    [
      { SOPSMITH_RELEASES: url.replace(/:\d+/, ":1") },
      /cannot be downloaded \(curl: \(7\) .*\)\. Nothing/,
    ],
    [{ SOPSMITH_VERSION: "9.9.9" }, /cannot be downloaded \(.*404\)\. Nothing/],
    [
      { SOPSMITH_INSTALL_DIR: box.path("a-file") },
      /cannot install into .*\/a-file \(mkdir: .*\); set SOPSMITH_I/,
    ],
    [
      { SOPSMITH_INSTALL_DIR: box.path("a-file/b") },
      /cannot install into .*\/b \(mkdir: .*\); set SOPSMITH_I/,
    ],
    [
      { SOPSMITH_INSTALL_DIR: "/proc" },
      /cannot install into \/proc \(cp: .*\); set SOPSMITH_INSTALL_DIR/,
    ],
    [
      { SOPSMITH_INSTALL_DIR: box.path("taken") },
      /\/taken\/sopsmith is a directory; set SOPSMITH_INSTALL_DIR/,
    ],
    [{ HOME: "" }, /HOME is not set; set SOPSMITH_INSTALL_DIR/],
    [{ SOPSMITH_RELEASES: broken.url }, /sopsmith-\S+ does not run here\. Nothing was installed/],
    [
      riscv,
      /there is no executable for Linux on riscv64; if you have Node\.js, run npm install -g sopsmith/,
    ],
  ];
  for (const [env, message] of cases) {
    const { status, stdout, stderr, isThere } = await install({ SOPSMITH_RELEASES: url, ...env });
    expect({ status, stdout, isThere, stderr }).toEqual({
      status: 1,
      stdout: "",
      isThere: false,
      stderr: expect.stringMatching(message),
    });
    expect(stderr).toMatch(/^install\.sh: .*\n$/);
  }
  expect(readdirSync(box.path("taken"), { recursive: true })).toEqual(["sopsmith", "sopsmith/x"]);
});

test("it takes a checksum in capital letters, and an executable that does not run replaces none", async () => {
  const { url } = await releases();
  const first = await install({ SOPSMITH_RELEASES: url, SOPSMITH_SHA256: sum.toUpperCase() });
  expect(first).toMatchObject({ status: 0, stderr: "" });
  const broken = await releases(releaseOf(Buffer.from("#!/bin/sh\nexit 3\n")));
  const folder = join(first.box.dir, ".local/bin");
  const again = await install({ SOPSMITH_RELEASES: broken.url, SOPSMITH_INSTALL_DIR: folder });
  expect(again.status).toBe(1);
  expect(readdirSync(folder)).toEqual(["sopsmith"]);
  expect(readFileSync(first.installed).equals(executable)).toBe(true);
});

test("on a system without an executable it says how to install with Node.js", async () => {
  const fake = new Sandbox();
  onTestFinished(() => fake.remove());
  fake.write("uname", "#!/bin/sh\necho Plan9\n");
  chmodSync(fake.path("uname"), 0o755);
  const { status, stderr } = await install({ PATH: `${fake.dir}:${process.env["PATH"] ?? ""}` });
  expect([status, stderr]).toEqual([
    1,
    "install.sh: there is no executable for Plan9 on Plan9; if you have Node.js, run npm install -g sopsmith\n",
  ]);
});

test("the Debian package installs, runs and is removed; the same input makes the same package", async () => {
  const box = new Sandbox();
  onTestFinished(() => box.remove());
  writeFileSync(box.path("program"), executable);
  const arch = execFileSync("dpkg", ["--print-architecture"], { encoding: "utf8" }).trim();
  const build = (out: string) =>
    execFileSync(
      process.execPath,
      [
        join(root, "scripts/release/deb.ts"),
        "--program",
        box.path("program"),
        "--arch",
        arch,
        "--out",
        box.path(out),
        // An executable of 100 MB takes a minute at the usual level.
        "--level",
        "0",
      ],
      { encoding: "utf8", env: { ...process.env, SOURCE_DATE_EPOCH: "1790000000" } },
    ).trim();
  const deb = build("one");
  expect(basename(deb)).toMatch(RegExp(`^sopsmith_\\d+\\.\\d+\\.\\d+_${arch}\\.deb$`));
  expect(readFileSync(build("two")).equals(readFileSync(deb))).toBe(true);

  // A system of its own, without what the package depends on.
  const system = box.path("system");
  for (const folder of ["var/lib/dpkg/info", "var/lib/dpkg/updates", "var/log"])
    mkdirSync(join(system, folder), { recursive: true });
  writeFileSync(join(system, "var/lib/dpkg/status"), "");
  const dpkg = (...args: string[]) =>
    execFileSync(
      "dpkg",
      [
        `--root=${system}`,
        "--force-depends",
        "--force-not-root",
        "--force-script-chrootless",
        ...args,
      ],
      {
        encoding: "utf8",
        stdio: ["ignore", "pipe", "pipe"],
        // dpkg wants ldconfig and start-stop-daemon on PATH.
        env: { ...process.env, PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin` },
      },
    );
  dpkg("--install", deb);
  expect(dpkg("--status", "sopsmith")).toContain("Status: install ok installed");
  const smoke = execFileSync(
    "bash",
    [join(root, "scripts/release/smoke.sh"), join(system, "usr/bin/sopsmith")],
    {
      encoding: "utf8",
    },
  );
  expect(smoke).toContain("all formats encrypt and decrypt");
  const files = dpkg("--listfiles", "sopsmith").split("\n");
  for (const name of [
    "/usr/share/man/man1/sopsmith.1.gz",
    "/usr/share/man/man1/sopsmith-encrypt.1.gz",
    "/usr/share/bash-completion/completions/sopsmith",
    "/usr/share/zsh/vendor-completions/_sopsmith",
    "/usr/share/fish/vendor_completions.d/sopsmith.fish",
    "/usr/share/doc/sopsmith/copyright",
    "/usr/share/doc/sopsmith/changelog.gz",
  ]) {
    expect(files).toContain(name);
    expect(statSync(join(system, name)).size).toBeGreaterThan(0);
  }
  const copyright = readFileSync(join(system, "usr/share/doc/sopsmith/copyright"), "utf8");
  expect(copyright).toContain("MIT License");
  expect(copyright).toMatch(/^@aws-sdk\/client-kms \d\S* \(Apache-2\.0\) https:/m);
  dpkg("--remove", "sopsmith");
  expect(existsSync(join(system, "usr/bin/sopsmith"))).toBe(false);
  rmSync(system, { recursive: true, force: true });
}, 300_000);
