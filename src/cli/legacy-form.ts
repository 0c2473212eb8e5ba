import { ConflictError, SopsmithError } from "../errors.ts";
import * as flags from "./flags.ts";
import type { Options } from "./options.ts";

/** The form without a command, `sopsmith [flags] FILE`, as the runs it asks for (spec cli 7). */

export type LegacyMode = "encrypt" | "decrypt" | "rotate" | "set" | "edit";

export interface LegacyPlan {
  /** In the order in which they run, each from the original file; the last one's output counts. */
  readonly modes: readonly LegacyMode[];
  /** The output goes back to the file; else to `--output` or stdout. */
  readonly writesBack: boolean;
  readonly warning: string | undefined;
}

/** @throws {ConflictError} for `--in-place` with `--output` */
export function planLegacy(options: Options): LegacyPlan {
  if (options.on(flags.inPlace) && options.text(flags.output) !== "")
    throw new ConflictError("Error: cannot operate on both --output and --in-place");
  const modes: LegacyMode[] = [];
  if (options.on(flags.encryptMode)) modes.push("encrypt");
  if (options.on(flags.decryptMode)) modes.push("decrypt");
  if (options.on(flags.rotateMode)) modes.push("rotate");
  if (options.text(flags.setMode) !== "") modes.push("set");
  if (modes.length === 0) modes.push("edit");
  return {
    modes,
    writesBack: options.on(flags.inPlace) || modes.includes("edit") || modes.includes("set"),
    warning:
      modes.length > 1
        ? "More than one command (--encrypt, --decrypt, --rotate, --set) has been specified. Each starts from the original file, and only the result of the last one is used."
        : undefined,
  };
}

/**
 * What becomes of a mode's failure: it ends the run, is reported when the others are done, or is forgotten. sops kept
 * these differences for scripts written before they were noticed.
 */
export function failureOf(
  mode: LegacyMode,
  modes: readonly LegacyMode[],
): "ends" | "waits" | "dropped" {
  if (mode === "encrypt") return modes.length > 1 ? "dropped" : "ends";
  if (mode === "decrypt" && modes.includes("set")) return "dropped";
  return mode === "decrypt" && modes.includes("rotate") ? "waits" : "ends";
}

/**
 * The two halves of `--set 'PATH VALUE'`.
 *
 * @throws {SopsmithError} exit 7
 */
export function splitSetArgument(text: string): { path: string; value: string } {
  const end = text.indexOf("] ");
  if (end < 0)
    throw new SopsmithError("set-format", 7, "Invalid --set format", {
      hint: `Give the path and the value in one argument, with a space between them: --set '["key"] "value"'.`,
    });
  return { path: text.slice(0, end + 1), value: text.slice(end + 2) };
}
