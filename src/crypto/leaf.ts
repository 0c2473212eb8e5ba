import {
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  type CipherGCM,
  type CipherGCMTypes,
  type DecipherGCM,
  type KeyObject,
} from "node:crypto";
import { isUtf8 } from "node:buffer";
import { SopsmithError } from "../errors.ts";
import {
  bool,
  bytes,
  comment,
  float,
  int,
  str,
  time,
  type Leaf,
  type LongText,
  type Scalar,
} from "../tree/node.ts";
import { joinChunks, LONG_TEXT } from "../tree/long-text.ts";
import { floatText, parseFloat64 } from "../go/float.ts";
import { parseBool } from "../go/parse-bool.ts";
import { parseDecimalInt } from "../go/parse-int.ts";
import { fullTime } from "../go/time.ts";
import { decodeText, encodeText } from "../tree/text.ts";
import { digitsOf, longLeaf, openDigits, sealedText, type Digits } from "./long-leaf.ts";
import type { Nonces } from "./nonces.ts";

const TAG_BYTES = 16;

/** A value that cannot be decrypted. The caller adds where it is. Exit 25. */
export class LeafError extends SopsmithError {
  constructor(message: string, options: { cause?: unknown; hint?: string } = {}) {
    super("value-unreadable", 25, message, options);
  }
}

/** Name in `type:` of a leaf's ciphertext. */
export function typeTag(leaf: Leaf): string {
  switch (leaf.kind) {
    case "bytes":
      return "str";
    case "str":
    case "int":
    case "float":
    case "bool":
    case "time":
    case "comment":
      return leaf.kind;
    default:
      return leaf satisfies never;
  }
}

/** What is encrypted and hashed for a scalar (spec file-format 2.3 and 4): text that stands for its UTF-8 bytes, or bytes. */
export function plaintextOf(leaf: Scalar): string | Uint8Array {
  switch (leaf.kind) {
    case "str":
      return leaf.long === undefined ? leaf.value : joinChunks(leaf.long.pieces);
    case "bytes":
    case "time":
      return leaf.value;
    case "int":
      return leaf.value.toString();
    case "float":
      return floatText(leaf.value);
    case "bool":
      return leaf.value ? "True" : "False";
    default:
      return leaf satisfies never;
  }
}

/**
 * Seals and opens single leaves under one data key: AES-GCM with a 16-byte tag, the path as additional data.
 * The key object is made once: a cipher from a raw key costs three times as much.
 */
export class LeafCipher {
  private readonly key: KeyObject;
  private readonly algorithm: CipherGCMTypes;

  /** @param dataKey 32 bytes (16 and 24 are read too) */
  constructor(dataKey: Uint8Array) {
    if (dataKey.length !== 32 && dataKey.length !== 24 && dataKey.length !== 16) {
      throw new LeafError("Could not decrypt value: the data key has the wrong length", {
        hint: "This happens with too few Shamir shares or shares of another key; check shamir_threshold in the file.",
      });
    }
    this.key = createSecretKey(dataKey);
    this.algorithm = `aes-${(dataKey.length * 8) as 128 | 192 | 256}-gcm`;
  }

  /**
   * `ENC[AES256_GCM,data:…,iv:…,tag:…,type:…]`; text that is empty stays empty and spends no nonce.
   *
   * @param aad the path's mapping keys, each with ":" after it; list positions are left out
   * @param nonce 32 bytes
   */
  seal(plaintext: string | Uint8Array, type: string, aad: string, nonce: Uint8Array): string {
    if (plaintext.length === 0) return "";
    const cipher = this.cipher(nonce, aad);
    const data =
      typeof plaintext === "string"
        ? cipher.update(encodeText(plaintext))
        : cipher.update(plaintext);
    cipher.final();
    return `${PREFIX}${data.toString("base64")}${tail(nonce, cipher.getAuthTag(), type)}`;
  }

  /** The same for a long plaintext: nothing is computed before the text is read. */
  sealLong(plaintext: string | Uint8Array, type: string, aad: string, nonce: Uint8Array): LongText {
    return sealedText(
      typeof plaintext === "string" ? encodeText(plaintext) : plaintext,
      () => this.cipher(nonce, aad),
      PREFIX,
      (tag) => tail(nonce, tag, type),
    );
  }

  /** `seal` with a nonce that was never used. */
  sealFresh(
    plaintext: string | Uint8Array,
    type: string,
    aad: string,
    nonces: Pick<Nonces, "fresh" | "freshBatch">,
  ): string {
    return plaintext.length === 0 ? "" : this.seal(plaintext, type, aad, nonces.fresh());
  }

  /** `open` where the nonce does not matter. */
  openLeaf(text: string, aad: string): Leaf {
    return this.open(text, aad).leaf;
  }

  /**
   * The leaf that a ciphertext holds; the empty text is the empty string.
   *
   * @returns the leaf and the nonce it was sealed with
   * @throws {LeafError}
   */
  open(text: string, aad: string): { leaf: Leaf; nonce: Uint8Array } {
    if (text === "") return { leaf: str(""), nonce: new Uint8Array(0) };
    return (
      (text.length < LONG_TEXT ? undefined : this.tryLong(digitsOf(text), aad)) ??
      this.openShort(text, aad)
    );
  }

  /** `open` for text that is kept as bytes. */
  openLong(text: LongText, aad: string): { leaf: Leaf; nonce: Uint8Array } {
    const ascii = joinChunks(text.pieces);
    return (
      (text.isPlain ? this.tryLong(digitsOf(ascii), aad) : undefined) ??
      this.openShort(ascii.toString("utf8"), aad)
    );
  }

  /** Undefined for whatever is not as it should be. */
  private tryLong(text: Digits, aad: string): { leaf: Leaf; nonce: Uint8Array } | undefined {
    const dataEnd = text.indexOf(",", PREFIX.length);
    if (dataEnd < 0 || text.length - dataEnd > LONG_TEXT) return undefined;
    const parts = splitCiphertext(`${text.slice(0, PREFIX.length)}-${text.slice(dataEnd)}`);
    if (parts?.data !== "-" || parts.type !== "str") return undefined;
    try {
      const nonce = decodeBase64(parts.iv, "iv");
      const decipher = this.decipher(nonce, decodeBase64(parts.tag, "tag"), aad);
      const plain = openDigits(text, PREFIX.length, dataEnd, decipher);
      return plain && { leaf: longLeaf(plain), nonce };
    } catch {
      return undefined;
    }
  }

  private openShort(text: string, aad: string): { leaf: Leaf; nonce: Uint8Array } {
    const parts = splitCiphertext(text);
    if (!parts) {
      throw new LeafError("Input string does not match sops' data format", {
        hint: "The value is not encrypted. Was it added by hand? Use `sopsmith edit` or `sopsmith set`.",
      });
    }
    const data = decodeBase64(parts.data, "data");
    const nonce = decodeBase64(parts.iv, "iv");
    const tag = decodeBase64(parts.tag, "tag");
    let plain: Buffer;
    try {
      const decipher = this.decipher(nonce, tag, aad);
      plain = decipher.update(data);
      decipher.final();
    } catch (cause) {
      throw new LeafError("Could not decrypt with AES_GCM: message authentication failed", {
        cause,
        hint: "The value was changed, moved to another key, or encrypted with another data key.",
      });
    }
    return { leaf: fromPlaintext(plain, parts.type), nonce };
  }

  private cipher(nonce: Uint8Array, aad: string): CipherGCM {
    const cipher = createCipheriv(this.algorithm, this.key, nonce, { authTagLength: TAG_BYTES });
    return cipher.setAAD(encodeText(aad));
  }

  private decipher(nonce: Uint8Array, tag: Uint8Array, aad: string): DecipherGCM {
    const decipher = createDecipheriv(this.algorithm, this.key, nonce, {
      authTagLength: TAG_BYTES,
    });
    return decipher.setAAD(encodeText(aad)).setAuthTag(tag);
  }
}

export interface Ciphertext {
  data: string;
  iv: string;
  tag: string;
  type: string;
}

export const PREFIX = "ENC[AES256_GCM,data:";

/** What is after the data. */
function tail(nonce: Uint8Array, tag: Buffer, type: string): string {
  const iv = Buffer.from(nonce.buffer, nonce.byteOffset, nonce.byteLength).toString("base64");
  return `,iv:${iv},tag:${tag.toString("base64")},type:${type}]`;
}

/**
 * The parts of a ciphertext, still in base64; undefined for text of another shape. Text after the last `]` of the first line is
 * ignored, as in sops (spec file-format 2.2).
 */
export function splitCiphertext(text: string): Ciphertext | undefined {
  if (!text.startsWith(PREFIX)) return undefined;
  const lf = text.indexOf("\n");
  const close = text.lastIndexOf("]", lf < 0 ? text.length : lf);
  const iv = text.indexOf(",iv:", PREFIX.length);
  const tag = text.indexOf(",tag:", iv + 4);
  const type = text.indexOf(",type:", tag + 5);
  if (iv <= PREFIX.length || tag <= iv + 4 || type <= tag + 5 || close <= type + 6)
    return undefined;
  return {
    data: text.slice(PREFIX.length, iv),
    iv: text.slice(iv + 4, tag),
    tag: text.slice(tag + 5, type),
    type: text.slice(type + 6, close),
  };
}

/** Standard alphabet, padded; CR and LF are skipped; anything else is an error, as in Go. */
function decodeBase64(encoded: string, what: string): Buffer {
  const text = encoded.includes("\r") ? encoded.replaceAll("\r", "") : encoded;
  const decoded = Buffer.from(text, "base64");
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  const isExact = text.length % 4 === 0 && decoded.length === (text.length / 4) * 3 - padding;
  if (!isExact || text.includes("-") || text.includes("_") || decoded.length === 0) {
    throw new LeafError(`Error base64-decoding ${what}: illegal base64 data`, {
      hint: "The ciphertext was damaged; restore the file from version control.",
    });
  }
  return decoded;
}

/**
 * The leaf of that type whose plaintext these bytes are; takes them over.
 *
 * @throws {LeafError} unless they spell a value of the type
 */
export function fromPlaintext(plain: Buffer, type: string): Leaf {
  switch (type) {
    case "str":
    case "bytes":
      return isUtf8(plain) ? str(plain.toString("utf8")) : bytes(plain);
    case "comment":
      return comment(decodeText(plain));
    default:
      return fromText(plain.toString("latin1"), type);
  }
}

/**
 * The same for types whose plaintext is ASCII.
 *
 * @throws {LeafError}
 */
export function fromText(text: string, type: string): Leaf {
  switch (type) {
    case "int": {
      const value = parseDecimalInt(text);
      if (value === undefined) throw wrongType(type);
      return int(value);
    }
    case "float": {
      const value = parseFloat64(text);
      if (value === undefined) throw wrongType(type);
      return float(value);
    }
    case "bool": {
      const value = parseBool(text);
      if (value === undefined) throw wrongType(type);
      return bool(value);
    }
    case "time": {
      const value = fullTime(text);
      if (value === undefined) throw wrongType(type);
      return time(value);
    }
    default:
      throw new LeafError("Unknown datatype", {
        hint: "The `type:` of the ciphertext was changed, or a newer version of sops wrote it.",
      });
  }
}

const wrongType = (type: string): LeafError =>
  new LeafError(`Could not decrypt value: the plaintext is not a valid ${type}`, {
    hint: "The `type:` of the ciphertext was changed; restore the file from version control.",
  });
