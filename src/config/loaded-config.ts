import { statSync } from "node:fs";
import type { FormatName, Warn } from "../../formats/format.ts";
import { ConfigError } from "../errors.ts";
import { foundFile, namedFile, type Host } from "../io/host.ts";
import { systemCode, systemReason } from "../io/system-error.ts";
import { realWorkingDirectory } from "../io/working-directory.ts";
import type { LayoutChoice } from "../layout/choice.ts";
import type { Config } from "./config.ts";
import { findConfig, shadowWarning } from "./find-config.ts";

/** A configuration file that was read. */
export interface LoadedConfig {
  readonly path: string;
  readonly content: Config;
}

/**
 * The configuration in force: the explicit one, else the nearest `.sops.yaml` at or above the working directory.
 *
 * @param explicit path, "" for none
 * @param warnOfField called with each field that is ignored inside the file; `warn` where it is not given
 * @returns undefined when there is none
 * @throws {ConfigError} for one that cannot be read
 */
export async function loadConfig(
  explicit: string,
  host: Host,
  warn: Warn,
  warnOfField: Warn = warn,
): Promise<LoadedConfig | undefined> {
  const path = explicit === "" ? search(host.cwd(), warn) : explicit;
  if (path === undefined) return undefined;
  let text: Uint8Array;
  try {
    text = await host.readFile(path, explicit === "" ? foundFile : namedFile);
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    throw new ConfigError(`could not read config file: ${path}: ${systemReason(error)}`, {
      file: path,
      cause: error,
    });
  }
  const { parseConfig } = await import("./config.ts");
  return { path, content: await parseConfig(text, path, warnOfField) };
}

function search(cwd: string, warn: Warn): string | undefined {
  const start = realWorkingDirectory(cwd);
  if (start === undefined) return undefined;
  const found = findConfig(start, { exists });
  const warning = shadowWarning(found);
  if (warning !== undefined) warn(warning);
  // As sops shows it and matches against it: relative, so that links in the working directory are not resolved.
  return found.shown;
}

/** A stat that fails, for whatever reason, is no hit (spec config section 1). */
function exists(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return false;
  }
}

/** The indent that the configuration sets for a format's files. */
export function configuredIndent(
  config: LoadedConfig | undefined,
  format: FormatName,
): number | undefined {
  const stores = config?.content.stores;
  switch (format) {
    case "yaml":
      return stores?.yaml.indent;
    case "json":
      return stores?.json.indent;
    case "binary":
      return stores?.json_binary.indent;
    case "dotenv":
    case "ini":
      return undefined;
    default:
      return format satisfies never;
  }
}

/** The layout that the configuration sets for a format's files. */
export function configuredLayout(
  config: LoadedConfig | undefined,
  format: FormatName,
): LayoutChoice | undefined {
  return format === "binary" ? undefined : config?.content.stores[format].layout;
}
