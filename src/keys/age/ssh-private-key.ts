import { createDecipheriv, createPrivateKey, type KeyObject } from "node:crypto";
import {
  base64url,
  isSshKeyType,
  publicHalf,
  publicKeyOfWire,
  SshKeyError,
  WireReader,
  type SshPublicKey,
} from "./ssh.ts";

/** A private key as its file holds it. */
export type SshPrivateKey =
  | { readonly isProtected: false; readonly publicKey: SshPublicKey; readonly key: KeyObject }
  | {
      readonly isProtected: true;
      /** Undefined for a PEM file, which does not show it: it is in the file's `.pub`. */
      readonly publicKey: SshPublicKey | undefined;
      /** @throws {WrongPassphrase} @throws {SshKeyError} */
      unlock(passphrase: string): Promise<KeyObject>;
    };

export class WrongPassphrase extends Error {}

/**
 * An Ed25519 or RSA key in OpenSSH's own form, PKCS#1 or PKCS#8 PEM.
 *
 * @throws {SshKeyError}
 */
export function parseSshPrivateKey(content: Uint8Array): SshPrivateKey {
  const text = Buffer.from(content).toString("latin1").trim();
  const [, kind = "", body = ""] =
    /^-----BEGIN ([A-Z ]+)-----\r?\n([^]*?)-----END \1-----/m.exec(text) ?? [];
  if (kind === "") throw new SshKeyError("it is not an SSH private key");
  if (kind === "OPENSSH PRIVATE KEY") return parseOpenSsh(Buffer.from(body, "base64"));
  if (kind === "ENCRYPTED PRIVATE KEY" || /^Proc-Type: 4,ENCRYPTED/m.test(body))
    return {
      isProtected: true,
      publicKey: undefined,
      unlock: async (passphrase) => unlockPem(text, passphrase),
    };
  if (kind !== "RSA PRIVATE KEY" && kind !== "PRIVATE KEY")
    throw new SshKeyError("only Ed25519 and RSA keys can be used");
  let key: KeyObject;
  try {
    key = createPrivateKey(text);
  } catch {
    // Without the cause: it comes from the key's bytes.
    throw new SshKeyError("it is damaged");
  }
  return { isProtected: false, publicKey: publicHalf(key), key };
}

function unlockPem(text: string, passphrase: string): KeyObject {
  try {
    return createPrivateKey({ key: text, passphrase });
  } catch {
    throw new WrongPassphrase();
  }
}

/** @see OpenSSH PROTOCOL.key */
function parseOpenSsh(file: Buffer): SshPrivateKey {
  const magic = "openssh-key-v1\0";
  if (file.toString("latin1", 0, magic.length) !== magic) throw new SshKeyError("it is damaged");
  const reader = new WireReader(file.subarray(magic.length));
  const cipher = reader.text();
  const kdf = reader.text();
  const kdfOptions = reader.string();
  if (reader.uint32() !== 1) throw new SshKeyError("it must hold exactly one key");
  const publicKey = publicKeyOfWire(Uint8Array.from(reader.string()));
  const sealed = reader.string();
  const tag = reader.rest();
  if (cipher === "none" && kdf === "none") {
    const key = readKey(sealed, publicKey);
    if (key === undefined) throw new SshKeyError("it is damaged");
    return { isProtected: false, publicKey, key };
  }
  return {
    isProtected: true,
    publicKey,
    async unlock(passphrase) {
      const opened = await unlockOpenSsh({ cipher, kdf, kdfOptions, sealed, tag }, passphrase);
      const key = opened && readKey(opened, publicKey);
      opened?.fill(0);
      if (key === undefined) throw new WrongPassphrase();
      return key;
    },
  };
}

/** OpenSSH's names: Node's name, key and IV length in bytes. */
const ciphers: Readonly<Record<string, readonly [string, number, number] | undefined>> = {
  "aes128-ctr": ["aes-128-ctr", 16, 16],
  "aes192-ctr": ["aes-192-ctr", 24, 16],
  "aes256-ctr": ["aes-256-ctr", 32, 16],
  "aes128-cbc": ["aes-128-cbc", 16, 16],
  "aes192-cbc": ["aes-192-cbc", 24, 16],
  "aes256-cbc": ["aes-256-cbc", 32, 16],
  "aes128-gcm@openssh.com": ["aes-128-gcm", 16, 12],
  "aes256-gcm@openssh.com": ["aes-256-gcm", 32, 12],
};

/** Undefined for a wrong passphrase, where that shows already. */
async function unlockOpenSsh(
  file: { cipher: string; kdf: string; kdfOptions: Buffer; sealed: Buffer; tag: Buffer },
  passphrase: string,
): Promise<Buffer | undefined> {
  const cipher = ciphers[file.cipher];
  if (cipher === undefined || file.kdf !== "bcrypt")
    throw new SshKeyError(
      `it is protected with ${file.cipher} and ${file.kdf}, which cannot be used; ssh-keygen -p -Z aes256-ctr -f FILE changes that`,
    );
  const [name, keyLength, ivLength] = cipher;
  const options = new WireReader(file.kdfOptions);
  const salt = options.string();
  const rounds = options.uint32();
  const { default: bcrypt } = await import("bcrypt-pbkdf");
  const derived = Buffer.alloc(keyLength + ivLength);
  const secret = Buffer.from(passphrase);
  if (
    secret.length === 0 ||
    bcrypt.pbkdf(secret, secret.length, salt, salt.length, derived, derived.length, rounds) < 0
  )
    return undefined;
  secret.fill(0);
  const key = derived.subarray(0, keyLength);
  const iv = derived.subarray(keyLength);
  const decipher =
    name === "aes-128-gcm" || name === "aes-256-gcm"
      ? createDecipheriv(name, key, iv).setAuthTag(file.tag)
      : createDecipheriv(name, key, iv).setAutoPadding(false);
  try {
    return Buffer.concat([decipher.update(file.sealed), decipher.final()]);
  } catch {
    return undefined;
  } finally {
    derived.fill(0);
  }
}

/** Undefined when the check numbers differ: it was decrypted with a wrong passphrase. */
function readKey(section: Buffer, publicKey: SshPublicKey): KeyObject | undefined {
  const reader = new WireReader(section);
  if (reader.uint32() !== reader.uint32()) return undefined;
  const type = reader.text();
  if (!isSshKeyType(type)) throw new SshKeyError("only Ed25519 and RSA keys can be used");
  const key = type === "ssh-ed25519" ? readEd25519(reader) : readRsa(reader);
  if (!Buffer.from(publicHalf(key).wire).equals(publicKey.wire))
    throw new SshKeyError("its public and private halves do not belong together");
  return key;
}

function readEd25519(reader: WireReader): KeyObject {
  const x = reader.string();
  const d = reader.string().subarray(0, 32);
  return fromJwk({ kty: "OKP", crv: "Ed25519", x: base64url(x), d: base64url(d) });
}

function readRsa(reader: WireReader): KeyObject {
  const [n, e, d, qi, p, q] = Array.from({ length: 6 }, () => reader.string()) as [
    Buffer,
    Buffer,
    Buffer,
    Buffer,
    Buffer,
    Buffer,
  ];
  const reduced = (prime: Buffer) => {
    const hex = (number(d) % (number(prime) - 1n)).toString(16);
    return Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, "hex");
  };
  return fromJwk({
    kty: "RSA",
    n: base64url(n),
    e: base64url(e),
    d: base64url(d),
    p: base64url(p),
    q: base64url(q),
    dp: base64url(reduced(p)),
    dq: base64url(reduced(q)),
    qi: base64url(qi),
  });
}

const number = (bytes: Buffer): bigint => BigInt(`0x${bytes.toString("hex") || "0"}`);

function fromJwk(key: Record<string, string>): KeyObject {
  try {
    return createPrivateKey({ key, format: "jwk" });
  } catch {
    throw new SshKeyError("it is damaged");
  }
}
