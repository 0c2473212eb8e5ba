const ALPHABET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
const generator = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3] as const;

/** Why a text is not Bech32; never holds the text. */
export class Bech32Error extends Error {}

/**
 * Bech32 (BIP 173, not Bech32m) without its length limit, as age uses it.
 *
 * @returns the human-readable part in lower case, and the bytes
 * @throws {Bech32Error}
 */
export function decodeBech32(text: string): { prefix: string; bytes: Uint8Array } {
  const lower = text.toLowerCase();
  if (text !== lower && text !== text.toUpperCase()) throw new Bech32Error("mixed case");
  const at = lower.lastIndexOf("1");
  if (at < 1 || at + 7 > lower.length) throw new Bech32Error("separator '1' at invalid position");
  const prefix = lower.slice(0, at);
  let checksum = 1;
  for (const c of prefix) {
    const code = c.codePointAt(0) ?? 0;
    if (code < 33 || code > 126) throw new Bech32Error("invalid character human-readable part");
    checksum = step(checksum) ^ (code >> 5);
  }
  checksum = step(checksum);
  for (const c of prefix) checksum = step(checksum) ^ ((c.codePointAt(0) ?? 0) & 31);

  const symbols = lower.length - at - 1;
  const bytes = new Uint8Array(Math.floor(((symbols - 6) * 5) / 8));
  let bits = 0;
  let held = 0;
  let length = 0;
  for (let i = 0; i < symbols; i++) {
    const symbol = ALPHABET.indexOf(lower.charAt(at + 1 + i));
    if (symbol < 0) throw new Bech32Error("invalid character data part");
    checksum = step(checksum) ^ symbol;
    if (i >= symbols - 6) continue;
    held = ((held << 5) | symbol) & 0xfff;
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    bytes[length++] = held >> bits;
  }
  if (checksum !== 1) throw new Bech32Error("invalid checksum");
  if (bits >= 5 || (held & ((1 << bits) - 1)) !== 0) throw new Bech32Error("invalid padding");
  return { prefix, bytes };
}

/**
 * The text that `decodeBech32` reads.
 *
 * @param prefix the human-readable part, in lower case
 */
export function encodeBech32(prefix: string, bytes: Uint8Array): string {
  const symbols: number[] = [];
  let held = 0;
  let bits = 0;
  for (const byte of bytes) {
    held = ((held << 8) | byte) & 0xfff;
    for (bits += 8; bits >= 5; bits -= 5) symbols.push((held >> (bits - 5)) & 31);
  }
  if (bits > 0) symbols.push((held << (5 - bits)) & 31);
  let checksum = 1;
  const codes = Array.from(prefix, (c) => c.charCodeAt(0));
  for (const code of codes) checksum = step(checksum) ^ (code >> 5);
  checksum = step(checksum);
  for (const code of codes) checksum = step(checksum) ^ (code & 31);
  for (const symbol of [...symbols, 0, 0, 0, 0, 0, 0]) checksum = step(checksum) ^ symbol;
  checksum ^= 1;
  for (let i = 5; i >= 0; i--) symbols.push((checksum >> (5 * i)) & 31);
  return `${prefix}1${symbols.map((symbol) => ALPHABET.charAt(symbol)).join("")}`;
}

function step(checksum: number): number {
  let next = (checksum & 0x1ffffff) << 5;
  for (let i = 0; i < generator.length; i++)
    if ((checksum >> (25 + i)) & 1) next ^= generator[i] ?? 0;
  return next;
}
