import type { KeyObject } from "node:crypto";
import type { Stanza } from "age-encryption";
import type { Host } from "../../io/host.ts";
import type { AgeIdentity } from "./identity.ts";
import { IdentityFailure } from "./identity-failure.ts";
import { Once } from "../once.ts";
import { passphraseFromEnvironment, passphraseFromTerminal } from "./passphrase.ts";
import { isForSshKey, SshKeyError, unwrapWithSsh } from "./ssh.ts";
import { WrongPassphrase } from "./ssh-private-key.ts";

const PASSPHRASE_VARIABLE = "SOPS_AGE_SSH_PRIVATE_KEY_PASSPHRASE";

/** Unlocked once for a host. */
const unlocked = new Once<KeyObject>();

/**
 * The file key, when a stanza carries this key's fingerprint; only then is a passphrase asked for (spec keys 2.6).
 *
 * @returns 16 bytes; undefined when the stanzas are others'
 * @throws {IdentityFailure}
 */
export async function unwrapWithSshKey(
  identity: AgeIdentity & { kind: "ssh" },
  stanzas: readonly Stanza[],
  host: Host,
): Promise<Uint8Array | undefined> {
  const { publicKey, location } = identity;
  const stanza = stanzas.find((one) => isForSshKey(publicKey, one));
  if (stanza === undefined) return undefined;
  return unwrapWithSsh(publicKey, await unlockSshKey(identity, host), stanza, location);
}

/**
 * The private key; a passphrase is asked for once.
 *
 * @throws {IdentityFailure}
 */
export const unlockSshKey = (
  identity: AgeIdentity & { kind: "ssh" },
  host: Host,
): Promise<KeyObject> => unlocked.get(host, identity.location, () => unlock(identity, host));

async function unlock(
  { privateKey, location }: AgeIdentity & { kind: "ssh" },
  host: Host,
): Promise<KeyObject> {
  if (!privateKey.isProtected) return privateKey.key;
  const subject = JSON.stringify(location);
  const passphrase =
    (await passphraseFromEnvironment(PASSPHRASE_VARIABLE, host)) ??
    (await passphraseFromTerminal(
      `Enter passphrase for ${subject}: `,
      subject,
      PASSPHRASE_VARIABLE,
      host,
    ));
  try {
    return await privateKey.unlock(passphrase);
  } catch (error) {
    if (error instanceof WrongPassphrase)
      throw new IdentityFailure(
        `failed to decrypt SSH key file ${subject}: incorrect passphrase`,
        `run again with the right passphrase of ${location}`,
      );
    if (!(error instanceof SshKeyError)) throw error;
    throw new IdentityFailure(
      `failed to decrypt SSH key file ${subject}: ${error.message}`,
      `fix the SSH key ${location}`,
    );
  }
}
