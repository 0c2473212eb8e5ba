/**
 * The loader that `withSopsmith` gives to webpack and Turbopack.
 *
 * @module
 */
import { basename } from "node:path";
import { clientRefusal, textModule } from "./module-text.ts";

/** The part of a loader's context that is used. */
interface LoaderContext {
  readonly resourcePath: string;
  getOptions(): { readonly isClient?: boolean };
}

/**
 * The module for an encrypted file, from its text. What is not made for the server alone fails: `server-only` is Next's own guard, also for a client
 * component that the server renders first.
 *
 * @throws {Error} in a build for browsers
 */
export default function load(this: LoaderContext, content: string): string {
  const { resourcePath } = this;
  if (this.getOptions().isClient === true) throw new Error(clientRefusal(resourcePath));
  return `import "server-only";\n${textModule(content, basename(resourcePath))}`;
}
