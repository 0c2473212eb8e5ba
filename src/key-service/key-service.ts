import type { Host } from "../io/host.ts";
import { provider } from "../keys/index.ts";
import type { MasterKey } from "../keys/provider.ts";

/** Something that wraps and unwraps parts of data keys: this process, or a program elsewhere (spec keys section 13). */
export interface KeyService {
  /** `local`, or the service's address. */
  readonly name: string;
  /**
   * Wraps a part (32 bytes, or 33 for a Shamir share) for one key; returns the text of `enc`.
   *
   * @param signal gives up on a key that is used over the network
   * @throws {SopsmithError} saying why this key cannot wrap
   */
  wrap(key: MasterKey, part: Uint8Array, host: Host, signal?: AbortSignal): Promise<string>;
  /**
   * @returns the part; the caller fills it with zeros after use
   * @throws {UnwrapError}
   */
  unwrap(key: MasterKey, host: Host, signal?: AbortSignal): Promise<Uint8Array>;
}

/** The keys that this process can use itself. */
export const localKeyService: KeyService = {
  name: "local",
  wrap: (key, part, host, signal) =>
    noted("Encryption", key, host, provider(key.type).wrap(key, part, host, signal)),
  unwrap: (key, host, signal) =>
    noted("Decryption", key, host, provider(key.type).unwrap(key, host, signal)),
};

/** Says how it went, in the words of sops. */
async function noted<T>(what: string, key: MasterKey, host: Host, work: Promise<T>): Promise<T> {
  const { topic, field, success = "succeeded" } = provider(key.type).logged;
  const inform = (how: string) => host.inform?.(topic, `${what} ${how}`, { [field]: key.id });
  try {
    const result = await work;
    inform(success);
    return result;
  } catch (error) {
    inform("failed");
    throw error;
  }
}
