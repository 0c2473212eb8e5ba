import type { KeyService } from "./key-service.ts";

export interface RememberingServices {
  readonly services: readonly KeyService[];
  /** Fills every remembered part with zeros and forgets it. */
  wipe(): Promise<void>;
}

/**
 * The same services, each of which unwraps a part once: files that share a wrapped data key ask the key's owner (an agent, a
 * cloud, a person) once. Parts live until `wipe`; what cannot be unwrapped is remembered too.
 */
export function remembering(services: readonly KeyService[]): RememberingServices {
  const parts: Promise<Uint8Array>[] = [];
  // Several files may wait for one part: only the end of all gives up on it.
  const over = new AbortController();
  return {
    services: services.map((service) => {
      const byKey = new Map<string, Promise<Uint8Array>>();
      return {
        name: service.name,
        wrap: (key, part, host, signal) => service.wrap(key, part, host, signal),
        unwrap: async (key, host) => {
          const name = JSON.stringify([key.type, key.id, key.enc]);
          let part = byKey.get(name);
          if (part === undefined) {
            part = service.unwrap(key, host, over.signal);
            byKey.set(name, part);
            parts.push(part);
          }
          // Callers wipe what they get.
          return Uint8Array.from(await part);
        },
      };
    }),
    wipe: async () => {
      over.abort();
      for (const result of await Promise.allSettled(parts.splice(0)))
        if (result.status === "fulfilled") result.value.fill(0);
    },
  };
}
