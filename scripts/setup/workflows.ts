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

/** Linters for the workflows of GitHub, their scripts, and the formula of Homebrew. */
export const workflows: Counterpart<"actionlint" | "shellcheck" | "ruby"> = {
  names: ["actionlint", "shellcheck", "ruby"],
  isReady: ({ actionlint, shellcheck, ruby }) => [actionlint, shellcheck, ruby].every(isExecutable),
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
      return { actionlint, shellcheck, ruby };
    } catch (cause) {
      throw new SetupError(
        `actionlint could not be installed: ${reason(cause)}\nNeeded: Go 1.24 or newer on PATH, and its module proxy.`,
        { cause },
      );
    }
  },
};
