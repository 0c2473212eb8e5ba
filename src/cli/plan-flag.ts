import { ConflictError } from "../errors.ts";
import type { Call } from "./command.ts";
import * as flags from "./flags.ts";

export const planFlag: flags.BoolFlag = {
  kind: "bool",
  names: ["plan"],
  about: "show what would change, and change nothing",
};

/** @throws {ConflictError} for `--json` where a question would be asked, and for `--plan` with `--yes` */
export function refuseQuestionsInJson({ options }: Call): void {
  const [isPlan, isYes] = [options.on(planFlag), options.on(flags.yes)];
  if (isPlan && isYes) throw new ConflictError("Error: --plan and --yes cannot be used together");
  if (options.on(flags.json) && !isPlan && !isYes)
    throw new ConflictError("Error: cannot ask questions with --json", {
      hint: "Use --json with --plan or --yes.",
    });
}
