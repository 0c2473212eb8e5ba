import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { reason, run, SetupError, type Counterpart } from "./counterpart.ts";

const { dependencies } = JSON.parse(
  readFileSync(join(import.meta.dirname, "../../package.json"), "utf8"),
) as { dependencies: Readonly<Record<string, string>> };

/** What the examples use and the project itself does not, with what the packed sopsmith depends on. */
const packages: Readonly<Record<string, string>> = {
  ...dependencies,
  express: "5.3.0",
  next: "16.4.6",
  react: "19.3.1",
  "react-dom": "19.3.1",
  tsx: "4.23.15",
};

const manifest = `${JSON.stringify({ name: "examples", private: true, dependencies: packages }, null, 2)}\n`;
const name = `example-packages-${createHash("sha256").update(manifest).digest("hex").slice(0, 12)}`;

/** Packages for `examples/`, in the `node_modules` of a folder that tests put the examples in. */
export const examplePackages: Counterpart<"example-packages"> = {
  names: ["example-packages"],
  isReady: (paths) =>
    paths["example-packages"].endsWith(name) &&
    existsSync(join(paths["example-packages"], "node_modules/next")),
  make(cache) {
    const folder = join(cache, name);
    if (existsSync(folder)) return { "example-packages": folder };
    mkdirSync(cache, { recursive: true });
    const work = mkdtempSync(join(cache, "example-packages-new-"));
    try {
      writeFileSync(join(work, "package.json"), manifest);
      const flags = ["--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"];
      run("npm", "install", ...flags, "--prefix", work);
      renameSync(work, folder);
    } catch (error) {
      rmSync(work, { recursive: true, force: true });
      const list = Object.entries(packages).map(([one, version]) => `${one}@${version}`);
      throw new SetupError(
        `npm cannot install the packages of the examples (${list.join(", ")}): ${reason(error)}`,
      );
    }
    return { "example-packages": folder };
  },
};
