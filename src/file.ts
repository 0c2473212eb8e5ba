import type { Chunks, Format, Warn } from "../formats/format.ts";
import { LeafCipher, LeafError, plaintextOf, typeTag } from "./crypto/leaf.ts";
import { Mac } from "./crypto/mac.ts";
import { Nonces } from "./crypto/nonces.ts";
import { EmitError, inFile, SopsmithError } from "./errors.ts";
import type { AuditAction, Host } from "./io/host.ts";
import type { KeyService } from "./key-service/key-service.ts";
import { recoverDataKey } from "./data-key/recover.ts";
import { emitMetadata, parseMetadata, type Metadata } from "./metadata/metadata.ts";
import { attach, detach } from "./metadata/placement.ts";
import { compileSelection, defaultSelector, type Selection } from "./metadata/selection.ts";
import {
  str,
  type Comment,
  type Documents,
  type Entry,
  type Leaf,
  type LongText,
  type Node,
  type Scalar,
} from "./tree/node.ts";
import { goType } from "./go/type.ts";
import { LONG_TEXT, longStr } from "./tree/long-text.ts";
import { timeText } from "./go/time.ts";
import { hasMoreNodes, pathOfError, UnwalkableTree, walk, type Place } from "./metadata/walk.ts";

/** The file was changed without the data key, or lost its MAC. Exit 51. */
export class MacMismatch extends SopsmithError {
  constructor(message: string, options: { cause?: unknown; file?: string } = {}) {
    super("mac-mismatch", 51, message, {
      ...options,
      hint: "The file was changed without its key, for example by hand or in a merge. Restore it, or look at it with --ignore-mac.",
    });
  }
}

/** Told of what is about to be done to the file; throws when that must not be done. */
export type Audit = (action: AuditAction) => Promise<void>;

export interface OpenOptions {
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
  const { warn } = options;
  const { documents, metadata } = parseSealed(source, options);
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
      options.isForeign === true ? new LeafCipher(dataKey) : await leafCipher(dataKey, documents);
    const nonces = new Nonces(host);
    const computed = openTree(
      documents,
      metadata,
      selection,
      cipher,
      options.remember ? nonces : undefined,
      options,
    );
    const nonce = checkMac(metadata, computed, cipher, options);
    if (nonce) nonces.remember(computed, "str", metadata.lastModified, nonce);
    return { documents, metadata, dataKey, nonces };
  } catch (error) {
    dataKey.fill(0);
    throw error;
  }
}

/**
 * The tree and metadata of an encrypted file, nothing decrypted.
 *
 * @throws {SopsmithError} exit 1, naming the file
 */
export function parseSealed(
  source: Uint8Array,
  options: { file: string; format: Format; warn: Warn },
): { documents: Documents; metadata: Metadata } {
  const { file, format, warn } = options;
  try {
    const documents = format.parse(source, { sealed: true, warn });
    return { documents, metadata: parseMetadata(detach(documents, format.placement)) };
  } catch (error) {
    throw error instanceof SopsmithError ? inFile(error, file) : error;
  }
}

/** From so many nodes on it pays to load what makes each of them cheaper. */
const manyNodes = 4000;

/** Also announces the documents' ciphertexts to the cipher. */
async function leafCipher(dataKey: Uint8Array, documents: Documents): Promise<LeafCipher> {
  if (!hasMoreNodes(documents, manyNodes)) return new LeafCipher(dataKey);
  const { BatchLeafCipher, Texts } = await import("./crypto/leaf-batch.ts");
  const cipher = new BatchLeafCipher(dataKey);
  cipher.expect(new Texts(documents));
  return cipher;
}

/** Decrypts every selected leaf in place; returns the MAC of what it found. */
function openTree(
  documents: Documents,
  metadata: Metadata,
  selection: Selection,
  cipher: LeafCipher,
  nonces: Nonces | undefined,
  { file, warn }: OpenOptions,
): string {
  const mac = new Mac(metadata.macOnlyEncrypted);
  let warned = false;
  const openOne = (text: string, place: Place): Leaf => {
    if (nonces === undefined || text === "") return cipher.openLeaf(text, place.aad);
    const { leaf, nonce } = cipher.open(text, place.aad);
    nonces.remember(secretOf(leaf), typeTag(leaf), place.aad, nonce);
    return leaf;
  };
  const openLong = (text: LongText, place: Place): Leaf => {
    const { leaf, nonce } = cipher.openLong(text, place.aad);
    nonces?.remember(secretOf(leaf), typeTag(leaf), place.aad, nonce);
    return leaf;
  };
  const scalar = (leaf: Scalar, place: Place): Leaf => {
    let opened: Leaf = leaf;
    if (place.isEncrypted) {
      if (leaf.kind !== "str")
        throw new LeafError(`Expected encrypted value as string, but got ${goType(leaf)}`);
      opened = leaf.long ? openLong(leaf.long, place) : openOne(leaf.value, place);
      if (opened.kind === "str" && leaf.long === undefined && opened.long === undefined) {
        // The node stays, since a new one in an old tree is what garbage collectors are slow at.
        leaf.value = opened.value;
        mac.add(leaf, true);
        return leaf;
      }
      opened.start = leaf.start;
      opened.end = leaf.end;
      if (opened.kind === "comment") {
        if (place.inList) return opened;
        // Only the `type:` says so, and nothing authenticates it: a comment can never be a key's value (spec file-format D14).
        throw new MacMismatch(`MAC mismatch. A value is marked as a comment`);
      }
    }
    mac.add(opened, place.isEncrypted);
    return opened;
  };
  const comment = (leaf: Comment, place: Place, outer: () => string[]): Comment => {
    if (!place.isEncrypted || leaf.value === "") return leaf;
    // sops writes a comment behind a nested collection in such a way that the reader takes it for one of that collection:
    // then it opens at the place of an enclosing one.
    for (const aad of leaf.value.startsWith("ENC[") ? [place.aad, ...outer()] : []) {
      try {
        const opened = openOne(leaf.value, { ...place, aad });
        if (opened.kind === "comment") return { ...opened, start: leaf.start, end: leaf.end };
      } catch (error) {
        if (!(error instanceof LeafError)) throw error;
      }
    }
    if (!warned) {
      warn(
        "Found possibly unencrypted comment in file. This is to be expected if the file being decrypted was created with an older version of SOPS.",
      );
      warned = true;
    }
    return leaf;
  };
  try {
    walk(documents, selection, { scalar, comment });
  } catch (error) {
    throw located(error, file, "Error decrypting tree: Error walking tree: ", 25);
  }
  return mac.digest();
}

/** What is sealed for a leaf: a scalar's canonical text, a comment's own. */
const secretOf = (leaf: Leaf): string | Uint8Array =>
  leaf.kind === "comment" ? leaf.value : plaintextOf(leaf);

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

/**
 * Where comments say what is encrypted, a comment must govern the same value when the file is read. The YAML printer puts one at the end
 * of a collection's line, and those in an empty list, at a later line (spec file-format 7.7): they are written above the key instead.
 */
function keepMarkersInPlace(documents: Documents): void {
  const open: Node[] = [...documents];
  for (let node = open.pop(); node; node = open.pop()) {
    if (node.kind === "map") node.items = withMarkersAbove(node.items, open);
    else if (node.kind === "seq") node.items = withMarkersAbove(node.items, open);
  }
}

/** @param open takes the collections among the items */
function withMarkersAbove<Item extends Entry | Node>(items: Item[], open: Node[]): Item[] {
  const out: Item[] = [];
  for (const item of items) {
    const value: Node = item.kind === "entry" ? item.value : item;
    if (value.kind === "map" || value.kind === "seq") {
      for (let last = out.at(-1), i = out.length - 1; last?.kind === "comment"; last = out[--i]) {
        last.inline = false;
      }
      if (value.kind === "seq" && value.items.every(({ kind }) => kind === "comment")) {
        out.push(...(value.items as Comment[] as Item[]));
        value.items = [];
      }
      open.push(value);
    }
    out.push(item);
  }
  return out;
}

/** A value left in clear that no sops could read back as it is. Exit 4. */
class NotReadBack extends EmitError {
  constructor(format: string) {
    super(
      `Could not marshal tree: an unencrypted value of this kind cannot be read back from ${format}`,
      {
        hint: "Encrypt it too, or change it: text that begins with a tab and has several lines, or a typed value in a format that has only text.",
      },
    );
  }
}

export interface SealOptions {
  file: string;
  format: Format;
  indent: number | undefined;
  warn: Warn;
  audit?: Audit | undefined;
  /** For a pattern of the selection that does not compile. */
  onBadPattern: "refuse" | "never-match";
}

/**
 * Encrypts the selected leaves in place, renews `lastmodified` and the MAC, and emits the file. Takes the documents over.
 *
 * @throws {SopsmithError} naming the file: exit 23 for a tree that sops cannot walk, 4 for one the format cannot hold
 */
export async function seal(opened: OpenFile, options: SealOptions, host: Host): Promise<Chunks> {
  const { documents, metadata, nonces } = opened;
  const { file, warn } = options;
  const { selector } = metadata;
  await options.audit?.("encrypt");
  const selection = await compileSelection(selector.value === "" ? defaultSelector : selector, {
    onBadPattern: options.onBadPattern,
    warn,
  });
  if (selection.byComment !== "none") keepMarkersInPlace(documents);
  const cipher = await leafCipher(opened.dataKey, documents);
  const mac = new Mac(metadata.macOnlyEncrypted);
  const sealText = (plaintext: string | Uint8Array, type: string, aad: string): string => {
    const nonce = nonces.known(plaintext, type, aad);
    return nonce === undefined
      ? cipher.sealFresh(plaintext, type, aad, nonces)
      : cipher.seal(plaintext, type, aad, nonce);
  };
  const scalar = (leaf: Scalar, place: Place): Leaf => {
    mac.add(leaf, place.isEncrypted);
    if (!place.isEncrypted) {
      if (options.format.readsBack?.(leaf) === false) throw new NotReadBack(options.format.name);
      return leaf;
    }
    const plaintext = plaintextOf(leaf);
    if (plaintext.length === 0) return leaf.kind === "bytes" ? str("", leaf.start, leaf.end) : leaf;
    if (plaintext.length >= LONG_TEXT) {
      const type = typeTag(leaf);
      const nonce = nonces.known(plaintext, type, place.aad) ?? nonces.fresh();
      return longStr(cipher.sealLong(plaintext, type, place.aad, nonce), leaf.start, leaf.end);
    }
    return str(sealText(plaintext, typeTag(leaf), place.aad), leaf.start, leaf.end);
  };
  const comment = (leaf: Comment, place: Place): Comment => {
    if (!place.isEncrypted || leaf.value === "") return leaf;
    const value = sealText(leaf.value, "comment", place.aad);
    if (selection.byComment === "unencrypted" && selection.commentMatches(value)) {
      throw new UnwalkableTree(
        "Encrypted comment matches UnencryptedCommentRegex! Make sure that UnencryptedCommentRegex cannot match an encrypted comment.",
        leaf.start,
        "Choose a pattern that does not match text of the form ENC[AES256_GCM,…].",
      );
    }
    return { ...leaf, value };
  };
  try {
    walk(documents, selection, { scalar, comment });
  } catch (error) {
    throw located(error, file, "Error encrypting tree: Error walking tree: ", 23);
  }
  metadata.lastModified = timeText(host.now());
  metadata.mac = sealText(mac.digest(), "str", metadata.lastModified);
  return emitFile(documents, metadata, options);
}

/**
 * Encrypted documents and metadata → the file.
 *
 * @throws {EmitError} exit 4
 */
export function emitFile(
  documents: Documents,
  metadata: Metadata,
  options: Omit<SealOptions, "onBadPattern">,
): Chunks {
  const { file, format, indent, warn } = options;
  try {
    attach(documents, emitMetadata(metadata), format.placement);
    return format.emit(documents, { sealed: true, indent, warn });
  } catch (error) {
    throw error instanceof EmitError ? inFile(error, file, "Could not marshal tree: ") : error;
  }
}
