// The first file of the standalone executable. Its runtime, Bun, is part of it, so there is no version to check, and its
// code is compiled already.
import { chacha20poly1305 } from "@noble/ciphers/chacha.js";
import { main } from "../src/cli/main.ts";
import { useChaCha20Poly1305 } from "../src/keys/age/chacha20-poly1305.ts";

useChaCha20Poly1305({
  seal: (key, nonce, plaintext) => Buffer.from(chacha20poly1305(key, nonce).encrypt(plaintext)),
  open: (key, nonce, sealed) => Buffer.from(chacha20poly1305(key, nonce).decrypt(sealed)),
});
void main();
