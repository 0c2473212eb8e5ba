import type { FormatName, Warn } from "../../formats/format.ts";
import { formatForPath, formatNamed, formats } from "../../formats/index.ts";
import type { KeyService } from "../key-service/key-service.ts";
import { configuredIndent, configuredLayout, type LoadedConfig } from "../config/loaded-config.ts";
import type { Audit } from "../file.ts";
import { UsageError } from "./args.ts";
import { chooseLayout, type LayoutChoice } from "../layout/choice.ts";
import type { Call } from "./command.ts";
import * as flags from "./flags.ts";
import { keyServices } from "./key-services.ts";
import { readStores } from "./call-cache.ts";
import { heldFormat, warnOfOtherFormat } from "./held-format.ts";
import type { Options } from "./options.ts";
import { quoted, type Source } from "./source.ts";
import { info, warn } from "./warn.ts";

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
    readonly layout: LayoutChoice;
    readonly explain: Warn | undefined;
    readonly services: readonly KeyService[];
    readonly audit: Audit;
    readonly warn: Warn;
  };
}

/**
 * Picks the formats by flag, name or, for an encrypted file, by what it holds, and reads the configuration, which sets indentation and layout.
 *
 * @param kind what the file is: a plain one, which is to be encrypted, is what its name says
 * @throws {UsageError} for a format that does not exist
 * @throws {ConfigError} for a configuration that cannot be read, even where only its indentation matters, as in sops
 * @see spec cli 4.1
 */
export async function openStores(
  call: Call,
  source: Source,
  kind: "sealed" | "plain" = "sealed",
): Promise<Stores> {
  const { options, globals, host, streams } = call;
  const chosen = chosenFormat(options, flags.inputType);
  const chosenOutput = chosenFormat(options, flags.outputType);
  const held =
    kind === "sealed" && chosen === undefined
      ? await heldFormat(call, source)
      : (source.format ?? formatForPath(source.name));
  if (kind === "sealed" && chosen !== undefined) await warnOfOtherFormat(call, source, chosen);
  const output = chosenOutput ?? held;
  const config = await readStores(call);
  return {
    config,
    verb: {
      file: source.file,
      input: chosen ?? held,
      output,
      indent: globals.count(flags.indent) ?? configuredIndent(config, output),
      layout: layoutOf(call, config, output),
      explain: globals.on(flags.verbose)
        ? (reason) => info(streams, `${source.file}: its layout is not kept: ${reason}`)
        : undefined,
      services: await keyServices(call),
      audit: (action) => host.audit?.(action, source.path) ?? Promise.resolve(),
      warn: (message) => warn(streams, `${source.file}: ${message}`),
    },
  };
}

/** Other names of formats, which users try. */
const otherNames: Readonly<Record<string, FormatName>> = {
  yml: "yaml",
  env: "dotenv",
  bin: "binary",
  raw: "binary",
  text: "binary",
  txt: "binary",
};

/**
 * The format that a flag names; undefined where it is not given.
 *
 * @throws {UsageError} for a word that is no format, with the one that was probably meant
 */
export function chosenFormat(options: Options, flag: flags.TextFlag): FormatName | undefined {
  const word = options.text(flag);
  if (word === "") return undefined;
  const format = formatNamed(word);
  if (format !== undefined) return format;
  const bare = word.toLowerCase().replace(/^\./, "");
  const names = Object.keys(formats);
  const meant =
    formatNamed(bare) ??
    otherNames[bare] ??
    names.find((name) => bare.length > 1 && (name.startsWith(bare) || bare.startsWith(name)));
  throw new UsageError(
    `--${flag.names[0]}: there is no format ${quoted(word)}${meant === undefined ? "" : ` (did you mean ${meant}?)`}`,
    // As in sops, where the file then hardly ever reads as what it is taken for.
    2,
    `The formats are ${names.join(", ")}.`,
  );
}

function layoutOf(
  { options, globals, host }: Call,
  config: LoadedConfig | undefined,
  format: FormatName,
): LayoutChoice {
  const given = options.text(flags.layout);
  return chooseLayout({
    flag: given === "" ? globals.text(flags.layout) : given,
    hasIndent: globals.count(flags.indent) !== undefined,
    env: host.env,
    configured: configuredLayout(config, format),
  });
}
