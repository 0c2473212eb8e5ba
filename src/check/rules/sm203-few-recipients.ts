import { start, type Problem, type Rule } from "../rule.ts";

/** A file that is lost with one key. */
export const fewRecipients: Rule = {
  id: "SM203",
  name: "few-recipients",
  severity: "warning",
  finds: "a file has fewer recipients than the policy requires, or lacks one that it names",
  why: [
    "A file with one recipient is lost if that key is lost. Whether that matters is for the team to decide, so this rule reports nothing until `.sops.yaml` has a policy: `min_recipients` is the smallest number of recipients of each file, `required_recipients` lists keys that each file must have, such as one kept in a safe.",
  ],
  fix: "Add the key to `.sops.yaml` and run `sopsmith updatekeys` with the file.",
  example: {
    language: "yaml",
    text: "# .sops.yaml\ncheck:\n  min_recipients: 2\n  required_recipients:\n    - age1safe…",
  },
  inFile({ sealed, policy }) {
    if (sealed?.metadata === undefined) return [];
    const ids = new Set(sealed.metadata.keyGroups.flat().map(({ id }) => id));
    const problems: Problem[] = [];
    if (ids.size < policy.minRecipients)
      problems.push({
        ...start,
        message: `the file has ${ids.size === 1 ? "one recipient" : `${ids.size} recipients`}; the policy requires ${policy.minRecipients}`,
      });
    for (const id of policy.requiredRecipients)
      if (!ids.has(id))
        problems.push({ ...start, message: `the required recipient ${id} is missing` });
    return problems;
  },
};
