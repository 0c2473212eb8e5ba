import { createCipheriv, createDecipheriv } from "node:crypto";

const TAG = 16;

/** ChaCha20-Poly1305 (RFC 8439): key 32 bytes, nonce 12 bytes, the 16 bytes of the tag after the ciphertext. */
export interface ChaCha20Poly1305 {
  seal(key: Uint8Array, nonce: Uint8Array, plaintext: Uint8Array): Buffer;
  /** @throws for another key or damage */
  open(key: Uint8Array, nonce: Uint8Array, sealed: Uint8Array): Buffer;
}

/** OpenSSL's. */
const native: ChaCha20Poly1305 = {
  seal(key, nonce, plaintext) {
    const cipher = createCipheriv("chacha20-poly1305", key, nonce, { authTagLength: TAG });
    return Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
  },
  open(key, nonce, sealed) {
    const decipher = createDecipheriv("chacha20-poly1305", key, nonce, { authTagLength: TAG });
    decipher.setAuthTag(sealed.subarray(-TAG));
    const plaintext = decipher.update(sealed.subarray(0, -TAG));
    decipher.final();
    return plaintext;
  },
};

let current = native;

/** Must be awaited before the first use: `node:crypto` of Bun lacks this cipher, and a package stands in for it. */
export async function prepareChaCha20Poly1305(): Promise<void> {
  if (process.versions["bun"] === undefined || current !== native) return;
  const { chacha20poly1305 } = await import("@noble/ciphers/chacha.js");
  useChaCha20Poly1305({
    seal: (key, nonce, plaintext) => Buffer.from(chacha20poly1305(key, nonce).encrypt(plaintext)),
    open: (key, nonce, sealed) => Buffer.from(chacha20poly1305(key, nonce).decrypt(sealed)),
  });
}

/** For a program that has the package in it already. */
export function useChaCha20Poly1305(other: ChaCha20Poly1305): void {
  current = other;
}

export const sealChaCha20Poly1305: ChaCha20Poly1305["seal"] = (key, nonce, plaintext) =>
  current.seal(key, nonce, plaintext);

export const openChaCha20Poly1305: ChaCha20Poly1305["open"] = (key, nonce, sealed) =>
  current.open(key, nonce, sealed);
