import { loadFormat } from "../formats/index.ts";
import type { FormatName } from "../formats/format.ts";
import { inFile, SopsmithError } from "./errors.ts";
import { parseSealed } from "./file.ts";
import { MetadataNotFound } from "./metadata/placement.ts";

/**
 * Does the file have a `sops` block with a version and a MAC? No key is needed (spec cli 5.10).
 *
 * @throws {SopsmithError} exit 1 for a file that cannot be parsed, or a block without keys
 */
export async function isEncrypted(
  source: Uint8Array,
  options: { file: string; input: FormatName },
): Promise<boolean> {
  const format = await loadFormat(options.input);
  try {
    const { metadata } = parseSealed(source, { file: options.file, format, warn: () => undefined });
    return metadata.version !== "" && metadata.mac !== "";
  } catch (error) {
    if (error instanceof SopsmithError && error.cause instanceof MetadataNotFound) return false;
    if (!(error instanceof SopsmithError)) throw error;
    throw inFile(error, options.file, "cannot check file status: cannot load encrypted file: ");
  }
}
