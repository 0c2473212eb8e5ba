import { SopsmithError } from "../../errors.ts";
import { findCommand, type Command, type Entry } from "../command.ts";
import type { Sheet } from "../help-layout.ts";
import { commandHelp, groupHelp, programHelp, sheetOf } from "../help-text.ts";
import { globalFlags } from "../global-flags.ts";
import { quoted } from "../source.ts";
import { suggestCommand } from "../suggest.ts";

/** The command that shows the help of these commands. */
export const helpAmong = (commands: readonly Entry[]): Command => ({
  operands: "[command]",
  completes: ["command"],
  flags: [],
  notes: [],
  examples: [{ does: "all options of encrypt", line: "sopsmith help encrypt" }],
  async run({ operands, streams }) {
    return streams.writeStdout([await helpFor(operands, commands, sheetOf(streams))]);
  },
});

/**
 * The help for the command that these words name; further words are not looked at.
 *
 * @throws {SopsmithError} exit 3 where there is no such command
 */
export async function helpFor(
  words: readonly string[],
  commands: readonly Entry[],
  sheet: Sheet,
): Promise<string> {
  const [name, inner] = words;
  if (name === undefined) return programHelp(globalFlags, commands, sheet);
  const entry = findCommand(name, commands);
  if (entry === undefined) throw noHelpTopic(name, commands, `"sopsmith help" lists the commands.`);
  if (!("commands" in entry)) return commandHelp(entry, await entry.load(), sheet);
  if (inner === undefined)
    return entry.main === undefined
      ? groupHelp(entry, sheet)
      : commandHelp(entry, await entry.main.load(), sheet);
  const command = findCommand(inner, entry.commands);
  if (command === undefined)
    throw noHelpTopic(inner, entry.commands, `"sopsmith help ${name}" lists its commands.`);
  return commandHelp(
    { name: `${entry.name} ${command.name}`, summary: command.summary },
    await command.load(),
    sheet,
  );
}

/** A word that names no command. Exit 3, as in sops. */
export function noHelpTopic(word: string, among: readonly Entry[], hint: string): SopsmithError {
  const message = `No help topic for ${quoted(word)}${suggestCommand(word, among)}`;
  return new SopsmithError("no-help", 3, message, { hint });
}
