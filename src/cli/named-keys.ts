import { loadConfig } from "../config/loaded-config.ts";
import { SopsmithError } from "../errors.ts";
import { KeyNames, namesInConfig } from "../people/names.ts";
import type { Call } from "./command.ts";
import * as flags from "./flags.ts";
import type { Stores } from "./formats.ts";

/** The names of keys in a configuration that was read. */
export const namesIn = async ({ config }: Pick<Stores, "config">): Promise<KeyNames> =>
  config === undefined ? KeyNames.none : namesInConfig(config.content.text);

/** The names in the configuration in force; none where it cannot be read, which others say. */
export async function namesInForce({ shared, globals, host }: Call): Promise<KeyNames> {
  try {
    const config =
      shared === undefined
        ? await loadConfig(globals.text(flags.config), host, () => undefined)
        : shared.config;
    return await namesIn({ config });
  } catch (error) {
    if (error instanceof SopsmithError) return KeyNames.none;
    throw error;
  }
}

/** The error with names in place of keys, for people; where JSON is asked for it stays as it is. */
export async function withNames(error: unknown, call: Call): Promise<unknown> {
  if (!(error instanceof SopsmithError) || call.options.on(flags.json)) return error;
  // Its message is a patch.
  if (error.code === "not-editable") return error;
  if (!/age1|ssh-|arn:|\/keys\/|cryptoKeys|[0-9A-Fa-f]{16}/.test(error.message)) return error;
  error.message = (await namesInForce(call)).inText(error.message);
  return error;
}
