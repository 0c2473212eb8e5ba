import type { Chunks, Format } from "../formats/format.ts";
import { loadFormat } from "../formats/index.ts";
import { AlreadyEncrypted, keptText } from "./encrypt.ts";
import type { OpenVerbOptions } from "./decrypt.ts";
import { open, seal, type OpenFile } from "./file.ts";
import type { Host } from "./io/host.ts";
import type { KeptText } from "./layout/kept-text.ts";
import type { KeyService } from "./key-service/key-service.ts";
import { wrapDataKey } from "./data-key/wrap.ts";
import type { Metadata } from "./metadata/metadata.ts";
import { isSealed } from "./metadata/placement.ts";
import { isOlderVersion } from "./metadata/version.ts";
import type { Documents } from "./tree/node.ts";
import { SOPS_VERSION } from "./version.ts";

export type ChangeOptions = OpenVerbOptions & {
  /** Raise the file's `version` to this program's, as `edit` does. */
  raiseVersion?: boolean;
};

/**
 * What a change says of itself: false when it left everything as it was. It may change the arrays it is given.
 *
 * @param own the author's text, of a file that keeps its layout
 * @returns a text: the author's new one, which holds the documents as they are now
 */
export type Change = (
  documents: Documents,
  metadata: Metadata,
  own: Uint8Array | undefined,
) => boolean | Uint8Array | Promise<boolean | Uint8Array>;

/**
 * Open → change → seal, under the same data key. Leaves that were not changed keep their ciphertext. Keys without `enc` that the change put into the
 * metadata are wrapped, together with all others.
 *
 * @returns the new file; undefined when nothing changed
 * @throws {SopsmithError} as `open` and `seal`; exit 203 when the change made a top-level `sops` entry
 */
export async function changeSource(
  source: Uint8Array,
  options: ChangeOptions,
  change: Change,
  host: Host,
): Promise<Chunks | undefined> {
  const { file, indent, services, audit, warn, explain } = options;
  const { opened, output } = await openToChange(source, options, host);
  const { documents, metadata, dataKey, own } = opened;
  try {
    const changed = await change(documents, metadata, own?.text);
    if (changed === false) return undefined;
    if (isSealed(documents, output.placement)) throw new AlreadyEncrypted(file);
    await wrapNewKeys(dataKey, metadata, services, host);
    if (options.raiseVersion && isOlderVersion(metadata.version, SOPS_VERSION))
      metadata.version = SOPS_VERSION;
    const kept = own?.kept && (await changedText(own.kept, documents, changed, output, options));
    return await seal(
      opened,
      { file, format: output, indent, audit, warn, explain, onBadPattern: "never-match" },
      host,
      kept,
    );
  } finally {
    dataKey.fill(0);
  }
}

/**
 * Opens a file that is going to be sealed again, with its layout where it is to be kept.
 *
 * @returns `output`: the format to seal it in
 * @throws {SopsmithError} as `open`
 */
export async function openToChange(
  source: Uint8Array,
  options: OpenVerbOptions,
  host: Host,
): Promise<{ opened: OpenFile; output: Format }> {
  const { file, order, services, audit, warn, ignoreMac = false } = options;
  const [format, output] = await Promise.all([
    loadFormat(options.input),
    loadFormat(options.output),
  ]);
  const layout = options.input === options.output ? options.layout : "sops";
  const how = { file, format, order, services, audit, ignoreMac, remember: true, layout, warn };
  return { opened: await open(source, how, host), output };
}

/** The text of a changed file; undefined, with a warning, where its layout is lost. */
async function changedText(
  before: KeptText,
  documents: Documents,
  changed: true | Uint8Array,
  format: Format,
  options: ChangeOptions,
): Promise<KeptText | undefined> {
  const explain = (reason: string): void => {
    options.warn(`its layout is lost, and the file is written as sops would write it: ${reason}`);
  };
  if (changed === true) return before.follow(documents, { indent: options.indent, explain });
  return keptText(changed, format, { ...options, explain });
}

/** Wraps the data key for keys that have none yet. Shares of several groups are made anew together: old and new ones would not fit. */
export async function wrapNewKeys(
  dataKey: Uint8Array,
  metadata: Metadata,
  services: readonly KeyService[],
  host: Host,
): Promise<void> {
  const missing = metadata.keyGroups.map((group) => group.filter((key) => key.enc === undefined));
  if (missing.every((group) => group.length === 0)) return;
  const groups = metadata.keyGroups.length === 1 ? missing : metadata.keyGroups;
  const { threshold } = await wrapDataKey(
    dataKey,
    groups,
    metadata.shamirThreshold,
    services,
    host,
  );
  metadata.shamirThreshold = threshold;
}
