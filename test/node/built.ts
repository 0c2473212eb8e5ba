import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { generateIdentity, identityToRecipient } from "age-encryption";
import { encrypt } from "../../src/index.ts";

const root = join(import.meta.dirname, "../..");
export const identity: string = await generateIdentity();
export const recipients = { age: await identityToRecipient(identity) };

/** A folder of a program that has the built package as its dependency. */
export class Program {
  readonly dir: string = mkdtempSync(join(tmpdir(), "sopsmith-program-"));

  constructor(files: Readonly<Record<string, string>> = {}, packages: readonly string[] = []) {
    this.write("package.json", JSON.stringify({ name: "program", type: "module" }));
    this.link("sopsmith", root);
    for (const name of packages) this.link(name, join(root, "node_modules", name));
    for (const [name, text] of Object.entries(files)) this.write(name, text);
  }

  link(name: string, target: string): void {
    const path = this.path(`node_modules/${name}`);
    mkdirSync(dirname(path), { recursive: true });
    symlinkSync(target, path);
  }

  path(name: string): string {
    return join(this.dir, name);
  }

  write(name: string, content: string | Uint8Array): void {
    mkdirSync(dirname(this.path(name)), { recursive: true });
    writeFileSync(this.path(name), content);
  }

  async seal(
    name: string,
    text: string,
    format: "yaml" | "json" | "dotenv" | "ini",
  ): Promise<void> {
    this.write(name, await encrypt(text, { recipients, format }));
  }

  /** Runs Node, with the key in its environment. */
  node(
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
    cwd: string = this.dir,
  ): { status: number | null; stdout: string; stderr: string } {
    const { PATH = "" } = process.env;
    const { status, stdout, stderr } = spawnSync(process.execPath, args, {
      cwd,
      env: { PATH, HOME: this.dir, SOPS_AGE_KEY: identity, ...env },
      encoding: "utf8",
    });
    return { status, stdout, stderr };
  }

  remove(): void {
    rmSync(this.dir, { recursive: true, force: true });
  }
}
