import { SopsmithError } from "../../errors.ts";
import { isEncrypted } from "../../status.ts";
import type { Command } from "../command.ts";
import * as flags from "../flags.ts";
import { noFile, readSource, sourceOf } from "../source.ts";
import { openStores } from "../stores.ts";

export const filestatus: Command = {
  operands: "file",
  flags: [flags.inputType, flags.json],
  notes: [
    `Prints {"encrypted":true} or {"encrypted":false}; with --json, {"file":"…","encrypted":true}. No key is needed.`,
  ],
  examples: [{ does: "ask whether a file is encrypted", line: "sopsmith filestatus secrets.yaml" }],
  async run(call) {
    const [operand] = call.operands;
    if (operand === undefined) throw noFile("Error: no file specified");
    const source = sourceOf(call, operand);
    const { verb } = await openStores(call, source);
    const content = await readSource(call, source).catch((error: unknown) => {
      if (!(error instanceof SopsmithError)) throw error;
      const message = `cannot check file status: cannot load encrypted file: ${error.message}`;
      throw new SopsmithError(error.code, 1, message, { cause: error });
    });
    const encrypted = await isEncrypted(content, { file: source.file, input: verb.input });
    const report = call.options.on(flags.json) ? { file: source.file, encrypted } : { encrypted };
    await call.streams.writeStdout([`${JSON.stringify(report)}\n`]);
  },
};
