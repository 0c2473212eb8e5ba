import { EmitError } from "../errors.ts";

/**
 * Decimal digits that read back as the same double, and no fewer than needed: ±0.d₁d₂… × 10^`point`.
 * Only for finite numbers.
 */
function shortest(v: number): { sign: string; digits: string; point: number } {
  const [mantissa = "", exponent = ""] = Math.abs(v).toExponential().split("e");
  return {
    sign: v < 0 || Object.is(v, -0) ? "-" : "",
    digits: mantissa.replace(".", ""),
    point: Number(exponent) + 1,
  };
}

/** A double's shortest decimal digits, without an exponent: Go's `FormatFloat(v, 'f', -1, 64)`. Only for finite numbers. */
export function plainDecimal(v: number): string {
  const size = Math.abs(v);
  // Here ECMAScript writes the same digits, and no exponent.
  if (size >= 1e-6 && size < 1e21) return String(v);
  const { sign, digits, point } = shortest(v);
  if (point <= 0) return `${sign}0.${"0".repeat(-point)}${digits}`.replace(/^(-?)0\.0+$/, "$10");
  if (digits.length <= point) return sign + digits.padEnd(point, "0");
  return `${sign}${digits.slice(0, point)}.${digits.slice(point)}`;
}

/** Go's `%g`: an exponent of at least two digits where the decimal exponent is below -4 or above 5. */
function general(v: number, letter: "e" | "E"): string {
  const size = Math.abs(v);
  if (size >= 1e-4 && size < 1e6) return String(v);
  const { sign, digits, point } = shortest(v);
  const exponent = point - 1;
  if (exponent >= -4 && exponent < 6) return plainDecimal(v);
  const fraction = digits.length > 1 ? `.${digits.slice(1)}` : "";
  const power = String(Math.abs(exponent)).padStart(2, "0");
  return `${sign}${digits.slice(0, 1)}${fraction}${letter}${exponent < 0 ? "-" : "+"}${power}`;
}

/** `+Inf`, `-Inf` or `NaN` as Go spells them; undefined for a finite number. */
function notFinite(v: number): string | undefined {
  if (Number.isFinite(v)) return undefined;
  return Number.isNaN(v) ? "NaN" : v > 0 ? "+Inf" : "-Inf";
}

/** What is encrypted and hashed for a float: shortest decimal, never an exponent, no `.0`. */
export function floatText(v: number): string {
  return notFinite(v) ?? plainDecimal(v);
}

/** A float as Go's `%v` prints it. */
export function goFloat(v: number): string {
  return notFinite(v) ?? general(v, "e");
}

/** A float in YAML: an exponent below 1e-4 and from 1e6 on; no `.0`. */
export function yamlFloat(v: number): string {
  if (Number.isNaN(v)) return ".nan";
  if (!Number.isFinite(v)) return v > 0 ? ".inf" : "-.inf";
  return general(v, "e");
}

/** A float in ENV and INI files: as YAML with `E`, and `.0` where neither point nor exponent shows that it is one. */
export function flatFloat(v: number): string {
  if (!Number.isFinite(v)) return goFloat(v);
  const text = general(v, "E");
  return /[.E]/.test(text) ? text : `${text}.0`;
}

/**
 * A float in JSON, spelled as ECMAScript does but for `-0`.
 *
 * @throws {EmitError} for NaN and the infinities
 */
export function jsonFloat(v: number): string {
  if (!Number.isFinite(v)) {
    throw new EmitError("json: unsupported value: a float that is not a finite number");
  }
  return Object.is(v, -0) ? "-0" : String(v);
}

/**
 * A float as a key: Go's `FormatFloat(value, 'g', -1, 32)`, which is what sigs.k8s.io/yaml makes of it; so
 * only the digits of a single-precision number are left.
 */
export function floatKey(value: number): string {
  if (Number.isNaN(value)) return ".nan";
  const single = Math.fround(value);
  if (!Number.isFinite(single)) return single > 0 ? ".inf" : "-.inf";
  if (single === 0) return Object.is(single, -0) ? "-0" : "0";
  let shortest = "";
  for (let precision = 1; precision <= 9; precision++) {
    shortest = single.toExponential(precision - 1);
    if (Math.fround(Number(shortest)) === single) break;
  }
  const [mantissa = "", power = "0"] = shortest.split("e");
  const exponent = Number(power);
  if (exponent >= -4 && exponent < 6) return plainDecimal(Number(shortest));
  const digits = String(Math.abs(exponent)).padStart(2, "0");
  return `${mantissa}e${exponent < 0 ? "-" : "+"}${digits}`;
}

/** Go's `strconv.ParseFloat`: decimal, exponent, hexadecimal with binary exponent, infinity, NaN. */
export function parseFloat64(text: string): number | undefined {
  // As both programs write nearly all of them.
  if (/^-?[0-9]{1,20}(?:\.[0-9]{1,20})?$/.test(text)) return Number(text);
  if (/^[-+]?inf(?:inity)?$/i.test(text)) return text.startsWith("-") ? -Infinity : Infinity;
  if (/^[-+]?nan$/i.test(text)) return Number.NaN;
  const hex = /^([-+]?)0x([0-9a-f]*)\.?([0-9a-f]*)p([-+]?[0-9]+)$/i.exec(text);
  if (hex && `${hex[2]}${hex[3]}` !== "") {
    const digits = `${hex[2]}${hex[3]}`;
    const value = Number(BigInt(`0x${digits}`)) * 2 ** (Number(hex[4]) - 4 * (hex[3] ?? "").length);
    return hex[1] === "-" ? -value : value;
  }
  if (!/^[-+]?(?:[0-9]+(?:_[0-9]+)*\.?[0-9]*|\.[0-9]+)(?:e[-+]?[0-9]+)?$/i.test(text))
    return undefined;
  const value = Number(text.replaceAll("_", ""));
  return Number.isFinite(value) ? value : undefined;
}
