import type { Chunks, Format, Warn } from "../formats/format.ts";
import { plaintextOf } from "./crypto/leaf.ts";
import { EmitError, inFile, SopsmithError } from "./errors.ts";
import { emitMetadata, parseMetadata, type Metadata } from "./metadata/metadata.ts";
import { attach, detach } from "./metadata/placement.ts";
import {
  compareDocuments,
  isCiphertext,
  type Comparison,
  type Difference,
  type Moved,
} from "./tree/compare.ts";
import { collections } from "./tree/collections.ts";
import { joinChunks } from "./tree/long-text.ts";
import {
  str,
  type Comment,
  type Documents,
  type Entry,
  type Item,
  type LongText,
  type Node,
  type Null,
  type Scalar,
} from "./tree/node.ts";
import { encodeText } from "./tree/text.ts";
import { aadOf, type Trail } from "./tree/trail.ts";

/** The finished text would not give back what was meant. Nothing has been written. Exit 4. */
export class NotReadBack extends EmitError {
  constructor({ path, what }: Difference, format: string, options: { cause?: unknown } = {}) {
    super(`no version of sops could read this back from ${format}: ${what}`, {
      hint: "Rename the key, change the value, encrypt it too, or choose another format.",
      path: path === "" ? undefined : path,
      ...options,
    });
  }
}

export interface EmitFileOptions {
  file: string;
  format: Format;
  indent: number | undefined;
  warn: Warn;
}

/** What is known of a tree that was sealed just now. */
export interface Sealed {
  /** The file is encrypted for the first time. */
  isNew: boolean;
  /**
   * The text of a comment that goes to another place, encrypted or not as the selection says of that.
   *
   * @param from the collections that it was in
   * @param to those that it goes into
   * @returns undefined where an encrypted comment would not be encrypted any more
   */
  textAt(comment: Comment, from: Trail, to: Trail): string | undefined;
  /**
   * Set where comments say what is encrypted, so that their places decide: opens what was read, in place.
   *
   * @returns what seals it again; undefined when it does not open, or to something else
   */
  reopen?: ((read: Documents) => (() => Documents) | undefined) | undefined;
}

/** As often as comments are moved before the file is taken, or refused, as it is. */
const MAX_ROUNDS = 40;
/** As often as what was read is written again, so that the next command finds every comment where it would put it. */
const MAX_REWRITES = 4;

/**
 * Encrypted documents and metadata → the file, read back before it is handed out. Every command that writes an encrypted file ends here.
 * Takes the documents over.
 *
 * The text is parsed, and its tree compared with the tree that was emitted. Nothing is decrypted again, and need not be: a leaf's ciphertext was
 * made by the same cipher and key that open it, so it opens wherever it has the same text and the same additional data, which are the
 * mapping keys above it. Keys, order and nesting are compared, so the path of each leaf, the order of the MAC and what a selection by keys
 * decides are the same; of unencrypted leaves the bytes that go into the MAC are compared, and the metadata field by field. Two things are
 * not settled by that. Where comments decide what is encrypted, `Sealed.reopen` opens the text with the data key. And YAML's reader may attach
 * a comment to another collection than the one it is in: an encrypted one whose path would change is moved (`settle`).
 * Long ciphertexts are represented by short ones: they are written as they are in every format, and their tags vouch for them.
 *
 * @param sealed undefined for documents that are still as they were read, under the same data key
 * @throws {NotReadBack | EmitError} exit 4, naming the file
 */
export function emitFile(
  documents: Documents,
  metadata: Metadata,
  options: EmitFileOptions,
  sealed?: Sealed,
): Chunks {
  const { file } = options;
  try {
    attach(documents, emitMetadata(metadata), options.format.placement);
    return emitReadable(documents, metadata, options, sealed);
  } catch (error) {
    if (!(error instanceof EmitError)) throw error;
    throw inFile(error, file, "Could not marshal tree: ", error.exitCode, error.path);
  }
}

function emitReadable(
  documents: Documents,
  metadata: Metadata,
  { format, indent, warn }: EmitFileOptions,
  sealed: Sealed | undefined,
): Chunks {
  const restore = shortenLong(documents);
  /** The last text that is right. */
  let accepted: Uint8Array | undefined;
  let rewrites = 0;
  let commentsInPlace = false;
  for (let round = 0; ; round++) {
    const emit = (warn: Warn): Chunks =>
      format.emit(documents, { sealed: true, indent, commentsInPlace, warn });
    // What the emitter warns of, it says once.
    const text = joinChunks(emit(round === 0 ? warn : silent));
    const found = compareText(text, documents, metadata, format);
    const { difference, read } = found;
    const seal = read && sealed?.reopen?.(read);
    if (read === undefined || (sealed?.reopen !== undefined && seal === undefined)) {
      if (!commentsInPlace && format.strayComments === true) {
        commentsInPlace = true;
        continue;
      }
      if (accepted !== undefined) return [accepted];
      throw new NotReadBack(difference ?? wrongComment, format.name);
    }
    if (format.strayComments === true) {
      const astray = found.moved.filter((moved) => isAstray(moved, sealed));
      if (round < MAX_ROUNDS && (settle(astray, sealed, warn) || putAbove(found.moved))) continue;
      if (accepted === undefined) {
        refuseLost(astray, sealed, format);
        warnOfLost(found.moved, warn);
      }
      if (
        !found.isSteady &&
        sealed !== undefined &&
        restore === undefined &&
        rewrites < MAX_REWRITES
      ) {
        rewrites++;
        accepted = text;
        commentsInPlace = false;
        documents = seal?.() ?? asSealed(read, found.moved, sealed);
        attach(documents, emitMetadata(metadata), format.placement);
        continue;
      }
    }
    if (restore === undefined) return [text];
    restore();
    return emit(silent);
  }
}

const wrongComment: Difference = {
  path: "",
  what: "a comment would select different values than it does now",
};

/** What was read of a text, with the comments that moved encrypted where they are now. */
function asSealed(read: Documents, moved: readonly Moved[], sealed: Sealed): Documents {
  for (const { comment, from, to } of moved) {
    if (to === undefined || isCiphertext(comment)) continue;
    to.comment.value = sealed.textAt(comment, from, to.trail) ?? comment.value;
  }
  return read;
}

/** A comment that is alone in a mapping is lost when the file is read, in sops too. */
function warnOfLost(moved: readonly Moved[], warn: Warn): void {
  const count = moved.filter(({ to }) => to === undefined).length;
  if (count > 0)
    warn(
      `${count === 1 ? "a comment is" : `${count} comments are`} lost, as in sops: YAML has no place for comments in a mapping without entries`,
    );
}

const silent = (): void => undefined;

/** Parses the text and compares it with what was emitted. `read` is without the `sops` block; undefined where there is a difference. */
function compareText(
  text: Uint8Array,
  documents: Documents,
  metadata: Metadata,
  format: Format,
): Comparison & { read: Documents | undefined } {
  try {
    const read = format.parse(text, { sealed: true, warn: silent });
    const isSame = format.name === "yaml" ? isSameLeaf : isSameText;
    const compared = compareDocuments(format.asRead?.(documents) ?? documents, read, isSame);
    if (compared.difference !== undefined) return { ...compared, read: undefined };
    const block = compareDocuments(
      [emitMetadata(parseMetadata(emitMetadata(metadata)))],
      [emitMetadata(parseMetadata(detach(read, format.placement)))],
      isSameText,
    ).difference;
    if (block === undefined) return { ...compared, read };
    return differing(`["sops"]${block.path}`, `its metadata would change (${block.what})`);
  } catch (error) {
    if (!(error instanceof SopsmithError)) throw error;
    return differing(error.path ?? "", error.message);
  }
}

const differing = (path: string, what: string) => ({
  difference: { path, what },
  moved: [],
  isSteady: false,
  read: undefined,
});

/** The same value of the same kind. A float without fraction is written as an integer, by sops too, and counts the same for the MAC. */
function isSameLeaf(meant: Scalar | Null, read: Scalar | Null): boolean {
  if (meant.kind === "null" || read.kind === "null") return meant.kind === read.kind;
  if (meant.kind !== read.kind && !(meant.kind === "float" && read.kind === "int")) return false;
  return isSameText(meant, read);
}

/** For formats that have fewer kinds: what goes into the MAC is the same. */
function isSameText(meant: Scalar | Null, read: Scalar | Null): boolean {
  if (meant.kind === "null" || read.kind === "null") return meant.kind === read.kind;
  const [a, b] = [plaintextOf(meant), plaintextOf(read)];
  if (typeof a === "string" && typeof b === "string") return a === b;
  const bytes = typeof a === "string" ? encodeText(a) : a;
  return Buffer.compare(bytes, typeof b === "string" ? encodeText(b) : b) === 0;
}

/** Would it be lost, or an encrypted one be read at another path? */
function isAstray({ comment, from, to }: Moved, sealed: Sealed | undefined): boolean {
  // sops loses what remains of a mapping whose last entry was unset, and both programs are to print the same.
  if (isAlone(from) && sealed?.isNew !== true) return false;
  return to === undefined || (isCiphertext(comment) && aadOf(to.trail) !== aadOf(from));
}

/** Are there only comments in the mapping? */
function isAlone(from: Trail): boolean {
  const collection = from.at(-1)?.collection;
  return collection?.kind === "map" && collection.items.every(({ kind }) => kind === "comment");
}

/**
 * Moves comments that are astray: above the value instead of at the end of its line; in front of the entry that
 * misleads the reader; in front of the key of the collection they are in, sealed anew for that path; and where nothing else helps, as elements
 * of their list, the form that sops writes and 3.13.2 fails on.
 *
 * @returns whether anything was changed, so that it is worth another look
 */
function settle(astray: readonly Moved[], sealed: Sealed | undefined, warn: Warn): boolean {
  let isChanged = false;
  /** By the collection they are in: a file may have a hundred thousand in one. */
  const groups = new Map<unknown, { from: Trail; comments: Set<Item> }>();
  for (const { comment, from } of astray) {
    if (comment.inline) {
      comment.inline = false;
      isChanged = true;
      continue;
    }
    const collection = from.at(-1)?.collection;
    const group = groups.get(collection);
    if (group === undefined) groups.set(collection, { from, comments: new Set([comment]) });
    else group.comments.add(comment);
  }
  for (const { from, comments } of groups.values()) {
    isChanged =
      moveForward(from, comments, sealed) ||
      moveOutward(from, comments, sealed) ||
      makeItems(from, comments, warn) ||
      isChanged;
  }
  return isChanged;
}

/**
 * A comment at the end of a collection's line, which would be read with the element after it, goes above the collection, where
 * sops prints it.
 *
 * @returns whether there was one
 */
function putAbove(moved: readonly Moved[]): boolean {
  const inLists = moved.filter(
    ({ comment, from }) => comment.inline && from.at(-1)?.collection.kind === "seq",
  );
  for (const { comment } of inLists) comment.inline = false;
  return inLists.length > 0;
}

/** In a mapping: in front of the entry that they follow. */
function moveForward(
  from: Trail,
  comments: ReadonlySet<Item>,
  sealed: Sealed | undefined,
): boolean {
  const mapping = from.at(-1)?.collection;
  if (mapping?.kind !== "map" || sealed?.reopen !== undefined) return false;
  const out: Item[] = [];
  let isChanged = false;
  /** The last entry and what follows it, of which nothing is in `out` yet. */
  let held: Item[] = [];
  for (const item of mapping.items) {
    if (item.kind === "entry") {
      for (const one of held) out.push(one);
      held = [item];
    } else if (held.length > 0 && comments.has(item)) {
      out.push(item);
      isChanged = true;
    } else {
      held.push(item);
    }
  }
  if (!isChanged) return false;
  for (const one of held) out.push(one);
  mapping.items = out;
  return true;
}

/** In front of the key of the nearest mapping outside. */
function moveOutward(
  from: Trail,
  comments: ReadonlySet<Item>,
  sealed: Sealed | undefined,
): boolean {
  if (sealed === undefined || sealed.reopen !== undefined) return false;
  const inner = from.at(-1)?.collection;
  const depth = from.slice(0, -1).findLastIndex(({ collection }) => collection.kind === "map");
  const outer = from[depth]?.collection;
  const next = from[depth + 1]?.collection;
  if (inner === undefined || outer?.kind !== "map") return false;
  const to = from.slice(0, depth + 1);
  const going: Comment[] = [];
  const staying: (Node | Entry)[] = [];
  for (const item of inner.items) {
    const value =
      item.kind === "comment" && comments.has(item) ? sealed.textAt(item, from, to) : undefined;
    if (item.kind === "comment" && value !== undefined) going.push({ ...item, value });
    else staying.push(item);
  }
  if (going.length === 0) return false;
  inner.items = staying as Item[] & Node[];
  const at = outer.items.findIndex((item) => item.kind === "entry" && item.value === next);
  outer.items = [...outer.items.slice(0, at), ...going, ...outer.items.slice(at)];
  return true;
}

function makeItems(from: Trail, comments: ReadonlySet<Item>, warn: Warn): boolean {
  const list = from.at(-1)?.collection;
  if (list?.kind !== "seq") return false;
  const isGoing = (item: Node): item is Comment =>
    item.kind === "comment" && comments.has(item) && isCiphertext(item);
  if (!list.items.some(isGoing)) return false;
  list.items = list.items.map((item) => (isGoing(item) ? str(item.value) : item));
  warn(
    "an encrypted comment is written as an element of its list; sops 3.13.2 reports a MAC mismatch there, but other versions can read it",
  );
  return true;
}

/** A comment that opens at an enclosing collection's path is read by this program; other comments would be lost. */
function refuseLost(astray: readonly Moved[], sealed: Sealed | undefined, format: Format): void {
  for (const { comment, from, to } of astray) {
    if (!isCiphertext(comment) || isAlone(from)) continue;
    const isRead = to?.trail.some(
      (_, depth, trail) => aadOf(trail.slice(0, depth + 1)) === aadOf(from),
    );
    // One that was read at this place may have been sealed for another one.
    if (isRead === true || (to !== undefined && sealed === undefined)) continue;
    const keys = from.at(-1)?.prefix.slice(0, -1) ?? "";
    throw new NotReadBack(
      { path: "", what: `the text of a comment in ${JSON.stringify(keys)} would be lost` },
      format.name,
    );
  }
}

/**
 * Puts a short ciphertext in the place of each long one.
 *
 * @returns what undoes that; undefined where there was none
 */
function shortenLong(documents: Documents): (() => void) | undefined {
  const undo: (() => void)[] = [];
  const shorten = (node: Node, put: (node: Node) => void): void => {
    if (node.kind !== "str" || node.long === undefined || !isLongCiphertext(node.long)) return;
    put(str(`ENC[AES256_GCM,data:${undo.length},iv:,tag:,type:str]`));
    undo.push(() => {
      put(node);
    });
  };
  for (const collection of collections(documents)) {
    for (const [i, item] of collection.items.entries()) {
      if (item.kind === "entry") shorten(item.value, (node) => (item.value = node));
      else if (collection.kind === "seq") shorten(item, (node) => (collection.items[i] = node));
    }
  }
  if (undo.length === 0) return undefined;
  return () => {
    for (const one of undo) one();
  };
}

function isLongCiphertext({ isPlain, pieces }: LongText): boolean {
  if (!isPlain) return false;
  const [head] = pieces;
  return (
    head !== undefined &&
    Buffer.from(head.subarray(0, 20)).toString("latin1").startsWith("ENC[AES256_GCM,data:")
  );
}
