import { start, type Rule } from "../rule.ts";

/** A merge that was not finished. */
export const conflict: Rule = {
  id: "SM106",
  name: "conflict",
  severity: "error",
  finds: "an encrypted file has conflict markers, or is unmerged in Git's index",
  why: [
    "Git merges encrypted files as text, and the MAC of two branches always differs. A file with `<<<<<<<`, `=======` and `>>>>>>>` does not parse. If you choose lines by hand, the file parses, but its MAC is wrong.",
    "The rule looks for markers in files that contain ciphertexts or that a creation rule names, and reports the first line that has one.",
  ],
  fix: "Take one side with `git checkout --ours` or `--theirs`, make the other side's changes again with `sopsmith edit`, and add the file.",
  example: {
    language: "yaml",
    text: "<<<<<<< HEAD\n    mac: ENC[AES256_GCM,…]\n=======\n    mac: ENC[AES256_GCM,…]\n>>>>>>> other",
  },
  inFile({ conflict: lines }) {
    const [line] = lines;
    return line === undefined
      ? []
      : [{ line, column: 1, message: "the file has conflict markers" }];
  },
  inTree({ seen, unmerged }) {
    const files = seen.filter(({ file, isSealed }) => isSealed && unmerged.has(file));
    return Promise.resolve(
      files.map(({ file }) => ({
        ...start,
        file,
        message: "the file is unmerged: Git's index has several versions of it",
      })),
    );
  },
};
