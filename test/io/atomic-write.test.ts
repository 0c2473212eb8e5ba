import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  closeSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { replaceFile } from "../../src/io/atomic-write.ts";
import { CannotReplace } from "../../src/io/write-errors.ts";
import { ending, scratchDir, startScript } from "./script.ts";

function fileIn(dir: string, content = "old content\n", mode = 0o644): string {
  const path = join(dir, "file.yaml");
  writeFileSync(path, content);
  chmodSync(path, mode);
  return path;
}

const text = (path: string) => readFileSync(path, "utf8");
const modeOf = (path: string) => statSync(path).mode & 0o7777;

test("replaces a file by a new one with the same mode and leaves nothing beside it", async () => {
  const dir = scratchDir();
  const path = fileIn(dir, "old", 0o640);
  const before = statSync(path).ino;
  await replaceFile(path, ["new ", Buffer.from([0xff, 0x00]), "end"]);
  expect(readFileSync(path)).toEqual(
    Buffer.concat([Buffer.from("new "), Buffer.from([0xff, 0]), Buffer.from("end")]),
  );
  expect(statSync(path).ino).not.toBe(before);
  expect(modeOf(path)).toBe(0o640);
  expect(readdirSync(dir)).toEqual(["file.yaml"]);
});

test("writes text whose surrogate pairs are split between pieces", async () => {
  const path = fileIn(scratchDir());
  await replaceFile(path, ["x".repeat(65_535), "\ud83d", "\udd11", "y"]);
  expect(text(path)).toBe(`${"x".repeat(65_535)}🔑y`);
});

test("replaces the target of a chain of links and keeps the links", async () => {
  const dir = scratchDir();
  mkdirSync(join(dir, "real"));
  mkdirSync(join(dir, "other"));
  const path = fileIn(join(dir, "real"));
  symlinkSync("real/file.yaml", join(dir, "first"));
  symlinkSync("../first", join(dir, "other/second"));
  symlinkSync("other", join(dir, "linked-dir"));
  await replaceFile(join(dir, "linked-dir/second"), ["new"]);
  expect(text(path)).toBe("new");
  expect(readlinkSync(join(dir, "other/second"))).toBe("../first");
  expect(lstatSync(join(dir, "first")).isSymbolicLink()).toBe(true);
});

test("creates the target of a broken link, and refuses a loop of links", async () => {
  const dir = scratchDir();
  symlinkSync("target", join(dir, "link"));
  await replaceFile(join(dir, "link"), ["new"], { purpose: "output" });
  expect(text(join(dir, "target"))).toBe("new");
  expect(lstatSync(join(dir, "link")).isSymbolicLink()).toBe(true);
  symlinkSync("loop", join(dir, "loop"));
  await expect(replaceFile(join(dir, "loop"), ["new"])).rejects.toThrow(
    /^Could not open in-place file for writing: .*too many/,
  );
});

test("gives a new file 0666 less the umask, or the mode asked for", async () => {
  const dir = scratchDir();
  await replaceFile(join(dir, "plain"), ["x"], { purpose: "output" });
  await replaceFile(join(dir, "private"), ["x"], { mode: 0o600 });
  expect(modeOf(join(dir, "plain"))).toBe(0o666 & ~process.umask());
  expect(modeOf(join(dir, "private"))).toBe(0o600);
  expect(readdirSync(dir).toSorted()).toEqual(["plain", "private"]);
});

test("keeps the owner and the group if it is allowed to", async () => {
  if (process.getuid?.() !== 0) {
    // Only root may give a file away; CI runs as root.
    expect(process.env["CI"]).toBeUndefined();
    return;
  }
  const path = fileIn(scratchDir(), "old", 0o4750);
  chownSync(path, 12_345, 23_456);
  chmodSync(path, 0o4750);
  await replaceFile(path, ["new"]);
  const { uid, gid } = statSync(path);
  expect([uid, gid, modeOf(path)]).toEqual([12_345, 23_456, 0o4750]);
});

test("refuses a file with hard links unless told to rewrite it", async () => {
  const dir = scratchDir();
  const path = fileIn(dir);
  linkSync(path, join(dir, "other"));
  const refused = await replaceFile(path, ["new"]).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(CannotReplace);
  expect(refused).toMatchObject({
    exitCode: 3,
    message: expect.stringMatching(/^Could not open in-place file for writing: .*2 hard links/),
    hint: expect.stringContaining("--no-atomic"),
  });
  expect(text(path)).toBe("old content\n");
  await replaceFile(path, ["new"], { noAtomic: true });
  expect(text(join(dir, "other"))).toBe("new");
});

test.each([
  ["shorter", "new"],
  ["longer", "new content that is longer than the old content was\n".repeat(5000)],
  ["empty", ""],
])("rewrites a file in place with %s content", async (_, content) => {
  const path = fileIn(scratchDir());
  const { ino } = statSync(path);
  await replaceFile(path, [content.slice(0, 7), content.slice(7)], { noAtomic: true });
  expect(text(path)).toBe(content);
  expect(statSync(path).ino).toBe(ino);
});

test("names the output file in messages about it", async () => {
  const dir = scratchDir();
  await expect(replaceFile(join(dir, "none/file"), ["x"], { purpose: "output" })).rejects.toThrow(
    /^Could not open output file for writing: .*no such file or directory$/,
  );
  await expect(replaceFile(dir, ["x"], { purpose: "output" })).rejects.toThrow(/is a directory$/);
  await expect(replaceFile("", ["x"])).rejects.toThrow(/is a directory$/);
  await expect(replaceFile(join(dir, "new/"), ["x"])).rejects.toThrow(/no such file or directory$/);
  expect(readdirSync(dir)).toEqual([]);
});

/** Root may write everywhere, so the process becomes somebody else first. */
const replaceAsNobody = `
const { replaceFile } = await io("atomic-write.ts");
if (process.getuid() === 0) { process.setgid(65534); process.setuid(65534); }
const [path, noAtomic] = process.argv.slice(1);
try { await replaceFile(path, ["new"], { noAtomic: noAtomic === "yes" }); console.log("replaced"); }
catch (error) { console.log(error.exitCode, error.message, "|", error.hint); }
`;

test("refuses to replace in a directory that is not writable, and can rewrite there", async () => {
  const dir = scratchDir();
  const path = fileIn(dir, "old content\n", 0o666);
  chmodSync(dir, 0o555);
  const refused = await ending(startScript(replaceAsNobody, [path, "no"]));
  expect(refused.stdout).toMatch(
    /^3 Could not open in-place file for writing: .*directory is not writable: permission denied \| .*--no-atomic/,
  );
  expect(text(path)).toBe("old content\n");
  const rewritten = await ending(startScript(replaceAsNobody, [path, "yes"]));
  chmodSync(dir, 0o755);
  expect(rewritten.stdout).toBe("replaced\n");
  expect(text(path)).toBe("new");
});

test("does not get around a file's missing write permission", async () => {
  const dir = scratchDir();
  chmodSync(dir, 0o777);
  const path = fileIn(dir, "old content\n", 0o444);
  const refused = await ending(startScript(replaceAsNobody, [path, "no"]));
  expect(refused.stdout).toMatch(/^3 Could not open in-place .*permission denied \| undefined/);
  expect(text(path)).toBe("old content\n");
  expect(readdirSync(dir)).toEqual(["file.yaml"]);
});

test("refuses a mount point, and says how to get around it", async () => {
  const dir = scratchDir();
  const path = fileIn(dir);
  writeFileSync(join(dir, "source"), "old content\n");
  // A private mount namespace: nothing to clean up, and no privilege where users may make their own.
  const script = `
    mount --bind "$1/source" "$1/file.yaml" 2>/dev/null || { echo no-mount; exit 0; }
    shift
    exec "$@"`;
  const result = await ending(
    startScript(
      `const { replaceFile } = await io("atomic-write.ts");
       const path = process.argv[1];
       await replaceFile(path, ["new"]).catch((error) => console.log(error.exitCode, error.message, "|", error.hint));
       await replaceFile(path, ["new"], { noAtomic: true });`,
      [path],
      { wrap: ["unshare", "--map-root-user", "--mount", "sh", "-c", script, "sh", dir] },
    ),
  );
  // Where a container forbids mounts there is nothing to see.
  if (result.stdout === "no-mount\n" || result.stderr.includes("unshare")) return;
  expect(result.stdout).toMatch(
    /^3 Could not open in-place .*it is a mount point \| .*--no-atomic/,
  );
  expect(text(join(dir, "source"))).toBe("new");
  expect(readdirSync(dir).toSorted()).toEqual(["file.yaml", "source"]);
});

test.each(["no", "yes"])(
  "leaves the old file when there is no room (rewriting: %s)",
  async (noAtomic) => {
    const dir = scratchDir();
    const path = fileIn(dir, "o".repeat(50_000));
    const { stdout } = await ending(
      startScript(
        `const { replaceFile } = await io("atomic-write.ts");
       const [path, noAtomic] = process.argv.slice(1);
       try { await replaceFile(path, ["n".repeat(300_000)], { noAtomic: noAtomic === "yes" }); }
       catch (error) { console.log(error.exitCode, error.message, "|", error.hint); }`,
        [path, noAtomic],
        { wrap: ["prlimit", "--fsize=100000"] },
      ),
    );
    expect(stdout).toBe(`1 write ${path}: file too large | The file is unchanged.\n`);
    expect(text(path)).toBe("o".repeat(50_000));
    expect(readdirSync(dir)).toEqual(["file.yaml"]);
  },
);

/** Replaces a file by turns with 2 MB of a's and of b's, for ever. */
const replaceForEver = `
const { replaceFile } = await io("atomic-write.ts");
const path = process.argv[1];
console.log("ready");
for (let i = 0; ; i++) {
  const letter = i % 2 ? "a" : "b";
  await replaceFile(path, Array.from({ length: 200 }, () => letter.repeat(10_000)));
}`;

test("leaves the old or the new content when killed at any moment", async () => {
  const dir = scratchDir();
  const path = fileIn(dir, "a".repeat(2_000_000));
  for (let i = 0; i < 8; i++) {
    const child = startScript(replaceForEver, [path]);
    await new Promise((resolve) => child.stdout?.once("data", resolve));
    await sleep(10 + i * 7);
    child.kill("SIGKILL");
    await ending(child);
    const content = text(path);
    expect(content.length).toBe(2_000_000);
    expect(content === "a".repeat(2_000_000) || content === "b".repeat(2_000_000)).toBe(true);
  }
});

test.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)(
  "removes its temporary file on %s",
  async (signal) => {
    const dir = scratchDir();
    const path = fileIn(dir, "a".repeat(2_000_000));
    for (let i = 0; i < 3; i++) {
      const child = startScript(replaceForEver, [path]);
      await new Promise((resolve) => child.stdout?.once("data", resolve));
      await sleep(15 + i * 11);
      child.kill(signal);
      expect((await ending(child)).signal).toBe(signal);
      expect(readdirSync(dir)).toEqual(["file.yaml"]);
    }
  },
);

test("writes to a FIFO and to devices instead of replacing them", async () => {
  const dir = scratchDir();
  const fifo = join(dir, "fifo");
  execFileSync("mkfifo", [fifo]);
  const reader = await Promise.all([
    open(fifo, "r").then(async (file) => {
      const content = await file.readFile("utf8");
      await file.close();
      return content;
    }),
    replaceFile(fifo, ["through the pipe"], { purpose: "output" }),
  ]);
  expect(reader[0]).toBe("through the pipe");
  expect(lstatSync(fifo).isFIFO()).toBe(true);
  const before = statSync("/dev/null").rdev;
  await replaceFile("/dev/null", ["x"]);
  expect(statSync("/dev/null").rdev).toBe(before);
  await expect(replaceFile("/dev/full", ["x"], { purpose: "output" })).rejects.toMatchObject({
    exitCode: 1,
    message: "write /dev/full: no space left on device",
  });
});

test("writes to open descriptors by their names in /dev and /proc", async () => {
  const dir = scratchDir();
  const code = `const { replaceFile } = await io("atomic-write.ts");
    for (const path of process.argv.slice(1)) await replaceFile(path, ["to " + path + "\\n"], { purpose: "output" });`;
  const piped = await ending(
    startScript(code, ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "/dev/stderr"]),
  );
  expect(piped).toMatchObject({
    status: 0,
    stdout: "to /dev/stdout\nto /dev/fd/1\nto /proc/self/fd/1\n",
    stderr: "to /dev/stderr\n",
  });
  // A file behind a descriptor is written on, not replaced and not truncated: the shell said >>.
  const log = join(dir, "log");
  writeFileSync(log, "before\n");
  const descriptor = openSync(log, "a");
  const { ino } = statSync(log);
  await ending(
    startScript(code, ["/dev/stdout", "/dev/fd/3"], {
      stdio: ["ignore", descriptor, "pipe", descriptor],
    }),
  );
  closeSync(descriptor);
  expect(text(log)).toBe("before\nto /dev/stdout\nto /dev/fd/3\n");
  expect(statSync(log).ino).toBe(ino);
});

test("writes to a process substitution of the shell", () => {
  const dir = scratchDir();
  const code = `const { replaceFile } = await import(${JSON.stringify(
    `file://${join(import.meta.dirname, "../../src/io/atomic-write.ts")}`,
  )}); await replaceFile(process.argv[1], ["x".repeat(300000)], { purpose: "output" });`;
  const { status } = spawnSync(
    "bash",
    [
      "-c",
      '"$0" --input-type=module -e "$1" -- >(wc -c > "$2/count"; mv "$2/count" "$2/done"); wait $!',
      process.execPath,
      code,
      dir,
    ],
    { stdio: "ignore" },
  );
  expect(status).toBe(0);
  expect(text(join(dir, "done")).trim()).toBe("300000");
});
