import type { SecretValues } from "./secret-values.ts";

/** What takes the place of a secret. */
export const MASK = "***";

/** Shorter values are not masked: they are part of too many harmless words. */
const LEAST_LENGTH = 6;

/** A part of base64 that is shorter than this may be there by chance. */
const LEAST_BASE64 = 10;

interface Branch {
  readonly next: Map<number, Branch>;
  /** A secret ends here. */
  isEnd: boolean;
}

/**
 * Masks secrets in a stream, wherever its pieces are cut: bytes that may be the beginning of a secret are held back until it is known. Of
 * secrets that overlap all are masked; every other byte passes as it is.
 */
export class Redactor {
  private readonly root: Branch = { next: new Map(), isEnd: false };
  /** 1 for a byte that a secret begins with. */
  private readonly first = new Uint8Array(256);
  private held: Uint8Array = new Uint8Array(0);
  /** Bytes at the beginning of what is held that belong to a secret whose mask was written already. */
  private masked = 0;

  /** @param values the secrets; those with fewer than 6 characters are left out */
  constructor(values: SecretValues) {
    for (const pattern of patternsOf(values)) {
      let at = this.root;
      this.first[pattern[0] ?? 0] = 1;
      for (const byte of pattern) {
        let branch = at.next.get(byte);
        if (branch === undefined) at.next.set(byte, (branch = { next: new Map(), isEnd: false }));
        at = branch;
      }
      at.isEnd = true;
    }
  }

  /** There is nothing to mask. */
  get isIdle(): boolean {
    return this.root.next.size === 0;
  }

  /** What can be written once this piece is there. */
  write(piece: Uint8Array): Uint8Array {
    return this.pass(piece, false);
  }

  /** What is left at the end. */
  end(): Uint8Array {
    return this.pass(new Uint8Array(0), true);
  }

  private pass(piece: Uint8Array, isLast: boolean): Uint8Array {
    const bytes = this.held.length === 0 ? piece : Buffer.concat([this.held, piece]);
    const parts: Uint8Array[] = [];
    /** Where the bytes begin that are neither written nor masked. */
    let plain = this.masked;
    /** Where the last secret found ends. */
    let secretEnd = this.masked;
    let at = 0;
    for (; at < bytes.length; at++) {
      if (this.first[bytes[at] ?? 0] === 0) continue;
      const end = this.secretAt(bytes, at, isLast);
      if (end === undefined) break;
      if (end <= at) continue;
      if (at >= secretEnd) {
        if (at > plain) parts.push(bytes.subarray(plain, at));
        parts.push(maskBytes);
      }
      secretEnd = plain = Math.max(secretEnd, end);
    }
    if (at > plain) parts.push(bytes.subarray(plain, at));
    this.held = bytes.slice(at);
    this.masked = Math.max(0, secretEnd - at);
    return parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts);
  }

  /** The end of the longest secret that begins here, 0 for none; undefined where more bytes are needed to say. */
  private secretAt(bytes: Uint8Array, from: number, isLast: boolean): number | undefined {
    let branch: Branch | undefined = this.root;
    let end = 0;
    for (let at = from; ; at++) {
      const byte = bytes[at];
      if (byte === undefined) return isLast ? end : undefined;
      branch = branch.next.get(byte);
      if (branch === undefined) return end;
      if (branch.isEnd) end = at + 1;
      if (branch.next.size === 0) return end;
    }
  }
}

const maskBytes = Buffer.from(MASK);

/** Every form in which the secrets are masked. */
function patternsOf(values: SecretValues): Set<Buffer> {
  const texts = new Set<string>();
  for (const value of values) {
    for (const text of [value, value.trim(), ...linesOf(value)])
      if (isLongEnough(text)) for (const form of formsOf(text)) texts.add(form);
  }
  return new Set([...texts].map((text) => Buffer.from(text)));
}

const isLongEnough = (text: string): boolean => [...text].length >= LEAST_LENGTH;

/** The lines of a value with several, which programs often print one by one; the borders of a PEM block are no secret. */
function linesOf(value: string): string[] {
  if (!value.includes("\n")) return [];
  return value
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => !line.startsWith("-----"));
}

function formsOf(text: string): string[] {
  const json = JSON.stringify(text).slice(1, -1);
  const url = encodeURIComponent(text);
  const form = new URLSearchParams([["", text]]).toString().slice(1);
  return [
    text,
    text.replaceAll("\n", "\r\n"),
    json,
    json.replaceAll("/", "\\/"),
    // As Go and other programs do that think of HTML, and those that write ASCII only.
    json.replaceAll(/[<>&\u2028\u2029]/g, unicodeEscape),
    json.replaceAll(/[^\0-\x7E]/g, unicodeEscape),
    url,
    url.replaceAll(/%[\dA-F]{2}/g, (code) => code.toLowerCase()),
    form,
    url.replaceAll(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`),
    ...base64Forms(text),
  ];
}

const unicodeEscape = (char: string): string =>
  `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;

/** The value alone, and what is the same of it in any longer text around it, as in `user:password`. */
function base64Forms(text: string): string[] {
  const bytes = Buffer.from(text);
  const whole = bytes.toString("base64");
  const forms = [whole, whole.replace(/=+$/, "")];
  for (const before of [0, 1, 2]) {
    const around = Buffer.concat([Buffer.alloc(before), bytes]);
    const encoded = around.toString("base64").replace(/=+$/, "");
    const inner = encoded.slice(before === 0 ? 0 : before + 1, Math.floor((around.length * 8) / 6));
    if (inner.length >= LEAST_BASE64) forms.push(inner);
  }
  return [...forms, ...forms.map((form) => form.replaceAll("+", "-").replaceAll("/", "_"))];
}
