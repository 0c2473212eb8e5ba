import { rules } from "./rules/index.ts";

/**
 * Where the project lies on the web. It is not published yet, and this address is a guess: `homepage` and `repository` of package.json
 * are to be derived from it, so that it is written down once.
 */
export const projectUri: string = "https://github.com/sopsmith/sopsmith";

/** Where the documentation lies on the web. */
const documentation = `${projectUri}/blob/main/docs`;

/** The page of a rule. */
export function helpUri(id: string): string {
  return rules.some((rule) => rule.id === id) ? `${documentation}/rules/${id}.md` : documentation;
}
