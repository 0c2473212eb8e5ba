import type { Chunks } from "../formats/format.ts";
import { loadFormat } from "../formats/index.ts";
import { AlreadyEncrypted } from "./encrypt.ts";
import type { OpenVerbOptions } from "./decrypt.ts";
import { open, seal } from "./file.ts";
import type { Host } from "./io/host.ts";
import type { KeyService } from "./key-service/key-service.ts";
import { wrapDataKey } from "./data-key/wrap.ts";
import type { Metadata } from "./metadata/metadata.ts";
import { isSealed } from "./metadata/placement.ts";
import { isOlderVersion } from "./metadata/version.ts";
import type { Documents } from "./tree/node.ts";
import { sopsVersion } from "./version.ts";

export type ChangeOptions = OpenVerbOptions & {
  /** Raise the file's `version` to this program's, as `edit` does. */
  raiseVersion?: boolean;
};

/** What a change says of itself: false when it left everything as it was. It may change the arrays it is given. */
export type Change = (documents: Documents, metadata: Metadata) => boolean | Promise<boolean>;

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
  const { file, indent, order, services, audit, warn, ignoreMac = false } = options;
  const [input, output] = await Promise.all([
    loadFormat(options.input),
    loadFormat(options.output),
  ]);
  const opened = await open(
    source,
    { file, format: input, order, services, audit, ignoreMac, remember: true, warn },
    host,
  );
  const { documents, metadata, dataKey } = opened;
  try {
    if (!(await change(documents, metadata))) return undefined;
    if (isSealed(documents, output.placement)) throw new AlreadyEncrypted(file);
    await wrapNewKeys(dataKey, metadata, services, host);
    if (options.raiseVersion && isOlderVersion(metadata.version, sopsVersion))
      metadata.version = sopsVersion;
    return await seal(
      opened,
      { file, format: output, indent, audit, warn, onBadPattern: "never-match" },
      host,
    );
  } finally {
    dataKey.fill(0);
  }
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
