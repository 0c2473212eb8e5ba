import { createHash } from "node:crypto";
import { lstatSync, readFileSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { onProcessEnd } from "./cleanup.ts";
import { isGone, processMark } from "./process-mark.ts";
import { systemCode } from "./system-error.ts";
import { CannotReplace } from "./write-errors.ts";

/** How long a claim is waited for that a living process holds: it needs milliseconds. */
const PATIENCE_MS = 20_000;
/** From when on a claim counts as abandoned whose process cannot be judged, in another container or on another machine. */
const FOREIGN_MS = 10_000;

/**
 * Waits until no other process is replacing this version of a file, and keeps others from it until the returned function
 * is called. Whoever has the claim must look whether the file still is that version: claims are about one version, named
 * by `ino`.
 *
 * A claim is a link beside the file that points nowhere and names its process. That of a process that is gone stays, and
 * the next in line makes one with the next number: were it removed, two could each take the other's for the dead one.
 *
 * @param shown the file's name in messages
 * @returns lets go of the claim; undefined where no file can be made beside the file
 * @throws {CannotReplace} when another process holds a claim for 20 seconds
 */
export async function claimFile(
  path: string,
  ino: bigint,
  shown: string,
): Promise<(() => void) | undefined> {
  const key = createHash("sha256")
    .update(`${basename(path)}\0${ino}`)
    .digest("hex")
    .slice(0, 16);
  const nameOf = (turn: number) => join(dirname(path), `.sopsmith-claim-${key}-${turn}.tmp`);
  const started = Date.now();
  for (let turn = 0; ;) {
    const name = nameOf(turn);
    const outcome = take(name);
    if (outcome === "impossible") return undefined;
    if (outcome === "taken") {
      const remove = () => rmSync(name, { force: true });
      const forget = onProcessEnd(remove);
      return () => {
        remove();
        forget();
      };
    }
    if (isAbandoned(name)) {
      turn++;
      continue;
    }
    if (Date.now() - started > PATIENCE_MS)
      throw new CannotReplace(
        shown,
        "in-place",
        "another process has been replacing it for a long time",
        {
          hint: `If no other sopsmith is using it, remove ${name}.`,
        },
      );
    await sleep(1 + Math.random() * 4);
    turn = 0;
  }
}

function take(name: string): "taken" | "held" | "impossible" {
  try {
    symlinkSync(processMark(), name);
    return "taken";
  } catch (error) {
    if (systemCode(error) === "EEXIST") return "held";
  }
  try {
    // A file system without links.
    writeFileSync(name, processMark(), { flag: "wx" });
    return "taken";
  } catch (error) {
    return systemCode(error) === "EEXIST" ? "held" : "impossible";
  }
}

function isAbandoned(name: string): boolean {
  try {
    const stats = lstatSync(name);
    const mark = stats.isSymbolicLink() ? readlinkSync(name) : readFileSync(name, "utf8");
    if (isGone(mark)) return true;
    const isForeign = mark.split("-")[2] !== processMark().split("-")[2];
    return isForeign && Date.now() - stats.mtimeMs > FOREIGN_MS;
  } catch {
    // It was let go of just now.
    return false;
  }
}
