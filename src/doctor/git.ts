import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { runGit, topLevelIfAny } from "../git/git.ts";
import { hasAttributes } from "../git/setup.ts";
import { ranks, type Check } from "./finding.ts";

const NAME = "git";

/** Whether this clone has the programs that the repository's `.gitattributes` ask for. */
export const checkGit: Check = async ({ host }) => {
  const root = await topLevelIfAny(host);
  if (root === undefined) return [{ name: NAME, state: "unused", text: "not in a Git repository" }];
  const attributes = await readFile(join(root, ".gitattributes"), "utf8").catch(() => "");
  if (!hasAttributes(attributes))
    return [
      {
        name: NAME,
        state: "unused",
        text: "git diff shows ciphertext here; `sopsmith git install` changes that",
      },
    ];
  const settings = await Promise.all(
    ["diff.sopsmith.textconv", "merge.sopsmith.driver"].map(async (setting) => {
      const { status } = await runGit(host, ["config", "--get", setting]);
      return { setting, isSet: status === 0 };
    }),
  );
  const missing = settings.filter(({ isSet }) => !isSet).map(({ setting }) => setting);
  if (missing.length === 0)
    return [{ name: NAME, state: "ok", text: "git diff decrypts and git merge merges values" }];
  return [
    {
      name: NAME,
      state: "problem",
      text: `.gitattributes asks for sopsmith, but this clone has no ${missing.join(" and no ")}`,
      todo: "Run `sopsmith git install` in this clone: .gitattributes asks for sopsmith, but Git does not know how to run it.",
      rank: ranks.git,
    },
  ];
};
