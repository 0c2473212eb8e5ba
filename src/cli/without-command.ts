import type { Path } from "../tree/path.ts";
import { SopsmithError } from "../errors.ts";
import type { Call, Chunks } from "./command.ts";
import { deliver, untilUndisturbed, writeBack } from "./deliver.ts";
import * as flags from "./flags.ts";
import { failureOf, planLegacy, splitSetArgument, type LegacyMode } from "./legacy-form.ts";
import { openOrder } from "./open-order.ts";
import { parseChangePath, parseExtractPath } from "./paths.ts";
import { commands } from "./commands/index.ts";
import { creationRule } from "./creation-rule.ts";
import { globalFlags } from "./global-flags.ts";
import { DIGITS_LOST, hasLostDigits, parseSetValue } from "./set-value.ts";
import { exists, quoted, refuseMissing, requiredOperand, sourceOf, type Source } from "./source.ts";
import { openStores, type Stores } from "./formats.ts";
import { warn } from "./warn.ts";

/** `sopsmith [flags] FILE` (spec cli 7). */
export async function runLegacy(call: Call): Promise<void> {
  const plan = planLegacy(call.options);
  if (plan.modes.includes("edit")) await refuseMistake(call);
  const source = sourceOf(call, requiredOperand(call));
  const isThere = exists(source);
  if (!isThere) await refuseLegacyMissing(call, source, plan.modes);
  if (plan.warning !== undefined) warn(call.streams, plan.warning);
  const kind = plan.modes.includes("encrypt") ? "plain" : "sealed";
  const stores = await openStores(call, source, kind);
  // sops has always loaded the creation rule here, and so refuses a configuration that has none for the file.
  if (plan.modes.some((mode) => mode !== "decrypt")) await creationRule(call, source, stores);
  if (plan.modes.includes("edit")) {
    const { editSource } = await import("./commands/edit.ts");
    await editSource(call, source, stores);
    return;
  }
  await untilUndisturbed(async () => {
    const chunks = await runModes(call, source, stores, plan.modes);
    await (plan.writesBack ? writeBack(call, source, chunks) : deliver(call, source, chunks));
  });
}

/**
 * Refuses what is most likely a mistake where sops would open the editor: nothing at all, or a word that is neither a command
 * nor a file and looks like no file's name. With a format of its own (`--input-type yaml NAME`, as helm-secrets calls it) a
 * single word names a file, unless it is nearly a command.
 *
 * @throws {SopsmithError} exit 100
 */
async function refuseMistake(call: Call): Promise<void> {
  const [word] = call.operands;
  if (word === undefined) {
    const { shortHelp } = await import("./help-text.ts");
    throw new SopsmithError("no-file", 100, "Error: no file specified", { hint: shortHelp });
  }
  if (word === "" || /[./\\]/.test(word) || exists(sourceOf(call, word))) return;
  const { suggestCommand } = await import("./suggest.ts");
  const meant = globalFlags.some(({ names }) => names[0] === word)
    ? ` (did you mean --${word}?)`
    : suggestCommand(word, commands);
  const formatGiven = [flags.inputType, flags.outputType].some(
    (flag) => call.options.text(flag) !== "",
  );
  if (formatGiven && call.operands.length === 1 && meant === "") return;
  throw new SopsmithError(
    "no-command",
    100,
    `Error: ${quoted(word)} is neither a command nor a file${meant}`,
    {
      hint: `"sopsmith help" lists the commands; ${quoted(`sopsmith edit ${word}`)} creates a file with this name.`,
    },
  );
}

async function refuseLegacyMissing(
  call: Call,
  source: Source,
  modes: readonly LegacyMode[],
): Promise<void> {
  const { refuseKeyChangeOfMissing } = await import("./commands/rotate.ts");
  await refuseKeyChangeOfMissing(call, source, "use `--kms` and `--pgp` instead.");
  if (modes.some((mode) => mode === "encrypt" || mode === "decrypt" || mode === "rotate"))
    refuseMissing(source);
  const { suggestCommand } = await import("./suggest.ts");
  const suggestion = suggestCommand(call.operands[0] ?? "", commands);
  if (modes.includes("edit") && suggestion !== "")
    warn(
      call.streams,
      `${source.file} is not a command; opening it as a file to edit${suggestion}`,
    );
}

async function runModes(
  call: Call,
  source: Source,
  stores: Stores,
  modes: readonly LegacyMode[],
): Promise<Chunks> {
  let output: Chunks = [];
  let waiting: SopsmithError | undefined;
  for (const mode of modes) {
    const work = await prepare(mode, call, source, stores);
    try {
      output = await work();
    } catch (error) {
      const fate = failureOf(mode, modes);
      if (!(error instanceof SopsmithError) || fate === "ends") throw error;
      if (fate === "waits") waiting = error;
    }
  }
  if (waiting !== undefined) throw waiting;
  return output;
}

/** Reads what the mode is told by flags; a mistake there always ends the run. */
async function prepare(
  mode: LegacyMode,
  call: Call,
  source: Source,
  stores: Stores,
): Promise<() => Promise<Chunks>> {
  const { options } = call;
  switch (mode) {
    case "encrypt": {
      const { sealSource } = await import("./commands/encrypt.ts");
      return () => sealSource(call, source, stores);
    }
    case "decrypt": {
      const order = openOrder(call);
      const extract: Path | undefined = parseExtractPath(options.text(flags.extract));
      const { openSource } = await import("./commands/decrypt.ts");
      return () => openSource(call, source, stores, { order, extract });
    }
    case "rotate": {
      const order = openOrder(call);
      const { keyChanges, rotateInSource } = await import("./commands/rotate.ts");
      const keys = await keyChanges(call);
      return () =>
        rotateInSource(call, source, stores, {
          order,
          ignoreMac: options.on(flags.ignoreMac),
          ...keys,
        });
    }
    case "set": {
      const order = openOrder(call);
      const argument = splitSetArgument(options.text(flags.setMode));
      const path = parseChangePath(argument.path, "set");
      const value = await parseSetValue(argument.value);
      if (hasLostDigits(argument.value, value)) warn(call.streams, DIGITS_LOST);
      const { setInSource } = await import("./commands/set.ts");
      return async () => (await setInSource(call, source, stores, { path, value, order })) ?? [];
    }
    case "edit":
      throw new Error("edit is not combined with other modes");
    default:
      return mode satisfies never;
  }
}
