import { rmSync } from "node:fs";
import { join } from "node:path";
import { isExecutable, reason, run, SetupError, type Counterpart } from "./counterpart.ts";

const version = "4.7.0";

/** pre-commit, which runs the hooks of `.pre-commit-hooks.yaml`. */
export const preCommit: Counterpart<"preCommit"> = {
  names: ["preCommit"],
  isReady: (paths) => isExecutable(paths.preCommit),
  make(cache) {
    const venv = join(cache, "pre-commit-venv");
    try {
      rmSync(venv, { recursive: true, force: true });
      run("python3", "-m", "venv", venv);
      const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
      run(join(venv, "bin/python"), ...pip, `pre-commit==${version}`);
      return { preCommit: join(venv, "bin/pre-commit") };
    } catch (cause) {
      rmSync(venv, { recursive: true, force: true });
      throw new SetupError(
        `pre-commit ${version} could not be installed: ${reason(cause)}\n` +
          `Needed: python3 with venv and pip (Debian: sudo apt-get install -y python3-venv), and PyPI. Then run:\n` +
          `  node scripts/test-setup.ts`,
        { cause },
      );
    }
  },
};
