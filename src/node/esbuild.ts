/**
 * A plugin for esbuild: server code can import encrypted files, and a build for browsers that reaches one fails.
 *
 * @module
 */
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { ENCRYPTED_MODULE } from "./encrypted-name.ts";
import { clientRefusal, textModule } from "./module-text.ts";

/** The part of esbuild that is used. */
interface Build {
  readonly initialOptions: { readonly platform?: string | undefined };
  onLoad(
    filter: { filter: RegExp },
    load: (file: {
      readonly path: string;
    }) => Promise<
      { contents: string; loader: "js"; watchFiles: string[] } | { errors: { text: string }[] }
    >,
  ): void;
}

/** A plugin as esbuild takes it. */
export interface EsbuildPlugin {
  readonly name: string;
  setup(build: Build): void;
}

/**
 * The bundle gets the encrypted file, and the program needs the key when it starts. It must be a module (`format: "esm"`), because it awaits
 * at its top level.
 *
 * @example
 * import sopsmith from "sopsmith/esbuild";
 * await build({ platform: "node", format: "esm", plugins: [sopsmith()] });
 */
export default function sopsmith(): EsbuildPlugin {
  return {
    name: "sopsmith",
    setup({ initialOptions, onLoad }) {
      onLoad({ filter: ENCRYPTED_MODULE }, async ({ path }) =>
        initialOptions.platform === "node" || initialOptions.platform === "neutral"
          ? {
              contents: textModule(await readFile(path), basename(path)),
              loader: "js",
              watchFiles: [path],
            }
          : { errors: [{ text: clientRefusal(path) }] },
      );
    },
  };
}
