import { spawn } from "node:child_process";
import { requireProgram } from "./program-path.ts";
import type { Guarded } from "./staged.ts";

/** A process that takes changes back when this one is killed before they are all made. */
export interface Guard {
  /** All changes are made: from now on nothing is taken back. Resolves when the guard was told. */
  allDone(): Promise<void>;
  /** This process takes back itself. Synchronous, for signals. */
  dismiss(): void;
}

/** More words than a system surely takes for one program. */
const MOST_BYTES = 100_000;

/**
 * Reads one word. Without it, because the other side has died, each file whose new content is in place gets its old one back,
 * and what is left over is removed.
 */
const SCRIPT = `IFS= read -r word
[ "$word" = done ] && exit 0
while [ $# -ge 3 ]; do
  if [ -n "$2" ]; then
    if [ -e "$3" ]; then rm -f -- "$3" "$2"; elif [ -e "$2" ]; then mv -f -- "$2" "$1"; fi
  elif [ ! -e "$3" ] || [ "$1" -ef "$3" ]; then rm -f -- "$1" "$3"
  else rm -f -- "$3"
  fi
  shift 3
done`;

/**
 * Starts a guard for files that are to change together. No signal to this process or its group reaches it; a crash of the
 * whole system does. It runs no program but \`rm\` and \`mv\`.
 *
 * @returns undefined for fewer than two files, for very many, and on systems without a POSIX shell
 */
export async function startGuard(files: readonly Guarded[]): Promise<Guard | undefined> {
  const words = files.flatMap(({ path, kept, temp }) => [path, kept, temp]);
  const length = words.reduce((sum, word) => sum + Buffer.byteLength(word) + 1, 0);
  if (files.length < 2 || length > MOST_BYTES || process.platform === "win32") return undefined;
  const child = spawn(requireProgram("/bin/sh", process), ["-c", SCRIPT, "sopsmith", ...words], {
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
    env: { PATH: "/bin:/usr/bin" },
    cwd: "/",
  });
  const isStarted = await new Promise<boolean>((resolve) => {
    child.once("spawn", () => resolve(true));
    child.once("error", () => resolve(false));
  });
  if (!isStarted) return undefined;
  const { stdin } = child;
  // Where it was killed, nobody hears.
  stdin.on("error", () => undefined);
  child.unref();
  const tell = (): Promise<void> => new Promise((resolve) => stdin.end("done\n", () => resolve()));
  return { allDone: tell, dismiss: () => void tell() };
}
