import {
  createHmac,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  timingSafeEqual,
  type KeyObject,
} from "node:crypto";
import { openChaCha20Poly1305, sealChaCha20Poly1305 } from "./chacha20-poly1305.ts";

/**
 * The one kind of age file that nearly every encrypted file holds, on the platform's own cryptography: an armored file of one chunk for X25519
 * recipients. `age-encryption` takes longer to load than a small file takes to decrypt; it does everything else, and has the last word
 * on what does not open here.
 *
 * @see C2SP "age", sections "X25519 recipient stanza", "Header MAC", "Payload"
 */

const VERSION = "age-encryption.org/v1";
const LABEL = `${VERSION}/X25519`;
const BEGIN = "-----BEGIN AGE ENCRYPTED FILE-----\n";
const END = "-----END AGE ENCRYPTED FILE-----";
const CHUNK = 64 * 1024;
const TAG = 16;
const PKCS8 = Buffer.from("302e020100300506032b656e04220420", "hex");
const SPKI = Buffer.from("302a300506032b656e032100", "hex");

/** Keys as bare bytes, which need no DER decoder: setting that up takes longer than all else here. Node 22 and Deno cannot read them. */
const hasRawKeys = !process.version.startsWith("v22.") && process.versions["deno"] === undefined;

/**
 * Wraps `part` for one recipient.
 *
 * @param recipient 32 bytes, the point
 * @param part at most 64 KiB
 * @returns the armored file with its final LF
 */
export function wrapX25519(
  recipient: Uint8Array,
  part: Uint8Array,
  randomBytes: (length: number) => Uint8Array,
): string {
  const fileKey = randomBytes(16);
  const ephemeral = generateKeyPairSync("x25519");
  const share = rawPublic(ephemeral.publicKey);
  const wrapKey = stanzaKey(ephemeral.privateKey, recipient, share, recipient);
  const body = sealChaCha20Poly1305(wrapKey, Buffer.alloc(12), fileKey);
  const header = `${VERSION}\n-> X25519 ${unpadded(share)}\n${unpadded(body)}\n---`;
  const nonce = randomBytes(16);
  const payload = sealChaCha20Poly1305(hkdf(fileKey, nonce, "payload"), lastChunkNonce(), part);
  const file = Buffer.concat([
    Buffer.from(`${header} ${unpadded(headerMac(fileKey, header))}\n`),
    nonce,
    payload,
  ]);
  fileKey.fill(0);
  return `${BEGIN}${file.toString("base64").replaceAll(/.{1,64}/g, "$&\n")}${END}\n`;
}

/**
 * @param identity 32 bytes, the scalar
 * @returns undefined for a file that is not of this kind, is not for this identity, or is damaged
 */
export function unwrapX25519(armored: string, identity: Uint8Array): Uint8Array | undefined {
  const file = decodeArmor(armored);
  const stanza =
    file &&
    /^age-encryption\.org\/v1\n-> X25519 ([A-Za-z0-9+/]{43})\n([A-Za-z0-9+/]{43})\n---/.exec(
      file.toString("latin1", 0, 200),
    );
  if (!file || !stanza) return undefined;
  const header = stanza[0];
  const macEnd = header.length + 1 + 43;
  const mac = canonical(file.toString("latin1", header.length + 1, macEnd));
  const share = canonical(stanza[1] ?? "");
  const body = canonical(stanza[2] ?? "");
  if (!mac || !share || !body || file[header.length] !== 0x20 || file[macEnd] !== 0x0a)
    return undefined;
  try {
    const key = x25519Private(identity);
    const wrapKey = stanzaKey(key, share, share, rawPublic(createPublicKey(key)));
    const fileKey = openChaCha20Poly1305(wrapKey, Buffer.alloc(12), body);
    if (!timingSafeEqual(headerMac(fileKey, header), mac)) return undefined;
    const nonce = file.subarray(macEnd + 1, macEnd + 17);
    const payload = file.subarray(macEnd + 17);
    if (nonce.length < 16 || payload.length <= TAG || payload.length > CHUNK + TAG)
      return undefined;
    const part = new Uint8Array(
      openChaCha20Poly1305(hkdf(fileKey, nonce, "payload"), lastChunkNonce(), payload),
    );
    fileKey.fill(0);
    return part;
  } catch {
    return undefined;
  }
}

function stanzaKey(
  own: KeyObject,
  other: Uint8Array,
  share: Uint8Array,
  recipient: Uint8Array,
): Buffer {
  // A point of low order, which would give a secret that everybody knows, makes OpenSSL fail here.
  const shared = diffieHellman({ privateKey: own, publicKey: x25519Public(other) });
  return Buffer.from(hkdfSync("sha256", shared, Buffer.concat([share, recipient]), LABEL, 32));
}

/** The private key of a scalar, 32 bytes. */
export const x25519Private = (scalar: Uint8Array): KeyObject =>
  hasRawKeys
    ? createPrivateKey({
        key: bufferOf(scalar),
        format: "raw-private",
        asymmetricKeyType: "x25519",
      })
    : createPrivateKey({ key: Buffer.concat([PKCS8, scalar]), format: "der", type: "pkcs8" });

/** The public key of a point, 32 bytes. */
export const x25519Public = (point: Uint8Array): KeyObject =>
  hasRawKeys
    ? createPublicKey({
        key: bufferOf(point),
        format: "raw-public",
        asymmetricKeyType: "x25519",
      })
    : createPublicKey({ key: Buffer.concat([SPKI, point]), format: "der", type: "spki" });

/** The point of a public key, 32 bytes. */
export const rawPublic = (key: KeyObject): Buffer =>
  hasRawKeys
    ? key.export({ format: "raw-public" })
    : key.export({ format: "der", type: "spki" }).subarray(SPKI.length);

const bufferOf = ({ buffer, byteOffset, byteLength }: Uint8Array): Buffer =>
  Buffer.from(buffer, byteOffset, byteLength);

const hkdf = (key: Uint8Array, salt: Uint8Array, info: string): Buffer =>
  Buffer.from(hkdfSync("sha256", key, salt, info, 32));

const headerMac = (fileKey: Uint8Array, header: string): Buffer =>
  createHmac("sha256", hkdf(fileKey, Buffer.alloc(0), "header"))
    .update(header)
    .digest();

/** Counter 0, marked as the last chunk. */
function lastChunkNonce(): Buffer {
  const nonce = Buffer.alloc(12);
  nonce[11] = 1;
  return nonce;
}

/** Base64 without padding, as stanzas hold it. */
export const unpadded = (bytes: Uint8Array): string =>
  Buffer.from(bytes).toString("base64").replaceAll("=", "");

/** Base64 without padding in its only spelling; undefined for another. */
function canonical(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, "base64");
  return unpadded(bytes) === text ? bytes : undefined;
}

/** Lines of 64 columns, the last one shorter or equal, padded: the armor that age writes, and nothing looser. */
function decodeArmor(text: string): Buffer | undefined {
  if (!text.startsWith(BEGIN) || !text.trimEnd().endsWith(`\n${END}`)) return undefined;
  const lines = text.slice(BEGIN.length, text.lastIndexOf(`\n${END}`)).split("\n");
  if (
    lines.some((line, i) =>
      i < lines.length - 1 ? line.length !== 64 : line.length === 0 || line.length > 64,
    )
  )
    return undefined;
  const base64 = lines.join("");
  const bytes = Buffer.from(base64, "base64");
  return bytes.toString("base64") === base64 ? bytes : undefined;
}
