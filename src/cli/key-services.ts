import { localKeyService, type KeyService } from "../key-service/key-service.ts";
import type { Call } from "./command.ts";
import * as flags from "./flags.ts";

/** What wraps and unwraps data keys for this run: the machine's own keys unless they are switched off (spec keys section 13). */
export function keyServices({ options, shared }: Call): readonly KeyService[] {
  if (shared !== undefined) return shared.services;
  return options.on(flags.localKeyService) ? [localKeyService] : [];
}
