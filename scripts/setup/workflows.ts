import { rmSync } from "node:fs";
import { join } from "node:path";
import {
  fromDebian,
  isExecutable,
  onPath,
  reason,
  run,
  SetupError,
  type Counterpart,
} from "./counterpart.ts";

const module = "github.com/rhysd/actionlint/cmd/actionlint@v1.7.12";

const zizmorVersion = "1.32.0";

/** Linters for the workflows of GitHub, their scripts, and the formula of Homebrew. */
export const workflows: Counterpart<"actionlint" | "zizmor" | "shellcheck" | "ruby"> = {
  names: ["actionlint", "zizmor", "shellcheck", "ruby"],
  isReady: (paths) =>
    [paths.actionlint, paths.zizmor, paths.shellcheck, paths.ruby].every(isExecutable),
  make(cache) {
    const [shellcheck = "", ruby = ""] = fromDebian(
      ["shellcheck", "ruby"],
      ["shellcheck", "ruby"],
      "Install shellcheck and ruby with your package manager.",
    );
    const folder = join(cache, "actionlint-1.7.12");
    const actionlint = join(folder, "actionlint");
    try {
      if (!isExecutable(actionlint))
        run("env", `GOBIN=${folder}`, "CGO_ENABLED=0", onPath("go") ?? "go", "install", module);
    } catch (cause) {
      throw new SetupError(
        `actionlint could not be installed: ${reason(cause)}\nNeeded: Go 1.24 or newer on PATH, and its module proxy.`,
        { cause },
      );
    }
    return { actionlint, zizmor: zizmor(cache), shellcheck, ruby };
  },
};

/** It knows how a workflow gives away its token or runs what a stranger wrote. */
function zizmor(cache: string): string {
  const venv = join(cache, `zizmor-${zizmorVersion}`);
  const program = join(venv, "bin/zizmor");
  if (isExecutable(program)) return program;
  try {
    rmSync(venv, { recursive: true, force: true });
    run("python3", "-m", "venv", venv);
    const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    run(join(venv, "bin/python"), ...pip, `zizmor==${zizmorVersion}`);
    return program;
  } catch (cause) {
    rmSync(venv, { recursive: true, force: true });
    throw new SetupError(
      `zizmor ${zizmorVersion} could not be installed: ${reason(cause)}\n` +
        `Needed: python3 with venv and pip (Debian: sudo apt-get install -y python3-venv), and PyPI.`,
      { cause },
    );
  }
}
