import { loadFormat } from "../formats/index.ts";
import type { FormatName } from "../formats/format.ts";
import { inFile, SopsmithError } from "./errors.ts";
import { parseMetadata } from "./metadata/metadata.ts";
import { detach, MetadataNotFound } from "./metadata/placement.ts";
import { VersionError } from "./metadata/version.ts";
import type { Mapping } from "./tree/node.ts";
import { readText } from "./tree/read.ts";

/**
 * Does the file have a `sops` block with a version and a MAC? No key is needed (spec cli 5.10).
 *
 * @throws {SopsmithError} exit 1 for a file that cannot be parsed, or a block without keys
 */
export async function isEncrypted(
  source: Uint8Array,
  options: { file: string; input: FormatName },
): Promise<boolean> {
  const { file, input } = options;
  const format = await loadFormat(input);
  let block: Mapping | undefined;
  try {
    block = detach(format.parse(source, { sealed: true }), format.placement);
    const { version, mac } = parseMetadata(block);
    return version !== "" && mac !== "";
  } catch (error) {
    if (error instanceof MetadataNotFound) return false;
    // Any version will do, whatever it says.
    if (error instanceof VersionError && block) {
      return readText(block, "version") !== "" && readText(block, "mac") !== "";
    }
    if (!(error instanceof SopsmithError)) throw error;
    throw inFile(error, file, "cannot check file status: cannot load encrypted file: ");
  }
}
