import { fromDebian, isExecutable, type Counterpart } from "./counterpart.ts";

/** The shells that our completion scripts are tried in. */
export const shells: Counterpart<"bash" | "zsh" | "fish"> = {
  names: ["bash", "zsh", "fish"],
  isReady: (paths) => [paths.bash, paths.zsh, paths.fish].every(isExecutable),
  make() {
    const [bash = "", zsh = "", fish = ""] = fromDebian(
      ["bash", "zsh", "fish"],
      ["bash", "zsh", "fish"],
      "Install bash, zsh and fish (macOS: brew install fish), then run again.",
    );
    return { bash, zsh, fish };
  },
};
