/** The part of Vite's and Rollup's plugin context that is used. */
interface Context {
  readonly environment?: { readonly config: { readonly consumer: string } } | undefined;
  emitFile(file: { type: "asset"; fileName: string; source: Uint8Array }): string;
  addWatchFile(file: string): void;
  error(message: string): never;
}

/** The part of a plugin that Vite, Rollup and Rolldown have in common. */
export interface EncryptedFilesPlugin {
  readonly name: string;
  readonly enforce: "pre";
  configResolved(config: { readonly command: string }): void;
  load(this: Context, id: string, options?: { ssr?: boolean }): Promise<string | undefined>;
  renderChunk(code: string, chunk: { readonly fileName: string }): string | null;
  readonly generateBundle: { readonly order: "post"; handler(this: Context): void };
}
