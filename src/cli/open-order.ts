import { parseDecryptionOrder } from "../data-key/recover.ts";
import type { Call } from "./command.ts";
import * as flags from "./flags.ts";

/**
 * The order in which to try master keys, for commands that open a file.
 *
 * @throws {SopsmithError} exit 112 for a type named twice
 */
export function openOrder({ options }: Call): readonly string[] {
  const text = options.text(flags.decryptionOrder);
  return parseDecryptionOrder(text === "" ? undefined : text);
}
