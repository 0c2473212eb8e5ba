import { ConfigError } from "../errors.ts";
import type { Host } from "../io/host.ts";
import { BadPattern, compileGoRegExp, loadRegExps } from "../go/regexp.ts";
import type { Config, DestinationSource } from "./config.ts";
import { loadRule, type CreationRule } from "./match.ts";

/** The destination rule that governs a file. */
export interface DestinationRule {
  /** Exactly one of its destinations is named. */
  readonly source: DestinationSource;
  readonly field: "s3_bucket" | "gcs_bucket" | "vault_path";
  /** What files are encrypted with before they are published; without keys they stay as they are. */
  readonly recreation: CreationRule;
}

const fields = ["s3_bucket", "gcs_bucket", "vault_path"] as const;

/**
 * Finds the destination rule for a file (spec config section 7).
 *
 * @param path as the user typed it, or as it was found below what the user typed
 * @throws {ConfigError} when no rule matches, or the one that does cannot be used
 */
export async function selectDestination(
  config: Config,
  path: string,
  host: Host,
): Promise<DestinationRule> {
  for (const source of config.destinationRules) {
    if (source.path_regex !== "" && !(await matches(source, config, path, host))) continue;
    for (const warning of source.warnings) host.warn(warning);
    const where = `on line ${source.line} of ${config.path}`;
    const named = fields.filter((name) => source[name] !== "");
    if (named.length > 1)
      throw new ConfigError(
        "error loading config: more than one destinations were found in a single destination rule, you can only use one per rule",
        { hint: `The destination rule ${where} names ${named.join(" and ")}.`, file: config.path },
      );
    const recreation = await loadRule(source.recreationRule, config.path, host);
    const [field] = named;
    if (field === undefined)
      throw new ConfigError(`no destination configured for this file (${path})`, {
        hint: `The destination rule ${where} has none of ${fields.join(", ")}.`,
        file: config.path,
      });
    return { source, field, recreation };
  }
  throw new ConfigError("error loading config: no matching destination found in config", {
    hint: `No path_regex of the destination_rules in ${config.path} matches ${JSON.stringify(path)}.`,
    file: config.path,
  });
}

/** As in sops, a pattern that does not compile matches nothing; but it is reported. */
async function matches(
  { path_regex, line }: DestinationSource,
  config: Config,
  path: string,
  host: Host,
): Promise<boolean> {
  await loadRegExps([path_regex]);
  try {
    return compileGoRegExp(path_regex).test(path);
  } catch (error) {
    if (!(error instanceof BadPattern)) throw error;
    host.warn(
      `the path_regex of the destination rule on line ${line} of ${config.path} matches nothing: ${error.message}`,
    );
    return false;
  }
}
