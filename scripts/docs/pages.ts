import type { Command, Entry } from "../../src/cli/command.ts";
import { commands } from "../../src/cli/commands/index.ts";
import { help, type Flag } from "../../src/cli/flags.ts";

/** One command of the reference, under all the words that name it: `groups add`. */
export interface Page {
  readonly name: string;
  readonly summary: string;
  readonly command: Command;
}

/** All commands, in the order of the help. */
export async function allPages(): Promise<Page[]> {
  const listed = commands.flatMap((entry) =>
    "commands" in entry
      ? [
          ...(entry.main === undefined ? [] : [{ name: entry.name, entry: entry.main }]),
          ...entry.commands.map((inner) => ({ name: `${entry.name} ${inner.name}`, entry: inner })),
        ]
      : [{ name: entry.name, entry }],
  );
  return Promise.all(
    listed.map(async ({ name, entry }) => ({
      name,
      summary: (entry satisfies Entry).summary,
      command: await entry.load(),
    })),
  );
}

export const shownFlags = (flags: readonly Flag[]): Flag[] =>
  flags.filter(({ isHidden }) => isHidden !== true);

export const flagsOf = ({ command }: Page): Flag[] => shownFlags([...command.flags, help]);
