import { realpathSync, statSync } from "node:fs";
import type { FormatName, Warn } from "../../formats/format.ts";
import { formatForPath, formatNamed } from "../../formats/index.ts";
import type { Config, StoresConfig } from "../config/config.ts";
import { ConfigError } from "../errors.ts";
import { systemCode, systemReason } from "../io/system-error.ts";
import type { Call } from "./command.ts";
import * as flags from "./flags.ts";
import type { Source } from "./source.ts";
import { warn } from "./warn.ts";

/** The formats to read and write, and the configuration in force. */
export interface Stores {
  /** Undefined when there is none. */
  readonly config: { readonly path: string; readonly content: Config } | undefined;
  /** What every verb wants to know. */
  readonly verb: {
    readonly file: string;
    readonly input: FormatName;
    readonly output: FormatName;
    readonly indent: number | undefined;
    readonly warn: Warn;
  };
}

/**
 * Picks the formats by flag or name, and reads the configuration, which sets the indentation.
 *
 * @throws {ConfigError} for a configuration that cannot be read, even where only its indentation matters, as in sops
 * @see spec cli 4.1
 */
export async function openStores(call: Call, source: Source): Promise<Stores> {
  const { options, globals, streams } = call;
  const byName = formatForPath(source.name);
  const output = formatNamed(options.text(flags.outputType)) ?? byName;
  const config = await loadConfig(call);
  return {
    config,
    verb: {
      file: source.file,
      input: formatNamed(options.text(flags.inputType)) ?? byName,
      output,
      indent: globals.count(flags.indent) ?? configuredIndent(config?.content.stores, output),
      warn: (message) => warn(streams, `${source.file}: ${message}`),
    },
  };
}

/** ENV and INI have no levels to indent. */
function configuredIndent(
  stores: StoresConfig | undefined,
  format: FormatName,
): number | undefined {
  switch (format) {
    case "yaml":
    case "json":
      return stores?.[format].indent;
    case "binary":
      return stores?.json_binary.indent;
    case "dotenv":
    case "ini":
      return undefined;
    default:
      return format satisfies never;
  }
}

async function loadConfig({ globals, host, streams }: Call): Promise<Stores["config"]> {
  const explicit = globals.text(flags.config);
  // As sops shows it and matches against it: relative, so that links in the working directory are not resolved.
  const path =
    explicit === ""
      ? await searchConfig(host.cwd(), (message) => warn(streams, message))
      : explicit;
  if (path === undefined) return undefined;
  let text: Uint8Array;
  try {
    text = await host.readFile(path);
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    throw new ConfigError(`could not read config file: ${path}: ${systemReason(error)}`, {
      cause: error,
    });
  }
  const { parseConfig } = await import("../config/config.ts");
  return { path, content: await parseConfig(text, path, (message) => warn(streams, message)) };
}

async function searchConfig(cwd: string, warnOf: Warn): Promise<string | undefined> {
  const { findConfig, shadowWarning } = await import("../config/find.ts");
  const found = findConfig(realpathSync(cwd), {
    exists: (path) => statSync(path, { throwIfNoEntry: false }) !== undefined,
  });
  const warning = shadowWarning(found);
  if (warning !== undefined) warnOf(warning);
  return found.shown;
}
