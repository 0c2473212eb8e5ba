import { SopsmithError } from "../errors.ts";
import { DataKeyError } from "../data-key/recover.ts";
import type { KeyGroup } from "../keys/provider.ts";
import type { Metadata } from "../metadata/metadata.ts";
import { keptThreshold, parseSealedSource, rewrap } from "../update-keys.ts";
import type { Call } from "./command.ts";
import { deliver, untilUndisturbed } from "./deliver.ts";
import * as flags from "./flags.ts";
import { readSource, sourceOf } from "./source.ts";
import { openStores } from "./formats.ts";

/** The flags of all commands that change key groups. */
export const groupFlags: readonly flags.Flag[] = [
  flags.groupFile,
  flags.inPlace,
  flags.noAtomic,
  flags.threshold,
  flags.layout,
  ...flags.keyServices,
];

/**
 * Gives the file of `--file` other key groups; its values stay as they are (spec cli 5.11).
 *
 * @param change the new groups; `threshold` is that of the flag, else the file's
 * @throws {SopsmithError} exit 2 for a file that cannot be read, 1 for keys that cannot unwrap or wrap
 */
export async function changeGroups(
  call: Call,
  change: (metadata: Metadata, threshold: number) => readonly KeyGroup[],
): Promise<void> {
  const { options, host } = call;
  const file = options.text(flags.groupFile);
  if (file === "")
    throw new SopsmithError("no-file-for-groups", 2, "Error reading file: no file was given", {
      hint: "Name it with --file.",
    });
  const source = sourceOf(call, file);
  const { verb } = await openStores(call, source);
  const given = options.count(flags.threshold) ?? 0;
  const failed = "Could not wrap the data key for the new key groups";
  try {
    await untilUndisturbed(async () => {
      const opened = await parseSealedSource(await readSource(call, source), verb);
      const { metadata } = opened;
      const asked = given === 0 ? metadata.shamirThreshold : given;
      const keyGroups = change(metadata, asked);
      const threshold = given === 0 ? keptThreshold(asked, keyGroups.length) : given;
      const chunks = await rewrap(opened, { ...verb, keyGroups, threshold, failed }, host);
      await deliver(call, source, chunks);
    });
  } catch (error) {
    if (!(error instanceof DataKeyError) || error.groups === undefined) throw error;
    const { needed, opened: got } = error.groups;
    throw new SopsmithError(
      error.code,
      1,
      `Error getting data key: ${needed} successful groups required, got ${got} (${source.file})`,
      { hint: `sopsmith decrypt ${source.file} says why each key failed.`, file, cause: error },
    );
  }
}
