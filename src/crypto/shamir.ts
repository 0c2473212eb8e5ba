import { SopsmithError } from "../errors.ts";

/**
 * Shamir's secret sharing byte by byte over GF(2^8) with the AES polynomial, by the package `shamir-secret-sharing`. A share
 * is the secret's length of y bytes and then x. sops numbers x from 1; the package draws it, which sops reads as well
 * (spec keys sections 11 and 14). The limits and the words for what breaks them are those of sops.
 */

/** A secret that cannot be split or combined as asked. Exit 1; the callers put their own words in front. */
export class ShamirError extends SopsmithError {
  constructor(message: string) {
    super("shamir", 1, message);
  }
}

/**
 * @param secret at least one byte
 * @returns `parts` shares, of which any `threshold` give the secret; the caller fills them with zeros after use
 * @throws {ShamirError} unless 2 ≤ threshold ≤ parts ≤ 255
 */
export async function split(
  secret: Uint8Array,
  parts: number,
  threshold: number,
): Promise<Uint8Array[]> {
  if (parts < threshold) throw new ShamirError("parts cannot be less than threshold");
  if (parts > 255) throw new ShamirError("parts cannot exceed 255");
  if (threshold < 2) throw new ShamirError("threshold must be at least 2");
  if (secret.length === 0) throw new ShamirError("cannot split an empty secret");
  const shamir = await import("shamir-secret-sharing");
  return lend([secret], ([bytes = secret]) => shamir.split(bytes, parts, threshold));
}

/**
 * The secret, from all the shares given. Too few of them give a wrong secret: there is no check value.
 *
 * @throws {ShamirError} for fewer than two shares, unequal lengths, or a share given twice
 */
export async function combine(shares: readonly Uint8Array[]): Promise<Uint8Array> {
  const [first] = shares;
  if (first === undefined || shares.length < 2)
    throw new ShamirError("less than two parts cannot be used to reconstruct the secret");
  if (first.length < 2) throw new ShamirError("parts must be at least two bytes");
  if (shares.some((share) => share.length !== first.length))
    throw new ShamirError("all parts must be the same length");
  const xs = shares.map((share) => share.at(-1));
  if (new Set(xs).size !== xs.length) throw new ShamirError("duplicate part detected");
  if (xs.includes(0)) throw new ShamirError("a part is at 0");
  if (shares.length > 255) throw new ShamirError("parts cannot exceed 255");
  const shamir = await import("shamir-secret-sharing");
  return lend(shares, (bytes) => shamir.combine(bytes));
}

/** The package takes no subclass of `Uint8Array`, such as `Buffer`: it gets copies, which are wiped. */
async function lend<T>(
  secrets: readonly Uint8Array[],
  use: (copies: Uint8Array[]) => Promise<T>,
): Promise<T> {
  const copies = secrets.map((secret) => new Uint8Array(secret));
  try {
    return await use(copies);
  } finally {
    for (const copy of copies) copy.fill(0);
  }
}
