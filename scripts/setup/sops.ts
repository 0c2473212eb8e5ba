import { join } from "node:path";
import { isSops, reason, run, SetupError, type Counterpart } from "./counterpart.ts";

const version = "3.13.3";

/** The release of sops that sopsmith follows, built from its Go module. */
export const sops: Counterpart<"sops"> = {
  names: ["sops"],
  isReady: ({ sops }) => isSops(sops, version),
  make(cache) {
    const folder = join(cache, `sops-${version}`);
    const path = join(folder, "sops");
    try {
      if (!isSops(path, version)) {
        const module = `github.com/getsops/sops/v3/cmd/sops@v${version}`;
        run("env", `GOBIN=${folder}`, "CGO_ENABLED=0", "go", "install", module);
      }
      if (!isSops(path, version)) throw new Error(`${path} is not sops ${version}`);
      return { sops: path };
    } catch (cause) {
      throw new SetupError(
        `sops ${version} could not be installed: ${reason(cause)}\n` +
          `Needed: Go 1.25 or newer on PATH (see: go version), and its module proxy. Then run:\n` +
          `  node scripts/test-setup.ts`,
        { cause },
      );
    }
  },
};
