import { rmSync } from "node:fs";
import { join } from "node:path";
import { isExecutable, reason, run, SetupError, type Counterpart } from "./counterpart.ts";

const version = "5.2.5";

/** moto, which answers as AWS does: KMS, STS and IAM, with signatures and policies checked. */
export const moto: Counterpart<"motoServer"> = {
  names: ["motoServer"],
  isReady: ({ motoServer }) => isExecutable(motoServer),
  make(cache) {
    const venv = join(cache, "moto-venv");
    try {
      rmSync(venv, { recursive: true, force: true });
      run("python3", "-m", "venv", venv);
      const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
      // What moto[server] brings beside these is for services that no test uses, and is more than half of its size.
      run(join(venv, "bin/python"), ...pip, `moto==${version}`, "flask", "flask-cors");
      return { motoServer: join(venv, "bin/moto_server") };
    } catch (cause) {
      rmSync(venv, { recursive: true, force: true });
      throw new SetupError(
        `moto ${version} could not be installed: ${reason(cause)}\n` +
          `Needed: python3 with venv and pip (Debian: sudo apt-get install -y python3-venv), and PyPI. Then run:\n` +
          `  node scripts/test-setup.ts`,
        { cause },
      );
    }
  },
};
