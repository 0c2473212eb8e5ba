import { SopsmithError } from "../../errors.ts";
import { isLayoutChoice, type LayoutChoice } from "../../layout/choice.ts";
import { relayoutSource } from "../../relayout.ts";
import type { Call, Chunks, Command } from "../command.ts";
import { untilUndisturbed, writeBack } from "../deliver.ts";
import * as flags from "../flags.ts";
import { openStores } from "../formats.ts";
import { changeFiles, severalFiles } from "../many.ts";
import { openOrder } from "../open-order.ts";
import { noFile, readSource, sourceOf, type Source } from "../source.ts";

export const layout: Command = {
  operands: "keep|sops file...",
  completes: ["none", "sealed"],
  flags: [
    ...flags.severalFiles,
    flags.noAtomic,
    flags.inputType,
    flags.ignoreMac,
    flags.decryptionOrder,
    ...flags.keyServices,
  ],
  notes: [
    "keep: from now on, the file keeps its author's layout, and `edit` shows it. sops: the file looks the way sops writes it,",
    "now and after every change. Only white space, quotes and the marker change: values, ciphertexts and `lastmodified` stay.",
  ],
  examples: [
    {
      does: "keep the layout of a file that sops wrote",
      line: "sopsmith layout keep secrets.yaml",
    },
    {
      does: "give all files in a folder the layout of sops",
      line: "sopsmith layout sops --recursive secrets/",
    },
  ],
  async run(call) {
    const [word = "", ...files] = call.operands;
    const [file] = files;
    if (!isLayoutChoice(word))
      throw new SopsmithError(
        "unknown-layout",
        1,
        `Error: ${JSON.stringify(word)} is not a layout`,
        {
          hint: "Use `sopsmith layout keep FILE…` or `sopsmith layout sops FILE…`.",
        },
      );
    if (file === undefined) throw noFile("Error: no file specified");
    const several = await severalFiles(call, files, { wanted: "encrypted", target: "file" });
    if (several !== undefined)
      return changeFiles(call, several, { done: "changed" }, (one, source) =>
        relaid(one, source, word),
      );
    const source = sourceOf(call, file);
    await untilUndisturbed(async () => {
      const chunks = await relaid(call, source, word);
      if (chunks !== undefined) await writeBack(call, source, chunks);
    });
  },
};

/** The file in its new layout; undefined for one that has it. */
async function relaid(call: Call, source: Source, word: LayoutChoice): Promise<Chunks | undefined> {
  const { verb } = await openStores(call, source);
  const order = openOrder(call);
  const sealed = await readSource(call, source);
  const ignoreMac = call.options.on(flags.ignoreMac);
  return relayoutSource(sealed, word, { ...verb, order, ignoreMac }, call.host);
}
