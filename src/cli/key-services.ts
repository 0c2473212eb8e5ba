import { localKeyService, type KeyService } from "../key-service/key-service.ts";
import type { Call } from "./command.ts";
import * as flags from "./flags.ts";
import { quoted } from "./source.ts";
import { warn } from "./warn.ts";

/**
 * What wraps and unwraps data keys for this run, in the order in which they are asked: the machine's own keys unless they
 * are switched off, then the services of `--keyservice` (spec keys section 13).
 */
export async function keyServices({
  options,
  shared,
  streams,
}: Call): Promise<readonly KeyService[]> {
  if (shared !== undefined) return shared.services;
  const services: KeyService[] = options.on(flags.localKeyService) ? [localKeyService] : [];
  const uris = options.list(flags.keyService);
  if (uris.length === 0) return services;
  const { parseServiceUri, remoteKeyService } = await import("../key-service/client.ts");
  for (const uri of uris) {
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
