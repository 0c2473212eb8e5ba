import { lstatSync, readlinkSync, realpathSync, type Stats } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";

/** The place that a name leads to. */
export interface Target {
  readonly path: string;
  /** Undefined where there is no file yet. */
  readonly stats: Stats | undefined;
  /** One of this process's open descriptors. */
  readonly descriptor?: number;
  /** A name in /proc or /dev for an open file, not its place in a directory. */
  readonly isProcLink?: boolean;
}

const MAX_LINKS = 40;

/**
 * Follows links as `open` does, but stops at the names of open descriptors, and at the end of a dangling link. These looks
 * at names are synchronous: each takes less than handing it to another thread.
 */
export function findTarget(path: string): Target {
  if (path === "") return { path: ".", stats: lstatSync(".") };
  // "new/" can only mean a directory; without this it would make a file "new".
  if (/[/\\]$/.test(path) && (process.platform === "win32" || path.endsWith("/")))
    return { path, stats: lstatSync(path) };
  let place = resolve(path);
  for (let links = 0; links < MAX_LINKS; links++) {
    place = join(realpathSync.native(dirname(place)), basename(place));
    const proc = /^(?:\/proc\/(\d+)(?:\/task\/\d+)?|\/dev)\/fd\/(\d+)$/.exec(place);
    if (proc) {
      const isOwn = proc[1] === undefined || Number(proc[1]) === process.pid;
      return {
        path: place,
        stats: lstatSync(place),
        isProcLink: true,
        ...(isOwn ? { descriptor: Number(proc[2]) } : {}),
      };
    }
    const stats = lstatSync(place, { throwIfNoEntry: false });
    if (!stats?.isSymbolicLink()) return { path: place, stats };
    place = resolve(dirname(place), readlinkSync(place));
  }
  // Too many links: let the system say so.
  return { path: place, stats: lstatSync(realpathSync.native(path)) };
}
