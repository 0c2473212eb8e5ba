import { loadFormat } from "../formats/index.ts";
import type { Chunks, Format } from "../formats/format.ts";
import type { CommonOptions } from "./encrypt.ts";
import { EmitError, inFile, SopsmithError } from "./errors.ts";
import { open, type OpenFile } from "./file.ts";
import type { Host } from "./io/host.ts";
import { map, type Documents } from "./tree/node.ts";
import type { Path } from "./tree/path.ts";
import { encodeText } from "./tree/text.ts";

export interface OpenVerbOptions extends CommonOptions {
  ignoreMac?: boolean;
  /** Key types to try first; see `parseDecryptionOrder`. */
  order: readonly string[];
}

export interface DecryptOptions extends OpenVerbOptions {
  /** Only what is at this path of the first document. The empty path is the whole file. */
  extract?: Path | undefined;
}

/** Decrypts a file and checks its MAC; the tree without the `sops` block. */
export async function decryptDocuments(
  source: Uint8Array,
  options: OpenVerbOptions,
  host: Host,
): Promise<Documents> {
  const { documents } = await decryptWhole(source, { ...options, layout: "sops" }, host);
  return documents;
}

/** The same with the author's own text, where the file keeps it. */
export async function decryptWhole(
  source: Uint8Array,
  options: OpenVerbOptions,
  host: Host,
): Promise<Pick<OpenFile, "documents" | "own">> {
  const format = await loadFormat(options.input);
  const { file, order, services, audit, warn, layout } = options;
  const opened = await open(
    source,
    {
      file,
      format,
      order,
      services,
      audit,
      ignoreMac: options.ignoreMac ?? false,
      remember: false,
      layout,
      warn,
    },
    host,
  );
  opened.dataKey.fill(0);
  return opened;
}

/**
 * Decrypts a file, or one path of it: bytes in, bytes out.
 *
 * @throws {SopsmithError} naming the file: as `open`; exit 1 for a path that leads nowhere, 4 for what the output format cannot hold
 */
export async function decryptSource(
  source: Uint8Array,
  options: DecryptOptions,
  host: Host,
): Promise<Chunks> {
  const { extract = [] } = options;
  const isWhole = extract.length === 0 && options.input === options.output;
  const [{ documents, own }, format] = await Promise.all([
    decryptWhole(source, isWhole ? options : { ...options, layout: "sops" }, host),
    loadFormat(options.output),
  ]);
  if (extract.length > 0) return emitExtract(documents, extract, format, options);
  if (own !== undefined) return [own.text];
  return emitPlain(documents, format, options, "Error dumping file: ");
}

function emitPlain(
  documents: Documents,
  format: Format,
  options: DecryptOptions,
  prefix: string,
): Chunks {
  try {
    return format.emit(documents, { sealed: false, indent: options.indent, warn: options.warn });
  } catch (error) {
    throw error instanceof EmitError ? inFile(error, options.file, prefix) : error;
  }
}

async function emitExtract(
  documents: Documents,
  path: Path,
  format: Format,
  options: DecryptOptions,
): Promise<Chunks> {
  const { file, indent, warn } = options;
  const { getPath, pathText } = await import("./tree/path.ts");
  try {
    const names =
      format.name === "yaml" ? (["key", "value"] as const) : (["Key", "Value"] as const);
    const { node: found, isMade } = getPath(documents[0] ?? map([]), path, names);
    if (found.kind === "str") return found.long?.pieces ?? [encodeText(found.value)];
    if (found.kind === "bytes") return [found.value];
    // As in sops, a mapping takes the first document's place and the other documents stay.
    if (found.kind === "map" && !isMade)
      return emitPlain([found, ...documents.slice(1)], format, options, "Error dumping tree: ");
    return [format.emitValue(found, { sealed: false, indent, warn })];
  } catch (error) {
    if (!(error instanceof SopsmithError)) throw error;
    const prefix = error instanceof EmitError ? "Error dumping tree: " : "";
    throw inFile(error, file, prefix, error.exitCode, pathText(path));
  }
}
