import type { Chunks, Format, Warn } from "../formats/format.ts";
import { LeafCipher, LeafError } from "./crypto/leaf.ts";
import { Nonces } from "./crypto/nonces.ts";
import { namingConflict } from "./conflict-markers.ts";
import { EmitError, inFile, SopsmithError } from "./errors.ts";
import type { AuditAction, Host } from "./io/host.ts";
import type { KeyService } from "./key-service/key-service.ts";
import { recoverDataKey } from "./data-key/recover.ts";
import { parseMetadata, type Metadata } from "./metadata/metadata.ts";
import { detach } from "./metadata/placement.ts";
import { compileSelection, defaultSelector } from "./metadata/selection.ts";
import { hasMoreNodes, pathOfError, UnwalkableTree } from "./metadata/walk.ts";
import { emitFile } from "./read-back.ts";
import { timeText } from "./go/time.ts";
import type { LayoutOptions } from "./layout/choice.ts";
import type { KeptText } from "./layout/kept-text.ts";
import type { MarkedText, OwnText } from "./layout/marked-text.ts";
import type { Slots } from "./layout/slots.ts";
import { MacMismatch, openTree, type Opening } from "./open-tree.ts";
import { checkSealable, sealText, sealTree, type Sealing } from "./seal-tree.ts";
import { sealedTree } from "./sealed-tree.ts";
import type { Documents } from "./tree/node.ts";

/** Called with what is about to be done to the file; throws when that must not be done. */
export type Audit = (action: AuditAction) => Promise<void>;

export interface OpenOptions extends LayoutOptions {
  /** The file's name, for messages. */
  file: string;
  format: Format;
  /** Key types to try first (spec cli 4.9). */
  order: readonly string[];
  /** What unwraps the data key, in the order in which they are asked. */
  services: readonly KeyService[];
  audit?: Audit | undefined;
  ignoreMac: boolean;
  /** Remember nonces, for a file that is sealed again. */
  remember: boolean;
  /** The file is a stranger's: decrypt with the platform's cipher alone, whose time tells nothing of the key. */
  isForeign?: boolean;
  warn: Warn;
}

/** A decrypted file with what is needed to seal it again. The data key is the caller's to fill with zeros. */
export interface OpenFile {
  documents: Documents;
  metadata: Metadata;
  dataKey: Uint8Array;
  nonces: Nonces;
  /** The author's own text of a file that keeps its layout. It holds the documents. */
  own?: OwnText | undefined;
}

/**
 * Parses an encrypted file, recovers its data key, decrypts every leaf and checks the MAC. Nothing is returned before that.
 *
 * @throws {SopsmithError} naming the file: exit 1 for what cannot be read, 128 without a key, 25 for a leaf, 51 for the MAC
 */
export async function open(
  source: Uint8Array,
  options: OpenOptions,
  host: Host,
): Promise<OpenFile> {
  const { format, warn } = options;
  const marked = options.layout === "keep" ? await markedText(source, format) : undefined;
  const { documents, metadata } = parseSealed(source, options, marked?.documents);
  const selection = await compileSelection(metadata.selector, {
    onBadPattern: "never-match",
    warn,
  });
  const dataKey = await recoverDataKey(metadata, options, host).catch((error: unknown) => {
    throw error instanceof SopsmithError ? error.locate({ file: options.file }) : error;
  });
  try {
    await options.audit?.("decrypt");
    const cipher =
      options.isForeign === true
        ? new LeafCipher(dataKey)
        : await leafCipher(dataKey, documents, true);
    const nonces = new Nonces(host);
    const remembering = options.remember ? nonces : undefined;
    const computed = openDocuments(
      documents,
      {
        cipher,
        selection,
        macOnlyEncrypted: metadata.macOnlyEncrypted,
        nonces: remembering,
        slots: marked?.slots,
        warn,
      },
      options.file,
    );
    const nonce = checkMac(metadata, computed, cipher, options);
    if (nonce) nonces.remember(computed, "str", metadata.lastModified, nonce);
    const opened = { documents, metadata, dataKey, nonces };
    if (marked === undefined) return opened;
    const freeMemory = freeMemoryFor(documents, host);
    const own = marked.open(documents, { cipher, nonces: remembering, freeMemory });
    if (own === undefined)
      warn(
        "its layout was changed and no longer fits its values, so they are written as sops would write them",
      );
    return { ...opened, own };
  } catch (error) {
    dataKey.fill(0);
    throw error;
  }
}

/** Undefined for a file without a marker. */
export async function markedText(
  source: Uint8Array,
  format: Format,
): Promise<MarkedText | undefined> {
  if (format.layout?.isMarked(source) !== true) return undefined;
  const { readMarked } = await import("./layout/marked-text.ts");
  return readMarked(source, format);
}

/**
 * The tree and metadata of an encrypted file, nothing decrypted.
 *
 * @param read the file's documents, where they are parsed already
 * @throws {SopsmithError} exit 1, naming the file
 */
export function parseSealed(
  source: Uint8Array,
  options: { file: string; format: Format; warn: Warn },
  read?: Documents,
): { documents: Documents; metadata: Metadata } {
  const { file, format, warn } = options;
  try {
    const documents = read ?? format.parse(source, { sealed: true, warn });
    return { documents, metadata: parseMetadata(detach(documents, format.placement)) };
  } catch (error) {
    throw error instanceof SopsmithError ? namingConflict(inFile(error, file), source) : error;
  }
}

/** From so many nodes on it pays to load what makes each of them cheaper. */
const MANY_NODES = 4000;

/** From so many nodes on, what a phase of the work leaves is worth a collection of its own. */
const VERY_MANY_NODES = 50_000;

function freeMemoryFor(documents: Documents, { freeMemory }: Host): (() => void) | undefined {
  return freeMemory && hasMoreNodes(documents, VERY_MANY_NODES) ? freeMemory : undefined;
}

/** @param isSealed announces the documents' ciphertexts to the cipher */
async function leafCipher(
  dataKey: Uint8Array,
  documents: Documents,
  isSealed: boolean,
): Promise<LeafCipher> {
  if (!hasMoreNodes(documents, MANY_NODES)) return new LeafCipher(dataKey);
  const { BatchLeafCipher, Texts } = await import("./crypto/leaf-batch.ts");
  const cipher = new BatchLeafCipher(dataKey);
  if (isSealed) cipher.expect(new Texts(documents));
  return cipher;
}

function openDocuments(documents: Documents, opening: Opening, file: string): string {
  try {
    return openTree(documents, opening);
  } catch (error) {
    throw located(error, file, "Error decrypting tree: Error walking tree: ", 25);
  }
}

/** A walk's error with sops's prefix, the key path and the file. */
function located(error: unknown, file: string, prefix: string, exitCode: number): unknown {
  if (!(error instanceof SopsmithError)) return error;
  const path = pathOfError(error);
  const at = path === "" ? file : `${file} at ${path}`;
  const walked = error instanceof LeafError || error instanceof UnwalkableTree;
  const described =
    error instanceof LeafError && !/^(Could not decrypt value|Expected)/.test(error.message)
      ? `Could not decrypt value: ${error.message}`
      : error.message;
  return new SopsmithError(
    error.code,
    walked ? exitCode : error.exitCode,
    `${walked ? prefix : ""}${described} (${at})`,
    { hint: error.hint, cause: error, file, path: path === "" ? undefined : path },
  );
}

/** The nonce of the stored MAC; undefined where it is not right and need not be. */
function checkMac(
  metadata: Metadata,
  computed: string,
  cipher: LeafCipher,
  { file, ignoreMac }: OpenOptions,
): Uint8Array | undefined {
  try {
    if (metadata.mac === "")
      throw new MacMismatch(`MAC mismatch. File has no MAC (${file})`, { file });
    const { leaf, nonce } = openMac(metadata, cipher, file);
    if (leaf.kind === "str" && leaf.value === computed) return nonce;
    throw new MacMismatch(
      `MAC mismatch. The file's values are not those that were encrypted (${file})`,
      { file },
    );
  } catch (error) {
    if (ignoreMac) return undefined;
    throw error;
  }
}

function openMac(
  { mac, lastModified }: Metadata,
  cipher: LeafCipher,
  file: string,
): ReturnType<LeafCipher["open"]> {
  try {
    return cipher.open(mac, lastModified);
  } catch (cause) {
    throw new MacMismatch(`Cannot decrypt MAC: \`mac\` or \`lastmodified\` was changed (${file})`, {
      cause,
      file,
    });
  }
}

export interface SealOptions extends Pick<LayoutOptions, "explain"> {
  file: string;
  format: Format;
  indent: number | undefined;
  warn: Warn;
  audit?: Audit | undefined;
  /** The plain text that the documents were parsed from, for messages. */
  source?: Uint8Array | undefined;
  /** For a pattern of the selection that does not compile. */
  onBadPattern: "refuse" | "never-match";
}

/**
 * Encrypts the selected leaves in place, renews `lastmodified` and the MAC, and emits the file. Takes the documents over.
 *
 * @param kept the text to seal, with its layout, in place of the documents in `opened`
 * @throws {SopsmithError} naming the file: exit 23 for a tree that sops cannot walk, 4 for one the format cannot hold
 */
export async function seal(
  opened: Omit<OpenFile, "own">,
  options: SealOptions,
  host: Host,
  kept?: KeptText,
): Promise<Chunks> {
  const { metadata, nonces } = opened;
  const { format, indent, warn, explain } = options;
  const { selector } = metadata;
  refuseUnsealable(kept?.documents ?? opened.documents, options);
  await options.audit?.("encrypt");
  const selection = await compileSelection(selector.value === "" ? defaultSelector : selector, {
    onBadPattern: options.onBadPattern,
    warn,
  });
  const sealWith = async (
    documents: Documents,
    slots?: Slots,
  ): Promise<{ sealing: Sealing; mac: string }> => {
    const cipher = await leafCipher(opened.dataKey, documents, false);
    const { macOnlyEncrypted } = metadata;
    const sealing = { format, cipher, selection, macOnlyEncrypted, nonces, slots };
    return { sealing, mac: sealDocuments(documents, metadata, sealing, options, host) };
  };
  if (kept !== undefined) {
    const { sealing } = await sealWith(kept.documents, kept.slots);
    const chunks = kept.seal({
      selection,
      metadata,
      format,
      indent,
      explain,
      freeMemory: freeMemoryFor(kept.documents, host),
      seal: (plaintext, type, aad) => sealText(plaintext, type, aad, sealing),
    });
    if (chunks !== undefined) return chunks;
  }
  const documents = kept?.plainDocuments() ?? opened.documents;
  if (selection.byComment !== "none") format.keepMarkersInPlace?.(documents);
  const { sealing, mac } = await sealWith(documents);
  const isNew = options.onBadPattern === "refuse";
  return emitFile(documents, metadata, options, sealedTree({ sealing, mac, isNew }, host));
}

/** @throws {EmitError} exit 4, naming the file, for what nobody could read back from the format */
function refuseUnsealable(documents: Documents, { file, format, source }: SealOptions): void {
  try {
    checkSealable(documents, format, source);
  } catch (error) {
    if (!(error instanceof EmitError)) throw error;
    throw inFile(error, file, "Could not marshal tree: ", error.exitCode, error.path);
  }
}

/**
 * Also renews `lastmodified` and the stored MAC.
 *
 * @returns the MAC
 */
function sealDocuments(
  documents: Documents,
  metadata: Metadata,
  sealing: Sealing,
  { file }: SealOptions,
  host: Host,
): string {
  let mac: string;
  try {
    mac = sealTree(documents, sealing);
  } catch (error) {
    throw located(error, file, "Error encrypting tree: Error walking tree: ", 23);
  }
  metadata.lastModified = timeText(host.now());
  metadata.mac = sealText(mac, "str", metadata.lastModified, sealing);
  return mac;
}
