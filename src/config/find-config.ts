import { posix, win32 } from "node:path";

/** The one question the search asks. */
export interface ConfigFs {
  /** Whether a stat of the path succeeds, whatever is there. */
  exists(path: string): boolean;
}

interface FoundConfig {
  /** Where the configuration is, below `start` or above it; undefined when there is none. */
  path: string | undefined;
  /** The same relative to `start`, as sops shows it: `../.sops.yaml`. */
  shown: string | undefined;
  /** Relative path of the nearest `.sops.yml`, a name that is never used, at or below the level of the hit. */
  shadowedYml: string | undefined;
}

const MAX_LEVELS = 100;

/**
 * Looks for `.sops.yaml` in a directory and those above it (spec config section 1). The first hit counts, even one that
 * cannot be read.
 *
 * @param start absolute, links resolved: the working directory as the system knows it
 */
export function findConfig(start: string, fs: ConfigFs): FoundConfig {
  const paths = /^(?:[A-Za-z]:|\\\\)/u.test(start) ? win32 : posix;
  let shadowedYml: string | undefined;
  let directory = paths.normalize(start);
  for (let level = 0; level < MAX_LEVELS; level++) {
    const up = "../".repeat(level);
    if (shadowedYml === undefined && fs.exists(paths.join(directory, ".sops.yml")))
      shadowedYml = `${up}.sops.yml`;
    const path = paths.join(directory, ".sops.yaml");
    if (fs.exists(path)) return { path, shown: `${up}.sops.yaml`, shadowedYml };
    const parent = paths.dirname(directory);
    if (parent === directory) break;
    directory = parent;
  }
  return { path: undefined, shown: undefined, shadowedYml };
}

/** The warning about a `.sops.yml` that was passed over; undefined when there is none. */
export function shadowWarning({ shown, shadowedYml }: FoundConfig): string | undefined {
  if (shadowedYml === undefined) return undefined;
  const instead = shown === undefined ? "" : `; using "${shown}" instead`;
  return `ignoring "${shadowedYml}" when searching for config file; the config file must be called ".sops.yaml"${instead}`;
}
