import type { Host } from "../io/host.ts";
import { UnwrapError, type MasterKey } from "../keys/provider.ts";
import {
  logInWithKubernetes,
  type KubernetesLogin,
  type VaultToken,
} from "../keys/vault-transit/kubernetes-login.ts";
import type { KeyService } from "./key-service.ts";

/**
 * A key service that logs in to the server in `VAULT_ADDR` before it unwraps a key of Vault's. The account's token goes to that server
 * alone; the token that Vault gives is used as `VAULT_TOKEN` would be.
 */
export function withKubernetesLogin(inner: KeyService, login: KubernetesLogin): KeyService {
  let token: Promise<VaultToken> | undefined;
  const get = async (host: Host, signal?: AbortSignal): Promise<VaultToken> => {
    const known = token;
    const held = await known?.catch(() => undefined);
    if (held !== undefined && held.until > host.now().getTime()) return held;
    // Many objects ask at once after a start: one logs in for all.
    if (token === undefined || token === known) token = logInWithKubernetes(login, host, signal);
    return token;
  };
  return {
    name: inner.name,
    wrap: inner.wrap,
    async unwrap(key, host, signal) {
      if (key.type !== "hc_vault") return inner.unwrap(key, host, signal);
      const before = token;
      const { text } = await get(host, signal);
      const isOld = before !== undefined && before === token;
      try {
        return await unwrapWith(text, key, host, signal);
      } catch (error) {
        // An old token may have been revoked: once more with a new one.
        token = undefined;
        if (!isOld || !(error instanceof UnwrapError)) throw error;
        return unwrapWith((await get(host, signal)).text, key, host, signal);
      }
    },
  };

  function unwrapWith(
    text: string,
    key: MasterKey,
    host: Host,
    signal: AbortSignal | undefined,
  ): Promise<Uint8Array> {
    return inner.unwrap(key, { ...host, env: { ...host.env, VAULT_TOKEN: text } }, signal);
  }
}
