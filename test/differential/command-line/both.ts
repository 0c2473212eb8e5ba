import { execFile } from "node:child_process";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { fileURLToPath } from "node:url";
import { counterpart } from "../../counterparts.ts";

/** What one line of shell left behind. */
export interface Outcome {
  readonly code: string;
  readonly stdout: string;
  readonly stderr: string;
  /** Content by name, of every file below the working directory. */
  readonly files: Readonly<Record<string, string>>;
}

const program = fileURLToPath(new URL("../../../dist/bin/sopsmith.js", import.meta.url));
const programs = {
  sops: `exec ${counterpart("sops")} "$@"`,
  sopsmith: `exec ${process.execPath} ${program} "$@"`,
};
export type Side = keyof typeof programs;

/** Made anew for each line: its own directory, its own HOME, and no answer on stdin unless the line gives one. */
const script = `
run() {
  mkdir -p "$OUT/$1"
  cp -R "$FILES" "$OUT/$1/w"
  cd "$OUT/$1/w"
  HOME="$OUT/$1" sh -c "$2" < /dev/null > ../stdout 2> ../stderr
  echo $? > ../code
}
`;

const run = promisify(execFile);

/**
 * Runs every line in one shell, \`sops\` being the one program or the other, each line in a fresh copy of the files.
 *
 * @param key file with the age identity of both
 */
export async function runLines(
  side: Side,
  lines: readonly string[],
  files: string,
  key: string,
): Promise<Outcome[]> {
  const root = mkdtempSync(join(tmpdir(), "sopsmith-lines-"));
  const bin = join(root, "bin");
  mkdirSync(bin);
  writeFileSync(join(bin, "sops"), `#!/bin/sh\n${programs[side]}\n`);
  chmodSync(join(bin, "sops"), 0o755);
  const calls = lines.map((line, i) => `run ${i} '${line.replaceAll("'", `'\\''`)}'\n`);
  const file = join(root, "lines.sh");
  writeFileSync(file, script + calls.join(""));
  await run("sh", [file], {
    env: {
      PATH: `${bin}:${process.env["PATH"] ?? ""}`,
      OUT: root,
      FILES: files,
      SOPS_AGE_KEY_FILE: key,
      SOPS_DISABLE_VERSION_CHECK: "1",
      SOPSMITH_LAYOUT: "sops",
      GNUPGHOME: join(root, "gnupg"),
    },
    maxBuffer: 1 << 26,
  });
  return lines.map((_, i) => {
    const at = join(root, String(i));
    const text = (name: string) => normalize(readFileSync(join(at, name), "latin1"), at);
    const names = readdirSync(join(at, "w"), { recursive: true, encoding: "utf8" });
    const found = names.toSorted().filter((name) => statSync(join(at, "w", name)).isFile());
    return {
      code: text("code").trim(),
      stdout: text("stdout"),
      stderr: text("stderr"),
      files: Object.fromEntries(found.map((name) => [name, text(join("w", name))])),
    };
  });
}

/**
 * What differs from run to run, and from version to version of sops: places, times, versions, ciphertexts but for their
 * lengths and types, and the order of the fields of metadata.
 */
function normalize(text: string, at: string): string {
  const plain = text
    .replaceAll(at, "")
    .replaceAll(
      /ENC\[AES256_GCM,data:([^,]*),iv:[^,]*,tag:[^,]*,type:(\w+)\]/g,
      (_, data: string, type: string) => `ENC[${Buffer.from(data, "base64").length} ${type}]`,
    )
    .replaceAll(/-----BEGIN AGE[^]*?-----END AGE ENCRYPTED FILE-----/g, "AGE")
    .replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:Z|[+-]\d\d:\d\d)/g, "TIME")
    .replaceAll(/(version"?\s*[:=] ?"?)[\d.]+/g, "$1VERSION");
  return plain
    .split(/^(?=---$)/m)
    .map((document) => {
      const start = document.search(/^(?:sops:|\s*"sops": \{|\[sops\]|sops_)/m);
      if (start < 0 || !/\bmac\b|sops_mac/.test(document)) return document;
      const fields = document.slice(start).split("\n").map(bareField);
      return document.slice(0, start) + fields.toSorted().join("\n");
    })
    .join("");
}

/** A line of metadata without what its place in the order gives it. */
const bareField = (line: string): string =>
  line
    .replace(/^\s*(?:- )?/, "")
    .replace(/,$/, "")
    .replace(/ += /, " = ");

/** A directory for the files that lines start from. */
export function filesDirectory(files: Readonly<Record<string, string | Uint8Array>>): string {
  const dir = mkdtempSync(join(tmpdir(), "sopsmith-files-"));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(join(dir, name, ".."), { recursive: true });
    writeFileSync(join(dir, name), content);
  }
  return dir;
}
