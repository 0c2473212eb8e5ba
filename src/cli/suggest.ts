import { Command as Node, CommanderError, Option } from "commander";
import { UsageError } from "./args.ts";
import type { Entry } from "./command.ts";
import type { Flag } from "./flags.ts";

/**
 * What to say about a flag that does not exist. commander knows which one was meant; it is loaded for that alone, as
 * right command lines are most.
 *
 * @param name as typed, without dashes
 */
export function unknownFlag(name: string, known: readonly Flag[]): UsageError {
  const node = silent();
  for (const flag of known) node.addOption(new Option(`--${flag.names[0]} <value>`));
  const message = messageOf(node, [`--${name}`]);
  return new UsageError(`flag provided but not defined: -${name}${suggestion(message)}`);
}

/** ` (did you mean decrypt?)` for a word that is nearly one of these commands, else nothing. */
export function suggestCommand(word: string, among: readonly Entry[]): string {
  // A part of a name says more than letters in common: `statu` is from filestatus, not like rotate.
  const holder = word.length > 2 ? among.filter(({ name }) => name.includes(word)) : [];
  if (holder.length === 1 && holder[0] !== undefined) return ` (did you mean ${holder[0].name}?)`;
  const node = silent();
  for (const { name } of among) node.command(name);
  return suggestion(messageOf(node, ["--", word]));
}

function silent(): Node {
  return new Node()
    .exitOverride()
    .helpCommand(false)
    .configureOutput({ writeOut: () => {}, writeErr: () => {}, outputError: () => {} });
}

/** The error that commander has about these words; empty for none. */
function messageOf(node: Node, words: readonly string[]): string {
  try {
    node.parse(words, { from: "user" });
    return "";
  } catch (error) {
    if (error instanceof CommanderError) return error.message;
    throw error;
  }
}

function suggestion(message: string): string {
  const nearest = /\(Did you mean ([^?]*)\?\)/.exec(message)?.[1];
  return nearest === undefined ? "" : ` (did you mean ${nearest}?)`;
}
