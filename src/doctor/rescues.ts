import { printableLine } from "../io/printable.ts";
import { rescues } from "../io/rescues.ts";
import { ranks, type Check } from "./finding.ts";

/** Texts that `sopsmith edit` could not write, and kept: nothing else removes them. */
export const checkRescues: Check = ({ host, file }) => {
  const [first, ...more] = rescues(host, file?.path).map(printableLine);
  if (first === undefined) return Promise.resolve([]);
  const others = more.length === 0 ? "" : ` (and ${more.length} more)`;
  return Promise.resolve([
    {
      name: "kept edits",
      state: "problem",
      text: `what was typed in an earlier edit is kept, encrypted, in ${[first, ...more].join(", ")}`,
      todo: `Look at ${first}${others} with \`sopsmith decrypt\`: an edit was not written. Remove it when you no longer need it.`,
      rank: ranks.rescue,
    },
  ]);
};
