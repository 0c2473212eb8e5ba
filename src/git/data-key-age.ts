import type { Host } from "../io/host.ts";
import { readBlobs } from "./blobs.ts";
import { runGit } from "./git.ts";

/**
 * When a file got its present data key: the time of the last commit after which no ciphertext of the version before was left.
 * Works without a key, since a rotation makes every ciphertext anew and no other change does.
 *
 * @param file from the working directory
 * @returns undefined for a file that is not committed
 */
export async function dataKeySince(
  host: Host,
  root: string,
  file: string,
): Promise<Date | undefined> {
  const { status, stdout } = await runGit(host, [
    "--literal-pathspecs",
    "log",
    "--format=@%ct",
    "--raw",
    "--abbrev=64",
    "--no-renames",
    "-m",
    "--first-parent",
    "--no-ext-diff",
    "--no-textconv",
    "--",
    file,
  ]);
  if (status !== 0) return undefined;
  const versions: { readonly at: Date; readonly object: string }[] = [];
  let at = new Date(0);
  for (const line of Buffer.from(stdout).toString().split("\n")) {
    if (line.startsWith("@")) at = new Date(Number(line.slice(1)) * 1000);
    const [, object] = /^:\d+ \d+ [0-9a-f]+ ([0-9a-f]+) /.exec(line) ?? [];
    if (object !== undefined) versions.push({ at, object });
  }
  let since: Date | undefined;
  let next: ReadonlySet<string> | undefined;
  let index = 0;
  // From the latest version back to the first that has nothing in common with the one after it.
  for await (const content of readBlobs(
    host,
    root,
    versions.map(({ object }) => object),
  )) {
    const version = versions[index++];
    if (content === undefined || version === undefined) break;
    const here = ciphertexts(content);
    if (next !== undefined && [...here].every((text) => next?.has(text) !== true)) break;
    since = version.at;
    next = here;
  }
  return since;
}

/** All ciphertexts of values, without their closing bracket, which a kept layout may escape; the MAC is new with every change. */
function ciphertexts(content: Buffer): Set<string> {
  const text = content.toString("latin1");
  const found = new Set(
    [...text.matchAll(/ENC\[AES256_GCM,[\w+/=,:]*/g)].map(([ciphertext]) => ciphertext),
  );
  const mac = /mac["']?\s*[:=]\s*["']?(ENC\[AES256_GCM,[\w+/=,:]*)/.exec(text)?.[1];
  if (mac !== undefined && found.size > 1) found.delete(mac);
  return found;
}
