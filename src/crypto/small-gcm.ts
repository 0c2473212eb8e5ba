import { createCipheriv } from "node:crypto";

const BLOCK = 16;
/** Words of a table: for each byte of a block and each of its values, its product with the hash key. */
const TABLE_WORDS = BLOCK * 256 * 4;

/**
 * AES-GCM (NIST SP 800-38D) with 16-byte tags for many short texts under one key. A cipher object of `node:crypto` costs microseconds before it
 * does anything; here one AES-ECB cipher makes the key stream of many texts at once (`queue`, then `keyStream`), and GHASH is
 * computed from tables (McGrew and Viega, "The Galois/Counter Mode of Operation", 4.1).
 *
 * As in every GHASH by tables, which entry is read depends on the hash key and the ciphertext, and a program on the same processor could
 * learn of it through the cache. This suits a program that opens files for the user who runs it and ends, not a server that opens what
 * strangers send.
 */
export class SmallGcm {
  private readonly ecb;
  private readonly table: Uint32Array;
  /** GHASH so far. */
  private readonly y = new Uint8Array(BLOCK);
  private readonly yWords = new Uint32Array(this.y.buffer);
  private readonly aadHash = new Uint8Array(BLOCK);
  private aadLength = 0;
  private counters = new Uint8Array(BLOCK * 1024);
  private counterWords = new Uint32Array(this.counters.buffer);
  private queued = 0;

  /** @param key 16, 24 or 32 bytes */
  constructor(key: Uint8Array) {
    this.ecb = createCipheriv(`aes-${key.length * 8}-ecb`, key, null).setAutoPadding(false);
    this.table = multiplicationTable(this.ecb.update(Buffer.alloc(BLOCK)));
  }

  /**
   * Puts a text's counter blocks in the queue.
   *
   * @param bytes holds the nonce at `at`
   * @param textLength of the text to come, in bytes, at most
   * @returns where its part of the key stream will begin
   */
  queue(bytes: Uint8Array, at: number, nonceLength: number, textLength: number): number {
    const { y } = this;
    if (nonceLength === 12) {
      for (let i = 0; i < 12; i++) y[i] = bytes[at + i] as number;
      y[12] = y[13] = y[14] = 0;
      y[15] = 1;
    } else {
      for (let i = 0; i < BLOCK; i++) y[i] = 0;
      this.absorb(bytes, at, nonceLength);
      this.absorbLengths(0, nonceLength);
    }
    const start = this.queued;
    const end = start + BLOCK * (1 + Math.ceil(textLength / BLOCK));
    if (end > this.counters.length) this.grow(end);
    const { counters, counterWords, yWords } = this;
    const first = yWords[0] as number;
    const second = yWords[1] as number;
    const third = yWords[2] as number;
    let count =
      ((y[12] as number) << 24) |
      ((y[13] as number) << 16) |
      ((y[14] as number) << 8) |
      (y[15] as number);
    for (let block = start; block < end; block += BLOCK, count = (count + 1) | 0) {
      // Words of one machine, copied as they are.
      const word = block >> 2;
      counterWords[word] = first;
      counterWords[word + 1] = second;
      counterWords[word + 2] = third;
      counters[block + 12] = count >>> 24;
      counters[block + 13] = count >>> 16;
      counters[block + 14] = count >>> 8;
      counters[block + 15] = count;
    }
    this.queued = end;
    return start;
  }

  /** The key stream of everything in the queue, which is empty then. */
  keyStream(): Buffer {
    const stream = this.ecb.update(this.counters.subarray(0, this.queued));
    this.queued = 0;
    return stream;
  }

  /** Sets the additional data of the texts that follow. */
  setAad(bytes: Uint8Array, length: number): void {
    const { y, aadHash } = this;
    for (let i = 0; i < BLOCK; i++) y[i] = 0;
    this.absorb(bytes, 0, length);
    for (let i = 0; i < BLOCK; i++) aadHash[i] = y[i] as number;
    this.aadLength = length;
  }

  /**
   * Decrypts in place what is at `at`.
   *
   * @param streamAt what `queue` returned
   * @param tagAt place in `bytes` of the 16-byte tag
   * @returns whether the tag is right; if not, nothing is changed
   */
  open(
    bytes: Uint8Array,
    at: number,
    length: number,
    tagAt: number,
    stream: Uint8Array,
    streamAt: number,
  ): boolean {
    this.hashText(bytes, at, length);
    const { y } = this;
    let difference = 0;
    for (let i = 0; i < BLOCK; i++)
      difference |=
        (y[i] as number) ^ (stream[streamAt + i] as number) ^ (bytes[tagAt + i] as number);
    if (difference !== 0) return false;
    exclusiveOr(bytes, at, length, stream, streamAt + BLOCK);
    return true;
  }

  /** Encrypts in place what is at `at`, and puts the tag at `tagAt`. */
  seal(
    bytes: Uint8Array,
    at: number,
    length: number,
    tagAt: number,
    stream: Uint8Array,
    streamAt: number,
  ): void {
    exclusiveOr(bytes, at, length, stream, streamAt + BLOCK);
    this.hashText(bytes, at, length);
    const { y } = this;
    for (let i = 0; i < BLOCK; i++)
      bytes[tagAt + i] = (y[i] as number) ^ (stream[streamAt + i] as number);
  }

  private grow(size: number): void {
    const grown = new Uint8Array(Math.max(size, 2 * this.counters.length));
    grown.set(this.counters.subarray(0, this.queued));
    this.counters = grown;
    this.counterWords = new Uint32Array(grown.buffer);
  }

  private hashText(bytes: Uint8Array, at: number, length: number): void {
    const { y, aadHash } = this;
    for (let i = 0; i < BLOCK; i++) y[i] = aadHash[i] as number;
    this.absorb(bytes, at, length);
    this.absorbLengths(this.aadLength, length);
  }

  /** Takes bytes into the hash, zeros after them up to a whole block. */
  private absorb(bytes: Uint8Array, at: number, length: number): void {
    const { y } = this;
    const end = at + length;
    for (; at + BLOCK <= end; at += BLOCK) {
      for (let i = 0; i < BLOCK; i++) (y[i] as number) ^= bytes[at + i] as number;
      this.multiply();
    }
    if (at === end) return;
    for (let i = 0; at < end; i++, at++) (y[i] as number) ^= bytes[at] as number;
    this.multiply();
  }

  /** The last block: two lengths in bits, which are below 2^32 here. */
  private absorbLengths(first: number, second: number): void {
    const { y } = this;
    for (let i = 0; i < 4; i++) {
      const shift = 24 - 8 * i;
      (y[4 + i] as number) ^= (first * 8) >>> shift;
      (y[12 + i] as number) ^= (second * 8) >>> shift;
    }
    this.multiply();
  }

  private multiply(): void {
    const { y, table } = this;
    let a = 0;
    let b = 0;
    let c = 0;
    let d = 0;
    for (let i = 0; i < BLOCK; i++) {
      const at = (i << 10) | ((y[i] as number) << 2);
      a ^= table[at] as number;
      b ^= table[at + 1] as number;
      c ^= table[at + 2] as number;
      d ^= table[at + 3] as number;
    }
    y[0] = a >>> 24;
    y[1] = a >>> 16;
    y[2] = a >>> 8;
    y[3] = a;
    y[4] = b >>> 24;
    y[5] = b >>> 16;
    y[6] = b >>> 8;
    y[7] = b;
    y[8] = c >>> 24;
    y[9] = c >>> 16;
    y[10] = c >>> 8;
    y[11] = c;
    y[12] = d >>> 24;
    y[13] = d >>> 16;
    y[14] = d >>> 8;
    y[15] = d;
  }
}

/** Four big-endian words for each byte position and value. GCM counts bits from the left, and reduces by x^128 + x^7 + x^2 + x + 1. */
function multiplicationTable(hashKey: Buffer): Uint32Array {
  const table = new Uint32Array(TABLE_WORDS);
  let a = hashKey.readUInt32BE(0);
  let b = hashKey.readUInt32BE(4);
  let c = hashKey.readUInt32BE(8);
  let d = hashKey.readUInt32BE(12);
  for (let base = 0; base < TABLE_WORDS; base += 1024) {
    for (let bit = 128; bit > 0; bit >>= 1) {
      const at = base + 4 * bit;
      table[at] = a;
      table[at + 1] = b;
      table[at + 2] = c;
      table[at + 3] = d;
      const carry = (d & 1) === 0 ? 0 : 0xe1000000;
      d = (d >>> 1) | (c << 31);
      c = (c >>> 1) | (b << 31);
      b = (b >>> 1) | (a << 31);
      a = (a >>> 1) ^ carry;
    }
    for (let high = 8; high < 1024; high *= 2) {
      for (let low = 4; low < high; low++) {
        // Words of one entry lie side by side, so that sums of entries are sums word by word.
        table[base + high + low] =
          (table[base + high + (low & 3)] as number) ^ (table[base + low] as number);
      }
    }
  }
  return table;
}

function exclusiveOr(
  bytes: Uint8Array,
  at: number,
  length: number,
  stream: Uint8Array,
  streamAt: number,
): void {
  for (let i = 0; i < length; i++) (bytes[at + i] as number) ^= stream[streamAt + i] as number;
}
