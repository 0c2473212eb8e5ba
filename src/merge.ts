import { loadFormat } from "../formats/index.ts";
import type { Chunks, Format, FormatName, Warn } from "../formats/format.ts";
import { Nonces } from "./crypto/nonces.ts";
import { wrapNewKeys } from "./change.ts";
import { parsePlain } from "./encrypt.ts";
import { inFile, SopsmithError } from "./errors.ts";
import { open, parseSealed, seal, type OpenFile } from "./file.ts";
import type { Host } from "./io/host.ts";
import type { KeyService } from "./key-service/key-service.ts";
import { KnownLeaves } from "./merge/known-leaves.ts";
import { withMarkers, type MarkerLabels } from "./merge/lines.ts";
import { mergeMetadata, type MergedMetadata } from "./merge/metadata.ts";
import { mergeTrees, type Conflict } from "./merge/trees.ts";
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
  /** What stands beside conflict markers. */
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
    const { ours, theirs, conflicts } = readings(sides);
    await prepareKeys(sides, options, host);
    // Both readings in the same second, so that their blocks differ in nothing but the MAC.
    const now = host.now();
    const frozen = { ...host, now: () => now };
    const merged = await sealReading(ours, sides, options, frozen);
    if (conflicts.length === 0) return { chunks: [merged], conflicts };
    const { mac } = sides.metadata;
    const other = textOf(await sealReading(theirs, sides, options, frozen));
    const theirReading = other.replace(sides.metadata.mac, mac);
    return { chunks: [withMarkers(textOf(merged), theirReading, options.labels)], conflicts };
  });
}

/**
 * Merges three versions, has the plain text with its conflict markers edited where there are any, and seals what comes back. Values that are those of a side keep
 * their ciphertext.
 *
 * @param edit takes the plain text, with markers round the lines that conflict, and `accept`, which parses an edited text or throws
 * @throws {SopsmithError} as `mergeSources` and `edit`
 */
export async function mergeEdited(
  sources: MergeSources,
  options: MergeOptions,
  host: Host,
  edit: (
    text: string,
    accept: (typed: Uint8Array) => Documents,
    conflicts: readonly Conflict[],
  ) => Promise<Documents>,
): Promise<Chunks> {
  return withSides(sources, options, host, async (sides) => {
    const { ours, theirs, conflicts } = readings(sides);
    const { indent, warn, file } = options;
    if (conflicts.length === 0) {
      await prepareKeys(sides, options, host);
      return [await sealReading(ours, sides, options, host)];
    }
    const emit = (documents: Documents) =>
      textOf(joinChunks(sides.format.emit(documents, { sealed: false, indent, warn })));
    const text = withMarkers(emit(ours), emit(theirs), options.labels);
    const accept = (typed: Uint8Array) => parsePlain(typed, sides.format.parse, { file, warn });
    const documents = await edit(text, accept, conflicts);
    await prepareKeys(sides, options, host);
    return [await sealReading(documents, sides, options, host)];
  });
}

/**
 * Seals a file that was resolved by hand: text with encrypted values and without markers. Each of its values must stand at that place in one
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
    const { format } = sides;
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
    return [await sealReading(documents, sides, options, host)];
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
    const { file, order, services, warn } = options;
    const one = { file: `${file} (${side})`, format, order, services, warn };
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
        `${id} was removed without a new data key and can still open the file's values: run sopsmith rotate.`,
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

function readings({ base, ours, theirs }: Sides): {
  ours: Documents;
  theirs: Documents;
  conflicts: readonly Conflict[];
} {
  const merge = (prefer: "ours" | "theirs") =>
    mergeTrees(base?.documents ?? [], ours.documents, theirs.documents, prefer);
  const { documents, conflicts } = merge("ours");
  if (conflicts.length === 0) return { ours: documents, theirs: documents, conflicts };
  return { ours: documents, theirs: copyDocuments(merge("theirs").documents), conflicts };
}

async function prepareKeys(sides: Sides, { services }: MergeOptions, host: Host): Promise<void> {
  await wrapNewKeys(sides.dataKey, sides.metadata, services, host);
}

/** Seals documents under the merged file's data key; changes them in place, and the metadata's `lastmodified` and `mac`. */
async function sealReading(
  documents: Documents,
  { format, metadata, dataKey, related }: Sides,
  { file, indent, warn }: MergeOptions,
  host: Host,
): Promise<Buffer> {
  const nonces = new Nonces(host);
  for (const side of related) nonces.learn(side.nonces);
  const options = { file, format, indent, warn, onBadPattern: "never-match" } as const;
  return joinChunks(await seal({ documents, metadata, dataKey, nonces }, options, host));
}

const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("utf8");
