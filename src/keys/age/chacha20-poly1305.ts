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

/** For runtimes whose `node:crypto` lacks this cipher, as Bun's does. */
export function useChaCha20Poly1305(other: ChaCha20Poly1305): void {
  current = other;
}

export const sealChaCha20Poly1305: ChaCha20Poly1305["seal"] = (key, nonce, plaintext) =>
  current.seal(key, nonce, plaintext);

export const openChaCha20Poly1305: ChaCha20Poly1305["open"] = (key, nonce, sealed) =>
  current.open(key, nonce, sealed);
