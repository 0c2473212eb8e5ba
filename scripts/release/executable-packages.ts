// What the executables hold beside the project's own code: packages, which are the same on every platform, and a runtime.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { bundledPackages, noticesText, type BundledPackage } from "../notices.ts";

const root = join(import.meta.dirname, "../..");

/** The bundler and runtime for this machine: npm's package calls it so on every system. */
export const bun = join(root, "node_modules/bun/bin/bun.exe");

/** The packages that Bun bundles into an executable; takes two seconds. */
export function executablePackages(): BundledPackage[] {
  const work = mkdtempSync(join(tmpdir(), "sopsmith-bundle-"));
  try {
    const metafile = join(work, "metafile.json");
    execFileSync(
      bun,
      [
        "build",
        "bin/standalone.ts",
        "--target=bun",
        "--splitting",
        `--metafile=${metafile}`,
        `--outdir=${join(work, "out")}`,
      ],
      { cwd: root, stdio: ["ignore", "ignore", "inherit"] },
    );
    const { outputs } = JSON.parse(readFileSync(metafile, "utf8")) as {
      outputs: Record<string, { inputs: Record<string, unknown> }>;
    };
    const modules = Object.values(outputs).flatMap(({ inputs }) => Object.keys(inputs));
    return bundledPackages(modules.map((path) => resolve(root, path)));
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** THIRD-PARTY-NOTICES of the executables. */
export function executableNotices(): string {
  const { version } = JSON.parse(
    readFileSync(join(root, "node_modules/bun/package.json"), "utf8"),
  ) as { version: string };
  return noticesText(
    executablePackages(),
    `The executables begin with the runtime Bun ${version}, which is under the MIT license.
Bun includes JavaScriptCore of WebKit, under the LGPL 2, and other libraries.
Their licenses, their sources and how to link Bun with changed ones are in
https://github.com/oven-sh/bun/blob/bun-v${version}/LICENSE.md

`,
  );
}
