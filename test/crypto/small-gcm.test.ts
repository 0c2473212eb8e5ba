import { createCipheriv, createDecipheriv, type CipherGCMTypes } from "node:crypto";
import { gcm as gcmOfNoble } from "@noble/ciphers/aes.js";
import fc from "fast-check";
import { expect, test } from "vitest";
import { SmallGcm } from "../../src/crypto/small-gcm.ts";
import { runs } from "../runs.ts";

interface Message {
  nonce: Uint8Array;
  aad: Uint8Array;
  text: Uint8Array;
}

/** Ciphertext with the tag behind it. */
function sealed(gcm: SmallGcm, { nonce, aad, text }: Message): Buffer {
  const at = gcm.queue(nonce, 0, nonce.length, text.length);
  const bytes = Buffer.concat([text, Buffer.alloc(16)]);
  gcm.setAad(aad, aad.length);
  gcm.seal(bytes, 0, text.length, text.length, gcm.keyStream(), at);
  return bytes;
}

function opened(gcm: SmallGcm, { nonce, aad, text }: Message): Buffer | undefined {
  const length = text.length - 16;
  const at = gcm.queue(nonce, 0, nonce.length, length);
  const bytes = Buffer.from(text);
  gcm.setAad(aad, aad.length);
  const isRight = gcm.open(bytes, 0, length, length, gcm.keyStream(), at);
  if (!isRight) expect(bytes).toEqual(Buffer.from(text));
  return isRight ? bytes.subarray(0, length) : undefined;
}

/** By the system's GCM, which takes nonces of at most 128 bytes; beyond by that of a package. */
function expectedFor(key: Uint8Array, { nonce, aad, text }: Message): Buffer {
  if (nonce.length > 128) return Buffer.from(gcmOfNoble(key, nonce, aad).encrypt(text));
  const cipher = createCipheriv(`aes-${key.length * 8}-gcm` as CipherGCMTypes, key, nonce);
  cipher.setAAD(aad);
  return Buffer.concat([cipher.update(text), cipher.final(), cipher.getAuthTag()]);
}

const hex = (text: string): Buffer => Buffer.from(text, "hex");
const k128 = "feffe9928665731c6d6a8f9467308308";
const k192 = `${k128}feffe9928665731c`;
const k256 = k128 + k128;
const plain =
  "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39";
const data = "feedfacedeadbeeffeedfacedeadbeefabaddad2";
const longNonce =
  "9313225df88406e555909c5aff5269aa6a7a9538534f7da1e4c303d2a318a728c3c0c95156809539fcf0e2429a6b525416aedbf5a0de6a57a637b39b";

// McGrew and Viega, "The Galois/Counter Mode of Operation", appendix B.
test.each([
  ["1", "00".repeat(16), "00".repeat(12), "", "", "58e2fccefa7e3061367f1d57a4e7455a"],
  [
    "2",
    "00".repeat(16),
    "00".repeat(12),
    "",
    "00".repeat(16),
    "0388dace60b6a392f328c2b971b2fe78ab6e47d42cec13bdf53a67b21257bddf",
  ],
  [
    "4",
    k128,
    "cafebabefacedbaddecaf888",
    data,
    plain,
    "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e0915bc94fbc3221a5db94fae95ae7121a47",
  ],
  [
    "5",
    k128,
    "cafebabefacedbad",
    data,
    plain,
    "61353b4c2806934a777ff51fa22a4755699b2a714fcdc6f83766e5f97b6c742373806900e49f24b22b097544d4896b424989b5e1ebac0f07c23f45983612d2e79e3b0785561be14aaca2fccb",
  ],
  [
    "6",
    k128,
    longNonce,
    data,
    plain,
    "8ce24998625615b603a033aca13fb894be9112a5c3a211a8ba262a3cca7e2ca701e4a9a4fba43c90ccdcb281d48c7c6fd62875d2aca417034c34aee5619cc5aefffe0bfa462af43c1699d050",
  ],
  [
    "12",
    k192,
    longNonce,
    data,
    plain,
    "d27e88681ce3243c4830165a8fdcf9ff1de9a1d8e6b447ef6ef7b79828666e4581e79012af34ddd9e2f037589b292db3e67c036745fa22e7e9b7373bdcf566ff291c25bbb8568fc3d376a6d9",
  ],
  [
    "18",
    k256,
    longNonce,
    data,
    plain,
    "5a8def2f0c9e53f1f75d7853659e2a20eeb2b22aafde6419a058ab4f6f746bf40fc0c3b780f244452da3ebf1c5d82cdea2418997200ef82e44ae7e3fa44a8266ee1c8eb0c8b5d4cf5ae9f19a",
  ],
])("seals and opens test case %s of the authors of GCM", (_, key, nonce, aad, text, expected) => {
  const gcm = new SmallGcm(hex(key));
  const message = { nonce: hex(nonce), aad: hex(aad), text: hex(text) };
  expect(sealed(gcm, message).toString("hex")).toBe(expected);
  expect(opened(gcm, { ...message, text: hex(expected) })).toEqual(hex(text));
});

const keys = fc
  .constantFrom(16, 24, 32)
  .chain((length) => fc.uint8Array({ minLength: length, maxLength: length }));
const nonces = fc
  .oneof(
    fc.constant(12),
    fc.constant(32),
    fc.integer({ min: 1, max: 128 }),
    fc.integer({ min: 129, max: 2000 }),
  )
  .chain((length) => fc.uint8Array({ minLength: length, maxLength: length }));
const texts = fc.oneof(
  fc.uint8Array({ maxLength: 70, size: "max" }),
  fc.uint8Array({ maxLength: 2000, size: "max" }),
);
const messages = fc.record({ nonce: nonces, aad: texts, text: texts });

test("agrees with the system's GCM for keys, nonces, additional data and texts of all lengths", () => {
  fc.assert(
    fc.property(keys, messages, (key, message) => {
      const expected = expectedFor(key, message);
      const gcm = new SmallGcm(key);
      expect(sealed(gcm, message)).toEqual(expected);
      expect(opened(gcm, { ...message, text: expected })).toEqual(Buffer.from(message.text));
    }),
    { numRuns: runs(300) },
  );
});

test("many texts share one key stream", () => {
  fc.assert(
    fc.property(
      keys,
      fc.array(messages, { minLength: 1, maxLength: 40, size: "max" }),
      (key, list) => {
        const gcm = new SmallGcm(key);
        const places = list.map(({ nonce, text }) =>
          gcm.queue(nonce, 0, nonce.length, text.length),
        );
        const stream = gcm.keyStream();
        for (const [i, message] of list.entries()) {
          const { aad, text } = message;
          const bytes = Buffer.concat([Buffer.alloc(5), text, Buffer.alloc(16)]);
          gcm.setAad(aad, aad.length);
          gcm.seal(bytes, 5, text.length, 5 + text.length, stream, places[i] ?? -1);
          expect(bytes.subarray(5)).toEqual(expectedFor(key, message));
        }
      },
    ),
    { numRuns: 40 },
  );
});

test("the counter wraps around within its 32 bits", () => {
  const key = Buffer.alloc(32, 7);
  const gcm = new SmallGcm(key);
  const nonce = Buffer.alloc(16);
  nonce.writeUInt32BE(220_246_234);
  const first = gcm.queue(nonce, 0, nonce.length, 0);
  const counter = createDecipheriv("aes-256-ecb", key, null)
    .setAutoPadding(false)
    .update(gcm.keyStream().subarray(first, first + 16));
  expect(counter.readUInt32BE(12)).toBe(0xffff_fff9);
  const message = { nonce, aad: Buffer.alloc(0), text: Buffer.alloc(500, "text") };
  expect(sealed(gcm, message)).toEqual(expectedFor(key, message));
});

test("one flipped bit anywhere is refused", () => {
  fc.assert(
    fc.property(keys, messages, fc.nat(), (key, message, position) => {
      const gcm = new SmallGcm(key);
      const parts = {
        nonce: Buffer.from(message.nonce),
        aad: Buffer.from(message.aad),
        text: sealed(gcm, message),
      };
      let at = position % (8 * (parts.nonce.length + parts.aad.length + parts.text.length));
      for (const part of Object.values(parts)) {
        if (at >= 0 && at < 8 * part.length) {
          const byte = at >> 3;
          part.writeUInt8(part.readUInt8(byte) ^ (1 << (at & 7)), byte);
        }
        at -= 8 * part.length;
      }
      expect(opened(gcm, parts)).toBeUndefined();
    }),
    { numRuns: runs(300) },
  );
});
