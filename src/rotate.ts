import type { Chunks } from "../formats/format.ts";
import { loadFormat } from "../formats/index.ts";
import type { OpenVerbOptions } from "./decrypt.ts";
import { open, seal } from "./file.ts";
import type { Host } from "./io/host.ts";
import { createDataKey } from "./data-key/wrap.ts";
import type { KeyType, MasterKey } from "./keys/provider.ts";

export interface RotateOptions extends OpenVerbOptions {
  /** Appended to the first key group, then those of `remove` are taken out. */
  add: readonly MasterKey[];
  /** Keys to take out of every group, by type and display string. */
  remove: readonly { type: KeyType; id: string }[];
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
  const { file, indent, order, services, audit, warn, explain, ignoreMac = false } = options;
  const [input, output] = await Promise.all([
    loadFormat(options.input),
    loadFormat(options.output),
  ]);
  await audit?.("rotate");
  const opened = await open(
    source,
    {
      file,
      format: input,
      order,
      services,
      audit,
      ignoreMac,
      remember: true,
      layout: options.input === options.output ? options.layout : "sops",
      warn,
    },
    host,
  );
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
