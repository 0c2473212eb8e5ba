import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { alice } from "../keys/fake-host.ts";
import { keepMany as keepFlat } from "../layout/flat-formats.ts";
import { decryptText, encryptText } from "../verbs.ts";
import { layoutText } from "./generate-layout.ts";
import { Random } from "./random.ts";

const layout = "keep";
const run = promisify(execFile);

/** What became of one random text. */
export type Outcome =
  | { kind: "same" | "refused" | "wrong"; source: string; said: string }
  | { kind: "kept" | "fell back"; source: string; sealed: string; said: string };

/**
 * The `index`-th random text of a seed, encrypted with its layout and decrypted again.
 *
 * @param change made to the text first
 */
export async function keepAndOpen(
  seed: number,
  index: number,
  change = (text: string): string => text,
): Promise<Outcome> {
  const source = change(layoutText(new Random(seed, index)));
  const said: string[] = [];
  const warn = (message: string): void => void said.push(message);
  let sealed: string;
  try {
    sealed = await encryptText(source, { layout, warn, explain: warn });
  } catch (error) {
    return { kind: "refused", source, said: String(error) };
  }
  if (!/^ *# sopsmith-layout 1(?: no-eol)?\r?$/m.test(sealed))
    return { kind: "fell back", source, sealed, said: said.join() };
  try {
    const back = await decryptText(sealed, { layout, warn });
    const kind = back === source && said.length === 0 ? "kept" : "wrong";
    return { kind, source, sealed, said: said.join() };
  } catch (error) {
    return { kind: "wrong", source, said: String(error) };
  }
}

/** How often each outcome came, and the texts of those that should not have. */
export async function keepMany(
  seed: number,
  from: number,
  to: number,
): Promise<{ counts: Record<Outcome["kind"], number>; odd: [number, Outcome][] }> {
  const counts = { kept: 0, same: 0, refused: 0, wrong: 0, "fell back": 0 };
  const odd: [number, Outcome][] = [];
  for (let index = from; index < to; index++) {
    const outcome = await keepAndOpen(seed, index);
    counts[outcome.kind]++;
    if (outcome.kind === "wrong" || outcome.kind === "fell back") odd.push([index, outcome]);
  }
  return { counts, odd };
}

/** What real sops says of a kept file, and of its own encryption of the same text. */
export interface SopsView {
  /** Of the kept file. Anything on stderr counts as a failure. */
  readonly printed: string;
  readonly said: string;
  /** Of its own; undefined where it cannot encrypt the text. */
  readonly own: string | undefined;
}

/** Runs a sops in a directory of its own. */
export class RealSops {
  private readonly program: string;
  private readonly dir = mkdtempSync(join(tmpdir(), "sopsmith-layout-"));

  constructor(program: string) {
    this.program = program;
  }

  [Symbol.dispose](): void {
    rmSync(this.dir, { recursive: true, force: true });
  }

  /** @param type what to print the values as; JSON has neither layout nor comments */
  async view(index: number, source: string, sealed: string): Promise<SopsView> {
    const plain = this.file(`${index}.yaml`, source);
    const { printed, said } = await this.decrypt(this.file(`${index}.kept.yaml`, sealed));
    try {
      const { stdout } = await this.run("encrypt", "--age", alice.recipient, plain);
      const own = await this.decrypt(this.file(`${index}.own.yaml`, stdout));
      return { printed, said, own: own.said === "" ? own.printed : undefined };
    } catch {
      return { printed, said, own: undefined };
    }
  }

  async decrypt(path: string): Promise<{ printed: string; said: string }> {
    try {
      const { stdout, stderr } = await this.run("decrypt", path);
      return { printed: stdout, said: stderr };
    } catch (error) {
      return { printed: "", said: String(error) };
    }
  }

  file(name: string, text: string): string {
    const path = join(this.dir, name);
    writeFileSync(path, text);
    return path;
  }

  read(path: string): Promise<string> {
    return readFile(path, "utf8");
  }

  run(...args: string[]): Promise<{ stdout: string; stderr: string }> {
    const env = { HOME: this.dir, PATH: process.env["PATH"], SOPS_AGE_KEY: alice.identity };
    return run(this.program, args, { env, cwd: this.dir, maxBuffer: 1 << 24 });
  }
}

/** `npm run fuzz -- --format layout`. @returns whether all went well */
export async function fuzzLayout(seed: number, from: number, to: number): Promise<boolean> {
  const { counts, odd } = await keepMany(seed, from, to);
  for (const [index, { kind, said, source }] of odd)
    process.stdout.write(`layout ${index}: ${kind}: ${said}\n${kind === "wrong" ? source : ""}\n`);
  process.stdout.write(`layout, yaml: ${JSON.stringify(counts)}\n`);
  const valid = to - from - counts.refused;
  let isRight = counts.wrong === 0 && counts["fell back"] <= valid * 0.005;
  for (const format of ["json", "dotenv", "ini"] as const) {
    // What cannot be kept of the other formats is data that their sops form loses too: each reason is counted.
    const { counts: outcomes, wrong } = await keepFlat(format, to - from, seed);
    for (const text of wrong) process.stdout.write(`layout, ${format}: wrong:\n${text}\n`);
    const reasons = Map.groupBy(outcomes, ([reason]) => reason.replace(/^line \d+: /, ""));
    for (const [reason, all] of reasons)
      process.stdout.write(
        `layout, ${format}: ${all.reduce((sum, [, n]) => sum + n, 0)} × ${reason}\n`,
      );
    isRight &&= wrong.length === 0;
  }
  return isRight;
}
