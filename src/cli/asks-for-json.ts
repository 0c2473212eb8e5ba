import { parseBool } from "../go/parse-bool.ts";
import { findCommand } from "./command.ts";
import { commands } from "./commands/index.ts";
import * as flags from "./flags.ts";

/** Does a command line, which may be wrong, ask a command that reports to do so in JSON? */
export async function asksForJson(argv: readonly string[]): Promise<boolean> {
  const position = argv.findIndex((word) => findCommand(word, commands) !== undefined);
  const found = findCommand(argv[position], commands);
  const entry =
    found !== undefined && "commands" in found
      ? findCommand(argv[position + 1], found.commands)
      : found;
  const command = await entry?.load();
  if (command?.flags.includes(flags.json) !== true) return false;
  const words = argv.slice(position + 1);
  const end = words.indexOf("--");
  const last = (end < 0 ? words : words.slice(0, end)).findLast((word) =>
    /^--?json(?:=|$)/.test(word),
  );
  if (last === undefined) return false;
  const value = last.split("=", 2)[1];
  return value === undefined || parseBool(value) === true;
}
