import { keyDifference } from "../../update-keys.ts";
import { start, type Problem, type Rule } from "../rule.ts";

/** A file whose keys are not those of its creation rule. */
export const recipients: Rule = {
  id: "SM201",
  name: "recipients",
  severity: "error",
  finds: "the recipients of a file do not match its creation rule",
  why: [
    "`.sops.yaml` says who may read a file, and the file says who can. They drift apart when somebody edits `.sops.yaml` and forgets `updatekeys`, or adds a key to a file by hand: a new colleague cannot open the file, or somebody who left still can.",
    "Groups are compared by their position, as `updatekeys` does. `sopsmith updatekeys --check` checks this and SM202.",
  ],
  fix: "Run `sopsmith updatekeys` with the file; if somebody lost access, also run `sopsmith rotate -i`.",
  example: {
    language: "yaml",
    text: "# .sops.yaml\ncreation_rules:\n  - age: age1alice…,age1bob…\n\n# app.yaml\nsops:\n    age:\n        - recipient: age1alice…\n        - recipient: age1mallory…",
  },
  async inFile({ sealed, rule }) {
    if (sealed?.metadata === undefined || rule === undefined) return [];
    const wanted = await rule.load();
    if (wanted === undefined) return [];
    const { groups } = keyDifference(sealed.metadata, wanted.keyGroups);
    const problems: Problem[] = [];
    const { line } = rule.source;
    for (const [index, { added, removed }] of groups.entries()) {
      const where = groups.length > 1 ? ` in key group ${index + 1}` : "";
      for (const id of added)
        problems.push({
          ...start,
          message: `${id} is missing${where}, but the creation rule on line ${line} of ${rule.config} lists it`,
        });
      for (const id of removed)
        problems.push({
          ...start,
          message: `${id} can open the file${where}, but the creation rule on line ${line} of ${rule.config} does not list it`,
        });
    }
    return problems;
  },
};
