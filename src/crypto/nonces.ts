import { isUtf8 } from "node:buffer";
import { createHash } from "node:crypto";
import type { Host } from "../io/host.ts";
import { LONG_TEXT } from "../tree/long-text.ts";
import { encodeText } from "../tree/text.ts";

/** Length of a new nonce in bytes. Not GCM's usual 12: sops draws 32 (spec file-format 2.1). */
export const NONCE_BYTES = 32;

/**
 * Nonces for one command. Those of opened leaves are remembered by plaintext, type and place, so that an unchanged leaf is sealed to the same
 * ciphertext again; every other leaf gets a fresh one (spec file-format 2.5). Equal leaves at one place, such as the elements of `[x, x]`,
 * get theirs back in the order in which they were opened: each keeps its own ciphertext. sops gives all of them that of the last.
 */
export class Nonces {
  private readonly host: Pick<Host, "randomBytes">;
  /** A place has a queue only once a second equal leaf comes. */
  private readonly remembered = new Map<string, Uint8Array | Queue>();
  private pool: Uint8Array = new Uint8Array(0);
  private used = 0;

  constructor(host: Pick<Host, "randomBytes">) {
    this.host = host;
  }

  /** Remembers the nonce of an opened leaf. */
  remember(plaintext: string | Uint8Array, type: string, aad: string, nonce: Uint8Array): void {
    if (nonce.length !== NONCE_BYTES) return;
    const key = slot(plaintext, type, aad);
    const known = this.remembered.get(key);
    if (known === undefined) this.remembered.set(key, nonce);
    else if (known instanceof Queue) known.nonces.push(nonce);
    else this.remembered.set(key, new Queue([known, nonce]));
  }

  /** Remembers what another command's leaves had too, unless the same nonce is there already. Both must be of one data key. */
  learn(other: Nonces): void {
    for (const [key, theirs] of other.remembered) {
      const own = noncesOf(this.remembered.get(key));
      const added = noncesOf(theirs).filter(
        (nonce) => !own.some((known) => Buffer.compare(known, nonce) === 0),
      );
      const [first] = [...own, ...added];
      if (first === undefined) continue;
      this.remembered.set(
        key,
        own.length + added.length === 1 ? first : new Queue([...own, ...added]),
      );
    }
  }

  /** The nonce that was remembered: of several the oldest that was not taken yet, or else the last, as sops does; undefined for none. */
  take(plaintext: string | Uint8Array, type: string, aad: string): Uint8Array | undefined {
    if (this.remembered.size === 0) return undefined;
    const known = this.remembered.get(slot(plaintext, type, aad));
    if (!(known instanceof Queue)) return known;
    return known.nonces[known.next < known.nonces.length - 1 ? known.next++ : known.next];
  }

  /** A new nonce. */
  fresh(): Uint8Array {
    if (this.used === this.pool.length) {
      this.pool = this.freshBatch();
      this.used = 0;
    }
    const nonce = this.pool.subarray(this.used, this.used + NONCE_BYTES);
    this.used += NONCE_BYTES;
    return nonce;
  }

  /** 256 new nonces, one after the other. */
  freshBatch(): Uint8Array {
    return this.host.randomBytes(NONCE_BYTES * 256);
  }
}

/** Nonces of equal leaves at one place, in document order. */
class Queue {
  readonly nonces: Uint8Array[];
  next = 0;

  constructor(nonces: Uint8Array[]) {
    this.nonces = nonces;
  }
}

const noncesOf = (known: Uint8Array | Queue | undefined): Uint8Array[] =>
  known === undefined ? [] : known instanceof Queue ? known.nonces : [known];

function slot(plaintext: string | Uint8Array, type: string, aad: string): string {
  return `${type}\0${aad.length}\0${aad}${markOf(plaintext)}`;
}

/** The same for text as a string and as UTF-8. */
function markOf(plaintext: string | Uint8Array): string {
  if (isLong(plaintext)) {
    const bytes = typeof plaintext === "string" ? encodeText(plaintext) : plaintext;
    return `h${createHash("sha256").update(bytes).digest("hex")}`;
  }
  if (typeof plaintext === "string") return `s${plaintext}`;
  // Under another mark, the Latin-1 text of other bytes cannot meet a string.
  return isUtf8(plaintext)
    ? `s${Buffer.from(plaintext).toString("utf8")}`
    : `b${Buffer.from(plaintext).toString("latin1")}`;
}

function isLong(plaintext: string | Uint8Array): boolean {
  if (typeof plaintext !== "string") return plaintext.length >= LONG_TEXT;
  return plaintext.length * 3 >= LONG_TEXT && encodeText(plaintext).length >= LONG_TEXT;
}
