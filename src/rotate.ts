import type { Chunks } from "../formats/format.ts";
import { openToChange } from "./change.ts";
import type { OpenVerbOptions } from "./decrypt.ts";
import { seal } from "./file.ts";
import type { Host } from "./io/host.ts";
import { createDataKey } from "./data-key/wrap.ts";
import { SopsmithError } from "./errors.ts";
import { provider } from "./keys/index.ts";
import type { KeyGroup, KeyType, MasterKey } from "./keys/provider.ts";
import type { Metadata } from "./metadata/metadata.ts";

export interface RotateOptions extends OpenVerbOptions {
  /** Appended to the first key group, then those of `remove` are taken out. */
  add: readonly MasterKey[];
  /** Keys to take out of every group, by type and display string. */
  remove: readonly { type: KeyType; id: string }[];
  /** Looks at the file's keys, without those that are taken out, before the new data key is wrapped for them. */
  review?: ((metadata: Metadata) => Promise<void> | void) | undefined;
}

/**
 * Decrypts a file and seals it again under a new data key, with keys added and removed. No creation rule is looked at.
 *
 * @throws {SopsmithError} as `open` and `seal`; exit 1 when a key cannot wrap or a group is left empty
 */
export async function rotateSource(
  source: Uint8Array,
  options: RotateOptions,
  host: Host,
): Promise<Chunks> {
  const { file, indent, services, audit, warn, explain } = options;
  await audit?.("rotate");
  const { opened, output } = await openToChange(source, options, host);
  const { metadata } = opened;
  opened.dataKey.fill(0);
  metadata.keyGroups = metadata.keyGroups.map((group, i) => [
    ...group,
    ...(i === 0 ? options.add : []),
  ]);
  metadata.keyGroups = metadata.keyGroups.map((group) =>
    group.filter(
      (key) => !options.remove.some(({ type, id }) => key.type === type && key.id === id),
    ),
  );
  await refuseNeverWrapped(metadata.keyGroups, file);
  await options.review?.(metadata);
  const { dataKey, threshold } = await createDataKey(
    metadata.keyGroups,
    metadata.shamirThreshold,
    services,
    host,
  );
  try {
    metadata.shamirThreshold = threshold;
    const renewed = { ...opened, dataKey };
    return await seal(
      renewed,
      { file, format: output, indent, audit, warn, explain, onBadPattern: "never-match" },
      host,
      opened.own?.kept,
    );
  } finally {
    dataKey.fill(0);
  }
}

/**
 * A key whose `enc` is nothing that its type writes was put into the file by hand, perhaps by a stranger. The new data key is
 * not wrapped for it.
 *
 * @throws {SopsmithError} exit 1 naming the key
 */
export async function refuseNeverWrapped(groups: readonly KeyGroup[], file: string): Promise<void> {
  for (const { type, id, enc } of groups.flat()) {
    if (enc === undefined || (await provider(type).isWrapped(enc, id))) continue;
    throw new SopsmithError(
      "never-wrapped",
      1,
      `${file}: the \`enc\` of ${id} is not a wrapped data key: somebody added this recipient to the file by hand`,
      {
        file,
        hint: "Remove it with --rm-…. If it should have access, add it again with --add-….",
      },
    );
  }
}
