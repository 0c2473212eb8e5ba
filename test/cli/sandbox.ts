import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { npmProgram, programUnderTest } from "./program-under-test.ts";

export interface Result {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A directory of its own to run the program in, with no configuration above it that could be found by chance. */
export class Sandbox {
  /** The command of the npm build, for tests of that build. */
  static readonly program = npmProgram;
  readonly dir = mkdtempSync(join(tmpdir(), "sopsmith-cli-"));
  readonly env: Readonly<Record<string, string>>;

  constructor(
    files: Readonly<Record<string, string | Uint8Array>> = {},
    env: Readonly<Record<string, string>> = {},
  ) {
    const { PATH = "" } = process.env;
    this.env = {
      PATH,
      HOME: this.dir,
      TMPDIR: this.path("tmp-not-there"),
      // Tests compare with what sops writes; those of kept layouts say so.
      SOPSMITH_LAYOUT: "sops",
      ...env,
    };
    for (const [name, content] of Object.entries(files)) this.write(name, content);
  }

  path(name: string): string {
    return join(this.dir, name);
  }

  write(name: string, content: string | Uint8Array): void {
    writeFileSync(this.path(name), content);
  }

  read(name: string): string {
    return readFileSync(this.path(name), "utf8");
  }

  names(): string[] {
    return readdirSync(this.dir).toSorted();
  }

  remove(): void {
    rmSync(this.dir, { recursive: true, force: true });
  }

  /** Runs the program to its end. */
  run(
    args: readonly string[],
    options: {
      stdin?: string | Uint8Array;
      env?: Readonly<Record<string, string>>;
      /** Below the sandbox's own directory. */
      cwd?: string;
    } = {},
  ): Promise<Result> {
    const [program, ...words] = programUnderTest;
    const child = spawn(program, [...words, ...args], {
      cwd: join(this.dir, options.cwd ?? ""),
      env: { ...this.env, ...options.env },
    });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
    // A program that ends without reading closes the pipe early.
    child.stdin.on("error", () => {});
    child.stdin.end(options.stdin ?? "");
    return new Promise((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (code) =>
        resolve({
          code,
          stdout: Buffer.concat(stdout).toString(),
          stderr: Buffer.concat(stderr).toString(),
        }),
      );
    });
  }
}
