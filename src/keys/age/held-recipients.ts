import { createPublicKey } from "node:crypto";
import { decodeBech32, encodeBech32 } from "./bech32.ts";
import type { AgeIdentity } from "./identity.ts";
import { recipientOf } from "./ssh.ts";
import { rawPublic, x25519Private } from "./x25519.ts";

/** The public halves of identities, for a message; of those that do not show it, what they are. Each once. */
export async function heldRecipients(identities: readonly AgeIdentity[]): Promise<string[]> {
  return [...new Set(await Promise.all(identities.map(heldBy)))];
}

async function heldBy(identity: AgeIdentity): Promise<string> {
  switch (identity.kind) {
    case "ssh":
      return recipientOf(identity.publicKey);
    case "plugin":
      return `an identity of age-plugin-${identity.name}`;
    case "encrypted":
      return `the protected identities in ${identity.location}`;
    case "native": {
      const { prefix, bytes } = decodeBech32(identity.text);
      if (prefix !== "age-secret-key-") {
        const { identityToRecipient } = await import("age-encryption");
        return identityToRecipient(identity.text);
      }
      const recipient = encodeBech32("age", rawPublic(createPublicKey(x25519Private(bytes))));
      bytes.fill(0);
      return recipient;
    }
    default:
      return identity satisfies never;
  }
}
