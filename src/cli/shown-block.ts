import type { Format, Placement, Warn } from "../../formats/format.ts";
import { SopsmithError } from "../errors.ts";
import { emitMetadata, parseMetadata, type Metadata } from "../metadata/metadata.ts";
import { attach, detach } from "../metadata/placement.ts";
import { map, type Documents } from "../tree/node.ts";
import type { Chunks } from "./command.ts";
import { ShownBlockRefused } from "./edit-session.ts";

/** What `edit --show-master-keys` shows: unencrypted values with the `sops` block below them. */

export function emitWithBlock(
  documents: Documents,
  metadata: Metadata,
  format: Format,
  options: { indent: number | undefined; warn: Warn },
): Chunks {
  const shown = documents.map((document) => map([...document.items]));
  attach(shown, emitMetadata(metadata), format.placement);
  return format.emit(shown, { sealed: true, commentsInPlace: true, ...options });
}

/**
 * The inverse. A key that was added has no `enc`.
 *
 * @throws {ShownBlockRefused}
 */
export function parseWithBlock(
  text: Uint8Array,
  format: Format,
  warn: Warn,
): { documents: Documents; metadata: Metadata } {
  const documents = format.parse(text, { sealed: true, warn });
  const metadata = readBlock(documents, format.placement);
  for (const group of metadata.keyGroups)
    for (const key of group) if (key.enc === "") key.enc = undefined;
  return { documents, metadata };
}

function readBlock(documents: Documents, placement: Placement): Metadata {
  try {
    return parseMetadata(detach(documents, placement));
  } catch (error) {
    throw error instanceof SopsmithError ? new ShownBlockRefused(error) : error;
  }
}

/**
 * Takes over the keys and settings that the user may change; MAC, time and version are the program's. Where shares of
 * the data key no longer fit the groups, every key is to be wrapped anew.
 */
export function takeOver(metadata: Metadata, edited: Metadata): void {
  const shape = ({ keyGroups, shamirThreshold }: Metadata): string =>
    JSON.stringify([
      shamirThreshold,
      keyGroups.map((group) => group.map(({ type, id, enc }) => [type, id, enc])),
    ]);
  const isShared = metadata.keyGroups.length > 1 || edited.keyGroups.length > 1;
  if (isShared && shape(metadata) !== shape(edited))
    for (const group of edited.keyGroups) for (const key of group) key.enc = undefined;
  metadata.keyGroups = edited.keyGroups;
  metadata.shamirThreshold = edited.shamirThreshold;
  metadata.selector = edited.selector;
  metadata.macOnlyEncrypted = edited.macOnlyEncrypted;
}
