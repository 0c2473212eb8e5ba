import { mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { isExecutable, reason, run, SetupError, type Counterpart } from "./counterpart.ts";

/** The oldest release of each line of Node that the package runs on, beside the one that runs the tests. */
const releases = { node22: "22.22.2", node26: "26.10.0" } as const;

type Name = keyof typeof releases;

const names = Object.keys(releases) as Name[];

export const nodes: Counterpart<Name> = {
  names,
  isReady: (paths) =>
    names.every((name) => paths[name].includes(releases[name]) && isExecutable(paths[name])),
  make: (cache) => ({ node22: made(cache, "node22"), node26: made(cache, "node26") }),
};

/** @returns the program's path */
function made(cache: string, name: Name): string {
  const version = releases[name];
  const folder = join(cache, `node-${version}`);
  const system = process.platform === "win32" ? "win" : process.platform;
  const program = join(folder, "package/bin", system === "win" ? "node.exe" : "node");
  if (isExecutable(program)) return program;
  mkdirSync(cache, { recursive: true });
  const work = mkdtempSync(join(cache, "fetch-node-"));
  try {
    const wanted = `node-${system}-${process.arch}@${version}`;
    const archive = run("npm", "pack", "--silent", "--pack-destination", work, wanted).trim();
    run("tar", "-xzf", join(work, archive), "-C", work);
    rmSync(join(work, archive));
    renameSync(work, folder);
  } catch (cause) {
    throw new SetupError(`Node ${version} could not be fetched: ${reason(cause)}`, { cause });
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return program;
}
