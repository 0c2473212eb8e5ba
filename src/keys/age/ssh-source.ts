import type { Host } from "../../io/host.ts";
import type { AgeIdentity } from "./identity.ts";
import { openSource, SourceError } from "./source.ts";
import { parseSshPrivateKey, type SshPrivateKey } from "./ssh-private-key.ts";
import { parseSshPublicKey, SshKeyError } from "./ssh.ts";

/** The one key of an SSH private key file; its public half is beside it when it does not show it itself. */
export async function readSshFile(
  content: Uint8Array,
  path: string,
  host: Host,
): Promise<AgeIdentity[]> {
  let privateKey: SshPrivateKey;
  try {
    privateKey = parseSshPrivateKey(content);
  } catch (error) {
    if (!(error instanceof SshKeyError)) throw error;
    const isPublic = /^ssh-(?:ed25519|rsa) /.test(Buffer.from(content).toString("latin1"));
    throw new SourceError(
      `malformed SSH identity in ${JSON.stringify(path)}: ${error.message}`,
      isPublic
        ? `${path} holds the public half of an SSH key; name the file of the private one.`
        : undefined,
    );
  }
  let { publicKey } = privateKey;
  if (publicKey === undefined) {
    const failed = `failed to obtain public ${JSON.stringify(`${path}.pub`)} key for ${JSON.stringify(path)} SSH key`;
    const line = await openSource(`${path}.pub`, failed, host);
    try {
      publicKey = parseSshPublicKey(Buffer.from(line).toString("latin1").trim());
    } catch (error) {
      if (!(error instanceof SshKeyError)) throw error;
      throw new SourceError(`${failed}: ${error.message}`);
    }
  }
  return [{ kind: "ssh", publicKey, privateKey, location: path }];
}

/** The key that a command printed, which must show its public half. */
export function readSshOutput(content: Uint8Array): AgeIdentity[] {
  const location = "SOPS_AGE_SSH_PRIVATE_KEY_CMD";
  try {
    const privateKey = parseSshPrivateKey(content);
    if (privateKey.isProtected)
      throw new SourceError(
        `the SSH key returned by running ${location} is password protected, which is unsupported`,
      );
    return [{ kind: "ssh", publicKey: privateKey.publicKey, privateKey, location }];
  } catch (error) {
    if (!(error instanceof SshKeyError)) throw error;
    throw new SourceError(
      `malformed SSH identity returned by running ${location}: ${error.message}`,
    );
  }
}
