import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { counterpart } from "../counterparts.ts";
import { ending, scratchDir, startScript } from "./script.ts";

/** Folders that hold some of the tools only. */
const paths: Record<string, string> = {};

beforeAll(() => {
  for (const [kind, tools] of [
    ["getfattr", ["getfattr", "setfattr", "getfacl", "setfacl", "ls"]],
    ["getfacl", ["getfacl", "setfacl", "ls"]],
    ["ls", ["ls"]],
    ["nothing", []],
  ] as const) {
    const dir = join(shared, kind);
    mkdirSync(dir);
    for (const tool of tools)
      symlinkSync(tool === "ls" ? "/bin/ls" : counterpart(tool), join(dir, tool));
    paths[kind] = dir;
  }
});

const shared = mkdtempSync(join(tmpdir(), "sopsmith-tools-"));
afterAll(() => rmSync(shared, { recursive: true, force: true }));

const run = (tool: "getfacl" | "setfacl" | "getfattr" | "setfattr", ...args: string[]): string =>
  execFileSync(counterpart(tool), args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });

const list = (path: string) => run("getfacl", "-cpn", path).trim().split("\n");

/** Replaces a file's content where these tools are; what was warned of. */
async function replace(path: string, kind: string): Promise<string> {
  const script = startScript(
    `const { replaceFile } = await io("atomic-write.ts");
     await replaceFile(process.argv[1], ["new"], { warn: (message) => console.log(message) });`,
    [path],
    { env: { ...process.env, PATH: paths[kind] } },
  );
  const { stdout, stderr, status } = await ending(script);
  expect([status, stderr]).toEqual([0, ""]);
  expect(readFileSync(path, "utf8")).toBe("new");
  return stdout;
}

function fileIn(dir: string, mode = 0o640): string {
  const path = join(dir, "a file\\\nof two lines.yaml");
  writeFileSync(path, "old");
  chmodSync(path, mode);
  return path;
}

test.each(["getfattr", "getfacl"])("keeps an access control list with %s", async (kind) => {
  const path = fileIn(scratchDir());
  run("setfacl", "-m", "u:65534:r,g::-,g:1234:rw", path);
  const [before, { mode }] = [list(path), statSync(path)];
  expect(before).toContain("group::---");
  expect(await replace(path, kind)).toBe("");
  expect([list(path), statSync(path).mode]).toEqual([before, mode]);
});

test.each([
  ["exit 1", "getfacl"],
  ["kill -9 $$", "getfacl"],
  ["echo 'error while loading shared libraries' >&2; exit 127", "getfacl"],
  ["exit 1", "ls"],
])("gives nobody more access where a getfattr does %j and there is %s", async (body, kind) => {
  const dir = mkdtempSync(join(shared, "broken-"));
  const tools = kind === "ls" ? ["ls"] : ["ls", "getfacl", "setfacl"];
  for (const tool of tools) symlinkSync(join(paths[kind] ?? "", tool), join(dir, tool));
  for (const tool of ["getfattr", "setfattr"])
    writeFileSync(join(dir, tool), `#!/bin/sh\n${body}\n`, { mode: 0o755 });
  paths[dir] = dir;
  const path = fileIn(scratchDir(), 0o600);
  run("setfacl", "-m", "u:1234:rw", path);
  const before = list(path);
  const said = await replace(path, dir);
  if (kind === "ls") {
    expect(said).toContain("could not be kept");
    expect(list(path)).toEqual(["user::rw-", "group::---", "other::---"]);
  } else {
    expect(said).toBe("");
    expect(list(path)).toEqual(before);
  }
});

test("keeps extended attributes", async () => {
  const path = fileIn(scratchDir());
  // Not every file system has them.
  if (
    spawnSync(counterpart("setfattr"), ["-n", "user.origin", "-v", 'a\nb="c"', path]).status !== 0
  )
    return;
  expect(await replace(path, "getfattr")).toBe("");
  expect(run("getfattr", "--absolute-names", "--only-values", "-n", "user.origin", path)).toBe(
    'a\nb="c"',
  );
});

test("makes a file private if its list cannot be kept, and says so", async () => {
  const path = fileIn(scratchDir());
  run("setfacl", "-m", "u:65534:-,u:1234:r,o::r", path);
  expect(await replace(path, "ls")).toMatch(
    /^The access control list of [^]* could not be kept: only its owner can open the file now\. Install getfacl/,
  );
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test.each(["getfattr", "getfacl", "ls"])(
  "does not let a folder's default list open a file, with %s",
  async (kind) => {
    const dir = scratchDir();
    const path = fileIn(dir);
    run("setfacl", "-d", "-m", "u:65534:rw", dir);
    await replace(path, kind);
    const now = list(path);
    const named = now.filter((line) => line.startsWith("user:65534:"));
    expect(named.filter((line) => !line.includes("#effective:---"))).toEqual([]);
    if (kind !== "ls") expect(statSync(path).mode & 0o777).toBe(0o640);
  },
);

test.each(["getfattr", "getfacl", "ls", "nothing"])(
  "replaces a file without a list as before, with %s",
  async (kind) => {
    const path = fileIn(scratchDir());
    expect(await replace(path, kind)).toBe("");
    expect(list(path)).toEqual(["user::rw-", "group::r--", "other::---"]);
  },
);
