import { SopsmithError } from "../errors.ts";

/**
 * Shamir's secret sharing byte by byte over GF(2^8) with the AES polynomial. A share is the secret's length of y bytes and
 * then x, which is 1, 2, 3 … in order (spec keys section 11).
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
export function split(
  secret: Uint8Array,
  parts: number,
  threshold: number,
  randomBytes: (length: number) => Uint8Array,
): Uint8Array[] {
  if (parts < threshold) throw new ShamirError("parts cannot be less than threshold");
  if (parts > 255) throw new ShamirError("parts cannot exceed 255");
  if (threshold < 2) throw new ShamirError("threshold must be at least 2");
  if (secret.length === 0) throw new ShamirError("cannot split an empty secret");
  const shares = Array.from({ length: parts }, () => new Uint8Array(secret.length + 1));
  for (const [index, share] of shares.entries()) share[secret.length] = index + 1;
  for (let i = 0; i < secret.length; i++) {
    const coefficients = randomBytes(threshold - 1);
    for (const share of shares) {
      const x = at(share, secret.length);
      let y = 0;
      for (let k = threshold - 2; k >= 0; k--) y = multiply(y ^ at(coefficients, k), x);
      share[i] = y ^ at(secret, i);
    }
    coefficients.fill(0);
  }
  return shares;
}

/**
 * The secret, from all the shares given. Too few of them give a wrong secret: there is no check value.
 *
 * @throws {ShamirError} for fewer than two shares, unequal lengths, or a share given twice
 */
export function combine(shares: readonly Uint8Array[]): Uint8Array {
  const [first] = shares;
  if (first === undefined || shares.length < 2) {
    throw new ShamirError("less than two parts cannot be used to reconstruct the secret");
  }
  const length = first.length - 1;
  if (length < 1) throw new ShamirError("parts must be at least two bytes");
  if (shares.some((share) => share.length !== first.length))
    throw new ShamirError("all parts must be the same length");
  const xs = shares.map((share) => at(share, length));
  if (new Set(xs).size !== xs.length) throw new ShamirError("duplicate part detected");
  if (xs.includes(0)) throw new ShamirError("a part stands at 0");
  const secret = new Uint8Array(length);
  for (const [j, share] of shares.entries()) {
    const x = at(share, length);
    // Lagrange's basis polynomial at 0. Only the x are in it, which are no secret.
    let basis = 1;
    for (const [m, other] of xs.entries())
      if (m !== j) basis = multiply(basis, multiply(other, inverse(other ^ x)));
    for (let i = 0; i < length; i++) secret[i] = at(secret, i) ^ multiply(at(share, i), basis);
  }
  return secret;
}

/** Product in the field, without branches or table look-ups that depend on the operands. */
function multiply(a: number, b: number): number {
  let product = 0;
  for (let bit = 7; bit >= 0; bit--) {
    product = (product << 1) ^ (-(product >> 7) & 0x11b) ^ (-((b >> bit) & 1) & a);
  }
  return product;
}

/** a^254, which is 1/a for a ≠ 0. */
function inverse(a: number): number {
  let power = a;
  for (let i = 0; i < 6; i++) power = multiply(multiply(power, power), a);
  return multiply(power, power);
}

/** An element known to be there. */
function at(bytes: Uint8Array, index: number): number {
  return bytes[index] as number;
}
