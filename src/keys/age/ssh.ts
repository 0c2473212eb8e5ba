import {
  constants,
  createHash,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  privateDecrypt,
  publicEncrypt,
  type KeyObject,
} from "node:crypto";
import type { Stanza } from "age-encryption";
import { openChaCha20Poly1305, sealChaCha20Poly1305 } from "./chacha20-poly1305.ts";
import { rawPublic, unpadded, x25519Private, x25519Public } from "./x25519.ts";
import { IdentityFailure } from "./identity-failure.ts";

/**
 * SSH keys as age recipients and identities (spec keys 2.2 and 2.6).
 *
 * @see filippo.io/age/agessh; RFC 4253 6.6 and RFC 8709 4 for the wire form of the keys
 */

const labels = {
  "ssh-ed25519": "age-encryption.org/v1/ssh-ed25519",
  "ssh-rsa": "age-encryption.org/v1/ssh-rsa",
} as const;

export type SshKeyType = keyof typeof labels;

export interface SshPublicKey {
  readonly type: SshKeyType;
  /** The key in SSH's wire form: what the base64 of an authorized_keys line holds. */
  readonly wire: Uint8Array;
  readonly key: KeyObject;
}

/** What is wrong with a key; never holds its text. */
export class SshKeyError extends Error {}

/** age refuses shorter ones as recipients. */
const SMALLEST_RSA_BITS = 2048;

/**
 * The key of an authorized_keys line without options: type, base64, comment.
 *
 * @throws {SshKeyError}
 */
export function parseSshPublicKey(line: string): SshPublicKey {
  const [, type = "", base64 = ""] = /^(\S+)[ \t]+(\S+)/.exec(line) ?? [];
  if (!isSshKeyType(type))
    throw new SshKeyError(
      "expected a line such as ssh-ed25519 AAAA…, of type ssh-ed25519 or ssh-rsa",
    );
  const wire = Buffer.from(base64, "base64");
  if (wire.toString("base64") !== base64) throw new SshKeyError("its base64 is damaged or cut off");
  const key = publicKeyOfWire(wire);
  if (key.type !== type) throw new SshKeyError(`it says ${type} but holds a ${key.type} key`);
  const bits = key.key.asymmetricKeyDetails?.modulusLength;
  if (bits !== undefined && bits < SMALLEST_RSA_BITS)
    throw new SshKeyError(
      `RSA keys need at least ${SMALLEST_RSA_BITS} bits, but this one has ${bits}`,
    );
  return key;
}

/** @throws {SshKeyError} */
export function publicKeyOfWire(wire: Uint8Array): SshPublicKey {
  const reader = new WireReader(wire);
  const type = reader.text();
  if (type === "ssh-ed25519") {
    const point = reader.string();
    if (point.length !== 32 || !reader.isAtEnd) throw new SshKeyError("it is damaged or cut off");
    montgomery(point);
    return { type, wire, key: jwk({ kty: "OKP", crv: "Ed25519", x: base64url(point) }) };
  }
  if (type === "ssh-rsa") {
    const e = reader.string();
    const n = reader.string();
    if (!reader.isAtEnd) throw new SshKeyError("it is damaged or cut off");
    return { type, wire, key: jwk({ kty: "RSA", e: base64url(e), n: base64url(n) }) };
  }
  throw new SshKeyError("only ssh-ed25519 and ssh-rsa keys can be used");
}

/** The wire form of a key's public half. @throws {SshKeyError} for other types than Ed25519 and RSA */
export function publicHalf(key: KeyObject): SshPublicKey {
  const publicKey = createPublicKey(key);
  const { kty, crv, x = "", e = "", n = "" } = publicKey.export({ format: "jwk" });
  if (kty === "OKP" && crv === "Ed25519")
    return publicKeyOfWire(wireOf(Buffer.from("ssh-ed25519"), fromBase64url(x)));
  if (kty === "RSA")
    return publicKeyOfWire(
      wireOf(Buffer.from("ssh-rsa"), positive(fromBase64url(e)), positive(fromBase64url(n))),
    );
  throw new SshKeyError("only Ed25519 and RSA keys can be used");
}

/** As a line of authorized_keys, without a comment: the recipient. */
export function recipientOf({ type, wire }: SshPublicKey): string {
  return `${type} ${Buffer.from(wire).toString("base64")}`;
}

/**
 * The stanza that holds the file key for one SSH key.
 *
 * @param fileKey 16 bytes
 */
export function wrapForSsh({ type, wire, key }: SshPublicKey, fileKey: Uint8Array): Stanza {
  if (type === "ssh-rsa") {
    const body = publicEncrypt({ key, ...oaep }, fileKey);
    return { args: [type, fingerprint(wire)], body: new Uint8Array(body) };
  }
  const point = montgomeryPoint({ type, wire, key });
  const ephemeral = generateKeyPairSync("x25519");
  const share = rawPublic(ephemeral.publicKey);
  const shared = tweaked(exchange(ephemeral.privateKey, point), wire);
  const body = sealChaCha20Poly1305(stanzaKey(shared, share, point), Buffer.alloc(12), fileKey);
  return { args: [type, fingerprint(wire), unpadded(share)], body: new Uint8Array(body) };
}

/** Whether a stanza names this key by its fingerprint. */
export function isForSshKey({ type, wire }: SshPublicKey, { args }: Stanza): boolean {
  return args[0] === type && args[1] === fingerprint(wire);
}

/**
 * The file key in a stanza that is for this key.
 *
 * @param privateKey the other half of `publicKey`
 * @returns 16 bytes
 * @throws {IdentityFailure} for a damaged stanza
 */
export function unwrapWithSsh(
  { type, wire }: SshPublicKey,
  privateKey: KeyObject,
  stanza: Stanza,
  location: string,
): Uint8Array {
  try {
    const fileKey =
      type === "ssh-rsa" ? unwrapRsa(privateKey, stanza) : unwrapEd25519(privateKey, wire, stanza);
    if (fileKey.length !== 16) throw new SshKeyError("wrong length");
    return fileKey;
  } catch (cause) {
    throw new IdentityFailure(
      `the SSH key in ${location} matches, but the wrapped data key is damaged`,
      "restore the `sops` block from version control: its wrapped data key is damaged for these recipients",
      { cause },
    );
  }
}

function unwrapRsa(key: KeyObject, { args, body }: Stanza): Uint8Array {
  if (args.length !== 2) throw new SshKeyError("wrong arguments");
  return new Uint8Array(privateDecrypt({ key, ...oaep }, body));
}

function unwrapEd25519(key: KeyObject, wire: Uint8Array, { args, body }: Stanza): Uint8Array {
  const share = Buffer.from(args[2] ?? "", "base64");
  if (args.length !== 3 || share.length !== 32 || unpadded(share) !== args[2] || body.length !== 32)
    throw new SshKeyError("wrong arguments");
  const seed = fromBase64url(key.export({ format: "jwk" }).d ?? "");
  const scalar = createHash("sha512").update(seed).digest().subarray(0, 32);
  const shared = tweaked(exchange(x25519Private(scalar), share), wire);
  const fileKey = openChaCha20Poly1305(
    stanzaKey(shared, share, montgomery(edwardsPoint(wire))),
    Buffer.alloc(12),
    Buffer.from(body),
  );
  for (const secret of [seed, scalar, shared]) secret.fill(0);
  return new Uint8Array(fileKey);
}

const oaep = {
  padding: constants.RSA_PKCS1_OAEP_PADDING,
  oaepHash: "sha256",
  oaepLabel: Buffer.from(labels["ssh-rsa"]),
};

const exchange = (privateKey: KeyObject, point: Uint8Array): Buffer =>
  diffieHellman({ privateKey, publicKey: x25519Public(point) });

/** Ties the shared secret to the Ed25519 key, as two of them share a Montgomery point. */
function tweaked(shared: Buffer, wire: Uint8Array): Buffer {
  const tweak = Buffer.from(hkdfSync("sha256", Buffer.alloc(0), wire, labels["ssh-ed25519"], 32));
  return exchange(x25519Private(tweak), shared);
}

const stanzaKey = (shared: Uint8Array, share: Uint8Array, point: Uint8Array): Buffer =>
  Buffer.from(hkdfSync("sha256", shared, Buffer.concat([share, point]), labels["ssh-ed25519"], 32));

const fingerprint = (wire: Uint8Array): string =>
  unpadded(createHash("sha256").update(wire).digest().subarray(0, 4));

function edwardsPoint(wire: Uint8Array): Uint8Array {
  const reader = new WireReader(wire);
  reader.text();
  return reader.string();
}

/** The Montgomery form of an Ed25519 key, 32 bytes: its point as X25519 has it. */
export const montgomeryPoint = ({ wire }: SshPublicKey): Uint8Array =>
  montgomery(edwardsPoint(wire));

const P = 2n ** 255n - 19n;

/**
 * The Montgomery form of an Ed25519 point: u = (1 + y) / (1 − y).
 *
 * @throws {SshKeyError} for bytes that are no point of the curve
 * @see RFC 7748 4.1
 */
function montgomery(point: Uint8Array): Uint8Array {
  const y = mod(littleEndian(point) & (2n ** 255n - 1n));
  const d = mod(-121665n * inverse(121666n));
  const xSquared = mod((y * y - 1n) * inverse(mod(d * y * y + 1n)));
  if (xSquared !== 0n && power(xSquared, (P - 1n) / 2n) !== 1n)
    throw new SshKeyError("it is not a point on the curve");
  const u = mod((1n + y) * inverse(mod(1n - y)));
  return Uint8Array.from(Buffer.from(u.toString(16).padStart(64, "0"), "hex").toReversed());
}

const mod = (n: bigint): bigint => ((n % P) + P) % P;
const inverse = (n: bigint): bigint => power(mod(n), P - 2n);
const littleEndian = (bytes: Uint8Array): bigint =>
  BigInt(`0x${Buffer.from(bytes.toReversed()).toString("hex")}`);

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  let square = base;
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if ((rest & 1n) === 1n) result = mod(result * square);
    square = mod(square * square);
  }
  return result;
}

function jwk(key: { kty: string; crv?: string; x?: string; e?: string; n?: string }): KeyObject {
  try {
    return createPublicKey({ key, format: "jwk" });
  } catch (cause) {
    throw new SshKeyError("it is damaged or cut off", { cause });
  }
}

export function isSshKeyType(type: string): type is SshKeyType {
  return type in labels;
}

export const base64url = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64url");
const fromBase64url = (text: string): Buffer => Buffer.from(text, "base64url");

/** A number in its wire form: a zero byte keeps it from being read as negative (RFC 4251 section 5). */
function positive(number: Buffer): Buffer {
  return (number[0] ?? 0) < 0x80 ? number : Buffer.concat([Buffer.alloc(1), number]);
}

function wireOf(...strings: readonly Uint8Array[]): Buffer {
  return Buffer.concat(
    strings.flatMap((bytes) => {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(bytes.length);
      return [length, bytes];
    }),
  );
}

/** Reads the fields of SSH's binary form (RFC 4251 section 5). */
export class WireReader {
  private readonly bytes: Buffer;
  private at = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  get isAtEnd(): boolean {
    return this.at === this.bytes.length;
  }

  /** @throws {SshKeyError} where the bytes end too early; so do the others */
  take(length: number): Buffer {
    if (this.at + length > this.bytes.length) throw new SshKeyError("it is damaged or cut off");
    return this.bytes.subarray(this.at, (this.at += length));
  }

  uint32(): number {
    return this.take(4).readUInt32BE();
  }

  string(): Buffer {
    return this.take(this.uint32());
  }

  text(): string {
    return this.string().toString("latin1");
  }

  rest(): Buffer {
    return this.take(this.bytes.length - this.at);
  }
}
