import { spawn, type ChildProcess, type SpawnOptions } from "node:child_process";
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

const root = join(import.meta.dirname, "../..");

/**
 * Starts TypeScript-free module code in a process of its own; `io("name.ts")` imports a file of src/io.
 *
 * @param wrap a program in front of node, such as `prlimit`
 */
export function startScript(
  code: string,
  args: readonly string[] = [],
  options: SpawnOptions & { wrap?: readonly string[] } = {},
): ChildProcess {
  const { wrap = [], ...spawnOptions } = options;
  const prelude = `const io = (name) => import(${JSON.stringify(`file://${root}/src/io/`)} + name);\n`;
  const [program = "", ...words] = [
    ...wrap,
    process.execPath,
    "--input-type=module",
    "-e",
    prelude + code,
    "--",
    ...args,
  ];
  return spawn(program, words, { stdio: ["ignore", "pipe", "pipe"], ...spawnOptions });
}

export interface Ending {
  status: number | null;
  signal: string | null;
  stdout: string;
  stderr: string;
}

export function ending(child: ChildProcess): Promise<Ending> {
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout?.on("data", (chunk: Buffer) => stdout.push(chunk));
  child.stderr?.on("data", (chunk: Buffer) => stderr.push(chunk));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (status, signal) =>
      resolve({
        status,
        signal,
        stdout: Buffer.concat(stdout).toString(),
        stderr: Buffer.concat(stderr).toString(),
      }),
    );
  });
}

/** Resolves when the child has printed this on stdout. */
export function printed(child: ChildProcess, text: string): Promise<string> {
  let seen = "";
  return new Promise((resolve, reject) => {
    child.stdout?.on("data", (chunk: Buffer) => {
      seen += chunk.toString();
      if (seen.includes(text)) resolve(seen);
    });
    child.on("close", () => reject(new Error(`ended without printing ${text}: ${seen}`)));
  });
}

/** A directory that is gone after the test, by its real path. */
export function scratchDir(): string {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), "sopsmith-test-")));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/**
 * Runs a command in a pseudo-terminal and types each text when the screen shows, once more, what it answers.
 *
 * @returns what the screen has shown
 */
export function inTerminal(
  command: string,
  typing: readonly { after: string; type: string }[],
  env: Readonly<Record<string, string | undefined>> = process.env,
): Promise<string> {
  const child = spawn("script", ["-qec", command, "/dev/null"], {
    stdio: ["pipe", "pipe", "inherit"],
    env,
  });
  let screen = "";
  let seen = 0;
  let turn = 0;
  child.stdout.on("data", (chunk: Buffer) => {
    screen += chunk.toString();
    const next = typing[turn];
    const at = next === undefined ? -1 : screen.indexOf(next.after, seen);
    if (next === undefined || at < 0) return;
    seen = at + next.after.length;
    turn++;
    // A moment later, when the program has come to read.
    setTimeout(() => child.stdin.write(next.type), 200);
  });
  return new Promise((resolve) => child.on("close", () => resolve(screen)));
}
