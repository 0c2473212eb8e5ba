/**
 * What the modules call that `sopsmith/register` and the plugins of bundlers make of encrypted files; no program needs to.
 *
 * @module
 */
import { realHost } from "../io/real-host.ts";
import { layerIn, openLayers } from "./open-layers.ts";
import { valuesOf, type ConfigObject } from "./values.ts";

/**
 * Decrypts a file when the program starts.
 *
 * @throws {SopsmithError} as `load`
 */
export async function openFile(file: string | URL): Promise<ConfigObject> {
  const [layer] = await openLayers([file], realHost());
  return layer === undefined ? {} : valuesOf(layer.root);
}

/**
 * Decrypts a file that a bundler has put into the program as it is.
 *
 * @param content the encrypted file
 * @param file its name, which says its format, and for messages
 */
export async function openText(content: string, file: string): Promise<ConfigObject> {
  const layer = await layerIn(Buffer.from(content), file, realHost());
  return valuesOf(layer.root);
}
