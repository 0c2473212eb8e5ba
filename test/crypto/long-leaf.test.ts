import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { LeafCipher } from "../../src/crypto/leaf.ts";
import { SopsmithError } from "../../src/errors.ts";
import { joinChunks, LONG_TEXT } from "../../src/tree/long-text.ts";
import type { Leaf } from "../../src/tree/node.ts";

const key = Uint8Array.from({ length: 32 }, (_, i) => i);
const nonce = Uint8Array.from({ length: 32 }, (_, i) => 32 + i);
const cipher = new LeafCipher(key);
const aad = "data:";

/** Bytes without a pattern, the same each time. */
function noise(length: number): Buffer {
  const block = (i: number) => createHash("sha512").update(`${i}`).digest();
  return Buffer.concat(Array.from({ length: Math.ceil(length / 64) }, (_, i) => block(i))).subarray(
    0,
    length,
  );
}

const bytesOf = (leaf: Leaf): Buffer => {
  if (leaf.kind === "bytes") return Buffer.from(leaf.value);
  if (leaf.kind === "str") return joinChunks([leaf.value]);
  throw new Error(leaf.kind);
};
const openLong = (text: string | Uint8Array, isPlain = true) =>
  cipher.openLong({ pieces: [Buffer.from(text)], isPlain }, aad);

const piece = 3 << 14;
const lengths = [1, 2, 3, 4, 5, 6, 47, 48, 49]
  .concat([1, 2, 3, 4, 5].flatMap((n) => [-4, -3, -2, -1, 0, 1, 2, 3, 4].map((d) => n * piece + d)))
  .concat([(LONG_TEXT / 4) * 3 - 100, LONG_TEXT - 1, LONG_TEXT, LONG_TEXT + 1]);

test.each(lengths)("seals and opens %i bytes in pieces as at once", (length) => {
  const plain = noise(length);
  const text = cipher.seal(plain, "str", aad, nonce);
  const long = cipher.sealLong(plain, "str", aad, nonce);
  expect(joinChunks(long.pieces).equals(Buffer.from(text))).toBe(true);
  // Once more, as a file that is rewritten in two passes needs it.
  expect(joinChunks(long.pieces).equals(Buffer.from(text))).toBe(true);
  for (const opened of [openLong(text), openLong(text, false), cipher.open(text, aad)]) {
    expect(bytesOf(opened.leaf).equals(plain)).toBe(true);
    expect(Buffer.from(opened.nonce)).toEqual(Buffer.from(nonce));
  }
});

test.each(["a", "é", "\u{1f600}", "\ufeffx\r\n", '<"\\\u2028>'])(
  "opens long text of %j as text",
  (part) => {
    const text = part.repeat(Math.ceil(LONG_TEXT / part.length));
    const sealed = joinChunks(cipher.sealLong(text, "str", aad, nonce).pieces);
    expect(sealed.toString()).toBe(cipher.seal(text, "str", aad, nonce));
    for (const { leaf } of [openLong(sealed), cipher.open(sealed.toString(), aad)]) {
      expect(leaf.kind).toBe("str");
      expect(leaf.value === text).toBe(true);
    }
  },
);

test.each(["int", "float", "bool", "time", "comment", "bytes", "new"])(
  "opens long text of type %s as any other",
  (type) => {
    const sealed = cipher.seal(`${"0".repeat(LONG_TEXT)}1`, type, aad, nonce);
    const small = cipher.seal(`${"0".repeat(100)}1`, type, aad, nonce);
    const said = outcome(() => cipher.open(small, aad).leaf.kind);
    expect(outcome(() => openLong(sealed).leaf.kind)).toBe(said);
    expect(outcome(() => cipher.open(sealed, aad).leaf.kind)).toBe(said);
  },
);

/** What came of it, as text. */
function outcome(work: () => unknown): string {
  try {
    return String(work());
  } catch (error) {
    if (error instanceof SopsmithError) return `${error.exitCode} ${error.message} ${error.hint}`;
    throw error;
  }
}

/** Short enough to be opened at once as a string, long enough for four pieces as bytes. */
const medium = cipher.seal(noise(3 * piece + 1000), "str", aad, nonce);

function expectSame(text: string): void {
  expect(text.length).toBeLessThan(LONG_TEXT);
  const digest = (opened: ReturnType<LeafCipher["open"]>) =>
    createHash("sha256").update(bytesOf(opened.leaf)).digest("hex");
  const asString = outcome(() => digest(cipher.open(text, aad)));
  const asBytes = outcome(() => digest(openLong(text)));
  expect(asBytes).toBe(asString);
}

test("refuses damaged text in the same words as for short values", () => {
  const start = "ENC[AES256_GCM,data:".length;
  const dataEnd = medium.indexOf(",");
  const end = medium.indexOf(",", start);
  expect(dataEnd).toBeLessThan(end);
  const digitsPerPiece = (piece / 3) * 4;
  const places = [
    0,
    4,
    14,
    start - 1,
    start,
    start + 1,
    end - 5,
    end - 4,
    end - 3,
    end - 2,
    end - 1,
  ]
    .concat([end, end + 1, end + 4, end + 20, medium.length - 2, medium.length - 1])
    .concat([1, 2, 3].flatMap((n) => [-1, 0, 1].map((d) => start + n * digitsPerPiece + d)))
    .concat(Array.from({ length: 12 }, (_, i) => start + i * 17_321));
  for (const at of places) {
    for (const c of ["A", "-", "_", "=", "==", " ", ",", "]", ",iv:", ",tag:", ",type:int]", ""]) {
      expectSame(medium.slice(0, at) + c + medium.slice(at + 1));
      expectSame(medium.slice(0, at) + c + medium.slice(at));
    }
    if (at > 0) expectSame(medium.slice(0, at));
  }
  for (const cut of [1, 2, 3, 4, 8]) expectSame(medium.slice(0, end - cut) + medium.slice(end));
});

test("reads left-over padding bits as other programs do", () => {
  for (const extra of [1, 2]) {
    const text = cipher.seal(noise(3 * piece + extra), "str", aad, nonce);
    const end = text.indexOf(",iv:");
    const at = end - (extra === 1 ? 3 : 2);
    for (const c of "ABCDwxyz0189+/") expectSame(text.slice(0, at) + c + text.slice(at + 1));
    const digit = text[at] ?? "";
    expect(outcome(() => openLong(text).leaf.kind)).toBe("bytes");
    const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const next = digits[digits.indexOf(digit) + 1] ?? "";
    expect(outcome(() => openLong(text.slice(0, at) + next + text.slice(at + 1)).leaf.kind)).toBe(
      "bytes",
    );
  }
});

test.each(["\n", "\r", "\r\n", "é", "\u0141", "\ud83d", "-", "=", " "])(
  "treats %j in a long string as in a short one",
  (c) => {
    const long = cipher.seal(noise(2 * LONG_TEXT), "str", aad, nonce);
    for (const text of [long, medium]) {
      const at = text.length >> 1;
      const inserted = outcome(
        () => bytesOf(cipher.open(text.slice(0, at) + c + text.slice(at), aad).leaf).length,
      );
      const replaced = outcome(
        () => bytesOf(cipher.open(text.slice(0, at) + c + text.slice(at + 1), aad).leaf).length,
      );
      if (c === "\n" || c === "\r" || c === "\r\n")
        expect(inserted.startsWith("25 ") === (c !== "\r")).toBe(true);
      else expect(inserted).toMatch(/^25 Error base64-decoding data/);
      expect(replaced).toMatch(/^25 /);
    }
  },
);

test("refuses long text under another path, nonce or data key", () => {
  const text = Buffer.from(cipher.seal(noise(LONG_TEXT), "str", aad, nonce));
  const other = new LeafCipher(new Uint8Array(32));
  const long = { pieces: [text], isPlain: true };
  for (const failure of [() => cipher.openLong(long, "x:"), () => other.openLong(long, aad)])
    expect(outcome(failure)).toMatch(/^25 Could not decrypt with AES_GCM: /);
});

test("leaves long text that is not a ciphertext as it is", () => {
  expect(outcome(() => openLong("x".repeat(LONG_TEXT)))).toMatch(/^25 Input string does not match/);
  expect(outcome(() => openLong(`ENC[AES256_GCM,data:${"A".repeat(LONG_TEXT)}`))).toMatch(
    /^25 Input string does not match/,
  );
});
