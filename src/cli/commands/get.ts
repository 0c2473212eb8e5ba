import type { Chunks, Command } from "../command.ts";
import { deliver } from "../deliver.ts";
import * as flags from "../flags.ts";
import { openStores } from "../formats.ts";
import { openOrder } from "../open-order.ts";
import { parseGetPath } from "../paths.ts";
import { noFile, refuseMissing, sourceOf } from "../source.ts";
import { openSource } from "./decrypt.ts";

/** `decrypt --extract` for people: the path comes last, and needs no quotes. */
export const get: Command = {
  operands: "file path",
  completes: ["sealed", "path", "none"],
  flags: [
    flags.output,
    flags.inputType,
    flags.outputType,
    flags.ignoreMac,
    flags.decryptionOrder,
    ...flags.keyServices,
  ],
  notes: [
    "The path is written as db.users[0].name: keys between dots, list positions in brackets. A backslash before a dot makes it part",
    `of the key. A path that begins with a bracket is in the form that sops uses, such as '["key"][0]'. The file - is stdin. Only a`,
    "terminal gets a newline after text that does not end with one.",
  ],
  examples: [
    { does: "print one value", line: "sopsmith get secrets.yaml db.password" },
    { does: "print an element of a list", line: "sopsmith get secrets.yaml 'users[0].name'" },
    { does: "print a mapping as JSON", line: "sopsmith get --output-type json secrets.yaml db" },
  ],
  async run(call) {
    const [file, text] = call.operands;
    if (call.operands.length !== 2 || file === undefined || text === undefined)
      throw noFile(
        "Error: no file specified, or the path is missing; needs two operands: file path",
      );
    const source = sourceOf(call, file === "-" ? undefined : file);
    refuseMissing(source);
    const stores = await openStores(call, source);
    const order = openOrder(call);
    const extract = parseGetPath(text);
    const value = await openSource(call, source, stores, { order, extract });
    const isShown = call.streams.columnsStdout !== undefined;
    await deliver(call, source, isShown ? withLastNewline(value) : value);
  },
};

/** On a terminal the prompt must not follow the value on its line; programs get the value alone. */
function* withLastNewline(chunks: Chunks): Chunks {
  let isOpen = false;
  for (const chunk of chunks) {
    if (chunk.length > 0) isOpen = chunk.at(-1) !== (typeof chunk === "string" ? "\n" : 0x0a);
    yield chunk;
  }
  if (isOpen) yield "\n";
}
