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
