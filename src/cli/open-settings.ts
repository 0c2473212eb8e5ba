import { SopsmithError } from "../errors.ts";
import { parseDecryptionOrder } from "../keys/groups.ts";
import type { Call } from "./command.ts";
import * as flags from "./flags.ts";

/**
 * The order in which to try master keys, for commands that open a file.
 *
 * @throws {SopsmithError} exit 112 for a type named twice; exit 128 when the machine's keys are switched off, since
 *   there are no others
 */
export function openOrder({ options }: Call): readonly string[] {
  const text = options.text(flags.decryptionOrder);
  const order = parseDecryptionOrder(text === "" ? undefined : text);
  if (!options.on(flags.localKeyService))
    throw new SopsmithError(
      "no-key-service",
      128,
      "Failed to get the data key required to decrypt the SOPS file: the keys of this machine are switched off",
      { hint: "Leave out --enable-local-keyservice=false, or unset SOPS_ENABLE_LOCAL_KEYSERVICE." },
    );
  return order;
}
