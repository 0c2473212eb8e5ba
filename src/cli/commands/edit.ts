import type { Format } from "../../../formats/format.ts";
import { loadFormat } from "../../../formats/index.ts";
import { changeSource } from "../../change.ts";
import { AlreadyEncrypted, encryptSource, parsePlain, sealNew } from "../../encrypt.ts";
import { SopsmithError } from "../../errors.ts";
import { parseSealed } from "../../file.ts";
import { createDataKey, WrapError } from "../../data-key/wrap.ts";
import type { Metadata } from "../../metadata/metadata.ts";
import { isSealed } from "../../metadata/placement.ts";
import { nothingSelected } from "../../metadata/selection.ts";
import type { Documents } from "../../tree/node.ts";
import { joinChunks } from "../../tree/long-text.ts";
import { decodeText } from "../../tree/text.ts";
import { walk } from "../../metadata/walk.ts";
import type { Call, Chunks, Command } from "../command.ts";
import { writeBack } from "../deliver.ts";
import { editUntilAccepted, lost, ShownBlockRefused } from "../edit-session.ts";
import * as flags from "../flags.ts";
import { keyFlags } from "../key-flags.ts";
import { openOrder } from "../open-settings.ts";
import { sealSettings, type SealSettings } from "../seal-settings.ts";
import { emitWithBlock, parseWithBlock, takeOver } from "../shown-block.ts";
import { exists, readSource, requiredOperand, sourceOf, type Source } from "../source.ts";
import { reviewRecipients, reviewSelection, ruleFor } from "../rule-review.ts";
import { openStores, type Stores } from "../formats.ts";

export const edit: Command = {
  operands: "file",
  completes: ["sealed"],
  flags: [
    ...keyFlags.map(({ to }) => to),
    flags.awsProfile,
    flags.encryptionContext,
    flags.inputType,
    flags.outputType,
    flags.unencryptedSuffix,
    flags.encryptedSuffix,
    flags.unencryptedRegex,
    flags.encryptedRegex,
    flags.unencryptedCommentRegex,
    flags.encryptedCommentRegex,
    flags.threshold,
    flags.showMasterKeys,
    flags.noAtomic,
    flags.ignoreMac,
    flags.decryptionOrder,
    flags.strict,
    ...flags.keyServices,
  ],
  notes: [
    "The editor is $SOPS_EDITOR, $EDITOR, or the first of vim, nano and vi. The clear text is in a private temporary file,",
    "in memory where possible. A file that does not exist starts from an example; flags for keys and for what is encrypted",
    "matter only then. Values that you do not change keep their ciphertext.",
  ],
  examples: [
    { does: "edit a file", line: "sopsmith edit secrets.yaml" },
    { does: "edit in Visual Studio Code", line: "SOPS_EDITOR=code sopsmith edit secrets.yaml" },
    { does: "make a new file", line: "sopsmith edit --age age1… new.yaml" },
  ],
  async run(call) {
    const source = sourceOf(call, requiredOperand(call));
    const stores = await openStores(call, source);
    await editSource(call, source, stores);
  },
};

/** Edits the file, or a new one, and writes it. */
export async function editSource(call: Call, source: Source, stores: Stores): Promise<void> {
  const edited = { isAccepted: false };
  try {
    const chunks = exists(source)
      ? await editExisting(call, source, stores, edited)
      : await editNew(call, source, stores, edited);
    await writeBack(call, source, chunks);
  } catch (error) {
    if (!edited.isAccepted || !(error instanceof SopsmithError)) throw error;
    const hint = error.hint === undefined ? lost : `${error.hint} ${lost}`;
    throw new SopsmithError(error.code, error.exitCode, error.message, { hint, cause: error });
  }
}

async function editExisting(
  call: Call,
  source: Source,
  stores: Stores,
  edited: { isAccepted: boolean },
): Promise<Chunks> {
  const { verb } = stores;
  const { options, host } = call;
  const order = openOrder(call);
  const sealed = await readSource(call, source);
  const format = await loadFormat(verb.output);
  const isBlockShown = options.on(flags.showMasterKeys);
  const rule = await ruleFor(call, source, stores);
  const change = async (documents: Documents, metadata: Metadata): Promise<boolean> => {
    reviewRecipients(call, stores, rule, metadata, { added: [], gets: "the new values" });
    const text = isBlockShown
      ? emitWithBlock(documents, metadata, format, verb)
      : format.emit(documents, { sealed: false, indent: verb.indent, warn: verb.warn });
    const accepted = await editUntilAccepted(call, source, text, async (typed) => {
      const result = isBlockShown
        ? parseWithBlock(typed, format, verb.warn)
        : { documents: parsePlain(typed, format.parse, verb), metadata: undefined };
      checkSealable(result.documents, decodeText(typed), format, verb);
      if (result.metadata !== undefined) await checkKeys(result.metadata, verb, call);
      const { selector } = result.metadata ?? metadata;
      await reviewSelection(call, stores, rule, result.documents, selector);
      return result;
    });
    edited.isAccepted = true;
    documents.length = 0;
    for (const document of accepted.documents) documents.push(document);
    if (accepted.metadata !== undefined) takeOver(metadata, accepted.metadata);
    return true;
  };
  const chunks = await changeSource(
    sealed,
    { ...verb, order, ignoreMac: options.on(flags.ignoreMac), raiseVersion: true },
    change,
    host,
  );
  return chunks ?? [sealed];
}

async function editNew(
  call: Call,
  source: Source,
  stores: Stores,
  edited: { isAccepted: boolean },
): Promise<Chunks> {
  const { options, host } = call;
  const format = await loadFormat(stores.verb.output);
  const verb = { ...stores.verb, input: format.name };
  const plain = { sealed: false, indent: verb.indent, warn: verb.warn };
  const example = format.example();
  const exampleText = format.emit(example, plain);
  let settings: SealSettings;
  let sealedExample: Chunks;
  try {
    // Keys and patterns that do not work are told before anything is typed.
    settings = await sealSettings(call, source, stores);
    sealedExample = await encryptSource(
      joinChunks(exampleText),
      { ...verb, ...settings, review: undefined },
      host,
    );
  } catch (error) {
    if (!(error instanceof WrapError)) throw error;
    const message = `Error encrypting the data key with one or more master keys: [${error.reasons.join(" ")}]`;
    throw new SopsmithError(error.code, 128, message, { hint: error.hint, cause: error });
  }
  const isBlockShown = options.on(flags.showMasterKeys);
  const { metadata } = parseSealed(joinChunks(sealedExample), {
    file: verb.file,
    format,
    warn: verb.warn,
  });
  const text = isBlockShown ? emitWithBlock(example, metadata, format, verb) : exampleText;
  return editUntilAccepted(call, source, text, async (typed) => {
    let chunks: Chunks;
    if (isBlockShown) {
      const { documents, metadata: shown } = parseWithBlock(typed, format, verb.warn);
      checkSealable(documents, decodeText(typed), format, verb);
      const selectors = shown.selector.value === "" ? [] : [shown.selector];
      const chosen = { keyGroups: shown.keyGroups, threshold: shown.shamirThreshold, selectors };
      chunks = await sealNew(
        documents,
        { ...verb, ...settings, ...chosen, macOnlyEncrypted: shown.macOnlyEncrypted },
        host,
      );
    } else {
      chunks = await encryptSource(typed, { ...verb, ...settings }, host);
    }
    edited.isAccepted = true;
    return chunks;
  });
}

/** What sealing refuses, found while the user can still go back to the editor. */
function checkSealable(
  documents: Documents,
  text: string,
  format: Format,
  verb: Stores["verb"],
): void {
  if (isSealed(documents, format.placement)) throw new AlreadyEncrypted(verb.file);
  format.checkSealable?.(documents, text);
  walk(documents, nothingSelected, { scalar: (leaf) => leaf, comment: (leaf) => leaf });
}

/** New keys must be able to wrap. */
async function checkKeys(
  { keyGroups, shamirThreshold }: Metadata,
  { services }: Stores["verb"],
  { host }: Call,
): Promise<void> {
  if (keyGroups.every((group) => group.every(({ enc }) => enc !== undefined))) return;
  try {
    const { dataKey } = await createDataKey(
      keyGroups.map((group) => group.map((key) => ({ ...key }))),
      shamirThreshold,
      services,
      host,
    );
    dataKey.fill(0);
  } catch (error) {
    throw error instanceof SopsmithError ? new ShownBlockRefused(error) : error;
  }
}
