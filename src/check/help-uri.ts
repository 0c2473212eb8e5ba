import { rules } from "./rules/index.ts";

/** Where the project lies on the web. */
const project = "https://github.com/sopsmith/sopsmith";

/** Where the documentation lies on the web. */
const documentation = `${project}/blob/main/docs`;

export const projectUri: string = project;

/** The page of a rule. */
export function helpUri(id: string): string {
  return rules.some((rule) => rule.id === id) ? `${documentation}/rules/${id}.md` : documentation;
}
