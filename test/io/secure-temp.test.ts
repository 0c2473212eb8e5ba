import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import type { Host } from "../../src/io/host.ts";
import { realHost } from "../../src/io/real-host.ts";
import { withSecureTempDir, withSecureTempFile } from "../../src/io/secure-temp.ts";
import { ending, printed, scratchDir, startScript } from "./script.ts";

const tmpfs = 0x01021994;

function hostWith(env: Host["env"], platform: NodeJS.Platform = "linux"): Host {
  return { ...realHost(), env, platform };
}

test("lends a private file under its name and removes it with all that was left beside it", async () => {
  const root = scratchDir();
  const content = await withSecureTempFile(
    ["se", Buffer.from("cret")],
    "app.yaml",
    hostWith({ TMPDIR: root }),
    async (path) => {
      expect(dirname(dirname(path))).toBe(root);
      expect(path.endsWith("/app.yaml")).toBe(true);
      expect(statSync(path).mode & 0o7777).toBe(0o600);
      expect(statSync(dirname(path)).mode & 0o7777).toBe(0o700);
      writeFileSync(join(dirname(path), ".app.yaml.swp"), "secret");
      mkdirSync(join(dirname(path), "backups/old"), { recursive: true });
      return readFileSync(path, "utf8");
    },
  );
  expect(content).toBe("secret");
  expect(readdirSync(root)).toEqual([]);
});

test("removes the directory when the work fails", async () => {
  const root = scratchDir();
  const failing = withSecureTempDir(hostWith({ TMPDIR: root }), async () => {
    throw new Error("editor crashed");
  });
  await expect(failing).rejects.toThrow("editor crashed");
  expect(readdirSync(root)).toEqual([]);
});

test("keeps a name's directories out of the path", async () => {
  const root = scratchDir();
  await withSecureTempFile(["x"], "../../escape.env", hostWith({ TMPDIR: root }), async (path) => {
    expect(dirname(dirname(path))).toBe(root);
    expect(path.endsWith("/escape.env")).toBe(true);
  });
});

test("counts a relative TMPDIR from the working directory", async () => {
  const root = scratchDir();
  mkdirSync(join(root, "tmp"));
  const host = { ...hostWith({ TMPDIR: "tmp" }), cwd: () => root };
  await withSecureTempDir(host, async (dir) => expect(dirname(dir)).toBe(join(root, "tmp")));
});

test("prefers memory, and uses XDG_RUNTIME_DIR only if it is in memory", async () => {
  const { statfsSync } = await import("node:fs");
  const hasShm = existsSync("/dev/shm") && statfsSync("/dev/shm").type === tmpfs;
  const disk = scratchDir();
  const isDisk = statfsSync(disk).type !== tmpfs;
  await withSecureTempDir(hostWith({ XDG_RUNTIME_DIR: disk }), async (dir) => {
    const expected = isDisk ? (hasShm ? "/dev/shm" : tmpdir()) : disk;
    expect(dirname(dir)).toBe(expected);
  });
  await withSecureTempDir(hostWith({ TMPDIR: "" }), async (dir) =>
    expect(dirname(dir)).toBe(hasShm ? "/dev/shm" : tmpdir()),
  );
  await withSecureTempDir(hostWith({}, "darwin"), async (dir) =>
    expect(dirname(dir)).toBe(tmpdir()),
  );
});

test("refuses a TMPDIR that cannot be used", async () => {
  const work = withSecureTempDir(hostWith({ TMPDIR: join(scratchDir(), "none") }), async () => {});
  await expect(work).rejects.toMatchObject({
    exitCode: 3,
    message: expect.stringMatching(/^Could not create temporary .*no such file or directory$/),
    hint: expect.stringContaining("TMPDIR"),
  });
});

test.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)("removes the file on %s", async (signal) => {
  const root = scratchDir();
  const child = startScript(
    `const { withSecureTempFile } = await io("secure-temp.ts");
     const { realHost } = await io("real-host.ts");
     setTimeout(() => {}, 60_000);
     await withSecureTempFile(["secret"], "a.yaml", realHost(), async () => { console.log("ready"); await new Promise(() => {}); });`,
    [],
    { env: { ...process.env, TMPDIR: root } },
  );
  await printed(child, "ready");
  expect(readdirSync(root)).toHaveLength(1);
  child.kill(signal);
  expect((await ending(child)).signal).toBe(signal);
  expect(readdirSync(root)).toEqual([]);
});

test("falls back to the disk when memory is full", async () => {
  const script = `mount -t tmpfs -o size=64k none "$1" 2>/dev/null || { echo no-mount; exit 0; }; shift; exec "$@"`;
  const memory = scratchDir();
  const { stdout, stderr } = await ending(
    startScript(
      `const { withSecureTempFile } = await io("secure-temp.ts");
       const { realHost } = await io("real-host.ts");
       const { statSync, readdirSync } = await import("node:fs");
       const env = { XDG_RUNTIME_DIR: process.argv[1] };
       const show = (chunks) => withSecureTempFile(chunks, "a", { ...realHost(), env }, async (path) =>
         console.log(path.startsWith(process.argv[1] + "/"), statSync(path).size));
       await show(["x"]);
       await show(["x".repeat(3_000_000)]);
       console.log(readdirSync(process.argv[1]).length);`,
      [memory],
      { wrap: ["unshare", "--map-root-user", "--mount", "sh", "-c", script, "sh", memory] },
    ),
  );
  if (stdout === "no-mount\n" || stderr.includes("unshare")) return;
  expect(stdout).toBe("true 1\nfalse 3000000\n0\n");
});
