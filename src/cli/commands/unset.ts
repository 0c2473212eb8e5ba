import { changeSource, type Change } from "../../change.ts";
import { missingPath, unsetPath } from "../../tree/path.ts";
import type { Command } from "../command.ts";
import { untilUndisturbed, writeBack } from "../deliver.ts";
import * as flags from "../flags.ts";
import { openOrder } from "../open-order.ts";
import { changePath, parseChangePath } from "../paths.ts";
import { noFile, readSource, sourceOf } from "../source.ts";
import { openStores } from "../formats.ts";

export const unset: Command = {
  operands: "file path",
  completes: ["sealed", "path", "none"],
  flags: [
    flags.idempotent,
    flags.dotted,
    flags.noAtomic,
    flags.inputType,
    flags.outputType,
    flags.layout,
    flags.threshold,
    flags.ignoreMac,
    flags.decryptionOrder,
    ...flags.keyServices,
  ],
  notes: ["Other values of the file keep their ciphertext."],
  examples: [
    { does: "remove a key", line: `sopsmith unset secrets.yaml '["db"]["password"]'` },
    {
      does: "remove a key if it is there",
      line: `sopsmith unset --idempotent secrets.yaml '["old"]'`,
    },
  ],
  async run(call) {
    const { options, operands, host } = call;
    const [file, pathText] = operands;
    if (operands.length !== 2 || file === undefined || pathText === undefined)
      throw noFile("Error: no file specified, or index is missing; operands: file path");
    const source = sourceOf(call, file);
    const stores = await openStores(call, source);
    const path = parseChangePath(pathText, "unset", options.on(flags.dotted));
    const order = openOrder(call);
    const how = { ...stores.verb, order, ignoreMac: options.on(flags.ignoreMac) };
    const removePath: Change = ([first]) => {
      if (first === undefined) return false;
      return changePath(source.file, path, () => {
        const isChanged = unsetPath(first, path);
        if (!isChanged && !options.on(flags.idempotent)) throw missingPath(first, path);
        return isChanged;
      });
    };
    await untilUndisturbed(async () => {
      const chunks = await changeSource(await readSource(call, source), how, removePath, host);
      if (chunks !== undefined) await writeBack(call, source, chunks);
    });
  },
};
