import { fileURLToPath } from "node:url";
import type { FormatName } from "../../formats/format.ts";
import { parseDecryptionOrder } from "../data-key/recover.ts";
import { decryptDocuments } from "../decrypt.ts";
import { SopsmithError } from "../errors.ts";
import type { Host } from "../io/host.ts";
import { systemCode, systemReason } from "../io/system-error.ts";
import { localKeyService } from "../key-service/key-service.ts";
import type { Documents } from "../tree/node.ts";
import { readLayer } from "./layer-file.ts";
import type { Layer } from "./layers.ts";

/**
 * Reads a file with the keys of this process.
 *
 * @throws {SopsmithError} exit 2 for a file that is not there or cannot be read, else as `sopsmith decrypt`
 */
async function openLayer(file: string | URL, host: Host): Promise<Layer> {
  const path = typeof file === "string" ? file : fileURLToPath(file);
  return layerIn(await read(path, host), path, host);
}

/** The same for a file's content. */
export function layerIn(content: Uint8Array, file: string, host: Host): Promise<Layer> {
  return readLayer(content, file, (sealed, format) => openContent(sealed, file, format, host));
}

/** Several files at once; of several failures that of the first file is thrown. */
export async function openLayers(files: readonly (string | URL)[], host: Host): Promise<Layer[]> {
  const results = await Promise.allSettled(files.map((file) => openLayer(file, host)));
  return results.map((result) => {
    if (result.status === "rejected") throw result.reason;
    return result.value;
  });
}

/** Decrypts what was read from a file, and checks its MAC. */
function openContent(
  content: Uint8Array,
  file: string,
  format: FormatName,
  host: Host,
): Promise<Documents> {
  const options = {
    file,
    input: format,
    output: format,
    indent: undefined,
    layout: "sops",
    services: [localKeyService],
    order: parseDecryptionOrder(undefined),
    warn: () => {},
  } as const;
  return decryptDocuments(content, options, host);
}

async function read(path: string, host: Host): Promise<Uint8Array> {
  try {
    return await host.readFile(path);
  } catch (cause) {
    if (systemCode(cause) === undefined) throw cause;
    const message = `cannot read ${JSON.stringify(path)}: ${systemReason(cause)}`;
    const hint =
      systemCode(cause) === "ENOENT"
        ? "A relative path starts from the working directory."
        : undefined;
    throw new SopsmithError("unreadable", 2, message, { hint, cause, file: path });
  }
}
