import { SopsmithError } from "../../errors.ts";
import { findCommand, type Command } from "../command.ts";
import { commandHelp, programHelp } from "../help.ts";
import { globalFlags } from "../program.ts";
import { quoted } from "../source.ts";

export const help: Command = {
  operands: "[command]",
  flags: [],
  notes: [],
  examples: [{ does: "all options of encrypt", line: "sopsmith help encrypt" }],
  async run({ operands, streams }) {
    const [name] = operands;
    if (name === undefined) return streams.writeStdout([programHelp(globalFlags)]);
    const entry = findCommand(name);
    if (entry === undefined) {
      const { suggestCommand } = await import("../suggest.ts");
      throw new SopsmithError(
        "no-help",
        3,
        `No help topic for ${quoted(name)}${suggestCommand(name)}`,
        {
          hint: `"sopsmith help" lists the commands.`,
        },
      );
    }
    return streams.writeStdout([commandHelp(entry, await entry.load())]);
  },
};
