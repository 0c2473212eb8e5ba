// library.ts FOLDER: warm calls of the library beside the npm package sops-age, in one process. Prints milliseconds as JSON.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { decryptSops } from "sops-age";
import type * as Sopsmith from "../src/index.ts";
import { decodeBech32 } from "../src/keys/age/bech32.ts";
import { unwrapX25519 } from "../src/keys/age/x25519.ts";
import { median } from "./measure.ts";

export interface LibraryTimes {
  /** One call of `decrypt()` for a small document, and the age unwrap in it. */
  small: { decrypt: number; unwrap: number };
  large: { name: string; sopsAge: number; sopsmith: number }[];
}

export function measureLibrary(folder: string, names: readonly string[]): LibraryTimes {
  const argv = [import.meta.filename, folder, ...names];
  return JSON.parse(execFileSync(process.execPath, argv, { encoding: "utf8" })) as LibraryTimes;
}

async function timed(work: () => unknown): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

async function main(folder: string, names: readonly string[]): Promise<LibraryTimes> {
  const dist = join(import.meta.dirname, "../dist/src");
  const { decrypt } = (await import(join(dist, "index.js"))) as typeof Sopsmith;
  const keys = readFileSync(join(folder, "keys.txt"), "utf8");
  const [identities = ""] = /AGE-SECRET-KEY-1\w+/.exec(keys) ?? [];
  const scalar = decodeBech32(identities).bytes;
  const small = readFileSync(join(folder, "sealed-small.yaml"));
  const armored = (/-----BEGIN[^-]*-----[^-]*-----END[^-]*-----/.exec(small.toString())?.[0] ?? "")
    .replaceAll(/^ +/gm, "")
    .concat("\n");
  const whole: number[] = [];
  const unwraps: number[] = [];
  for (let round = 0; round < 400; round++) {
    const both = [
      await timed(() => decrypt(small, { format: "yaml", identities })),
      await timed(() => unwrapX25519(armored, scalar)),
    ] as const;
    if (round < 100) continue; // a warm process
    whole.push(both[0]);
    unwraps.push(both[1]);
  }
  const large: LibraryTimes["large"] = [];
  for (const name of names) {
    const sealed = readFileSync(join(folder, name), "utf8");
    const format = name.endsWith(".json") ? "json" : "yaml";
    const times = { sopsAge: [] as number[], sopsmith: [] as number[] };
    for (let round = 0; round < 3; round++) {
      times.sopsAge.push(
        await timed(() => decryptSops(sealed, { secretKey: identities, fileType: format })),
      );
      times.sopsmith.push(await timed(() => decrypt(sealed, { format, identities })));
    }
    large.push({
      name,
      sopsAge: median(times.sopsAge),
      sopsmith: median(times.sopsmith),
    });
  }
  return { small: { decrypt: median(whole), unwrap: median(unwraps) }, large };
}

if (import.meta.main) {
  const [folder = "", ...names] = process.argv.slice(2);
  process.stdout.write(JSON.stringify(await main(folder, names)));
}
