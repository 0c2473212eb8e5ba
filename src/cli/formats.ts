import type { FormatName, Warn } from "../../formats/format.ts";
import { formatForPath, formatNamed } from "../../formats/index.ts";
import type { KeyService } from "../key-service/key-service.ts";
import { configuredIndent, type LoadedConfig } from "../config/load.ts";
import type { Audit } from "../file.ts";
import type { Call } from "./command.ts";
import * as flags from "./flags.ts";
import { keyServices } from "./key-services.ts";
import { readConfig } from "./call-cache.ts";
import type { Source } from "./source.ts";
import { warn } from "./warn.ts";

/** The formats to read and write, and the configuration in force. */
export interface Stores {
  /** Undefined when there is none. */
  readonly config: LoadedConfig | undefined;
  /** What every verb wants to know. */
  readonly verb: {
    readonly file: string;
    readonly input: FormatName;
    readonly output: FormatName;
    readonly indent: number | undefined;
    readonly services: readonly KeyService[];
    readonly audit: Audit;
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
  const { options, globals, host, streams } = call;
  const byName = source.format ?? formatForPath(source.name);
  const output = formatNamed(options.text(flags.outputType)) ?? byName;
  const config = await readConfig(call);
  return {
    config,
    verb: {
      file: source.file,
      input: formatNamed(options.text(flags.inputType)) ?? byName,
      output,
      indent: globals.count(flags.indent) ?? configuredIndent(config, output),
      services: await keyServices(call),
      audit: (action) => host.audit?.(action, source.path) ?? Promise.resolve(),
      warn: (message) => warn(streams, `${source.file}: ${message}`),
    },
  };
}
