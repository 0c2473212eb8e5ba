import { realpathSync } from "node:fs";
import type { Host } from "./host.ts";
import { programPath } from "./program-path.ts";

/** How this program is run from elsewhere. */
export interface OwnProgram {
  /** The program and the words in front of its arguments; paths are absolute. */
  readonly words: readonly [string, ...string[]];
  /** A shell finds it by its name. */
  readonly isFound: boolean;
}

/** The program that a shell finds under our name, else the file that runs now. */
export function ownProgram(host: Host): OwnProgram {
  const found = programPath("sopsmith", host);
  if (found !== undefined) return { words: [found], isFound: true };
  const [, script] = process.argv;
  const words: OwnProgram["words"] =
    process.versions["bun"] !== undefined || script === undefined
      ? [process.execPath]
      : [process.execPath, realpathSync(script)];
  return { words, isFound: false };
}
