import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import type { FormatName } from "../../formats/format.ts";
import { SopsmithError } from "../../src/errors.ts";
import { setPath, unsetPath, type Path } from "../../src/tree/path.ts";
import { fromPlain, type Plain } from "../../src/tree/plain.ts";
import { counterpart } from "../counterparts.ts";
import { task } from "../fuzz/generate.ts";
import { Random } from "../fuzz/random.ts";
import { alice } from "../keys/fake-host.ts";
import { changeText, decryptText, encryptText } from "../verbs.ts";

const layout = "keep";

export const isMarked = (text: string): boolean => /sopsmith.layout/.test(text);

/** What became of a text: kept byte for byte, fallen back and why, refused, or "wrong". */
export async function keepAndOpen(
  format: FormatName,
  source: string | Uint8Array,
): Promise<{ outcome: string; sealed: string }> {
  let why = "";
  let sealed: string;
  const bytes = Buffer.from(source);
  try {
    sealed = await encryptText(bytes, {
      format,
      layout,
      explain: (reason) => void (why = reason),
    });
  } catch (error) {
    if (error instanceof SopsmithError) return { outcome: "refused", sealed: "" };
    throw error;
  }
  if (!isMarked(sealed)) return { outcome: why, sealed };
  const warnings: string[] = [];
  const warn = (message: string): void => void warnings.push(message);
  const back = await decryptText(sealed, { format, layout, warn });
  const isSame = Buffer.from(back).equals(bytes) && warnings.length === 0;
  return { outcome: isSame ? "kept" : "wrong", sealed };
}

/** How often each outcome came for the random documents of a seed, and the sources of the wrong ones. */
export async function keepMany(
  format: FormatName,
  count: number,
  seed = 21,
): Promise<{ counts: Map<string, number>; wrong: string[] }> {
  const counts = new Map<string, number>();
  const wrong: string[] = [];
  for (let index = 0; index < count; index++) {
    const { source } = task(format, seed, index);
    const { outcome } = await keepAndOpen(format, source);
    counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
    if (outcome === "wrong") wrong.push(Buffer.from(source).toString());
  }
  return { counts, wrong };
}

/** `set` on a kept file. */
export const set = (format: FormatName, sealed: string, path: Path, value: Plain) =>
  edited(
    format,
    sealed,
    ([first]) => first !== undefined && setPath(first, path, fromPlain(value)),
  );

/** `unset` on a kept file. */
export const unset = (format: FormatName, sealed: string, path: Path) =>
  edited(format, sealed, ([first]) => first !== undefined && unsetPath(first, path));

/** The plain text after a change; it must not lose its layout. */
async function edited(
  format: FormatName,
  sealed: string,
  change: Parameters<typeof changeText>[1],
): Promise<string> {
  const warnings: string[] = [];
  const warn = (message: string): void => void warnings.push(message);
  const changed = (await changeText(sealed, change, { format, layout, warn })) ?? sealed;
  expect(warnings).toEqual([]);
  expect(isMarked(changed)).toBe(true);
  return decryptText(changed, { format, layout, warn });
}

const extensions: Partial<Record<FormatName, string>> = { dotenv: "env" };

/** Runs real sops on a file with that text. */
export async function runSops(
  program: "sops" | "sops311",
  format: FormatName,
  text: string,
  ...[command, ...args]: readonly [string, ...string[]]
): Promise<{ code: number | null; stdout: string; stderr: string; file: string }> {
  const folder = mkdtempSync(join(tmpdir(), "sopsmith-layout-"));
  const path = join(folder, `f.${extensions[format] ?? format}`);
  writeFileSync(path, text);
  try {
    const env = { HOME: folder, SOPS_AGE_KEY: alice.identity, SOPS_DISABLE_VERSION_CHECK: "1" };
    const child = spawn(counterpart(program), [command, path, ...args], { env, cwd: folder });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => (stdout += chunk));
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => (stderr += chunk));
    const code = await new Promise<number | null>((resolve, reject) => {
      child.on("error", reject);
      child.on("close", resolve);
    });
    return { code, stdout, stderr, file: readFileSync(path, "utf8") };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Real sops prints for a kept file what it prints for its own encryption of the text, without a word, and forgets the layout when it writes. */
export async function expectSopsReads(
  program: "sops" | "sops311",
  format: FormatName,
  source: string,
  sealed: string,
): Promise<void> {
  const read = await runSops(program, format, sealed, "decrypt");
  expect([source, read.code, read.stderr]).toEqual([source, 0, ""]);
  const own = await runSops(program, format, source, "encrypt", "--age", alice.recipient);
  if (own.code !== 0) return;
  const printed = await runSops(program, format, own.stdout, "decrypt");
  expect(valuesOf(format, read.stdout)).toEqual(valuesOf(format, printed.stdout));
}

/** What counts of a text that sops prints. */
function valuesOf(format: FormatName, text: string): string {
  // INI: a comment at the end of the text, which sops drops when it encrypts.
  return format === "ini" ? text.replaceAll(/^[ \t]*[#;].*\n/gm, "") : text;
}

/** Changes that somebody without the key can make to a kept file's looks, marker and records. */
export const forgeries: Readonly<Record<string, (text: string, random: Random) => string>> = {
  "the marker taken out": (text) =>
    text
      .replaceAll(/^; sopsmith-layout.*\n/gm, "")
      .replaceAll(/,\s*"sopsmith_layout(?:_records)?":\s*(?:"[^"]*"|\{[^}]*\})/g, "")
      .replace(/^sops_sopsmith_layout=.*\n/m, ""),
  "a flag changed": (text) =>
    text.includes(" no-eol")
      ? text.replace(" no-eol", "")
      : text
          .replace("sopsmith_layout=1", "sopsmith_layout=1 no-eol")
          .replace("sopsmith-layout 1\n", "sopsmith-layout 1 no-eol\n"),
  "two records exchanged": (text) => {
    const [a, b] = [
      ...text.matchAll(/"[^"]{8}": ?"(ENC[^"]*type:str\])"|layout \S{8} (ENC\S*)/g),
    ].map((found) => found[1] ?? found[2] ?? "");
    if (a === undefined || b === undefined) return text;
    return text.replace(a, "@").replace(b, a).replace("@", b);
  },
  "a value's ciphertext for a record": (text) => {
    const value = /ENC\[[^\]]*\]/.exec(text)?.[0] ?? "";
    return text.replaceAll(
      /(layout_records": ?\{\s*"[^"]*": ?"|layout \S{8} )ENC\[[^\]]*\]/g,
      (_, head) => head + value,
    );
  },
  "records renamed": (text) =>
    text.replaceAll(/(layout_records": ?\{\s*"|layout )[^" ]{8}(?=["' ])/g, "$1AAAAAAAA"),
  "blank lines put in": (text, random) =>
    text.replaceAll("\n", (all) => (random.oneIn(10) ? "\n\n" : all)),
  "spaces put in": (text, random) => text.replaceAll(" ", (all) => (random.oneIn(10) ? "  " : all)),
  "quotes put on": (text, random) =>
    text.replaceAll(/(?<== ?)ENC\[[^\]\s]*\]/g, (all) => (random.oneIn(2) ? `"${all}"` : all)),
  "quotes taken off": (text) => text.replaceAll(/= ["'`](ENC\[[^\]\s]*\])["'`]/g, "= $1"),
  "a sealed comment moved": (text) => {
    const sealed = /[#;] ?ENC\[[^\]]*\]/.exec(text)?.[0] ?? "";
    return text.replace(sealed, "").replace("\n", `\n${sealed}\n`);
  },
};

/** Forged files of random documents give the values of the original, or an error. */
export async function expectForgeriesHarmless(format: FormatName, count: number): Promise<number> {
  let tried = 0;
  for (let index = 0; index < count; index++) {
    const { outcome, sealed } = await keepAndOpen(format, task(format, 31, index).source);
    if (outcome !== "kept") continue;
    // A negative zero that sops prints is read as an integer.
    const values = async (text: string) =>
      (await decryptText(text, { format, output: "json" })).replaceAll(/-0(?=[,\n])/g, "0");
    const wanted = await values(sealed);
    for (const [name, forge] of Object.entries(forgeries)) {
      const forged = forge(sealed, new Random(index, tried));
      if (forged === sealed) continue;
      tried++;
      try {
        const plain = await decryptText(forged, { format, layout });
        const again = await encryptText(plain, { format });
        expect([index, name, await values(forged)]).toEqual([index, name, wanted]);
        expect([index, name, await values(again)]).toEqual([index, name, wanted]);
      } catch (error) {
        if (!(error instanceof SopsmithError)) throw error;
      }
    }
  }
  return tried;
}
