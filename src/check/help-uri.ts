import { rules } from "./rules/index.ts";

/**
 * The project's address on the web. It is not published yet, so this is a guess. Every other file that names it must agree
 * (test/house.test.ts).
 */
export const PROJECT_URI: string = "https://github.com/sopsmith/sopsmith";

/** The documentation's address on the web. */
const documentation = `${PROJECT_URI}/blob/main/docs`;

/** The page of a rule. */
export function helpUri(id: string): string {
  return rules.some((rule) => rule.id === id) ? `${documentation}/rules/${id}.md` : documentation;
}
