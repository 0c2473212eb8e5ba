/**
 * Typed configuration from layered files, encrypted or not, checked by a schema.
 *
 * @module sopsmith/load
 */
import { SopsmithError } from "../errors.ts";
import { realHost } from "../io/real-host.ts";
import type { Node } from "../tree/node.ts";
import { ownVariables } from "./environment.ts";
import { mergeLayers, variableName, type Naming } from "./layers.ts";
import { openLayers } from "./open-layers.ts";
import { applySchema, type SchemaOutput, type StandardSchema } from "./standard-schema.ts";
import { valuesOf, type ConfigObject, type ConfigValue } from "./values.ts";

export type { ConfigObject, ConfigValue } from "./values.ts";
export type { SchemaIssue, SchemaOutput, SchemaResult, StandardSchema } from "./standard-schema.ts";

/** What `load` reads, and from where. */
export interface LoadOptions extends Pick<Naming, "prefix" | "separator"> {
  /** YAML, JSON, ENV and INI files, encrypted or not; a later one wins over the earlier ones. Relative paths start from the working directory. */
  readonly files: string | URL | readonly (string | URL)[];
  /**
   * Variables that win over the files, such as `process.env`: `DB_PASS` replaces `db.pass` if a file has that. Numbers, booleans and times keep
   * their type if the variable's text can be read as that type. Default: none.
   */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
}

/**
 * Reads encrypted and other files as one configuration. Mappings are merged at every depth, lists are replaced, a later file wins over an earlier
 * one, and variables in `env` win over every file.
 *
 * @param options.schema checks the values and gives them their types: a schema of zod, valibot, arktype or any other library with Standard Schema
 * @returns the result of the schema; without a schema, the values, with times as `Date` and integers beyond 2^53 as bigint
 * @throws {SopsmithError} with code `schema-mismatch` for values that the schema refuses, with paths and types but no values; `unreadable` for a
 *   file that does not exist; otherwise as `decryptFile`
 *
 * @example
 * import { load } from "sopsmith/config";
 * import { z } from "zod";
 * const config = await load({
 *   files: ["defaults.yaml", "production.enc.yaml"],
 *   schema: z.object({ db: z.object({ host: z.string(), pass: z.string() }) }),
 *   env: process.env,
 * });
 */
export function load<Schema extends StandardSchema>(
  options: LoadOptions & { readonly schema: Schema },
): Promise<SchemaOutput<Schema>>;
export function load(options: LoadOptions & { readonly schema?: undefined }): Promise<ConfigObject>;
export async function load(
  options: LoadOptions & { readonly schema?: StandardSchema | undefined },
): Promise<unknown> {
  const { files, schema, env = {}, prefix, separator } = checked(options);
  const host = realHost();
  const layers = await openLayers(files, host);
  const merged = mergeLayers(layers);
  const values = valuesOf(merged.root, (node, path) => {
    const name = merged.origin.get(node)?.isVariables
      ? `${prefix ?? ""}${String(path[0])}`
      : variableName(path, { prefix, separator });
    // What sopsmith/config put there comes from files itself.
    const text = ownVariables.get(name) === env[name] ? undefined : env[name];
    return text === undefined ? undefined : likeLeaf(text, node);
  });
  return schema === undefined
    ? values
    : applySchema(
        schema,
        values,
        layers.map(({ file }) => file),
      );
}

/** The text of a variable as a value of the leaf's type; as text where it is none. */
function likeLeaf(text: string, { kind }: Node): ConfigValue {
  switch (kind) {
    case "int":
      if (!/^[+-]?\d{1,19}$/.test(text)) return text;
      return Number.isSafeInteger(Number(text)) ? Number(text) : BigInt(text);
    case "float":
      return text.trim() === "" || Number.isNaN(Number(text)) ? text : Number(text);
    case "bool":
      return text === "true" ? true : text === "false" ? false : text;
    case "time":
      return Number.isNaN(Date.parse(text)) ? text : new Date(text);
    default:
      return text;
  }
}

/** @throws {SopsmithError} with code `invalid-option` and the option's name in `path` */
function checked(options: LoadOptions & { readonly schema?: StandardSchema | undefined }) {
  const given: unknown = options;
  if (typeof given !== "object" || given === null)
    throw badOption("", "load needs an object with `files`");
  const files: readonly unknown[] = Array.isArray(options.files) ? options.files : [options.files];
  for (const [index, file] of files.entries()) {
    const isUrl = file instanceof URL && file.protocol === "file:";
    if ((typeof file !== "string" || file === "") && !isUrl)
      throw badOption(
        Array.isArray(options.files) ? `files[${index}]` : "files",
        "`files` must be paths, or URLs that begin with file:",
      );
  }
  const { schema, env, prefix, separator } = options;
  const standard: unknown = schema?.["~standard"];
  if (schema !== undefined && (typeof standard !== "object" || standard === null))
    throw badOption(
      "schema",
      "`schema` must implement Standard Schema, as those of zod, valibot and arktype do",
    );
  if (env !== undefined && (typeof env !== "object" || (env as unknown) === null))
    throw badOption("env", "`env` must be an object of variables, such as process.env");
  for (const [name, text] of Object.entries({ prefix, separator }))
    if (text !== undefined && typeof text !== "string")
      throw badOption(name, `\`${name}\` must be text`);
  return { ...options, files: files as readonly (string | URL)[] };
}

function badOption(path: string, message: string): SopsmithError {
  return new SopsmithError("invalid-option", 1, message, { path: path === "" ? undefined : path });
}
