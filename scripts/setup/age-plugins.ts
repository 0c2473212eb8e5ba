import { existsSync } from "node:fs";
import { join } from "node:path";
import { reason, run, SetupError, type Counterpart } from "./counterpart.ts";

const version = "1.3.1";

/** age with its own plugins, which Debian's does not have: post-quantum, tags, and one that reads a passphrase from a pipe. */
const programs = {
  ageGo: "age",
  ageGoKeygen: "age-keygen",
  agePluginPq: "age-plugin-pq",
  agePluginBatchpass: "age-plugin-batchpass",
} as const;

type Name = keyof typeof programs;

const names = Object.keys(programs) as Name[];

export const agePlugins: Counterpart<Name> = {
  names,
  isReady: (paths) =>
    names.every((name) => paths[name].includes(version) && existsSync(paths[name])),
  make(cache) {
    const folder = join(cache, `age-${version}`);
    try {
      const modules = ["cmd", "extra"].map((part) => `filippo.io/age/${part}/...@v${version}`);
      run("env", `GOBIN=${folder}`, "CGO_ENABLED=0", "go", "install", ...modules);
    } catch (cause) {
      throw new SetupError(
        `age ${version} with its plugins could not be installed: ${reason(cause)}\nNeeded: Go 1.24 or newer, and its module proxy.`,
        { cause },
      );
    }
    const path = (name: Name) => join(folder, programs[name]);
    return {
      ageGo: path("ageGo"),
      ageGoKeygen: path("ageGoKeygen"),
      agePluginPq: path("agePluginPq"),
      agePluginBatchpass: path("agePluginBatchpass"),
    };
  },
};
