import { changeSource } from "../../change.ts";
import { SopsmithError } from "../../errors.ts";
import { systemCode, systemReason } from "../../io/system-error.ts";
import type { Node } from "../../tree/node.ts";
import { setPath, type Path } from "../../tree/path.ts";
import type { Call, Chunks, Command } from "../command.ts";
import { untilUndisturbed, writeBack } from "../deliver.ts";
import * as flags from "../flags.ts";
import { openOrder } from "../open-order.ts";
import { changePath, parseChangePath } from "../paths.ts";
import { DIGITS_LOST, hasLostDigits, parseSetValue, textValue } from "../set-value.ts";
import { changeFiles, severalFiles } from "../many.ts";
import { noFile, readSource, sourceOf, type Source } from "../source.ts";
import { warn } from "../warn.ts";
import { reviewSet } from "../rule-review.ts";
import { openStores, type Stores } from "../formats.ts";

export const set: Command = {
  operands: "file path [value]",
  completes: ["sealed", "path", "none"],
  flags: [
    flags.valueFile,
    flags.valueStdin,
    flags.valueString,
    flags.dotted,
    flags.idempotent,
    flags.furtherFiles,
    ...flags.severalFiles,
    flags.noAtomic,
    flags.inputType,
    flags.outputType,
    flags.layout,
    flags.threshold,
    flags.ignoreMac,
    flags.decryptionOrder,
    flags.strict,
    ...flags.keyServices,
  ],
  notes: [
    "The path consists of keys and list positions; missing parents are created. A position past the end of a list",
    "appends. The value is JSON: strings need double quotes. Other values of the file keep their ciphertext.",
  ],
  examples: [
    { does: "set a string", line: `sopsmith set secrets.yaml '["db"]["password"]' '"s3cret"'` },
    {
      does: "do the same, without quotes",
      line: "sopsmith set --dotted --string secrets.yaml db.password s3cret",
    },
    {
      does: "set a value that must not appear in the process list",
      line: `sopsmith set --value-stdin secrets.yaml '["token"]' < token.json`,
    },
    {
      does: "set the same value in several files",
      line: `sopsmith set --file b.yaml --file c.yaml a.yaml '["region"]' '"eu"'`,
    },
    {
      does: "set a structure",
      line: `sopsmith set secrets.yaml '["users"][0]' '{"name": "a", "id": 1}'`,
    },
  ],
  async run(call) {
    const { options, operands } = call;
    if (options.on(flags.valueFile) && options.on(flags.valueStdin))
      throw new SopsmithError(
        "two-values",
        1,
        "Error: cannot use both --value-file and --value-stdin",
      );
    const parse = options.on(flags.valueString) ? textValue : parseSetValue;
    const [file, pathText, valueText] = operands;
    const fromStdin = options.on(flags.valueStdin);
    if (operands.length !== (fromStdin ? 2 : 3) || file === undefined || pathText === undefined)
      throw noFile(
        fromStdin
          ? "Error: no file specified, or the path is missing, or there is a value in spite of --value-stdin; operands: file path"
          : "Error: no file specified, or index and value are missing; operands: file path value",
      );
    const several = await severalFiles(call, [file, ...options.list(flags.furtherFiles)], {
      wanted: "encrypted",
      target: "file",
    });
    if (several !== undefined) {
      const path = parseChangePath(pathText, "set", options.on(flags.dotted));
      const text = await readValue(call, valueText);
      if (hasLostDigits(text, await parse(text))) warn(call.streams, DIGITS_LOST);
      const order = openOrder(call);
      return changeFiles(call, several, { done: "changed" }, async (one, source) => {
        const stores = await openStores(one, source);
        // Sealing takes a file's tree over, so each has a value of its own.
        const value = await parse(text);
        return setInSource(one, source, stores, { path, value, order });
      });
    }
    const source = sourceOf(call, file);
    const stores = await openStores(call, source);
    const path = parseChangePath(pathText, "set", options.on(flags.dotted));
    const text = await readValue(call, valueText);
    const order = openOrder(call);
    let isTold = false;
    await untilUndisturbed(async () => {
      const value = await parse(text);
      if (!isTold && hasLostDigits(text, value)) warn(call.streams, DIGITS_LOST);
      isTold = true;
      const chunks = await setInSource(call, source, stores, { path, value, order });
      if (chunks !== undefined) await writeBack(call, source, chunks);
    });
  },
};

/** The value as JSON text: the operand, the content of the file it names, or stdin. */
async function readValue(
  { options, host, streams }: Call,
  operand: string | undefined,
): Promise<string | Uint8Array> {
  if (operand === undefined) return streams.readStdin();
  if (!options.on(flags.valueFile)) return operand;
  return host.readFile(operand).catch((error: unknown) => {
    if (systemCode(error) === undefined) throw error;
    throw new SopsmithError("unreadable", 1, `open ${operand}: ${systemReason(error)}`, {
      file: operand,
      hint: "With --value-file the value is the name of a file.",
      cause: error,
    });
  });
}

/** @returns the changed file; undefined when `--idempotent` finds nothing to change */
export async function setInSource(
  call: Call,
  source: Source,
  stores: Stores,
  what: { path: Path; value: Node; order: readonly string[] },
): Promise<Chunks | undefined> {
  const { options, host } = call;
  const sealed = await readSource(call, source);
  const changed = await changeSource(
    sealed,
    { ...stores.verb, order: what.order, ignoreMac: options.on(flags.ignoreMac) },
    async (documents, metadata) => {
      const [first] = documents;
      if (first === undefined) return false;
      const isChanged = changePath(source.file, what.path, () =>
        setPath(first, what.path, what.value),
      );
      if (!isChanged && options.on(flags.idempotent)) return false;
      await reviewSet(call, source, stores, { documents, metadata, path: what.path });
      return true;
    },
    host,
  );
  // sops encrypts before it notices, and says so.
  if (changed === undefined) await stores.verb.audit("encrypt");
  return changed;
}
