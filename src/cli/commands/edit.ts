import type { Format } from "../../../formats/format.ts";
import { loadFormat } from "../../../formats/index.ts";
import { changeSource, type Change } from "../../change.ts";
import { AlreadyEncrypted, encryptSource, keptText, parsePlain, sealNew } from "../../encrypt.ts";
import { SopsmithError } from "../../errors.ts";
import { parseSealed, type Audit } from "../../file.ts";
import { ChangedMeanwhile } from "../../io/write-errors.ts";
import { remembering } from "../../key-service/remembering.ts";
import { createDataKey, WrapError } from "../../data-key/wrap.ts";
import type { Metadata } from "../../metadata/metadata.ts";
import { checkSealable } from "../../seal-tree.ts";
import { isSealed } from "../../metadata/placement.ts";
import { nothingSelected } from "../../metadata/selection.ts";
import type { Documents } from "../../tree/node.ts";
import { joinChunks } from "../../tree/long-text.ts";
import { walk } from "../../metadata/walk.ts";
import type { Call, Chunks, Command } from "../command.ts";
import { changedPaths } from "../changed-paths.ts";
import { untilUndisturbed, writeBack, writeNew } from "../deliver.ts";
import { editUntilWritten, ShownBlockRefused } from "../edit-session.ts";
import * as flags from "../flags.ts";
import { keyFlags } from "../key-flags.ts";
import { openOrder } from "../open-order.ts";
import { rescue, rescueText, sealLike, tellOfRescues, withFate } from "../rescue.ts";
import { sealSettings, type SealSettings } from "../seal-settings.ts";
import { emitWithBlock, parseWithBlock, takeOver } from "../shown-block.ts";
import { exists, readSource, requiredOperand, sourceOf, type Source } from "../source.ts";
import { namesIn } from "../named-keys.ts";
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
    flags.layout,
    ...flags.selectors,
    flags.threshold,
    flags.showMasterKeys,
    flags.noAtomic,
    flags.ignoreMac,
    flags.decryptionOrder,
    flags.strict,
    ...flags.keyServices,
  ],
  notes: [
    "The editor is $SOPS_EDITOR, $EDITOR, or the first of vim, nano and vi. The plaintext is kept in a private temporary file, in memory where possible. A file that does not exist starts as an example; flags for keys and for what is encrypted apply only then. Values that you do not change keep their ciphertext.",
  ],
  examples: [
    { does: "edit a file", line: "sopsmith edit secrets.yaml" },
    { does: "edit in Visual Studio Code", line: "SOPS_EDITOR=code sopsmith edit secrets.yaml" },
    { does: "create a file", line: "sopsmith edit --age age1… new.yaml" },
  ],
  async run(call) {
    const source = sourceOf(call, requiredOperand(call));
    const stores = await openStores(call, source);
    await editSource(call, source, stores);
  },
};

/**
 * Edits the file, or a new one, and writes it.
 *
 * @throws {SopsmithError} as `editUntilWritten`; what was typed and could not be written is then kept elsewhere
 */
export async function editSource(call: Call, source: Source, stores: Stores): Promise<void> {
  // The file is opened more than once: to be shown, and for each text that is to be sealed.
  const { services, wipe } = remembering(stores.verb.services);
  const remembered = { ...stores, verb: { ...stores.verb, services } };
  tellOfRescues(call, source, stores.verb.warn);
  try {
    if (exists(source)) await editExisting(call, source, remembered);
    else await editNew(call, source, remembered);
  } finally {
    await wipe();
  }
}

async function editExisting(call: Call, source: Source, stores: Stores): Promise<void> {
  const { verb } = stores;
  const { options, host } = call;
  const format = await loadFormat(verb.output);
  const isBlockShown = options.on(flags.showMasterKeys);
  const rule = await ruleFor(call, source, stores);
  const names = await namesIn(stores);
  const how = {
    ...verb,
    order: openOrder(call),
    ignoreMac: options.on(flags.ignoreMac),
    raiseVersion: true,
  };
  const show = async (sealed: Uint8Array): Promise<Shown> => {
    const shown: Shown = { sealed, documents: [], text: [], isOwn: false };
    await changeSource(
      sealed,
      how,
      (documents, metadata, own) => {
        reviewRecipients(call, stores, rule, metadata, {
          added: [],
          removed: [],
          gets: "the new values",
          names,
        });
        shown.documents = documents;
        shown.isOwn = own !== undefined && !isBlockShown;
        shown.text = isBlockShown
          ? emitWithBlock(documents, metadata, format, verb)
          : own === undefined
            ? format.emit(documents, { sealed: false, indent: verb.indent, warn: verb.warn })
            : [own];
        return false;
      },
      host,
    );
    return shown;
  };
  let shown = await show(await readSource(call, source));
  // That the file was opened has been written down.
  const audit: Audit = async (action) => {
    if (action !== "decrypt") await verb.audit(action);
  };
  await editUntilWritten(call, source, shown.text, {
    async accept(typed) {
      const result = isBlockShown
        ? parseWithBlock(typed, format, verb.warn)
        : { documents: await parseTyped(typed, format, verb, shown), metadata: undefined };
      checkTyped(result.documents, typed, format, verb);
      if (result.metadata !== undefined) await checkKeys(result.metadata, verb, call);
      const change: Change = async (documents, metadata, own) => {
        const { selector } = result.metadata ?? metadata;
        await reviewSelection(call, stores, rule, result.documents, selector);
        documents.length = 0;
        for (const document of result.documents) documents.push(document);
        if (result.metadata !== undefined) takeOver(metadata, result.metadata);
        return own === undefined || isBlockShown ? true : typed;
      };
      return (await changeSource(shown.sealed, { ...how, audit }, change, host)) ?? [shown.sealed];
    },
    async write(chunks) {
      const failed = await writeUnlessChanged(call, source, shown.sealed, chunks);
      if (failed === undefined) return undefined;
      const copy = await rescue(call, source, chunks, verb.output);
      const fate = copy.sentence;
      if (!(failed instanceof ChangedMeanwhile)) throw withFate(failed, fate);
      const before = shown.documents;
      try {
        shown = await show(await readSource(call, source));
      } catch (error) {
        throw error instanceof SopsmithError ? withFate(error, fate) : error;
      }
      const what = changedPaths(before, shown.documents) ?? "only its keys or settings, no values";
      const message = `${source.file} was changed by another process while you edited it (${what}), and was not overwritten.`;
      if (process.stdin.isTTY) return { chunks: shown.text, message, copy };
      throw new SopsmithError(failed.code, failed.exitCode, message, {
        hint: fate,
        file: source.file,
        cause: failed,
      });
    },
    keep: (text) =>
      rescueText(call, source, () => sealLike(shown.sealed, text, { ...how, audit }, host)),
  });
}

/** A file as it was opened for the editor. */
interface Shown {
  readonly sealed: Uint8Array;
  documents: Documents;
  text: Chunks;
  /** It is the author's own text. */
  isOwn: boolean;
}

/** Parses what was typed. What reading takes from a text does not matter where the text itself is kept. */
async function parseTyped(
  typed: Uint8Array,
  format: Format,
  verb: Stores["verb"],
  { isOwn }: Pick<Shown, "isOwn">,
): Promise<Documents> {
  if (!isOwn) return parsePlain(typed, format.parse, verb);
  const taken: string[] = [];
  const warn = (message: string): void => void taken.push(message);
  const documents = parsePlain(typed, format.parse, { ...verb, warn });
  if (taken.length > 0 && (await keptText(typed, format, { layout: "keep" })) === undefined)
    for (const message of taken) verb.warn(message);
  return documents;
}

/**
 * Writes the result over the file that was edited. A file that was only touched is still that file.
 *
 * @returns why it could not be written
 */
async function writeUnlessChanged(
  call: Call,
  source: Source,
  sealed: Uint8Array,
  chunks: Chunks,
): Promise<SopsmithError | undefined> {
  try {
    await untilUndisturbed(async () => {
      try {
        await writeBack(call, source, chunks);
      } catch (error) {
        if (!(error instanceof ChangedMeanwhile)) throw error;
        const now = await readSource(call, source);
        if (!Buffer.from(now).equals(sealed)) throw new FileDiffers(error);
        throw error;
      }
    });
    return undefined;
  } catch (error) {
    if (error instanceof FileDiffers) return error.changed;
    if (error instanceof SopsmithError) return error;
    throw error;
  }
}

/** Another process has given the file another content: trying again does not help. */
class FileDiffers extends Error {
  readonly changed: ChangedMeanwhile;

  constructor(changed: ChangedMeanwhile) {
    super(changed.message);
    this.changed = changed;
  }
}

async function editNew(call: Call, source: Source, stores: Stores): Promise<void> {
  const { options, host } = call;
  const format = await loadFormat(stores.verb.output);
  const verb = { ...stores.verb, input: format.name };
  const plain = { sealed: false, indent: verb.indent, warn: verb.warn };
  const example = format.example();
  const exampleText = format.emit(example, plain);
  let settings: SealSettings;
  let sealedExample: Chunks;
  try {
    // Keys and patterns that do not work are reported before anything is typed.
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
  await editUntilWritten(call, source, text, {
    async accept(typed) {
      if (!isBlockShown) return encryptSource(typed, { ...verb, ...settings }, host);
      const { documents, metadata: shown } = parseWithBlock(typed, format, verb.warn);
      checkTyped(documents, typed, format, verb);
      const selectors = shown.selector.value === "" ? [] : [shown.selector];
      const chosen = { keyGroups: shown.keyGroups, threshold: shown.shamirThreshold, selectors };
      return sealNew(
        documents,
        { ...verb, ...settings, ...chosen, macOnlyEncrypted: shown.macOnlyEncrypted },
        host,
      );
    },
    async write(chunks) {
      try {
        await writeNew(call, source, chunks);
        return undefined;
      } catch (error) {
        if (!(error instanceof SopsmithError)) throw error;
        const copy = await rescue(call, source, chunks, verb.output);
        throw withFate(error, copy.sentence);
      }
    },
    keep: (typed) =>
      rescueText(call, source, async () => {
        const whole = await loadFormat("binary");
        const how = { ...verb, ...settings, input: whole.name, output: whole.name };
        return sealNew(
          parsePlain(typed, whole.parse, verb),
          { ...how, selectors: [], macOnlyEncrypted: false, review: undefined },
          host,
        );
      }),
  });
}

/** What sealing refuses, found while the user can still go back to the editor. */
function checkTyped(
  documents: Documents,
  text: Uint8Array,
  format: Format,
  verb: Stores["verb"],
): void {
  if (isSealed(documents, format.placement)) throw new AlreadyEncrypted(verb.file);
  checkSealable(documents, format, text);
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
