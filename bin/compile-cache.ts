// A part of the first file that Node reads: no static import and no syntax younger than ES2017.

/**
 * Has Node keep compiled code in a folder of the user's own, which takes a fifth off a small run. The folder lies in the
 * home directory that the user database names: `HOME`, `XDG_CACHE_HOME` and the working directory may be a stranger's
 * checkout. Where the folder is not safe, nothing is read or written.
 *
 * @param home of this user; undefined where the user database has none
 */
export function useCompileCache(home: string | undefined): void {
  const { enableCompileCache } = process.getBuiltinModule("node:module");
  const folder = home === undefined ? undefined : cacheFolder(home);
  if (folder !== undefined && enableCompileCache) enableCompileCache(folder);
}

/** The home directory in the user database. None on Windows, where owners and modes say nothing. */
export function accountHome(): string | undefined {
  if (process.platform === "win32") return undefined;
  try {
    return process.getBuiltinModule("node:os").userInfo().homedir;
    // oxlint-disable-next-line no-unused-vars -- an old Node knows no `catch` without a name
  } catch (_) {
    return undefined;
  }
}

/** `.cache/sopsmith`, made where it is missing; undefined where another user could put code into it. */
function cacheFolder(home: string): string | undefined {
  const { existsSync, mkdirSync, realpathSync } = process.getBuiltinModule("node:fs");
  const { dirname, isAbsolute, join } = process.getBuiltinModule("node:path");
  if (!isAbsolute(home)) return undefined;
  try {
    let folder = realpathSync.native(home);
    for (let at = folder; ; at = dirname(at)) {
      if (!isClosed(at)) return undefined;
      if (at === dirname(at)) break;
    }
    for (const name of [".cache", "sopsmith"]) {
      folder = join(folder, name);
      if (!existsSync(folder)) mkdirSync(folder, 0o700);
      if (!isClosed(folder)) return undefined;
    }
    return folder;
    // oxlint-disable-next-line no-unused-vars -- an old Node knows no `catch` without a name
  } catch (_) {
    return undefined;
  }
}

/** A directory, and no link to one, that nobody but this user and root can change. */
function isClosed(path: string): boolean {
  const stats = process.getBuiltinModule("node:fs").lstatSync(path);
  const isOurs = stats.uid === 0 || stats.uid === (process.geteuid && process.geteuid());
  return stats.isDirectory() && isOurs && (stats.mode & 0o022) === 0;
}
