import { keysDueForRotation } from "../../keys/rotation.ts";
import { start, type Problem, type Rule } from "../rule.ts";

const DAY_LENGTH = 24 * 60 * 60 * 1000;

/** Keys that have been in use for too long. */
export const oldKey: Rule = {
  id: "SM204",
  name: "old-key",
  severity: "warning",
  finds: "a master key or the data key has been in use for too long",
  why: [
    "Master keys of types other than age carry the date on which they were added to the file. After 180 days they are due for rotation, as sops advises.",
    "With `max_age: 180d` in the policy, the data key is checked too: it is as old as the last commit in Git's history in which every ciphertext of the file changed. A shallow clone has no history, so nothing is reported there.",
  ],
  fix: "Run `sopsmith rotate -i` for the data key; for a master key, replace it in `.sops.yaml` and run `sopsmith updatekeys`.",
  example: { language: "yaml", text: "# .sops.yaml\ncheck:\n  max_age: 180d" },
  inFile({ sealed, now }) {
    const due = keysDueForRotation(sealed?.metadata?.keyGroups.flat() ?? [], now);
    return due.map(({ id, since, days }) => ({
      ...start,
      message: `${id} has been in use since ${since.slice(0, 10)}, for more than ${days} days`,
    }));
  },
  async inTree({ seen, now, dataKeySince }) {
    const problems: (Problem & { file: string })[] = [];
    for (const { file, isSealed, maxAgeDays } of seen) {
      if (!isSealed || maxAgeDays === undefined) continue;
      const since = await dataKeySince(file);
      if (since === undefined || now.getTime() - since.getTime() <= maxAgeDays * DAY_LENGTH)
        continue;
      const day = since.toISOString().slice(0, 10);
      problems.push({
        ...start,
        file,
        message: `the data key has been in use since ${day}, for more than ${maxAgeDays} days`,
      });
    }
    return problems;
  },
};
