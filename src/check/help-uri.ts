import { PROJECT_URI } from "../project-uri.ts";
import { rules } from "./rules/index.ts";

/** The documentation's address on the web. */
const documentation = `${PROJECT_URI}/blob/main/docs`;

/** The page of a rule. */
export function helpUri(id: string): string {
  return rules.some((rule) => rule.id === id) ? `${documentation}/rules/${id}.md` : documentation;
}
