import { encryptSource } from "../../encrypt.ts";
import { ConflictError } from "../../errors.ts";
import type { Call, Chunks, Command } from "../command.ts";
import { deliver, refuseTwoTargets, untilUndisturbed } from "../deliver.ts";
import * as flags from "../flags.ts";
import { keyFlags } from "../key-flags.ts";
import { sealSettings } from "../seal-settings.ts";
import {
  fileOperands,
  mayBeSeveral,
  readSource,
  refuseMissing,
  sourceOf,
  type Source,
} from "../source.ts";
import { openStores, type Stores } from "../formats.ts";

export const encrypt: Command = {
  operands: "[file...]",
  completes: ["plain"],
  flags: [
    flags.inPlace,
    flags.output,
    ...flags.severalFiles,
    flags.noAtomic,
    ...keyFlags.map(({ to }) => to),
    flags.awsProfile,
    flags.encryptionContext,
    flags.inputType,
    flags.outputType,
    flags.layout,
    ...flags.selectors,
    flags.threshold,
    flags.filenameOverride,
    flags.strict,
    ...flags.keyServices,
  ],
  notes: [
    "Without a file, stdin is encrypted. The keys come from the flags below, or else from the creation rule in",
    ".sops.yaml that matches the file. Several files need --in-place or --output-dir; in a directory, files that are already encrypted or match no creation rule are left alone.",
  ],
  examples: [
    {
      does: "encrypt a file in place",
      line: "sopsmith encrypt -i --age age1… secrets.yaml",
    },
    {
      does: "encrypt to another file",
      line: "sopsmith encrypt --output secrets.enc.yaml secrets.yaml",
    },
    {
      does: "encrypt stdin",
      line: "sopsmith encrypt --filename-override secrets.json < plain.json > secrets.json",
    },
    {
      does: "encrypt only the values of some keys",
      line: "sopsmith encrypt -i --encrypted-regex '^(data|stringData)$' secret.yaml",
    },
  ],
  async run(call) {
    const operands = fileOperands(call);
    const [operand] = operands;
    refuseTwoTargets(call, operand);
    const many = mayBeSeveral(call, operands) ? await import("../many.ts") : undefined;
    const several = await many?.severalFiles(call, operands, {
      wanted: "plain",
      target: "flags",
    });
    if (many !== undefined && several !== undefined)
      return many.changeFiles(call, several, { done: "encrypted" }, async (one, source) => {
        refuseMissing(source);
        return sealSource(one, source, await openStores(one, source, "plain"));
      });
    if (operand === undefined && call.options.text(flags.filenameOverride) === "")
      throw new ConflictError("Error: must specify --filename-override when reading from stdin");
    const source = sourceOf(call, operand);
    refuseMissing(source);
    const stores = await openStores(call, source, "plain");
    await untilUndisturbed(async () =>
      deliver(call, source, await sealSource(call, source, stores)),
    );
  },
};

export async function sealSource(call: Call, source: Source, stores: Stores): Promise<Chunks> {
  const settings = await sealSettings(call, source, stores);
  const plain = await readSource(call, source);
  return encryptSource(plain, { ...stores.verb, ...settings }, call.host);
}
