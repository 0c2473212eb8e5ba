import { createHash, type KeyObject } from "node:crypto";
import type { Host } from "../../io/host.ts";
import type { MasterKey } from "../provider.ts";
import { encodeBech32 } from "./bech32.ts";
import type { AgeIdentities } from "./identities.ts";
import type { AgeIdentity } from "./identity.ts";
import { montgomeryPoint, type SshPublicKey } from "./ssh.ts";
import { unlockSshKey } from "./ssh-identity.ts";
import { unwrapX25519 } from "./x25519.ts";

/**
 * The age key that belongs to an Ed25519 SSH key: the same curve in its Montgomery form, as the program ssh-to-age
 * makes it. Files of NixOS machines are encrypted to such recipients.
 */

/** @returns the recipient, `age1…`; undefined for a key of another type */
export function derivedRecipient(key: SshPublicKey): string | undefined {
  return key.type === "ssh-ed25519" ? encodeBech32("age", montgomeryPoint(key)) : undefined;
}

/**
 * The part, when the age key derived from one of the SSH identities opens it.
 *
 * @throws {IdentityFailure} when the SSH key of that recipient cannot be unlocked
 */
export async function openWithDerived(
  key: MasterKey,
  found: AgeIdentities,
  host: Host,
): Promise<Uint8Array | undefined> {
  for (const identity of found.identities) {
    if (identity.kind !== "ssh") continue;
    const scalar = await derivedScalar(identity, key.id, host);
    const part = scalar && unwrapX25519(key.enc ?? "", scalar);
    scalar?.fill(0);
    if (part !== undefined) return part;
  }
  return undefined;
}

/**
 * The derived private key, 32 bytes. A protected SSH key is unlocked, which may ask for its passphrase, only for the
 * recipient that belongs to it.
 *
 * @throws {IdentityFailure}
 */
export async function derivedScalar(
  identity: AgeIdentity & { kind: "ssh" },
  recipient: string,
  host: Host,
): Promise<Uint8Array | undefined> {
  const { publicKey, privateKey } = identity;
  if (publicKey.type !== "ssh-ed25519") return undefined;
  if (!privateKey.isProtected) return scalarOf(privateKey.key);
  if (derivedRecipient(publicKey) !== recipient) return undefined;
  return scalarOf(await unlockSshKey(identity, host));
}

function scalarOf(key: KeyObject): Uint8Array {
  const seed = Buffer.from(key.export({ format: "jwk" }).d ?? "", "base64url");
  const scalar = new Uint8Array(createHash("sha512").update(seed).digest().subarray(0, 32));
  seed.fill(0);
  return scalar;
}

/** The derived private key as age spells it. */
export const identityText = (scalar: Uint8Array): string =>
  encodeBech32("age-secret-key-", scalar).toUpperCase();
