import { CannotKeep } from "../../formats/layout.ts";
import type { Warn } from "../../formats/format.ts";
import { SopsmithError } from "../errors.ts";

/**
 * What the function returns; undefined where a text turns out not to keep its layout, or not to be read.
 *
 * @param explain called with the reason
 */
export function attempt<Result>(make: () => Result, explain?: Warn): Result | undefined {
  try {
    return make();
  } catch (error) {
    if (error instanceof CannotKeep) explain?.(error.message);
    else if (error instanceof SopsmithError)
      explain?.("a `sops` block would change how the text is read");
    else throw error;
    return undefined;
  }
}
