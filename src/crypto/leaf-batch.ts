import type { Documents, Item, Leaf, Node } from "../tree/node.ts";
import { int, str } from "../tree/node.ts";
import { fromPlaintext, fromText, LeafCipher, PREFIX } from "./leaf.ts";
import { BASE64_DIGITS } from "./long-leaf.ts";
import { NONCE_BYTES, type Nonces } from "./nonces.ts";
import { SmallGcm } from "./small-gcm.ts";

const TAG_BYTES = 16;
/** Leaves whose key stream is made in one go. */
const BATCH = 256;
/** Characters of the longest ciphertext that goes through a batch, about 1 KiB of data. */
const MAX_TEXT = 1500;
/** Bytes of a path's longest additional data that is kept here. */
const MAX_AAD = 1024;
/** Bytes of the longest plaintext that is sealed by a key stream made before it was known. */
const MAX_SEALED = 96;

/** What lies in front of an opened leaf's data. */
const HEAD = NONCE_BYTES + TAG_BYTES;

const COMMA = 44;
const EQUALS = 61;
const BRACKET = 93;

const alphabet = Buffer.from(BASE64_DIGITS);
/** Value of a base64 digit; 255 for what is none. */
const digits = new Uint8Array(256).fill(255);
for (const [value, digit] of alphabet.entries()) digits[digit] = value;

const types: ReadonlySet<string> = new Set([
  "str",
  "bytes",
  "int",
  "float",
  "bool",
  "time",
  "comment",
]);

/**
 * Does what `LeafCipher` does, at a fraction of its cost per leaf, for files with many: leaves are taken apart and their key stream is made
 * by the hundred, and nothing is allocated for a leaf but what comes out. What is long, unusual or wrong goes to `LeafCipher`,
 * which also words every error.
 */
export class BatchLeafCipher extends LeafCipher {
  private readonly gcm: SmallGcm;
  private readonly encoder = new TextEncoder();
  /** Zeros follow a text, so that nothing of the one before is read. */
  private readonly raw = Buffer.alloc(3 * MAX_TEXT + 8);
  /** Where `decode` and `passes` stopped in it. */
  private rawAt = 0;
  private readonly aadBytes = Buffer.alloc(3 * MAX_AAD);
  private aad: string | undefined;

  private expected: Pick<Texts, "next"> | undefined;
  /** Of the leaves in this batch that are still to be opened: text, type, and where their parts are. */
  private readonly texts: string[] = [];
  private readonly types: string[] = [];
  private readonly at = new Uint32Array(BATCH);
  private readonly length = new Uint32Array(BATCH);
  private readonly streamAt = new Uint32Array(BATCH);
  private next = 0;
  /** Each leaf as nonce, tag, data. */
  private readonly bytes = Buffer.alloc(BATCH * (HEAD + 48) + MAX_TEXT);
  private openStream: Buffer = this.raw;
  /** Where the nonce of the leaf opened last is in `bytes`. */
  private nonceAt = 0;

  /** Fresh nonces, whose key stream is in `sealStream`. */
  private pool: Uint8Array = new Uint8Array(0);
  private poolUsed = 0;
  private sealStream: Buffer = this.raw;
  /** A plaintext, then its ciphertext with the tag after it. */
  private readonly sealed = Buffer.alloc(MAX_SEALED * 3 + TAG_BYTES);
  private readonly out = Buffer.alloc(512);

  /** @param dataKey 32 bytes (16 and 24 are read too) */
  constructor(dataKey: Uint8Array) {
    super(dataKey);
    this.gcm = new SmallGcm(dataKey);
    this.out.write(PREFIX, "latin1");
  }

  /** Announces leaves that will be opened, in this order. Others may be opened between them, and there may be other texts among them. */
  expect(texts: Pick<Texts, "next">): void {
    this.expected = texts;
  }

  override open(text: string, aad: string): { leaf: Leaf; nonce: Uint8Array } {
    const leaf = this.openInBatch(text, aad);
    if (leaf === undefined) return super.open(text, aad);
    const nonce = new Uint8Array(NONCE_BYTES);
    this.bytes.copy(nonce, 0, this.nonceAt, this.nonceAt + NONCE_BYTES);
    return { leaf, nonce };
  }

  override openLeaf(text: string, aad: string): Leaf {
    return this.openInBatch(text, aad) ?? super.open(text, aad).leaf;
  }

  /** Undefined for what `LeafCipher` has to look at. */
  private openInBatch(text: string, aad: string): Leaf | undefined {
    if (this.next === this.texts.length) this.fill();
    let slot = this.next;
    if (this.texts[slot] !== text) {
      slot = this.texts.indexOf(text, slot);
      if (slot < 0) return undefined;
    }
    if (!this.useAad(aad)) return undefined;
    const { bytes } = this;
    const nonceAt = this.at[slot] as number;
    const length = this.length[slot] as number;
    const dataAt = nonceAt + HEAD;
    const isRight = this.gcm.open(
      bytes,
      dataAt,
      length,
      nonceAt + NONCE_BYTES,
      this.openStream,
      this.streamAt[slot] as number,
    );
    if (!isRight) return undefined;
    this.next = slot + 1;
    this.nonceAt = nonceAt;
    return this.leaf(this.types[slot] as string, dataAt, length);
  }

  private leaf(type: string, at: number, length: number): Leaf {
    const { bytes } = this;
    const end = at + length;
    if (type === "str") {
      let all = 0;
      for (let i = at; i < end; i++) all |= bytes[i] as number;
      if (all < 0x80) return str(bytes.toString("latin1", at, end));
    } else if (type === "int" && length < 16) {
      let value = 0;
      let i = at;
      for (; i < end; i++) {
        const digit = (bytes[i] as number) - 48;
        if (digit < 0 || digit > 9) break;
        value = value * 10 + digit;
      }
      if (i === end) return int(BigInt(value));
    }
    if (type === "str" || type === "bytes" || type === "comment")
      return fromPlaintext(Buffer.from(bytes.subarray(at, end)), type);
    return fromText(bytes.toString("latin1", at, end), type);
  }

  /** Takes the next expected leaves apart. */
  private fill(): void {
    const { expected, gcm } = this;
    this.next = 0;
    this.texts.length = 0;
    this.types.length = 0;
    if (expected === undefined) return;
    const last = this.bytes.length - MAX_TEXT;
    for (let at = 0; this.texts.length < BATCH && at < last;) {
      const text = expected.next();
      if (text === undefined) {
        this.expected = undefined;
        break;
      }
      const length = this.takeApart(text, at);
      if (length < 0) continue;
      const slot = this.texts.push(text) - 1;
      this.at[slot] = at;
      this.length[slot] = length;
      this.streamAt[slot] = gcm.queue(this.bytes, at, NONCE_BYTES, length);
      at += HEAD + length;
    }
    this.openStream = gcm.keyStream();
  }

  /**
   * Puts nonce, tag and data of a ciphertext at `at`, and its type after the others.
   *
   * @returns length of the data; -1 unless it is spelled as both programs write it
   */
  private takeApart(text: string, at: number): number {
    if (text.length > MAX_TEXT || !text.startsWith(PREFIX)) return -1;
    const { raw } = this;
    const { written } = this.encoder.encodeInto(text, raw);
    if (written !== text.length || raw[written - 1] !== BRACKET) return -1;
    for (let i = written; i < written + 4; i++) raw[i] = 0;
    const length = this.decode(PREFIX.length, at + HEAD);
    if (length <= 0 || !this.passes(",iv:")) return -1;
    if (this.decode(this.rawAt, at) !== NONCE_BYTES || !this.passes(",tag:")) return -1;
    // A nonce of the right length leaves the tag's place untouched, and a tag the data's.
    if (this.decode(this.rawAt, at + NONCE_BYTES) !== TAG_BYTES || !this.passes(",type:"))
      return -1;
    const typeAt = this.rawAt;
    const isText = this.passes("str]") && this.rawAt === written;
    const type = isText ? "str" : text.slice(typeAt, -1);
    if (!types.has(type)) return -1;
    this.types.push(type);
    return length;
  }

  private passes(mark: string): boolean {
    for (let i = 0; i < mark.length; i++)
      if (this.raw[this.rawAt + i] !== mark.charCodeAt(i)) return false;
    this.rawAt += mark.length;
    return true;
  }

  /** Decodes padded base64 up to a comma. @returns number of bytes; -1 for anything else */
  private decode(from: number, to: number): number {
    const { raw, bytes } = this;
    let at = from;
    let out = to;
    for (;;) {
      const a = digits[raw[at] as number] as number;
      const b = digits[raw[at + 1] as number] as number;
      const c = digits[raw[at + 2] as number] as number;
      const d = digits[raw[at + 3] as number] as number;
      if ((a | b | c | d) < 64) {
        bytes[out] = (a << 2) | (b >> 4);
        bytes[out + 1] = (b << 4) | (c >> 2);
        bytes[out + 2] = (c << 6) | d;
        out += 3;
        at += 4;
        continue;
      }
      if (raw[at] === COMMA) break;
      if ((a | b) > 63 || raw[at + 3] !== EQUALS) return -1;
      bytes[out++] = (a << 2) | (b >> 4);
      if (c < 64) bytes[out++] = (b << 4) | (c >> 2);
      else if (raw[at + 2] !== EQUALS) return -1;
      at += 4;
      break;
    }
    this.rawAt = at;
    return out - to;
  }

  private useAad(aad: string): boolean {
    if (aad === this.aad) return true;
    if (aad.length > MAX_AAD) return false;
    const { written } = this.encoder.encodeInto(aad, this.aadBytes);
    if (written !== aad.length && !aad.isWellFormed()) return false;
    this.gcm.setAad(this.aadBytes, written);
    this.aad = aad;
    return true;
  }

  override sealFresh(
    plaintext: string | Uint8Array,
    type: string,
    aad: string,
    nonces: Pick<Nonces, "fresh" | "freshBatch">,
  ): string {
    if (typeof plaintext !== "string" || plaintext.length > MAX_SEALED || !this.useAad(aad))
      return super.sealFresh(plaintext, type, aad, nonces);
    const { sealed } = this;
    const { written: length } = this.encoder.encodeInto(plaintext, sealed);
    const isPlain = length === plaintext.length || plaintext.isWellFormed();
    if (length === 0 || length > MAX_SEALED || !isPlain)
      return super.sealFresh(plaintext, type, aad, nonces);
    if (this.poolUsed === this.pool.length) this.refill(nonces);
    const nonceAt = this.poolUsed;
    this.poolUsed += NONCE_BYTES;
    const streamAt = (nonceAt / NONCE_BYTES) * (TAG_BYTES + MAX_SEALED);
    this.gcm.seal(sealed, 0, length, length, this.sealStream, streamAt);
    const { out } = this;
    let at = this.encode(sealed, 0, length, PREFIX.length);
    at = this.encode(this.pool, nonceAt, NONCE_BYTES, this.mark(",iv:", at));
    at = this.encode(sealed, length, TAG_BYTES, this.mark(",tag:", at));
    at = this.mark("]", this.mark(type, this.mark(",type:", at)));
    return out.toString("latin1", 0, at);
  }

  /** New nonces, and for each the key stream of the longest plaintext. */
  private refill(nonces: Pick<Nonces, "freshBatch">): void {
    const { gcm } = this;
    this.pool = nonces.freshBatch();
    for (let at = 0; at < this.pool.length; at += NONCE_BYTES)
      gcm.queue(this.pool, at, NONCE_BYTES, MAX_SEALED);
    this.sealStream = gcm.keyStream();
    this.poolUsed = 0;
  }

  private mark(text: string, at: number): number {
    for (let i = 0; i < text.length; i++) this.out[at + i] = text.charCodeAt(i);
    return at + text.length;
  }

  /** Puts base64 at `to` in `out`; returns its end. */
  private encode(bytes: Uint8Array, from: number, length: number, to: number): number {
    const { out } = this;
    const end = from + length;
    let at = to;
    for (let i = from; i < end; i += 3) {
      const a = bytes[i] as number;
      const b = i + 1 < end ? (bytes[i + 1] as number) : 0;
      const c = i + 2 < end ? (bytes[i + 2] as number) : 0;
      out[at] = alphabet[a >> 2] as number;
      out[at + 1] = alphabet[((a << 4) | (b >> 4)) & 63] as number;
      out[at + 2] = i + 1 < end ? (alphabet[((b << 2) | (c >> 6)) & 63] as number) : EQUALS;
      out[at + 3] = i + 2 < end ? (alphabet[c & 63] as number) : EQUALS;
      at += 4;
    }
    return at;
  }
}

/** The texts of a tree in the order in which the walk comes to them. */
export class Texts {
  private readonly open: { items: readonly (Item | Node)[]; next: number }[] = [];
  private readonly documents: Documents;
  private nextDocument = 0;

  constructor(documents: Documents) {
    this.documents = documents;
  }

  /** Undefined at the end. */
  next(): string | undefined {
    const { open } = this;
    for (;;) {
      const top = open[open.length - 1];
      if (top === undefined) {
        const document = this.documents[this.nextDocument++];
        if (document === undefined) return undefined;
        open.push({ items: document.items, next: 0 });
        continue;
      }
      const item = top.items[top.next++];
      if (item === undefined) {
        open.pop();
        continue;
      }
      const node = item.kind === "entry" ? item.value : item;
      if (node.kind === "map" || node.kind === "seq") open.push({ items: node.items, next: 0 });
      else if (node.kind === "str" && node.long !== undefined) continue;
      else if (node.kind === "str" || node.kind === "comment") return node.value;
    }
  }
}
