import { median, measure } from "./measure.ts";
import type { Program } from "./cases.ts";

/** What a small decrypt costs, medians in milliseconds of interleaved runs. */
export interface StartupTimes {
  readonly sops: number;
  readonly npm: number;
  /** The same where `HOME` names nothing. */
  readonly npmWithoutHome: number;
  readonly standalone: number;
  /** `node -e 1`: what Node takes for itself. */
  readonly node: number;
}

/** Decrypts a small file with each program, over and over. */
export function measureStartup(
  programs: { readonly [program in Program]: readonly [string, ...string[]] },
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  rounds: number,
): StartupTimes {
  const runs = {
    sops: { argv: [...programs.sops, ...args], env },
    npm: { argv: [...programs.npm, ...args], env },
    npmWithoutHome: { argv: [...programs.npm, ...args], env: { ...env, HOME: "/nonexistent" } },
    standalone: { argv: [...programs.standalone, ...args], env },
    node: { argv: [process.execPath, "-e", "1"], env },
  };
  const samples: Record<keyof StartupTimes, number[]> = {
    sops: [],
    npm: [],
    npmWithoutHome: [],
    standalone: [],
    node: [],
  };
  const names = ["sops", "npm", "npmWithoutHome", "standalone", "node"] as const;
  // The first round warms the disk cache.
  for (let round = -1; round < rounds; round++)
    for (const name of names) {
      const { wall } = measure({ ...runs[name], stdout: "/dev/null" });
      if (round >= 0) samples[name].push(wall);
    }
  return {
    sops: median(samples.sops),
    npm: median(samples.npm),
    npmWithoutHome: median(samples.npmWithoutHome),
    standalone: median(samples.standalone),
    node: median(samples.node),
  };
}
