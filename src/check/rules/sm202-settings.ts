import { defaultSelector } from "../../metadata/selection.ts";
import { start, type Problem, type Rule } from "../rule.ts";

/** A file that is encrypted in another way than its creation rule says. */
export const settings: Rule = {
  id: "SM202",
  name: "settings",
  severity: "warning",
  finds:
    "selection, threshold or `mac_only_encrypted` of a file are not those of its creation rule",
  why: [
    "A file keeps the selection, the `shamir_threshold` and the `mac_only_encrypted` that it was encrypted with: a later change of `.sops.yaml` does not reach it. A selection that was narrowed in the file leaves new values in clear that the rule would encrypt.",
    "A `shamir_threshold` is compared where the rule sets one and has several key groups. Binary files have no selection.",
  ],
  fix: "Decrypt the file and encrypt it anew; `sopsmith updatekeys` brings the threshold in step.",
  example: {
    language: "yaml",
    text: "# .sops.yaml\ncreation_rules:\n  - encrypted_regex: ^(password|token)$\n    age: age1…\n\n# app.yaml\nsops:\n    encrypted_regex: ^password$",
  },
  async inFile({ sealed, rule, format }) {
    if (sealed?.metadata === undefined || rule === undefined) return [];
    const wanted = await rule.load();
    if (wanted === undefined) return [];
    const { metadata } = sealed;
    const problems: Problem[] = [];
    const add = (message: string): void => {
      const of = `the creation rule on line ${rule.source.line} of ${rule.config}`;
      problems.push({ ...start, message: `${message} than in ${of}` });
    };
    const selector = wanted.selector ?? defaultSelector;
    if (
      format !== "binary" &&
      (selector.name !== metadata.selector.name || selector.value !== metadata.selector.value)
    )
      add(
        selector.name === metadata.selector.name
          ? `${selector.name} is another`
          : `the selection is another (${metadata.selector.name} instead of ${selector.name})`,
      );
    const groups = wanted.keyGroups.length;
    if (groups > 1 && wanted.threshold > 0 && metadata.shamirThreshold !== wanted.threshold)
      add(
        `shamir_threshold is another (${metadata.shamirThreshold} instead of ${wanted.threshold})`,
      );
    if (metadata.macOnlyEncrypted !== wanted.macOnlyEncrypted)
      add(`mac_only_encrypted is ${metadata.macOnlyEncrypted}, which is another`);
    return problems;
  },
};
