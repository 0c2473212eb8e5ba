import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { isExecutable, onPath, reason, run, SetupError, type Counterpart } from "./counterpart.ts";

const schemaPackage = "@microsoft/jest-sarif@1.0.0-beta.0";
const validator = "jsonschema==4.26.0";

/** The published JSON schema of SARIF 2.1.0, and a Python with a validator for it. */
export const sarif: Counterpart<"sarifSchema" | "sarifPython"> = {
  names: ["sarifSchema", "sarifPython"],
  isReady: ({ sarifSchema, sarifPython }) =>
    onPath("tar") !== undefined && sarifSchema !== "" && isExecutable(sarifPython),
  make(cache) {
    const folder = join(cache, "sarif");
    try {
      rmSync(folder, { recursive: true, force: true });
      mkdirSync(folder, { recursive: true });
      const name = run("npm", "pack", "--silent", "--pack-destination", folder, schemaPackage);
      run("tar", "-xzf", join(folder, name.trim()), "-C", folder);
      const venv = join(folder, "venv");
      run("python3", "-m", "venv", venv);
      const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
      run(join(venv, "bin/python"), ...pip, validator);
      return {
        sarifSchema: join(folder, "package/lib/schemas/sarif-2.1.0-rtm.5.json"),
        sarifPython: join(venv, "bin/python"),
      };
    } catch (cause) {
      rmSync(folder, { recursive: true, force: true });
      throw new SetupError(
        `the SARIF schema and its validator could not be installed: ${reason(cause)}\n` +
          `Needed: npm, tar, python3 with venv and pip, and their registries. Then run:\n` +
          `  node scripts/test-setup.ts`,
        { cause },
      );
    }
  },
};
