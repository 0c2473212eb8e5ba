import { watch, type FSWatcher } from "node:fs";
import { dirname } from "node:path";

/** Changes come in bursts: a mounted Secret is swapped in several steps. */
const PAUSE_MS = 200;

/**
 * Tells when something changes in the folders of some files. The folders are watched and not the files, because mounted ones are swapped
 * by symlink. A folder that is not there is not watched: whoever needs to know looks from time to time, too.
 *
 * @returns ends it
 */
export function watchFolders(paths: Iterable<string>, onChange: () => void): () => void {
  let pause: ReturnType<typeof setTimeout> | undefined;
  const changed = (): void => {
    clearTimeout(pause);
    pause = setTimeout(onChange, PAUSE_MS);
    pause.unref();
  };
  const watchers: FSWatcher[] = [];
  for (const folder of new Set([...paths].map((path) => dirname(path)))) {
    try {
      const watcher = watch(folder, { persistent: false }, changed);
      watcher.on("error", () => watcher.close());
      watchers.push(watcher);
    } catch {
      // Not there, or no more watches to be had.
    }
  }
  return () => {
    clearTimeout(pause);
    for (const watcher of watchers) watcher.close();
  };
}
