import { spawn } from "node:child_process";
import { expect } from "vitest";
import { Sandbox, type Result } from "../cli/sandbox.ts";
import { counterpart } from "../counterparts.ts";

type Env = Readonly<Record<string, string>>;

const plain = "user: shop\npassword: correct horse\n";

/** Milliseconds for a command that gives up by itself, on a busy machine: below the limits of 10 and more seconds. */
export const withoutWaiting = 8000;

/** A directory in which sopsmith and real sops run with the same environment. */
export class Both {
  readonly box: Sandbox;
  #files = 0;

  constructor(env: Env = {}, files: Readonly<Record<string, string | Uint8Array>> = {}) {
    this.box = new Sandbox({ "plain.yaml": plain, ...files }, { GPG_AGENT_INFO: "", ...env });
  }

  remove(): void {
    this.box.remove();
  }

  sopsmith(args: readonly string[], env: Env = {}): Promise<Result> {
    return this.box.run(args, { env });
  }

  sops(args: readonly string[], env: Env = {}): Promise<Result> {
    const child = spawn(counterpart("sops"), args, {
      cwd: this.box.dir,
      env: { ...this.box.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
    return new Promise((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (code) => resolve({ code, stdout, stderr }));
    });
  }

  /**
   * A file encrypted by sopsmith.
   *
   * @param flags those that name the keys
   * @returns its name
   */
  async sealed(flags: readonly string[], env: Env = {}): Promise<string> {
    return this.#seal("sopsmith", flags, env);
  }

  /** What sopsmith wraps real sops unwraps, and the other way; returns both files' texts. */
  async expectExchange(flags: readonly string[], env: Env = {}): Promise<string[]> {
    const texts: string[] = [];
    for (const [writer, reader] of [
      ["sopsmith", "sops"],
      ["sops", "sopsmith"],
    ] as const) {
      const file = await this.#seal(writer, flags, env);
      texts.push(this.box.read(file));
      expect(await this[reader](["decrypt", file], env)).toEqual({
        code: 0,
        stdout: plain,
        stderr: "",
      });
    }
    return texts;
  }

  /** sopsmith opens what it has sealed. */
  async expectRoundTrip(flags: readonly string[], env: Env = {}): Promise<void> {
    await this.expectOpens(await this.sealed(flags, env), env);
  }

  async expectOpens(file: string, env: Env = {}): Promise<void> {
    expect(await this.sopsmith(["decrypt", file], env)).toEqual({
      code: 0,
      stdout: plain,
      stderr: "",
    });
  }

  /**
   * Encrypting fails with one line that names the key, the cause and what to do.
   *
   * @returns that line
   */
  async wrapError(flags: readonly string[], env: Env = {}): Promise<string> {
    const { code, stdout, stderr } = await this.sopsmith(["encrypt", ...flags, "plain.yaml"], env);
    expect({ code, stdout }, stderr).toEqual({ code: 1, stdout: "" });
    const lines = stderr.trimEnd().split("\n");
    expect(lines).toHaveLength(1);
    return lines[0] ?? "";
  }

  /**
   * Decrypting fails with the report.
   *
   * @returns the report, each key's reason joined to one line
   */
  async unwrapError(file: string, env: Env = {}): Promise<string> {
    const { code, stdout, stderr } = await this.sopsmith(["decrypt", file], env);
    expect({ code, stdout }, stderr).toEqual({ code: 128, stdout: "" });
    return stderr.replaceAll(/\n {6}\| /g, " ");
  }

  async #seal(writer: "sopsmith" | "sops", flags: readonly string[], env: Env): Promise<string> {
    const { code, stdout, stderr } = await this[writer](["encrypt", ...flags, "plain.yaml"], env);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const name = `sealed-${++this.#files}.yaml`;
    this.box.write(name, stdout);
    return name;
  }
}
