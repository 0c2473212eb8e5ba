/**
 * A plugin for Vite, and through it for Vitest, SvelteKit, Astro and Nuxt: server code can import encrypted files, and a build for browsers
 * that reaches one fails.
 *
 * @module
 */
import { pathToFileURL } from "node:url";
import { BundledFiles } from "./bundled-files.ts";
import { ENCRYPTED_MODULE } from "./encrypted-name.ts";
import { clientRefusal, fileModule, valuesModule } from "./module-text.ts";
import type { EncryptedFilesPlugin } from "./rollup-plugin.ts";
import { openFile } from "./runtime.ts";

/** Options of the plugin. */
export interface ViteOptions {
  /** The files to handle, by their path; default `*.enc.yaml`, `.yml`, `.json`, `.env`, `.ini`, and `.env.enc`. */
  readonly include?: RegExp | undefined;
  /** Put the decrypted values into the server's bundle. Default: the bundle gets the encrypted file, and the server needs the key when it starts. */
  readonly inline?: boolean | undefined;
}

/**
 * @example
 * // vite.config.ts
 * import sopsmith from "sopsmith/vite";
 * export default { plugins: [sopsmith()] };
 */
export default function sopsmith(options: ViteOptions = {}): EncryptedFilesPlugin {
  const { include = ENCRYPTED_MODULE, inline = false } = options;
  const files = new BundledFiles();
  let isBuild = true;
  return {
    name: "sopsmith",
    enforce: "pre",
    configResolved(config) {
      isBuild = config.command === "build";
    },
    async load(id, { ssr } = {}) {
      const [path = id, query = ""] = id.split("?");
      if (!include.test(path) || /\b(?:raw|url)\b/.test(query)) return undefined;
      const consumer = this.environment?.config.consumer ?? (ssr === false ? "client" : "server");
      if (consumer === "client" && process.env["VITEST"] === undefined)
        this.error(clientRefusal(path));
      this.addWatchFile(path);
      if (inline) return valuesModule(await openFile(path));
      return isBuild ? files.add(path) : fileModule(JSON.stringify(pathToFileURL(path).href));
    },
    renderChunk: (code, { fileName }) => files.placed(code, fileName),
    generateBundle: {
      // Later than Vite, which takes the assets out of a build for the server.
      order: "post",
      handler() {
        for (const file of files.take()) this.emitFile({ type: "asset", ...file });
      },
    },
  };
}
