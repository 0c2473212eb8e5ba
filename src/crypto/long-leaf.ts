import { isUtf8 } from "node:buffer";
import type { CipherGCM, DecipherGCM } from "node:crypto";
import { longStr } from "../tree/long-text.ts";
import { bytes, type Leaf, type LongText } from "../tree/node.ts";

/**
 * Long values are sealed and opened in pieces: base64 and ciphertext exist for one piece at a time. The digits of one fit
 * into 64 KiB, beyond which V8 takes four times as long to make a string of them.
 */
const PIECE_BYTES = 3 << 14;
const PIECE_DIGITS = 1 << 16;

/**
 * A value's ciphertext, made while it is read: all of it for each reading anew.
 *
 * @param makeCipher the cipher, with its nonce and additional data
 * @param head what is before the data
 * @param tail what is after it, given the tag
 */
export function sealedText(
  plaintext: Uint8Array,
  makeCipher: () => CipherGCM,
  head: string,
  tail: (tag: Buffer) => string,
): LongText {
  function* pieces(): Generator<Uint8Array> {
    const cipher = makeCipher();
    yield Buffer.from(head, "latin1");
    for (let at = 0; at < plaintext.length; at += PIECE_BYTES) {
      const digits = cipher.update(plaintext.subarray(at, at + PIECE_BYTES)).toString("base64");
      yield Buffer.from(digits, "latin1");
    }
    cipher.final();
    yield Buffer.from(tail(cipher.getAuthTag()), "latin1");
  }
  return { pieces: { [Symbol.iterator]: pieces }, isPlain: true };
}

/** Text of which parts can be had. */
export interface Digits {
  readonly length: number;
  indexOf(part: string, from: number): number;
  slice(from: number, to?: number): string;
  /** At most `PIECE_DIGITS` as bytes, valid until the next call; what is not ASCII is neither in them. */
  bytes(from: number, to: number): Uint8Array;
}

export function digitsOf(text: string | Uint8Array): Digits {
  if (typeof text === "string") {
    const room = Buffer.alloc(PIECE_DIGITS);
    return {
      length: text.length,
      indexOf: (part, from) => text.indexOf(part, from),
      slice: (from, to) => text.slice(from, to),
      bytes: (from, to) => room.subarray(0, room.write(text.slice(from, to), "utf8")),
    };
  }
  const buffer = Buffer.from(text.buffer, text.byteOffset, text.byteLength);
  return {
    length: buffer.length,
    indexOf: (part, from) => buffer.indexOf(part, from, "latin1"),
    slice: (from, to) => buffer.toString("latin1", from, to),
    bytes: (from, to) => buffer.subarray(from, to),
  };
}

/** Bit of a byte that is no base64 digit. */
const ILLEGAL = 1 << 24;

/** The digits of base64, by their value. */
export const BASE64_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

type Values = [Int32Array, Int32Array, Int32Array, Int32Array];
let values: Values | undefined;

/** A digit's value, by its place among the four that make three bytes. Made when needed: every start loads this file. */
function digitValues(): Values {
  const tables = [18, 12, 6, 0].map((shift) => {
    const table = new Int32Array(256).fill(ILLEGAL);
    for (let value = 0; value < 64; value++)
      table[BASE64_DIGITS.charCodeAt(value)] = value << shift;
    return table;
  });
  return tables as Values;
}

/**
 * Decodes base64 without padding. Buffer's own decoder takes strings only: 100 MiB of them would lie around in runtimes that are slow to
 * collect them.
 *
 * @returns whether all were digits
 */
function decode(digits: Uint8Array, out: Uint8Array, to: number): boolean {
  const [first, second, third, fourth] = (values ??= digitValues());
  let illegal = 0;
  for (let i = 0, at = to; i < digits.length; i += 4, at += 3) {
    const bits =
      (first[digits[i] as number] as number) |
      (second[digits[i + 1] as number] as number) |
      (third[digits[i + 2] as number] as number) |
      (fourth[digits[i + 3] as number] as number);
    illegal |= bits;
    out[at] = bits >> 16;
    out[at + 1] = bits >> 8;
    out[at + 2] = bits;
  }
  return (illegal & ILLEGAL) === 0;
}

/**
 * Decodes and deciphers what is in [from, to).
 *
 * @returns the plaintext; undefined unless this is base64 with its padding and nothing else
 * @throws when the tag is wrong
 */
export function openDigits(
  text: Digits,
  from: number,
  to: number,
  decipher: DecipherGCM,
): Buffer | undefined {
  if (to <= from || (to - from) % 4 !== 0) return undefined;
  // The last four may be padded.
  const last = text.slice(to - 4, to);
  if (!/^[A-Za-z0-9+/]{2}(?:==|[A-Za-z0-9+/]=|[A-Za-z0-9+/]{2})$/.test(last)) return undefined;
  const lastBytes = Buffer.from(last, "base64");
  const full = to - 4;
  // Ciphertext is decoded into the place of its plaintext.
  const plain = Buffer.allocUnsafeSlow(((full - from) / 4) * 3 + lastBytes.length);
  let done = 0;
  const replace = (end: number): void => {
    // GCM gives as many bytes as it takes.
    const piece = decipher.update(plain.subarray(done, end));
    plain.set(piece, done);
    done = end;
    // Freed at once: collectors do not see the size of what is not on their heap, and come late.
    if (piece.length === piece.buffer.byteLength) piece.buffer.transfer(0);
  };
  for (let at = from, end = 0; at < full; at += PIECE_DIGITS) {
    const size = Math.min(PIECE_DIGITS, full - at);
    const digits = text.bytes(at, at + size);
    if (digits.length !== size || !decode(digits, plain, end)) return undefined;
    end += (size / 4) * 3;
    replace(end);
  }
  plain.set(lastBytes, plain.length - lastBytes.length);
  replace(plain.length);
  decipher.final();
  return plain;
}

/** The leaf of a long plaintext of type `str`; takes the bytes over. */
export function longLeaf(plain: Buffer): Leaf {
  return isUtf8(plain) ? longStr({ pieces: [plain], isPlain: false }) : bytes(plain);
}
