import { decryptSource } from "../../decrypt.ts";
import type { Path } from "../../tree/path.ts";
import type { Call, Chunks, Command } from "../command.ts";
import { deliver, refuseTwoTargets, untilUndisturbed } from "../deliver.ts";
import * as flags from "../flags.ts";
import { openOrder } from "../open-order.ts";
import {
  fileOperands,
  mayBeSeveral,
  readSource,
  refuseMissing,
  sourceOf,
  type Source,
} from "../source.ts";
import { openStores, type Stores } from "../formats.ts";

export const decrypt: Command = {
  operands: "[file...]",
  completes: ["sealed"],
  flags: [
    flags.inPlace,
    flags.extract,
    flags.dotted,
    flags.output,
    ...flags.severalFiles,
    flags.noAtomic,
    flags.inputType,
    flags.outputType,
    flags.layout,
    flags.ignoreMac,
    flags.filenameOverride,
    flags.decryptionOrder,
    ...flags.keyServices,
  ],
  notes: [
    "Without a file, stdin is decrypted; use --input-type and --output-type, or --filename-override, to say what it is.",
    "Several files need --in-place or --output-dir.",
  ],
  examples: [
    { does: "print a decrypted file", line: "sopsmith decrypt secrets.yaml" },
    {
      does: "print one value",
      line: `sopsmith decrypt --extract '["db"]["password"]' secrets.yaml`,
    },
    { does: "convert while decrypting", line: "sopsmith decrypt --output-type json secrets.yaml" },
    {
      does: "decrypt all encrypted files of a directory into another",
      line: "sopsmith decrypt --recursive --output-dir /run/app secrets",
    },
    {
      does: "decrypt stdin",
      line: "sopsmith decrypt --filename-override secrets.yaml < secrets.yaml",
    },
  ],
  async run(call) {
    const operands = fileOperands(call);
    const [operand] = operands;
    refuseTwoTargets(call, operand);
    const many = mayBeSeveral(call, operands) ? await import("../many.ts") : undefined;
    const several = await many?.severalFiles(call, operands, {
      wanted: "encrypted",
      target: "flags",
    });
    if (many !== undefined && several !== undefined) {
      const order = openOrder(call);
      const extract = await extractPath(call);
      return many.changeFiles(call, several, { done: "decrypted" }, async (one, source) => {
        refuseMissing(source);
        return openSource(one, source, await openStores(one, source), { order, extract });
      });
    }
    const source = sourceOf(call, operand);
    refuseMissing(source);
    const stores = await openStores(call, source);
    const order = openOrder(call);
    const extract = await extractPath(call);
    await untilUndisturbed(async () =>
      deliver(call, source, await openSource(call, source, stores, { order, extract })),
    );
  },
};

async function extractPath({ options }: Call): Promise<Path | undefined> {
  const text = options.text(flags.extract);
  if (text === "") return undefined;
  const { parseExtractPath } = await import("../paths.ts");
  return parseExtractPath(text, options.on(flags.dotted));
}

export async function openSource(
  call: Call,
  source: Source,
  stores: Stores,
  how: { order: readonly string[]; extract: Path | undefined },
): Promise<Chunks> {
  const sealed = await readSource(call, source);
  return decryptSource(
    sealed,
    { ...stores.verb, ...how, ignoreMac: call.options.on(flags.ignoreMac) },
    call.host,
  );
}
