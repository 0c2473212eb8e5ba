import { loadFormat } from "../formats/index.ts";
import type { Chunks, Format, FormatName, Warn } from "../formats/format.ts";
import { Nonces } from "./crypto/nonces.ts";
import { wrapNewKeys } from "./change.ts";
import { keptText, parsePlain } from "./encrypt.ts";
import { inFile, SopsmithError } from "./errors.ts";
import { open, parseSealed, seal, type OpenFile } from "./file.ts";
import type { Host } from "./io/host.ts";
import type { KeyService } from "./key-service/key-service.ts";
import type { LayoutOptions } from "./layout/choice.ts";
import type { KeptText } from "./layout/kept-text.ts";
import { Identities } from "./merge/identity.ts";
import { KnownLeaves } from "./merge/known-leaves.ts";
import { mergeLines, withMarkers, type MarkerLabels } from "./merge/lines.ts";
import { mergeMetadata, type MergedMetadata } from "./merge/metadata.ts";
import { mergeTrees, type Conflict } from "./merge/trees.ts";
import { refuseNeverWrapped } from "./rotate.ts";
import { copyDocuments, isDeeperThan } from "./tree/copy.ts";
import { joinChunks } from "./tree/long-text.ts";
import type { Documents } from "./tree/node.ts";

/** The three versions of a file that is merged. */
export interface MergeSources {
  /** What both sides come from; undefined where each side added the file. */
  readonly base: Uint8Array | undefined;
  readonly ours: Uint8Array;
  readonly theirs: Uint8Array;
}

export interface MergeOptions {
  /** The file's name as the user knows it, for messages. */
  file: string;
  format: FormatName;
  indent?: number | undefined;
  /** Key types to try first. */
  order: readonly string[];
  services: readonly KeyService[];
  /** Whether the merged file keeps the layout of ours. */
  layout?: LayoutOptions["layout"];
  /** What is beside conflict markers. */
  labels: MarkerLabels;
  warn: Warn;
}

export interface MergedFile {
  /** Encrypted; with conflict markers round the encrypted lines that conflict, where there are any. */
  readonly chunks: Chunks;
  readonly conflicts: readonly Conflict[];
}

/** Deeper documents are left to Git's text merge. */
const MAX_DEPTH = 1000;

/**
 * Merges three encrypted versions of a file. Each is opened and its MAC checked before anything else. Values that no side changed keep their
 * ciphertext; the MAC is made anew (spec git B.2 and B.3).
 *
 * @throws {SopsmithError} where a side cannot be opened, exit as `open`; where both sides changed recipients or selection in two ways, exit 1
 */
export async function mergeSources(
  sources: MergeSources,
  options: MergeOptions,
  host: Host,
): Promise<MergedFile> {
  return withSides(sources, options, host, async (sides) => {
    const { ours, theirs, conflicts } = await readings(sides, options);
    await prepareKeys(sides, options, host);
    // Both readings in the same second, so that their blocks differ in nothing but the MAC.
    const now = host.now();
    const frozen = { ...host, now: () => now };
    const merged = await sealReading(ours, sides, options, frozen);
    if (conflicts.length === 0) return { chunks: [merged], conflicts };
    const { mac } = sides.metadata;
    const other = await sealReading(theirs, sides, options, frozen);
    const theirReading = replaced(other, sides.metadata.mac, mac);
    return { chunks: [withMarkers(merged, theirReading, options.labels)], conflicts };
  });
}

/**
 * Merges three versions, has the plain text with its conflict markers edited where there are any, and seals what comes back. Values that
 * are those of a side keep their ciphertext.
 *
 * @param edit takes the plain text, with markers round the lines that conflict, and returns the edited text once `accept` takes it
 * @throws {SopsmithError} as `mergeSources` and `edit`
 */
export async function mergeEdited(
  sources: MergeSources,
  options: MergeOptions,
  host: Host,
  edit: (
    text: Uint8Array,
    accept: (typed: Uint8Array) => void,
    conflicts: readonly Conflict[],
  ) => Promise<Uint8Array>,
): Promise<Chunks> {
  return withSides(sources, options, host, async (sides) => {
    const { format } = sides;
    const { ours, theirs, conflicts } = await readings(sides, options);
    if (conflicts.length === 0) {
      await prepareKeys(sides, options, host);
      return [await sealReading(ours, sides, options, host)];
    }
    const { indent, warn, file } = options;
    const canBeKept = ours.kept !== undefined && theirs.kept !== undefined;
    const shown = ({ documents, text }: Reading) =>
      canBeKept && text !== undefined
        ? Buffer.from(text)
        : joinChunks(format.emit(documents, { sealed: false, indent, warn }));
    const parse = (typed: Uint8Array) => parsePlain(typed, format.parse, { file, warn });
    const text = withMarkers(shown(ours), shown(theirs), options.labels);
    const typed = await edit(text, parse, conflicts);
    const kept = canBeKept ? await keptText(typed, format, options) : undefined;
    await prepareKeys(sides, options, host);
    const reading = { documents: kept?.documents ?? parse(typed), kept };
    return [await sealReading(reading, sides, options, host)];
  });
}

/**
 * Seals a file that was resolved by hand: text with encrypted values and without markers. Each of its values must be at that place in one
 * of the three versions, so that nobody gets a MAC for a value that was moved or made up.
 *
 * @throws {SopsmithError} exit 1 naming the path of a value that no version has
 */
export async function acceptResolved(
  resolved: Uint8Array,
  sources: MergeSources,
  options: MergeOptions,
  host: Host,
): Promise<Chunks> {
  return withSides(sources, options, host, async (sides) => {
    const { format, ours } = sides;
    const { file, warn } = options;
    const stored = (source: Uint8Array) => parseSealed(source, { file, format, warn }).documents;
    const known = new KnownLeaves();
    for (const side of ["ours", "theirs", "base"] as const) {
      const [source, opened] = [sources[side], sides[side]];
      if (source !== undefined && opened !== undefined) known.add(stored(source), opened.documents);
    }
    const documents = stored(resolved);
    try {
      known.open(documents);
    } catch (error) {
      throw error instanceof SopsmithError ? inFile(error, file) : error;
    }
    await prepareKeys(sides, options, host);
    const kept = followed(ours.own?.kept, documents, options);
    return [await sealReading({ documents, kept }, sides, options, host)];
  });
}

/** Three opened versions, and what the merged file has from them. */
interface Sides {
  readonly format: Format;
  readonly base: OpenFile | undefined;
  readonly ours: OpenFile;
  readonly theirs: OpenFile;
  readonly metadata: MergedMetadata["metadata"];
  readonly dataKey: Uint8Array;
  /** Sides under the merged file's data key. */
  readonly related: readonly OpenFile[];
}

async function withSides<T>(
  sources: MergeSources,
  options: MergeOptions,
  host: Host,
  work: (sides: Sides) => Promise<T>,
): Promise<T> {
  const format = await loadFormat(options.format);
  const opened: OpenFile[] = [];
  const openSide = async (source: Uint8Array, side: string): Promise<OpenFile> => {
    const { file, order, services, layout, warn } = options;
    const one = { file: `${file} (${side})`, format, order, services, layout, warn };
    const openedSide = await open(source, { ...one, ignoreMac: false, remember: true }, host);
    opened.push(openedSide);
    return openedSide;
  };
  try {
    const base =
      sources.base === undefined ? undefined : await openSide(sources.base, "common ancestor");
    const ours = await openSide(sources.ours, "ours");
    const theirs = await openSide(sources.theirs, "theirs");
    for (const side of opened)
      if (isDeeperThan(side.documents, MAX_DEPTH))
        throw new SopsmithError("merge-too-deep", 1, "the documents are nested too deeply");
    for (const { metadata } of opened) await refuseNeverWrapped(metadata.keyGroups, options.file);
    const isSame = (a: OpenFile, b: OpenFile) => Buffer.compare(a.dataKey, b.dataKey) === 0;
    // The data key of the side that rotated; ours' where both did.
    const main =
      base !== undefined && isSame(ours, base) && !isSame(theirs, base) ? "theirs" : "ours";
    const { metadata, removedWithoutRotation } = mergeMetadata({
      base: base?.metadata,
      ours: ours.metadata,
      theirs: theirs.metadata,
      main,
      hasOneDataKey: isSame(ours, theirs),
    });
    for (const id of removedWithoutRotation)
      options.warn(
        `${id} was removed, but the data key is still the same, so it can still open the file's values: run sopsmith rotate.`,
      );
    const { keyGroups } = main === "ours" ? ours.metadata : theirs.metadata;
    const known = new Set(keyGroups.flat().map(({ id }) => id));
    for (const { id, enc } of metadata.keyGroups.flat())
      if (enc === undefined && !known.has(id))
        options.warn(
          `${id} was added on one side only, and now gets the data key of the other side.`,
        );
    const { dataKey } = main === "ours" ? ours : theirs;
    const related = [ours, theirs, ...(base === undefined ? [] : [base])].filter(
      (side) => Buffer.compare(side.dataKey, dataKey) === 0,
    );
    return await work({ format, base, ours, theirs, metadata, dataKey, related });
  } finally {
    for (const { dataKey } of opened) dataKey.fill(0);
  }
}

/** One reading of the merged file: with ours' values where both sides conflict, or with theirs'. */
interface Reading {
  readonly documents: Documents;
  /** The same with the layout of ours, where ours has one. */
  readonly kept?: KeptText | undefined;
  readonly text?: string;
}

async function readings(
  sides: Sides,
  options: MergeOptions,
): Promise<{ ours: Reading; theirs: Reading; conflicts: readonly Conflict[] }> {
  const { base, ours, theirs } = sides;
  const merge = (prefer: "ours" | "theirs") =>
    mergeTrees(base?.documents ?? [], ours.documents, theirs.documents, prefer);
  const { documents, conflicts } = merge("ours");
  const mine = await laidOut(copyDocuments(documents), "ours", sides, options);
  if (conflicts.length === 0) return { ours: mine, theirs: mine, conflicts };
  const other = copyDocuments(merge("theirs").documents);
  return { ours: mine, theirs: await laidOut(other, "theirs", sides, options), conflicts };
}

/**
 * A reading in the layout of ours. Its text is merged by lines where that gives the same documents, comments included; else values are exchanged
 * in ours' text. Where neither can be done, it will be written as sops would, with a warning.
 */
async function laidOut(
  documents: Documents,
  prefer: "ours" | "theirs",
  { format, base, ours, theirs }: Sides,
  options: MergeOptions,
): Promise<Reading> {
  const { own } = ours;
  if (own?.kept === undefined) return { documents };
  const identities = new Identities();
  const isMeant = (kept: KeptText) =>
    kept.documents.length === documents.length &&
    kept.documents.every((document, i) => identities.areEqual(document, documents[i]));
  if (base?.own !== undefined && theirs.own !== undefined) {
    const [o, a, b] = [base.own, own, theirs.own].map(({ text }) => textOf(text));
    const text = mergeLines(o ?? "", a ?? "", b ?? "", prefer);
    const kept =
      text === undefined
        ? undefined
        : await keptText(Buffer.from(text), format, { layout: "keep" });
    if (text !== undefined && kept !== undefined && isMeant(kept)) return { documents, kept, text };
  }
  const kept = followed(own.kept, documents, options);
  if (kept === undefined) return { documents };
  if (isMeant(kept)) return { documents, kept, text: kept.toString() };
  options.warn(`${LAYOUT_LOST}a comment was changed`);
  return { documents };
}

const LAYOUT_LOST = "its layout is lost, and the file is written as sops would write it: ";

function followed(
  kept: KeptText | undefined,
  documents: Documents,
  { indent, warn }: MergeOptions,
): KeptText | undefined {
  return kept?.follow(documents, { indent, explain: (reason) => warn(LAYOUT_LOST + reason) });
}

async function prepareKeys(sides: Sides, { services }: MergeOptions, host: Host): Promise<void> {
  await wrapNewKeys(sides.dataKey, sides.metadata, services, host);
}

/** Seals a reading under the merged file's data key; changes it in place, and the metadata's `lastmodified` and `mac`. */
async function sealReading(
  { documents, kept }: Reading,
  { format, metadata, dataKey, related }: Sides,
  { file, indent, warn }: MergeOptions,
  host: Host,
): Promise<Buffer> {
  const nonces = new Nonces(host);
  for (const side of related) nonces.learn(side.nonces);
  const options = { file, format, indent, warn, onBadPattern: "never-match" } as const;
  return joinChunks(await seal({ documents, metadata, dataKey, nonces }, options, host, kept));
}

/** The bytes with the first occurrence of an ASCII text exchanged for another. */
function replaced(bytes: Buffer, text: string, by: string): Buffer {
  const at = bytes.indexOf(text);
  if (at < 0) return bytes;
  return Buffer.concat([bytes.subarray(0, at), Buffer.from(by), bytes.subarray(at + text.length)]);
}

const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("utf8");
