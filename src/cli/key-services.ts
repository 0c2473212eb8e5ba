import { parseServiceUri, remoteKeyService } from "../key-service/client.ts";
import { localKeyService, type KeyService } from "../key-service/key-service.ts";
import type { Call } from "./command.ts";
import * as flags from "./flags.ts";
import { quoted } from "./source.ts";
import { warn } from "./warn.ts";

/**
 * What wraps and unwraps data keys for this run, in the order in which they are asked: the machine's own keys unless they
 * are switched off, then the services of `--keyservice` (spec keys section 13).
 */
export function keyServices({ options, shared, streams }: Call): readonly KeyService[] {
  if (shared !== undefined) return shared.services;
  const services: KeyService[] = options.on(flags.localKeyService) ? [localKeyService] : [];
  for (const uri of options.list(flags.keyService)) {
    const address = parseServiceUri(uri);
    if (address !== undefined) services.push(remoteKeyService(address));
    else
      warn(
        streams,
        `Error parsing URI for keyservice, skipping ${quoted(uri)}; it must be tcp://HOST:PORT or unix:///PATH`,
      );
  }
  return services;
}
