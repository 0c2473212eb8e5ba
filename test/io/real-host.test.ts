import { symlinkSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { realHost } from "../../src/io/real-host.ts";
import { ending, scratchDir, startScript } from "./script.ts";

const showCwd = `const { realHost } = await io("real-host.ts"); console.log(realHost().cwd());`;

test("believes $PWD only where it names the working directory", async () => {
  const dir = scratchDir();
  mkdirSync(join(dir, "real/sub"), { recursive: true });
  symlinkSync("real", join(dir, "link"));
  const cwd = join(dir, "real/sub");
  const seen = async (PWD: string | undefined) =>
    (
      await ending(startScript(showCwd, [], { cwd, env: { PATH: process.env["PATH"], PWD } }))
    ).stdout.trim();
  expect(await seen(join(dir, "link/sub"))).toBe(join(dir, "link/sub"));
  for (const wrong of [join(dir, "real"), join(dir, "none"), "sub", ".", "", undefined])
    expect(await seen(wrong)).toBe(cwd);
});

test("runs a program with the given environment, without a shell, stdin or stderr", async () => {
  const { stdout, status } = await realHost().run(
    ["sh", "-c", 'cat; printf "%s|%s|%s" "$1" "$A" "$HOME"; echo noise >&2', "sh", "$(date) *"],
    { PATH: process.env["PATH"], A: "b", HOME: undefined },
  );
  expect([Buffer.from(stdout).toString(), status]).toEqual(["$(date) *|b|", 0]);
});

test("keeps a program's output byte for byte", async () => {
  const { stdout } = await realHost().run(["printf", "\\377\\000\\n\\n"], {
    PATH: process.env["PATH"],
  });
  expect([...stdout]).toEqual([0xff, 0, 10, 10]);
});

test("says how a program ended, and throws when it cannot start", async () => {
  const env = { PATH: process.env["PATH"] };
  const { run } = realHost();
  expect(await run(["sh", "-c", "exit 3"], env)).toMatchObject({ status: 3, signal: undefined });
  expect(await run(["sh", "-c", "kill -9 $$"], env)).toMatchObject({
    status: undefined,
    signal: "SIGKILL",
  });
  await expect(run(["/no/such/program"], env)).rejects.toMatchObject({ code: "ENOENT" });
});

test("reads files and stdin by their names", async () => {
  const dir = scratchDir();
  writeFileSync(join(dir, "f"), Buffer.from([0xff, 0]));
  expect([...(await realHost().readFile(join(dir, "f")))]).toEqual([0xff, 0]);
  await expect(realHost().readFile(join(dir, "none"))).rejects.toMatchObject({ code: "ENOENT" });
  // What Node gives a child as stdin is a socket, which no name opens.
  const child = startScript(
    `const { realHost } = await io("real-host.ts");
     process.stdout.write(await realHost().readFile("/dev/stdin"));`,
    [],
    { stdio: ["pipe", "pipe", "pipe"] },
  );
  child.stdin?.end("from stdin");
  expect((await ending(child)).stdout).toBe("from stdin");
});
