import { EmitError } from "../errors.ts";
import { leafText } from "./text.ts";
import type { Node, Scalar } from "./node.ts";

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

function plainDecimal(v: number): string {
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
 * A value in ENV and INI files. Bytes that are not UTF-8 stand as lone surrogates (see text.ts). Timestamps lose their
 * fraction and null is `<nil>`: sops writes them so.
 *
 * @throws {EmitError} for a mapping or a list
 */
export function flatText(node: Node): string {
  switch (node.kind) {
    case "str":
    case "bytes":
      return leafText(node);
    case "int":
      return String(node.value);
    case "float":
      return flatFloat(node.value);
    case "bool":
      return node.value ? "true" : "false";
    case "time":
      return node.value.replace(/\.\d+/, "");
    case "comment":
      return node.value;
    case "null":
      return "<nil>";
    case "seq":
    case "map":
      throw new EmitError("cannot use complex value where only text can stand");
    default:
      return node satisfies never;
  }
}

/**
 * Does a scalar's text in an ENV or INI file, where everything is read as a string, stand for the bytes that its MAC was made of?
 */
export function readsBackFlat(leaf: Scalar): boolean {
  switch (leaf.kind) {
    case "str":
    case "bytes":
    case "int":
      return true;
    case "bool":
      return false; // `true`, but hashed as `True`
    case "float":
      return flatFloat(leaf.value) === floatText(leaf.value);
    case "time":
      return !leaf.value.includes(".");
    default:
      return leaf satisfies never;
  }
}
