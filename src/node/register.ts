/**
 * Lets a program import encrypted files: `node --import sopsmith/register app.js`, and in it `import secrets from "./secrets.enc.yaml"`. The default
 * export is an object with the values. It handles files named `*.enc.yaml`, `.yml`, `.json`, `.env` and `.ini`, and `.env.enc`.
 *
 * @module
 */
import { registerHooks } from "node:module";
import { ENCRYPTED_MODULE } from "./encrypted-name.ts";
import { fileModule } from "./module-text.ts";

const isEncrypted = (url: string): boolean =>
  url.startsWith("file:") && ENCRYPTED_MODULE.test(new URL(url).pathname);

/** Found from here: the package of the file may not have sopsmith as a dependency. */
const runtime = import.meta.resolve("sopsmith/runtime");

registerHooks({
  resolve(specifier, context, next) {
    const resolved = next(specifier, context);
    // With `{ type: "json" }`, which TypeScript asks for, Node would want JSON.
    return isEncrypted(resolved.url)
      ? { ...resolved, format: "module", importAttributes: {} }
      : resolved;
  },
  // The values are in no source: the module decrypts the file when it runs.
  load: (url, context, next) =>
    isEncrypted(url)
      ? { format: "module", source: fileModule("import.meta.url", runtime), shortCircuit: true }
      : next(url, context),
});
