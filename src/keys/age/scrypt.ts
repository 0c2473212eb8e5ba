import { scrypt } from "node:crypto";
import type { Identity, Stanza } from "age-encryption";
import { openChaCha20Poly1305 } from "./chacha20-poly1305.ts";

const LABEL = "age-encryption.org/v1/scrypt";

/** sops accepts identity files up to this work factor, the library only up to 20. */
const HIGHEST_LOG_N = 22;

/** The passphrase of an age file. Node's scrypt, which is several times faster than one in JavaScript. */
export class ScryptIdentity implements Identity {
  private readonly passphrase: string;
  /** Whether it was tried on a file of another passphrase. */
  wasWrong = false;

  constructor(passphrase: string) {
    this.passphrase = passphrase;
  }

  /**
   * @returns null for a wrong passphrase
   * @throws {Error} for a malformed or too costly stanza
   */
  async unwrapFileKey(stanzas: Stanza[]): Promise<Uint8Array | null> {
    const [stanza] = stanzas;
    if (stanza === undefined || stanza.args[0] !== "scrypt" || stanzas.length !== 1)
      throw new Error("not a passphrase");
    const [, saltText = "", logText = "", ...more] = stanza.args;
    const salt = Buffer.from(saltText, "base64");
    const isCanonical =
      salt.length === 16 && salt.toString("base64").replace(/=+$/, "") === saltText;
    if (
      !isCanonical ||
      !/^[1-9]\d?$/.test(logText) ||
      more.length > 0 ||
      stanza.body.length !== 32
    ) {
      throw new Error("invalid scrypt stanza");
    }
    const logN = Number(logText);
    if (logN > HIGHEST_LOG_N) throw new Error("scrypt work factor is too high");
    const key = await derive(this.passphrase, Buffer.concat([Buffer.from(LABEL), salt]), 2 ** logN);
    try {
      return new Uint8Array(openChaCha20Poly1305(key, Buffer.alloc(12), stanza.body));
    } catch {
      this.wasWrong = true;
      return null;
    } finally {
      key.fill(0);
    }
  }
}

function derive(passphrase: string, salt: Uint8Array, cost: number): Promise<Buffer> {
  const options = { N: cost, r: 8, p: 1, maxmem: 128 * 8 * (cost + 4) };
  return new Promise((resolve, reject) => {
    // Node says null where there is no error, Bun undefined.
    scrypt(passphrase, salt, 32, options, (error, key) => {
      if (error) reject(error);
      else resolve(key);
    });
  });
}
