import type { Chunks, FormatName } from "../formats/format.ts";
import { loadFormat } from "../formats/index.ts";
import type { CommonOptions } from "./encrypt.ts";
import { inFile } from "./errors.ts";
import { markedText, parseSealed } from "./file.ts";
import type { MarkedText } from "./layout/marked-text.ts";
import { emitFile } from "./read-back.ts";
import type { Host } from "./io/host.ts";
import { recoverDataKey } from "./data-key/recover.ts";
import { wrapDataKey, WrapError } from "./data-key/wrap.ts";
import type { KeyGroup } from "./keys/provider.ts";
import type { Metadata } from "./metadata/metadata.ts";
import { defaultSelector, type Selector } from "./metadata/selection.ts";
import type { Documents } from "./tree/node.ts";

/** An encrypted file whose values stay sealed. */
export interface SealedFile {
  readonly documents: Documents;
  readonly metadata: Metadata;
  /** Its text, where that keeps the author's layout. */
  readonly marked?: MarkedText | undefined;
}

/** @throws {SopsmithError} exit 1, naming the file */
export async function parseSealedSource(
  source: Uint8Array,
  { file, input, output, layout, warn }: CommonOptions,
): Promise<SealedFile> {
  const format = await loadFormat(input);
  const isKept = layout === "keep" && input === output;
  const marked = isKept ? await markedText(source, format) : undefined;
  return { ...parseSealed(source, { file, format, warn }, marked?.documents), marked };
}

/** The display strings of a group's keys: those that stay, those that come, those that go. */
export interface GroupDifference {
  readonly kept: readonly string[];
  readonly added: readonly string[];
  readonly removed: readonly string[];
}

/** What changes in a file whose key groups become others. */
export interface KeyDifference {
  readonly threshold: { readonly before: number; readonly after: number };
  /** As many as the longer of the two lists has: groups are compared by their place. */
  readonly groups: readonly GroupDifference[];
  readonly isEmpty: boolean;
}

/**
 * Compares a file's key groups with those that it should have. The threshold is the rule's, at most the number of groups;
 * where the rule has none, or has one group, the file keeps its own, lowered to the number of groups.
 *
 * @param threshold the rule's; 0 for none
 */
export function keyDifference(
  { keyGroups, shamirThreshold }: Pick<Metadata, "keyGroups" | "shamirThreshold">,
  wanted: readonly KeyGroup[],
  threshold = 0,
): KeyDifference {
  const after = thresholdAfter(shamirThreshold, wanted.length, threshold);
  const groups = Array.from({ length: Math.max(keyGroups.length, wanted.length) }, (_, i) =>
    groupDifference(keyGroups[i] ?? [], wanted[i] ?? []),
  );
  const isEmpty =
    after === shamirThreshold &&
    groups.every(({ added, removed }) => added.length === 0 && removed.length === 0);
  return { threshold: { before: shamirThreshold, after }, groups, isEmpty };
}

function thresholdAfter(before: number, groups: number, ofRule: number): number {
  if (ofRule > 0 && groups > 1) return Math.min(ofRule, groups);
  const kept = keptThreshold(before, groups);
  return kept === before ? Math.min(kept, groups) : groups;
}

/**
 * A file's own threshold for its new groups; 0 for all. 1 is what a file keeps that once had several groups and now has one:
 * no sharing can be made with it, so that sops refuses, and nobody has asked for it.
 */
export function keptThreshold(threshold: number, groups: number): number {
  return threshold === 1 && groups > 1 ? 0 : threshold;
}

function groupDifference(before: KeyGroup, after: KeyGroup): GroupDifference {
  const [had, has] = [before, after].map((group) => new Set(group.map(({ id }) => id)));
  const ids = (group: KeyGroup, isWanted: (id: string) => boolean) =>
    group.map(({ id }) => id).filter(isWanted);
  return {
    kept: ids(after, (id) => had?.has(id) === true),
    added: ids(after, (id) => had?.has(id) !== true),
    removed: ids(before, (id) => has?.has(id) !== true),
  };
}

/** A setting that `updatekeys` cannot change, since the values stay as they are. */
export interface SettingDifference {
  readonly name: "selection" | "mac_only_encrypted";
  readonly inFile: string;
  readonly inRule: string;
}

/**
 * Compares what is encrypted in a file, and what its MAC covers, with what its creation rule says.
 *
 * @param wanted the rule's; without a selector the default one
 */
export function settingDifferences(
  { selector, macOnlyEncrypted }: Pick<Metadata, "selector" | "macOnlyEncrypted">,
  wanted: { readonly selector: Selector | undefined; readonly macOnlyEncrypted: boolean },
  format: FormatName,
): SettingDifference[] {
  const text = ({ name, value }: Selector) => `${name} ${value}`;
  const [inFile, inRule] = [text(selector), text(wanted.selector ?? defaultSelector)];
  const differences: SettingDifference[] = [];
  // A binary file has no selection.
  if (format !== "binary" && inFile !== inRule)
    differences.push({ name: "selection", inFile, inRule });
  if (macOnlyEncrypted !== wanted.macOnlyEncrypted)
    differences.push({
      name: "mac_only_encrypted",
      inFile: String(macOnlyEncrypted),
      inRule: String(wanted.macOnlyEncrypted),
    });
  return differences;
}

export interface RewrapOptions extends CommonOptions {
  keyGroups: readonly KeyGroup[];
  /** How many groups are needed; 0 for all. */
  threshold: number;
  /** What is before the reasons of keys that cannot wrap. */
  failed: string;
}

/**
 * Wraps a file's data key anew, for every key of the groups. Values, MAC and `lastmodified` stay as they are. Takes the file
 * over. Keys are tried in the order of the file: neither `updatekeys` nor `groups` has a decryption order (spec cli 4.9).
 *
 * @throws {DataKeyError} exit 128
 * @throws {WrapError} exit 1; no key is changed then
 */
export async function rewrap(
  { documents, metadata, marked }: SealedFile,
  options: RewrapOptions,
  host: Host,
): Promise<Chunks> {
  const { file, services, failed, indent, warn } = options;
  const dataKey = await recoverDataKey(metadata, { file, order: [], services }, host);
  const keyGroups = options.keyGroups.map((group) => [...group]);
  try {
    const { threshold } = await wrapDataKey(dataKey, keyGroups, options.threshold, services, host);
    Object.assign(metadata, { keyGroups, shamirThreshold: threshold });
  } catch (error) {
    if (!(error instanceof WrapError)) throw error;
    throw inFile(new WrapError(error.reasons, error.cause, failed), file);
  } finally {
    dataKey.fill(0);
  }
  const kept = marked?.withMetadata(metadata, indent, options.explain);
  if (kept !== undefined) return kept;
  const format = await loadFormat(options.output);
  return emitFile(documents, metadata, { file, format, indent, warn });
}
