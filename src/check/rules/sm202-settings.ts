import { keyDifference, settingDifferences } from "../../update-keys.ts";
import { start, type Rule } from "../rule.ts";

/** A file that is encrypted in another way than its creation rule says. */
export const settings: Rule = {
  id: "SM202",
  name: "settings",
  severity: "warning",
  finds:
    "the selection, the threshold or `mac_only_encrypted` of a file does not match its creation rule",
  why: [
    "A file keeps the selection, the `shamir_threshold` and the `mac_only_encrypted` that it was encrypted with: a later change to `.sops.yaml` does not affect it. If the selection in the file was narrowed, new values that the rule would encrypt stay unencrypted.",
    "The threshold should be the rule's `shamir_threshold`; where the rule sets none, the file keeps its own, lowered to the number of groups. Binary files have no selection. `sopsmith updatekeys --check` makes the same comparison.",
  ],
  fix: "Decrypt the file and encrypt it again; `sopsmith updatekeys` corrects the threshold.",
  example: {
    language: "yaml",
    text: "# .sops.yaml\ncreation_rules:\n  - encrypted_regex: ^(password|token)$\n    age: age1…\n\n# app.yaml\nsops:\n    encrypted_regex: ^password$",
  },
  async inFile({ sealed, rule, format }) {
    if (sealed?.metadata === undefined || rule === undefined) return [];
    const wanted = await rule.load();
    if (wanted === undefined) return [];
    const { metadata } = sealed;
    const { threshold } = keyDifference(metadata, wanted.keyGroups, wanted.threshold);
    const differences = [
      ...settingDifferences(metadata, wanted, format),
      ...(threshold.before === threshold.after
        ? []
        : [
            {
              name: "shamir_threshold",
              inFile: String(threshold.before),
              inRule: String(threshold.after),
            },
          ]),
    ];
    const of = `the creation rule on line ${rule.source.line} of ${rule.config}`;
    return differences.map(({ name, inFile, inRule }) => ({
      ...start,
      message: `${name} is ${inFile}, but should be ${inRule} according to ${of}`,
    }));
  },
};
