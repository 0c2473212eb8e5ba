import { statSync } from "node:fs";

/** What tells whether a file is still the one that was read: its content, not its name or permissions. */
export interface FileVersion {
  readonly ino: bigint;
  readonly size: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
}

/** The regular file that is there now; undefined for anything else. */
export function fileVersion(path: string): FileVersion | undefined {
  try {
    const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
    if (stats === undefined || !stats.isFile()) return undefined;
    const { ino, size, mtimeNs, ctimeNs } = stats;
    return { ino, size, mtimeNs, ctimeNs };
  } catch {
    return undefined;
  }
}

/** Some file systems number their files anew at every look; such a one shows the same times. */
export function isSameVersion(before: FileVersion, now: FileVersion): boolean {
  return (
    before.size === now.size &&
    before.mtimeNs === now.mtimeNs &&
    (before.ino === now.ino || before.ctimeNs === now.ctimeNs)
  );
}
