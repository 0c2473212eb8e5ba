import { loadFormat } from "../../../formats/index.ts";
import { plaintextOf } from "../../crypto/leaf.ts";
import { SopsmithError } from "../../errors.ts";
import { defaultSelector } from "../../metadata/selection.ts";
import type { Documents } from "../../tree/node.ts";
import { start, type Problem, type Rule } from "../rule.ts";
import { leavesOf, type Subject } from "../subject.ts";

/** A file that should be encrypted, and is not. */
export const fileInClear: Rule = {
  id: "SM101",
  name: "file-in-clear",
  severity: "error",
  finds: "a file that a creation rule names is not encrypted",
  why: [
    "A `path_regex` in `.sops.yaml` says which files should be encrypted. This one matches and has no `sops` block: anyone who can read the repository can read its values, and the history keeps them even after you remove them.",
    "Only rules with a `path_regex` count: one without it matches every file, so it does not say that a file should be encrypted. A file in which the rule's selection (such as `encrypted_regex: ^(data|stringData)$`) covers no value needs no encryption and is not reported, nor is an empty file. `.sops.yaml` itself is never reported, whatever the pattern says.",
  ],
  fix: "Run `sopsmith encrypt -i` with the file; if it was ever pushed, change its secrets at their source.",
  example: {
    language: "yaml",
    text: "# .sops.yaml\ncreation_rules:\n  - path_regex: \\.secret\\.yaml$\n    age: age1…\n\n# app.secret.yaml\npassword: correct horse",
  },
  async inFile(subject) {
    const { rule, isConfig, sealed, broken, conflict } = subject;
    if (rule?.isMeant !== true || isConfig || conflict.length > 0) return [];
    if (sealed !== undefined || broken !== undefined || !(await hasSecret(subject))) return [];
    return [
      {
        ...start,
        message: `the file is unencrypted, but the creation rule on line ${rule.source.line} of ${rule.config} names it`,
      },
    ] satisfies Problem[];
  },
};

/** Does the file have a value that the rule would encrypt? A file that cannot be read may have one. */
async function hasSecret({ content, format, rule }: Subject): Promise<boolean> {
  if (content.every((byte) => byte === 0x20 || (byte >= 0x09 && byte <= 0x0d))) return false;
  if (format === "binary") return true;
  let documents: Documents;
  try {
    documents = (await loadFormat(format)).parse(content, { sealed: false });
  } catch (error) {
    if (!(error instanceof SopsmithError)) throw error;
    return true;
  }
  const { leaves } = await leavesOf(documents, rule?.selector ?? defaultSelector);
  return leaves.some(
    ({ node, isSelected }) => isSelected && node.kind !== "comment" && plaintextOf(node).length > 0,
  );
}
