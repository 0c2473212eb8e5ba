import { ConflictError, SopsmithError } from "../../errors.ts";
import type { KeyType, MasterKey } from "../../keys/provider.ts";
import { rotateSource } from "../../rotate.ts";
import type { Call, Chunks, Command } from "../command.ts";
import { deliver } from "../deliver.ts";
import * as flags from "../flags.ts";
import { keyFlags, keysNamed } from "../key-flags.ts";
import { openOrder } from "../open-settings.ts";
import { exists, quoted, readSource, requiredOperand, sourceOf, type Source } from "../source.ts";
import { openStores, type Stores } from "../stores.ts";

export const rotate: Command = {
  operands: "file",
  flags: [
    flags.inPlace,
    flags.output,
    flags.noAtomic,
    ...keyFlags.flatMap(({ add, remove }) => [add, remove]),
    flags.encryptionContext,
    flags.inputType,
    flags.outputType,
    flags.filenameOverride,
    flags.decryptionOrder,
    flags.localKeyService,
  ],
  notes: [
    "All values are encrypted again with a new data key. Whoever had the old file and its key can still read the old file:",
    "change the secrets themselves too when somebody leaves.",
  ],
  examples: [
    { does: "give a file a new data key", line: "sopsmith rotate -i secrets.yaml" },
    {
      does: "let one more recipient read a file, and one less",
      line: "sopsmith rotate -i --add-age age1… --rm-age age1… secrets.yaml",
    },
  ],
  async run(call) {
    const operand = requiredOperand(call);
    if (call.options.on(flags.inPlace) && call.options.text(flags.output) !== "")
      throw new ConflictError("Error: cannot operate on both --output and --in-place");
    const source = sourceOf(call, operand);
    await refuseKeyChangeOfMissing(call, source, "use the `edit` subcommand instead.");
    const stores = await openStores(call, source);
    const order = openOrder(call);
    const keys = await keyChanges(call);
    await deliver(call, source, await rotateInSource(call, source, stores, { order, ...keys }));
  },
};

/** @throws {SopsmithError} exit 49 */
export async function refuseKeyChangeOfMissing(
  { options }: Call,
  source: Source,
  instead: string,
): Promise<void> {
  const isKeyChange = keyFlags.some(
    ({ add, remove }) => options.text(add) !== "" || options.text(remove) !== "",
  );
  if (isKeyChange && !(await exists(source)))
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
    changes.add.push(...(await keysNamed(call, provider, call.options.text(add))));
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
  return rotateSource(sealed, { ...stores.verb, ...how }, call.host);
}
