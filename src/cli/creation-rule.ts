import { selectRule, type CreationRule } from "../config/match.ts";
import { warnOfConfig } from "./call-cache.ts";
import type { Call } from "./command.ts";
import type { Stores } from "./formats.ts";
import { awsSettings } from "./key-flags.ts";
import type { Source } from "./source.ts";

/**
 * The creation rule for the file; undefined without a configuration or without rules in it. Warns once of what is ignored in
 * the configuration.
 *
 * @throws {ConfigError} when none of the rules matches, also where flags name the keys
 */
export async function creationRule(
  call: Call,
  source: Source,
  { config }: Stores,
): Promise<CreationRule | undefined> {
  if (config === undefined) return undefined;
  warnOfConfig(call, config);
  // Only the form without a command gives --encryption-context to the rule's keys (spec cli 4.6).
  const isLegacy = call.options === call.globals;
  const context = isLegacy ? awsSettings(call).context : undefined;
  return selectRule(config.content, config.path, source.name, call.host, context);
}
