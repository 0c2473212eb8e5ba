import { expect, test } from "vitest";
import { commands } from "../../src/cli/commands/index.ts";
import { helpFor } from "../../src/cli/commands/help.ts";
import { globalFlags } from "../../src/cli/global-flags.ts";
import { shownFlags, allPages, flagsOf } from "../../scripts/docs/pages.ts";

/** What names each help text: nothing for the program, or the words of a command or of a group. */
const topics = [
  [],
  ...commands.map(({ name }) => [name]),
  ...commands.flatMap((entry) =>
    "commands" in entry ? entry.commands.map(({ name }) => [entry.name, name]) : [],
  ),
];

// eslint-disable-next-line no-control-regex -- styles are control sequences
const withoutStyles = (text: string): string => text.replaceAll(/\u001b\[\d+m/g, "");

const words = (text: string): string[] => text.split(/\s+/).filter((word) => word !== "");

test.each(topics)(
  "help %s %s has no line longer than the width and breaks no word",
  async (...topic) => {
    const wide = await helpFor(topic, commands, { width: 100_000, isStyled: false });
    for (const width of [60, 80, 120]) {
      const text = await helpFor(topic, commands, { width, isStyled: false });
      const long = text.split("\n").filter((line) => line.length > width);
      expect(long).toEqual([]);
      // A command line of an example is continued by a backslash.
      const continued = text.replaceAll(" \\\n", " ").replaceAll("\n   # ", "\n   ");
      expect(words(continued)).toEqual(words(wide.replaceAll("\n   # ", "\n   ")));
    }
  },
);

test.each(topics)("help %s %s says the same with styles", async (...topic) => {
  const plain = await helpFor(topic, commands, { width: 80, isStyled: false });
  const styled = await helpFor(topic, commands, { width: 80, isStyled: true });
  expect(withoutStyles(styled)).toBe(plain);
  expect(styled).toContain("\u001b[1mUSAGE:\u001b[0m");
  expect(plain).not.toContain("\u001b");
});

test("every option is in exactly one group", async () => {
  for (const page of await allPages()) {
    const text = await helpFor(page.name.split(" "), commands, { width: 80, isStyled: false });
    const options = text.slice(text.indexOf("\nOPTIONS"), text.indexOf("\nEXAMPLES"));
    for (const { names } of flagsOf(page)) {
      const spelled = names[0].length === 1 ? `-${names[0]}` : `--${names[0]}`;
      const lines = options
        .split("\n")
        .filter((line) => RegExp(`^ {3}${spelled}(?=[ ,]|$)`).test(line));
      expect(lines.length, `${page.name} ${spelled}`).toBe(1);
    }
  }
  const program = await helpFor([], commands, { width: 80, isStyled: false });
  for (const { names } of shownFlags(globalFlags))
    expect(
      program.split("\n").filter((line) => line.startsWith(`   --${names[0]}`)).length,
    ).toBeGreaterThan(0);
  expect(program).toContain("GLOBAL OPTIONS FOR MASTER KEYS:");
});
