import { execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { counterpart } from "../counterparts.ts";

/** A throw-away home of gpg, with an agent of its own. */
export class KeyRing {
  /** A short path: the agent's socket lies in it. */
  readonly dir = mkdtempSync(join(tmpdir(), "gpg-"));
  readonly env: Readonly<Record<string, string>> = { GNUPGHOME: this.dir };

  constructor() {
    this.#configureAgent();
  }

  gpg(args: readonly string[], input = ""): string {
    return execFileSync(counterpart("gpg"), ["--batch", "--quiet", ...args], {
      env: { PATH: process.env["PATH"], ...this.env },
      input,
      encoding: "utf8",
      stdio: ["pipe", "pipe", "pipe"],
    });
  }

  /**
   * @param how.passphrase none by default
   * @param how.expired the key was good for a day, long ago
   * @returns the primary key's fingerprint, and that of the subkey that encrypts
   */
  makeKey(
    name: string,
    how: { passphrase?: string; expired?: boolean } = {},
  ): { fingerprint: string; subkey: string } {
    const when = how.expired === true ? ["--faked-system-time", "20200101T000000"] : [];
    this.gpg(
      [...when, "--gen-key"],
      `Key-Type: eddsa\nKey-Curve: ed25519\nSubkey-Type: ecdh\nSubkey-Curve: cv25519\n` +
        `Name-Real: ${name}\nExpire-Date: ${how.expired === true ? "1d" : "0"}\n` +
        (how.passphrase === undefined ? "%no-protection\n" : `Passphrase: ${how.passphrase}\n`) +
        "%commit\n",
    );
    // Else the agent remembers the passphrase that it was just told.
    if (how.passphrase !== undefined) this.stopAgent();
    const [fingerprint = "", subkey = ""] = this.gpg(["--with-colons", "--list-keys", name])
      .split("\n")
      .filter((line) => line.startsWith("fpr:"))
      .map((line) => line.split(":")[9] ?? "");
    return { fingerprint, subkey };
  }

  /** From now on the agent asks this program: `answer` for each wish to read a passphrase, every line is logged. */
  usePinentry(answer: string): void {
    const path = join(this.dir, "pinentry");
    writeFileSync(
      path,
      `#!/bin/sh\necho OK\nwhile read -r line; do\n  echo "$line" >> '${this.dir}/asked'\n` +
        `  case $line in GETPIN) printf '${answer}\\n' ;; BYE) echo OK; exit ;; *) echo OK ;; esac\ndone\n`,
    );
    chmodSync(path, 0o700);
    this.#configureAgent(path);
  }

  useNoPinentry(): void {
    this.#configureAgent(join(this.dir, "no-such-pinentry"));
  }

  /** What the pinentry program was told. */
  asked(): string {
    return readFileSync(join(this.dir, "asked"), "utf8");
  }

  #configureAgent(pinentry?: string): void {
    // A passphrase that is quick to try, instead of one as slow as the machine allows.
    const lines = [
      "s2k-count 65536",
      ...(pinentry === undefined ? [] : [`pinentry-program ${pinentry}`]),
    ];
    writeFileSync(join(this.dir, "gpg-agent.conf"), `${lines.join("\n")}\n`);
    if (pinentry !== undefined) this.stopAgent();
  }

  stopAgent(): void {
    execFileSync(counterpart("gpgconf"), ["--homedir", this.dir, "--kill", "all"]);
  }

  remove(): void {
    this.stopAgent();
    rmSync(this.dir, { recursive: true, force: true });
  }
}
