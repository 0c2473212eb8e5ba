/** Secrets as text. */
export type SecretValues = Iterable<string>;

/**
 * The texts in a value that may be secret, at any depth: no numbers, booleans and times, and nothing below a key that ends in `_unencrypted`.
 *
 * @param values text, a list, or an object such as `load` gives
 */
export function secretsIn(values: unknown): Set<string> {
  const secrets = new Set<string>();
  const seen = new Set<unknown>();
  const open: unknown[] = [values];
  for (let i = 0; i < open.length; i++) {
    const value = open[i];
    if (typeof value === "string") secrets.add(value);
    if (typeof value !== "object" || value === null || seen.has(value)) continue;
    seen.add(value);
    if (value instanceof Uint8Array || value instanceof Date) continue;
    if (Symbol.iterator in value) for (const item of value as Iterable<unknown>) open.push(item);
    else
      for (const [key, member] of Object.entries(value))
        if (!key.endsWith("_unencrypted")) open.push(member);
  }
  return secrets;
}
