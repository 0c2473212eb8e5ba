import { loadFormat } from "../../../formats/index.ts";
import { changeSource } from "../../change.ts";
import { SopsmithError } from "../../errors.ts";
import { MacMismatch } from "../../open-tree.ts";
import { makeCanonical } from "../../k8s/canonical.ts";
import { migrate } from "../../k8s/migrate.ts";
import { isSopsSecret, readResources, sopsSecretOf } from "../../k8s/read.ts";
import type { Metadata } from "../../metadata/metadata.ts";
import { compileSelection, type Selector } from "../../metadata/selection.ts";
import { isSealed } from "../../metadata/placement.ts";
import { openObject } from "../../operator/open.ts";
import type { Documents, Node } from "../../tree/node.ts";
import { walk } from "../../metadata/walk.ts";
import { UsageError } from "../args.ts";
import type { Call, Chunks, Command } from "../command.ts";
import { deliver, refuseTwoTargets, untilUndisturbed } from "../deliver.ts";
import * as flags from "../flags.ts";
import { openOrder } from "../open-order.ts";
import { readSource, refuseMissing, sourceOf, type Source } from "../source.ts";
import { openStores, type Stores } from "../formats.ts";
import { warn } from "../warn.ts";
import { bool } from "./k8s-input.ts";

const where = [
  flags.inPlace,
  flags.output,
  flags.noAtomic,
  flags.decryptionOrder,
  ...flags.keyServices,
];

export const k8sFix: Command = {
  operands: "file",
  flags: [...where, flags.ignoreMac],
  notes: [
    "Sorts the keys under spec as the API server does, and makes the MAC cover only the encrypted values, so that the operator can",
    "check it. Every value keeps its ciphertext; only the MAC is recomputed, after the old one has been checked.",
  ],
  examples: [{ does: "fix a file in place", line: "sopsmith k8s fix -i db.enc.yaml" }],
  run: (call) =>
    eachFile(call, "k8s fix", async (source, stores, sealed) => {
      const change = (documents: Documents, metadata: Metadata): boolean => {
        let isChanged = !metadata.macOnlyEncrypted;
        metadata.macOnlyEncrypted = true;
        for (const document of documents) {
          const { sorted, droppedComments } = makeCanonical(document);
          if (droppedComments > 0)
            warn(
              call.streams,
              `${source.file}: removed ${droppedComments} comments between list items, which the API server refuses`,
            );
          isChanged ||= sorted || droppedComments > 0;
        }
        return isChanged;
      };
      const options = {
        ...stores.verb,
        order: openOrder(call),
        ignoreMac: call.options.on(flags.ignoreMac),
      };
      try {
        return await changeSource(sealed, options, change, call.host);
      } catch (error) {
        if (!(error instanceof MacMismatch) || !(await isOnlySorted(call, source, stores, sealed)))
          throw error;
        // The keys are in order already, the MAC is not theirs: it is made again whatever else changes.
        const remake = (...args: Parameters<typeof change>): boolean => change(...args) || true;
        return changeSource(sealed, { ...options, ignoreMac: true }, remake, call.host);
      }
    }),
};

/** Does the MAC fit another order of the keys? Then a tool sorted them on the way, and nothing was changed. */
async function isOnlySorted(
  { host }: Call,
  { file }: Source,
  { verb }: Stores,
  sealed: Uint8Array,
): Promise<boolean> {
  const objects = readResources(sealed, file, () => undefined);
  const [only] = objects;
  if (only === undefined || objects.length > 1 || !isSopsSecret(only)) return false;
  const opened = await openObject(
    sopsSecretOf(only),
    { services: verb.services, budget: 20_000 },
    host,
  );
  return "mac" in opened && opened.mac.status === "True";
}

const keepData = bool(
  "the values of data are already base64, which current operators expect",
  "keep-data",
);

export const k8sMigrate: Command = {
  operands: "file",
  flags: [...where, keepData],
  notes: [
    "Converts SopsSecrets of v1alpha1 and v1alpha2 to v1alpha3: secret_templates becomes secretTemplates, and data, which was",
    "plain text there, becomes stringData. An unencrypted file needs no key.",
  ],
  examples: [{ does: "migrate a file in place", line: "sopsmith k8s migrate -i old.enc.yaml" }],
  run: (call) =>
    eachFile(call, "k8s migrate", async (_source, stores, content) => {
      const settings = { keepData: call.options.on(keepData) };
      const format = await loadFormat(stores.verb.input);
      const plain = format.parse(content, { sealed: false });
      if (!isSealed(plain, format.placement)) {
        const isChanged = plain.map((document) => migrate(document, settings)).includes(true);
        if (!isChanged) return undefined;
        return format.emit(plain, { sealed: false, indent: stores.verb.indent });
      }
      return changeSource(
        content,
        { ...stores.verb, order: openOrder(call) },
        async (documents, metadata) => {
          const before = await selected(documents, metadata.selector);
          const isChanged = documents.map((document) => migrate(document, settings)).includes(true);
          if (!isChanged) return false;
          const after = await selected(documents, metadata.selector);
          // A renamed key must not leave unencrypted what was encrypted.
          if ([...before].some((leaf) => !after.has(leaf)))
            metadata.selector = { name: "encrypted_suffix", value: "Templates" };
          metadata.macOnlyEncrypted = true;
          return true;
        },
        call.host,
      );
    }),
};

/** The leaves that are encrypted under a selector. */
async function selected(documents: Documents, selector: Selector): Promise<Set<Node>> {
  const selection = await compileSelection(selector, {
    onBadPattern: "never-match",
    warn: () => undefined,
  });
  const leaves = new Set<Node>();
  walk(documents, selection, {
    scalar: (leaf, { isEncrypted }) => {
      if (isEncrypted) leaves.add(leaf);
      return leaf;
    },
    comment: (leaf) => leaf,
  });
  return leaves;
}

/** One file in, the changed file out; with nothing to change the file comes out as it is. */
async function eachFile(
  call: Call,
  command: string,
  change: (source: Source, stores: Stores, content: Uint8Array) => Promise<Chunks | undefined>,
): Promise<void> {
  const [operand, second] = call.operands;
  if (operand === undefined) throw new UsageError(`${command} needs a file, or - for stdin`);
  if (second !== undefined) throw new UsageError(`${command} accepts one file`);
  const isStdin = operand === "-";
  refuseTwoTargets(call, isStdin ? undefined : operand);
  const named = sourceOf(call, isStdin ? "stdin.yaml" : operand);
  const source = isStdin ? { ...named, isStdin: true, file: "stdin" } : named;
  refuseMissing(source);
  const stores = await openStores(call, source);
  if (stores.verb.input !== "yaml" && stores.verb.input !== "json")
    throw new SopsmithError("no-manifest", 1, `${source.file} is neither YAML nor JSON`);
  await untilUndisturbed(async () => {
    const content = await readSource(call, source);
    const changed = await change(source, stores, content);
    if (changed === undefined && call.options.on(flags.inPlace)) return;
    await deliver(call, source, changed ?? [content]);
  });
}
