import { lstatSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { isGone, markPattern } from "./process-mark.ts";

const temporary = new RegExp(
  `^(?:\\.sopsmith-(${markPattern})-[0-9a-f]+(\\.old)?\\.tmp|sopsmith-(${markPattern})-[0-9a-f]{32})$`,
);
const CLAIM = /^\.sopsmith-claim-[0-9a-f]+-\d+\.tmp$/;

/** A claim is held for milliseconds. */
const CLAIM_AGE_MS = 60_000;
const OLD_CONTENT_AGE_MS = 24 * 3_600_000;

const swept = new Set<string>();

/**
 * Removes from a directory what processes of this user made there for a moment and left, because they were killed: temporary
 * files and folders, and claims. Looks at each directory once, and says nothing of what it cannot remove.
 */
export function removeLeftOvers(dir: string): void {
  if (swept.has(dir)) return;
  swept.add(dir);
  let names: string[];
  try {
    names = readdirSync(dir);
  } catch {
    return;
  }
  for (const name of names) {
    if (!name.startsWith(".sopsmith-") && !name.startsWith("sopsmith-")) continue;
    const path = join(dir, name);
    try {
      if (isLeftOver(name, path)) rmSync(path, { recursive: true, force: true });
    } catch {
      // It went meanwhile, or is not ours to remove.
    }
  }
}

function isLeftOver(name: string, path: string): boolean {
  const { uid, nlink, mtimeMs, ctimeMs } = lstatSync(path);
  if (process.getuid !== undefined && uid !== process.getuid()) return false;
  if (CLAIM.test(name)) return Date.now() - mtimeMs > CLAIM_AGE_MS;
  const [, ofFile, old, ofFolder] = temporary.exec(name) ?? [];
  // Old content of files that were to change together may be wanted back, where only half of them did.
  if (old !== undefined && nlink === 1 && Date.now() - ctimeMs < OLD_CONTENT_AGE_MS) return false;
  const mark = ofFile ?? ofFolder;
  return mark !== undefined && isGone(mark);
}
