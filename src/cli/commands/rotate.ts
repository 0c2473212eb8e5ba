import { ConflictError, SopsmithError } from "../../errors.ts";
import type { KeyType, MasterKey } from "../../keys/provider.ts";
import { rotateSource } from "../../rotate.ts";
import type { Metadata } from "../../metadata/metadata.ts";
import type { Call, Chunks, Command } from "../command.ts";
import { deliver, untilUndisturbed } from "../deliver.ts";
import * as flags from "../flags.ts";
import { keyFlags, keysNamed } from "../key-flags.ts";
import { openOrder } from "../open-order.ts";
import { changeFiles, severalFiles } from "../many.ts";
import {
  exists,
  fileOperands,
  noFile,
  quoted,
  readSource,
  sourceOf,
  type Source,
} from "../source.ts";
import { namesIn } from "../named-keys.ts";
import { reviewRecipients, ruleFor } from "../rule-review.ts";
import { openStores, type Stores } from "../formats.ts";

export const rotate: Command = {
  operands: "file...",
  completes: ["sealed"],
  flags: [
    flags.inPlace,
    flags.output,
    ...flags.severalFiles,
    flags.noAtomic,
    ...keyFlags.flatMap(({ add, remove }) => [add, remove]),
    flags.encryptionContext,
    flags.inputType,
    flags.outputType,
    flags.layout,
    flags.filenameOverride,
    flags.decryptionOrder,
    flags.strict,
    ...flags.keyServices,
  ],
  notes: [
    "All values are encrypted again with a new data key. Anyone who has the old file and its key can still read the old file:",
    "when somebody leaves, change the secrets themselves too.",
  ],
  examples: [
    { does: "give a file a new data key", line: "sopsmith rotate -i secrets.yaml" },
    { does: "rotate all encrypted files here", line: "sopsmith rotate -i --recursive ." },
    {
      does: "add one recipient and remove another",
      line: "sopsmith rotate -i --add-age age1… --rm-age age1… secrets.yaml",
    },
  ],
  async run(call) {
    const operands = fileOperands(call);
    const [operand] = operands;
    if (operand === undefined) throw noFile("Error: no file specified");
    if (call.options.on(flags.inPlace) && call.options.text(flags.output) !== "")
      throw new ConflictError("Error: cannot operate on both --output and --in-place");
    const several = await severalFiles(call, operands, { wanted: "encrypted", target: "flags" });
    if (several !== undefined)
      return changeFiles(call, several, { done: "rotated" }, (one, source) => rotated(one, source));
    const source = sourceOf(call, operand);
    await untilUndisturbed(async () => deliver(call, source, await rotated(call, source)));
  },
};

/** The keys are parsed for each file: the wrapped data key is kept in them. */
async function rotated(call: Call, source: Source): Promise<Chunks> {
  await refuseKeyChangeOfMissing(call, source, "use the `edit` subcommand instead.");
  const stores = await openStores(call, source);
  const order = openOrder(call);
  const keys = await keyChanges(call);
  return rotateInSource(call, source, stores, { order, ...keys });
}

/** @throws {SopsmithError} exit 49 */
export async function refuseKeyChangeOfMissing(
  { options }: Call,
  source: Source,
  instead: string,
): Promise<void> {
  const isKeyChange = keyFlags.some(
    ({ add, remove }) => options.text(add) !== "" || options.text(remove) !== "",
  );
  if (isKeyChange && !exists(source))
    throw new SopsmithError(
      "no-file-for-keys",
      49,
      `Error: cannot add or remove keys on non-existent file ${quoted(source.path)}, ${instead}`,
      { file: source.file },
    );
}

export interface KeyChanges {
  readonly add: MasterKey[];
  readonly remove: { type: KeyType; id: string }[];
}

/** The keys of `--add-*` and `--rm-*`. */
export async function keyChanges(call: Call): Promise<KeyChanges> {
  const changes: KeyChanges = { add: [], remove: [] };
  for (const { provider, add, remove } of keyFlags) {
    for (const one of await keysNamed(call, provider, call.options.text(add)))
      changes.add.push(one);
    for (const { type, id } of await keysNamed(call, provider, call.options.text(remove)))
      changes.remove.push({ type, id });
  }
  return changes;
}

export async function rotateInSource(
  call: Call,
  source: Source,
  stores: Stores,
  how: { order: readonly string[]; ignoreMac?: boolean } & KeyChanges,
): Promise<Chunks> {
  const sealed = await readSource(call, source);
  const rule = await ruleFor(call, source, stores);
  const names = await namesIn(stores);
  const review = (metadata: Metadata) =>
    reviewRecipients(call, stores, rule, metadata, {
      added: how.add,
      removed: how.remove,
      gets: "the new data key",
      names,
    });
  return rotateSource(sealed, { ...stores.verb, ...how, review }, call.host);
}
