const LITERAL =
  /^([+-]?)(0[xX](?:_?[\da-fA-F])+|0[oO](?:_?[0-7])+|0[bB](?:_?[01])+|0(?:_?[0-7])*|[1-9](?:_?\d)*)$/;

/** No integer of 64 bits has more digits in any base. */
const MAX_DIGITS = 64;

/** An integer as Go's source code spells it: `17`, `0x1f`, `0o17`, `017`, `0b11`, `1_000`. Undefined beyond 64 digits. */
function parseLiteral(text: string): { sign: string; size: bigint } | undefined {
  const [, sign = "", digits = ""] = LITERAL.exec(text) ?? [];
  const [, prefix = "", rest = ""] = /^(0[xXoObB]|0(?=.))?(.*)$/.exec(digits) ?? [];
  const short = rest.replaceAll("_", "").replace(/^0+(?=.)/, "");
  if (short === "" || short.length > MAX_DIGITS) return undefined;
  return { sign, size: BigInt((prefix === "0" ? "0o" : prefix) + short) };
}

/** Go's `strconv.ParseInt(text, 0, 64)`; undefined for text that it refuses. */
export function parseInt64(text: string): bigint | undefined {
  const found = parseLiteral(text);
  if (found === undefined) return undefined;
  const value = found.sign === "-" ? -found.size : found.size;
  return BigInt.asIntN(64, value) === value ? value : undefined;
}

/** `parseInt64`, and where that refuses `strconv.ParseUint(text, 0, 64)`, which takes no sign: -2^63 … 2^64-1. */
export function parseInteger(text: string): bigint | undefined {
  const signed = parseInt64(text);
  if (signed !== undefined) return signed;
  const found = parseLiteral(text);
  return found?.sign === "" && BigInt.asUintN(64, found.size) === found.size
    ? found.size
    : undefined;
}

/** Go's `strconv.Atoi`: decimal, 64 bits; undefined for text that it refuses. */
export function parseDecimalInt(text: string): bigint | undefined {
  if (!/^[-+]?[0-9]+$/.test(text)) return undefined;
  const value = BigInt(text.replace(/^\+/, ""));
  return BigInt.asIntN(64, value) === value ? value : undefined;
}
