import type { Command } from "../command.ts";
import { scripts, type Shell } from "../completion/scripts.ts";

const installation: Record<Shell, string> = {
  bash: "echo 'source <(sopsmith completion bash)' >> ~/.bashrc",
  zsh: "echo 'source <(sopsmith completion zsh)' >> ~/.zshrc",
  fish: "sopsmith completion fish > ~/.config/fish/completions/sopsmith.fish",
  powershell: "sopsmith completion powershell >> $PROFILE",
};

/** The command that prints a shell's script. */
export function completionFor(shell: Shell): Command {
  return {
    operands: "",
    completes: ["none"],
    flags: [],
    notes: [
      "Completes commands, options, encrypted files, and the paths of keys for set, unset and --extract. No key is needed.",
    ],
    examples: [{ does: "turn it on for new shells", line: installation[shell] }],
    async run({ streams }) {
      await streams.writeStdout([scripts[shell]]);
    },
  };
}
