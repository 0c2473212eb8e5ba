import type { SshPrivateKey } from "./ssh-private-key.ts";
import type { SshPublicKey } from "./ssh.ts";

/** One identity, with the source's name for messages: a variable's name, or the file's path. */
export type AgeIdentity =
  /** X25519 or post-quantum: the text is the private key. */
  | { kind: "native"; text: string; location: string }
  | { kind: "ssh"; publicKey: SshPublicKey; privateKey: SshPrivateKey; location: string }
  | { kind: "plugin"; name: string; text: string; location: string }
  /** A passphrase-protected identity file, binary or armored. */
  | { kind: "encrypted"; file: Uint8Array; location: string };
