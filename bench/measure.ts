import { execFileSync } from "node:child_process";

export interface Measurement {
  /** Wall time from spawn to exit, in milliseconds. */
  wall: number;
  /** Highest resident memory, in MiB. */
  peak: number;
}

export interface Run {
  /** Program and arguments. */
  argv: readonly string[];
  env: Readonly<Record<string, string>>;
  /** Where stdout goes. */
  stdout: string;
}

// Node tells the resource usage of itself only, and GNU time is not on every system. Python is: the set-up of the tests
// needs it too.
const wrapper = `
import json, os, sys, time
argv, out = sys.argv[2:], sys.argv[1]
actions = [
    (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
    (os.POSIX_SPAWN_OPEN, 1, out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
]
start = time.perf_counter()
pid = os.posix_spawn(argv[0], argv, os.environ, file_actions=actions)
_, status, usage = os.wait4(pid, 0)
wall = time.perf_counter() - start
unit = 1 if sys.platform == "darwin" else 1024
print(json.dumps({"status": os.waitstatus_to_exitcode(status), "wall": wall * 1000, "peak": usage.ru_maxrss * unit / 2**20}))
`;

/**
 * Runs a program once.
 *
 * @throws {Error} when it does not end with status 0
 */
export function measure(run: Run): Measurement {
  const output = execFileSync("python3", ["-c", wrapper, run.stdout, ...run.argv], {
    env: run.env,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  const { status, wall, peak } = JSON.parse(output) as Measurement & { status: number };
  if (status !== 0) throw new Error(`status ${status} from: ${run.argv.join(" ")}`);
  return { wall, peak };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? upper)) / 2;
}
