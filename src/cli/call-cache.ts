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
  const config = await readConfig(call);
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

/** The configuration in force: that of the call's files, or read now. */
export async function readConfig({
  shared,
  globals,
  host,
  streams,
}: Call): Promise<LoadedConfig | undefined> {
  if (shared !== undefined) return shared.config;
  return loadConfig(globals.text(flags.config), host, (message) => warn(streams, message));
}
