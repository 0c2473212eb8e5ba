import { isUtf8 } from "node:buffer";
import { createHash } from "node:crypto";
import type { Host } from "../io/host.ts";
import { LONG_TEXT } from "../tree/long-text.ts";
import { encodeText } from "../tree/text.ts";
import { align } from "./align.ts";

/** Length of a new nonce in bytes. Not GCM's usual 12: sops draws 32 (spec file-format 2.1). */
export const NONCE_BYTES = 32;

/**
 * Nonces for one command. Those of opened leaves are remembered by plaintext, type and place, so that an unchanged leaf is sealed to the same
 * ciphertext again; every other leaf gets a fresh one (spec file-format 2.5). Equal leaves at one place, such as the elements of `[x, x]`,
 * get theirs back as well: each keeps its own ciphertext. sops gives all of them that of the last. Which of them is which is told by all
 * leaves of the document (see `expect`) where they are known, and else by the leaf before it: where one of ten equal ports changes, the other
 * nine keep theirs.
 */
export class Nonces {
  private readonly host: Pick<Host, "randomBytes">;
  /** All that are remembered, in document order. */
  private readonly opened: Uint8Array[] = [];
  /** Their keys in `remembered`. */
  private readonly keys: string[] = [];
  private readonly queues: Queue[] = [];
  /** Where they are in `opened`. A place has a queue only once a second equal leaf comes. */
  private readonly remembered = new Map<string, number | Queue>();
  /** The one that was taken last. */
  private last = -1;
  private pool: Uint8Array = new Uint8Array(0);
  private used = 0;

  constructor(host: Pick<Host, "randomBytes">) {
    this.host = host;
  }

  /** Remembers the nonce of an opened leaf. */
  remember(plaintext: string | Uint8Array, type: string, aad: string, nonce: Uint8Array): void {
    if (nonce.length !== NONCE_BYTES) return;
    this.add(slot(plaintext, type, aad), nonce);
  }

  private add(key: string, nonce: Uint8Array): void {
    const at = this.opened.push(nonce) - 1;
    this.keys.push(key);
    const known = this.remembered.get(key);
    if (known === undefined) this.remembered.set(key, at);
    else if (known instanceof Queue) known.places.push(at);
    else {
      const queue = new Queue([known, at]);
      this.queues.push(queue);
      this.remembered.set(key, queue);
    }
  }

  /** Are there equal leaves at one place? Then it is worth calling `expect`. */
  get hasEqual(): boolean {
    return this.queues.length > 0;
  }

  /**
   * Says which leaves `take` will be called for next, and forgets what was taken before. Each of several equal ones gets the nonce of the leaf
   * that it was, whatever was added, changed or removed around it.
   *
   * @param leaves all of a document's, in their order
   */
  expect(
    leaves: Iterable<readonly [plaintext: string | Uint8Array, type: string, aad: string]>,
  ): void {
    const keys = Array.from(leaves, ([plaintext, type, aad]) => slot(plaintext, type, aad));
    this.last = -1;
    for (const queue of this.queues) queue.reset();
    for (const [i, at] of align(this.keys, keys).entries()) {
      const known = this.remembered.get(keys[i] as string);
      if (known instanceof Queue) known.plan(at);
    }
  }

  /** Remembers what another command's leaves had too, unless the same nonce is there already. Both must be of one data key. */
  learn(other: Nonces): void {
    const added: { key: string; at: number }[] = [];
    for (const [key, theirs] of other.remembered) {
      const own = this.remembered.get(key);
      const known = new Set(placesOf(own).map((at) => textOf(this.opened[at])));
      for (const at of placesOf(theirs))
        if (!known.has(textOf(other.opened[at]))) added.push({ key, at });
    }
    for (const { key, at } of added.toSorted((a, b) => a.at - b.at))
      this.add(key, other.opened[at] as Uint8Array);
  }

  /**
   * The nonce that was remembered; undefined for none. Of several, the one of the expected leaf, else the first after the one that was taken
   * last and the oldest if there is none, each once; when all are taken, the last, as sops does.
   */
  take(plaintext: string | Uint8Array, type: string, aad: string): Uint8Array | undefined {
    if (this.remembered.size === 0) return undefined;
    const known = this.remembered.get(slot(plaintext, type, aad));
    if (known === undefined) return undefined;
    this.last = known instanceof Queue ? known.take(this.last) : known;
    return this.opened[this.last];
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
  /** Where they are, in ascending order. */
  readonly places: number[];
  /** For each a place not after the next one that is free; itself where it is free. */
  private free: number[] | undefined;
  /** Those of the leaves that come next, in their order; -1 for one that gets what is free. */
  private planned: number[] = [];
  private next = 0;

  constructor(places: number[]) {
    this.places = places;
  }

  reset(): void {
    this.free = undefined;
    this.planned = [];
    this.next = 0;
  }

  /** @param place -1 for a leaf that was not there */
  plan(place: number): void {
    this.planned.push(place);
    if (place < 0) return;
    const index = this.indexAfter(place) - 1;
    this.freeList()[index] = index + 1;
  }

  private freeList(): number[] {
    return (this.free ??= Array.from({ length: this.places.length + 1 }, (_, i) => i));
  }

  /** The planned one, or else the first free one after a place, or else the first that is free, or else the last. */
  take(after: number): number {
    const planned = this.planned[this.next++] ?? -1;
    return planned < 0 ? this.takeFree(after) : planned;
  }

  private takeFree(after: number): number {
    const { places } = this;
    const free = this.freeList();
    let index = this.freeFrom(this.indexAfter(after), free);
    if (index === places.length) index = this.freeFrom(0, free);
    if (index === places.length) return places[index - 1] as number;
    free[index] = index + 1;
    return places[index] as number;
  }

  private indexAfter(place: number): number {
    let low = 0;
    let high = this.places.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.places[middle] as number) > place) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** Halves the way that it goes, so that no run of taken ones is gone through often. */
  private freeFrom(start: number, free: number[]): number {
    let index = start;
    for (;;) {
      const next = free[index] as number;
      if (next === index) return index;
      free[index] = free[next] as number;
      index = free[index] as number;
    }
  }
}

const placesOf = (known: number | Queue | undefined): readonly number[] =>
  known === undefined ? [] : known instanceof Queue ? known.places : [known];

const textOf = (nonce: Uint8Array | undefined): string =>
  Buffer.from(nonce ?? []).toString("latin1");

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
