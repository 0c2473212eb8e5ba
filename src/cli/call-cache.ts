import { loadConfig, type LoadedConfig } from "../config/loaded-config.ts";
import type { Call } from "./command.ts";
import * as flags from "./flags.ts";
import { keyServices } from "./key-services.ts";
import { warn } from "./warn.ts";

/**
 * Runs `work` with a call in which all files share the configuration, the working directory and unwrapped data keys. These
 * are wiped at the end.
 *
 * @throws {ConfigError} for a configuration that cannot be read
 */
export async function withShared<T>(call: Call, work: (call: Call) => Promise<T>): Promise<T> {
  const { host, streams } = call;
  const config = await readStores(call);
  const { remembering } = await import("../key-service/remembering.ts");
  const { services, wipe } = remembering(await keyServices(call));
  const cwd = host.cwd();
  try {
    return await work({
      ...call,
      host: { ...host, cwd: () => cwd },
      streams,
      shared: { config, services },
    });
  } finally {
    await wipe();
  }
}

/** What is wrong in configurations whose rules no one has looked at yet. */
const unsaid = new WeakMap<LoadedConfig, readonly string[]>();

/**
 * The configuration in force, for a caller that looks at its rules: that of the call's files, or read now. Warns once of what
 * is ignored in it.
 *
 * @throws {ConfigError} for one that cannot be read
 */
export async function readConfig(call: Call): Promise<LoadedConfig | undefined> {
  const config = await readStores(call);
  warnOfConfig(call, config);
  return config;
}

/**
 * The configuration in force, for a caller that looks at its `stores` only. What is ignored in it is not this caller's
 * business: scripts take what `decrypt` writes to stderr for part of its output.
 *
 * @throws {ConfigError} for one that cannot be read
 */
export async function readStores({
  shared,
  globals,
  host,
  streams,
}: Call): Promise<LoadedConfig | undefined> {
  if (shared !== undefined) return shared.config;
  const warnings: string[] = [];
  const config = await loadConfig(
    globals.text(flags.config),
    host,
    (message) => warn(streams, message),
    (message) => warnings.push(message),
  );
  if (config !== undefined) unsaid.set(config, warnings);
  return config;
}

/** Says what is ignored in a configuration, unless that was said already. */
export function warnOfConfig({ streams }: Call, config: LoadedConfig | undefined): void {
  if (config === undefined) return;
  for (const message of unsaid.get(config) ?? []) warn(streams, message);
  unsaid.delete(config);
}
