/**
 * Typed configuration from encrypted files. Importing this module also loads the usual files, or those of `SOPSMITH_FILES`, into `process.env`, as
 * `node --import sopsmith/config app.js` does for a program that does not know sopsmith; `sopsmith/load` has `load` without that side effect.
 *
 * @module
 */
import { fillEnvironment } from "./environment.ts";

export { load, type ConfigObject, type ConfigValue, type LoadOptions } from "./load.ts";
export type { SchemaIssue, SchemaOutput, SchemaResult, StandardSchema } from "./standard-schema.ts";

fillEnvironment(process.env, new URL(import.meta.url));
