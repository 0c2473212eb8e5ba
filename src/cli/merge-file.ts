import { formatForPath } from "../../formats/index.ts";
import type { MergeOptions, MergeSources } from "../merge.ts";
import type { Conflict } from "../merge/trees.ts";
import type { MarkerLabels } from "../merge/lines.ts";
import { SopsmithError } from "../errors.ts";
import { printable } from "../io/printable.ts";
import { sealedFormat } from "../status.ts";
import { pathText } from "../tree/path.ts";
import type { Call } from "./command.ts";
import { openStores } from "./formats.ts";
import { openOrder } from "./open-order.ts";
import { sourceOf } from "./source.ts";

/**
 * The settings for merging a file, from its name and the configuration.
 *
 * @throws {SopsmithError} exit 1 when a version is not encrypted, or the versions are of several formats
 */
export async function mergeOptions(
  call: Call,
  file: string,
  sources: MergeSources,
  labels: MarkerLabels,
): Promise<MergeOptions> {
  const versions = [sources.ours, sources.theirs, ...(sources.base ? [sources.base] : [])];
  const formats = new Set<Awaited<ReturnType<typeof sealedFormat>>>();
  for (const version of versions) formats.add(await sealedFormat(version, formatForPath(file)));
  const [format] = formats;
  if (format === undefined || formats.size > 1)
    throw new SopsmithError("not-encrypted", 1, `not every version of ${file} is encrypted`);
  const { verb } = await openStores(call, { ...sourceOf(call, file), format });
  const { indent, services, layout, warn } = verb;
  return { file, format, indent, order: openOrder(call), services, layout, labels, warn };
}

/** One line for each conflict: where, and what both sides did. */
export function conflictLines(file: string, conflicts: readonly Conflict[]): string {
  return conflicts
    .map(({ path, document, kind }) => {
      const at = `${document > 0 ? `document ${document + 1}, ` : ""}${pathText(path) || "the root"}`;
      return `conflict in ${printable(file)} at ${printable(at)}: ${kind}\n`;
    })
    .join("");
}
