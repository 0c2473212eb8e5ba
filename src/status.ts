import { loadFormat } from "../formats/index.ts";
import type { FormatName } from "../formats/format.ts";
import { inFile, SopsmithError } from "./errors.ts";
import type { MasterKey } from "./keys/provider.ts";
import { parseMetadata } from "./metadata/metadata.ts";
import { detach, MetadataNotFound } from "./metadata/placement.ts";
import { VersionError } from "./metadata/version.ts";
import type { Mapping } from "./tree/node.ts";
import { signs } from "./sealed-signs.ts";
import { readText } from "./tree/typed-fields.ts";

/** What can be said about a file without a key. */
export interface FileStatus {
  readonly encrypted: boolean;
  /** Those of all groups; none where the file is unencrypted, or its version cannot be read. */
  readonly keys: readonly MasterKey[];
}

/**
 * Does the file have a `sops` block with a version and a MAC? No key is needed (spec cli 5.10).
 *
 * @throws {SopsmithError} exit 1 for a file that cannot be parsed, or a block without keys
 */
export async function isEncrypted(
  source: Uint8Array,
  options: { file: string; input: FormatName },
): Promise<boolean> {
  return (await fileStatus(source, options)).encrypted;
}

/**
 * The same with the keys.
 *
 * @throws {SopsmithError} exit 1 for a file that cannot be parsed, or a block without keys
 */
export async function fileStatus(
  source: Uint8Array,
  options: { file: string; input: FormatName },
): Promise<FileStatus> {
  const { file, input } = options;
  const format = await loadFormat(input);
  let block: Mapping | undefined;
  try {
    block = detach(format.parse(source, { sealed: true }), format.placement);
    const { version, mac, keyGroups } = parseMetadata(block);
    return { encrypted: version !== "" && mac !== "", keys: keyGroups.flat() };
  } catch (error) {
    if (error instanceof MetadataNotFound) return notEncrypted;
    // Any version will do, whatever it says.
    if (error instanceof VersionError && block) {
      const encrypted = readText(block, "version") !== "" && readText(block, "mac") !== "";
      return { encrypted, keys: [] };
    }
    if (!(error instanceof SopsmithError)) throw error;
    throw inFile(error, file, "cannot check file status: cannot load encrypted file: ");
  }
}

export const notEncrypted: FileStatus = { encrypted: false, keys: [] };

/**
 * The format that a file is encrypted in, found by its content: that of its name where the text bears it out, else the one
 * in which it parses and has a `sops` block. A broken file of its name's format still counts as encrypted.
 *
 * @param byName what the file's name says
 * @returns undefined for a file that is not encrypted
 */
export async function sealedFormat(
  source: Uint8Array,
  byName: FormatName,
): Promise<FormatName | undefined> {
  const bytes = Buffer.from(source.buffer, source.byteOffset, source.length);
  if (!bytes.includes("sops") || !bytes.includes("mac")) return undefined;
  const text = bytes.toString("latin1");
  const likely = signs.filter(([, sign]) => sign.test(text)).map(([format]) => format);
  // YAML reads JSON too.
  if (likely.includes(byName) || (byName === "yaml" && likely.includes("json"))) return byName;
  for (const format of likely) {
    const name = format === "json" && isBinaryEnvelope(text) ? "binary" : format;
    try {
      if (await isEncrypted(source, { file: "", input: name })) return name;
    } catch (error) {
      if (!(error instanceof SopsmithError)) throw error;
    }
  }
  return undefined;
}

/**
 * The format, other than that of the file's name, in which it seems to be encrypted, though it cannot be read so.
 *
 * @param byName what the file's name says
 * @returns undefined where nothing looks so, or more than one format does
 */
export function seeming(source: Uint8Array, byName: FormatName): FormatName | undefined {
  const text = Buffer.from(source.buffer, source.byteOffset, source.length).toString("latin1");
  if (!/\bENC\[AES256_GCM,/.test(text) && !/sops_mac|\bmac\b/.test(text)) return undefined;
  const likely = signs.filter(([, sign]) => sign.test(text)).map(([format]) => format);
  if (likely.includes(byName)) return undefined;
  // JSON has the signs of YAML.
  return likely.length === 1 || likely[0] === "json" ? likely[0] : undefined;
}

/** JSON of nothing but `data`, a string, and `sops`: the encrypted form of a binary file. */
function isBinaryEnvelope(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return (
      typeof value === "object" &&
      value !== null &&
      Object.keys(value).toSorted().join() === "data,sops" &&
      "data" in value &&
      typeof value.data === "string"
    );
  } catch {
    return false;
  }
}
