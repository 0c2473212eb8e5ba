import type { Warn } from "../../formats/format.ts";
import { SopsmithError } from "../errors.ts";

/** Whether files look as their author wrote them, or as sops writes them. A file that sops wrote keeps sops's look either way. */
export type LayoutChoice = "keep" | "sops";

/** What the verbs want to know about layout. */
export interface LayoutOptions {
  /** Default: sops. The command line and the library say which. */
  layout?: LayoutChoice | undefined;
  /** Called when a text cannot keep its layout, with the reason: the end of a sentence. */
  explain?: Warn | undefined;
}

/** The layout that a flag or a variable names. */
export function isLayoutChoice(name: string): name is LayoutChoice {
  return name === "keep" || name === "sops";
}

/**
 * Decides by the flag, an explicit indent, which asks for another layout than the author's, `SOPSMITH_LAYOUT`, and the configuration.
 *
 * @param given.flag "" for none
 * @throws {SopsmithError} exit 1 for a name that is not a layout
 */
export function chooseLayout(given: {
  flag: string;
  hasIndent: boolean;
  env: Readonly<Record<string, string | undefined>>;
  configured: LayoutChoice | undefined;
}): LayoutChoice {
  if (given.flag !== "") return named(given.flag, "--layout");
  if (given.hasIndent) return "sops";
  const { SOPSMITH_LAYOUT: variable = "" } = given.env;
  if (variable !== "") return named(variable, "SOPSMITH_LAYOUT");
  return given.configured ?? "keep";
}

function named(name: string, where: string): LayoutChoice {
  if (isLayoutChoice(name)) return name;
  throw new SopsmithError(
    "unknown-layout",
    1,
    `${where}: ${JSON.stringify(name)} is not a layout`,
    {
      hint: "Use keep or sops.",
    },
  );
}
