import { parseInteger } from "../../src/go/parse-int.ts";
import {
  bool,
  float,
  int,
  MAX_INT64,
  nil,
  str,
  time,
  type Null,
  type Scalar,
} from "../../src/tree/node.ts";
import { decodeText, isBase64, textLeaf } from "../../src/tree/text.ts";

/** What a scalar of YAML stands for. */
export type Resolved = Scalar | Null;

/**
 * What a plain scalar stands for (spec file-format 7.2): the rules of go-yaml v3, a mixture of YAML 1.1 and 1.2.
 *
 * @param quoted the text was quoted or a block scalar; only an explicit tag lets it be anything but a string, and never a timestamp
 */
export function resolvePlain(text: string, start: number, end: number, quoted = false): Resolved {
  switch (text.charCodeAt(0)) {
    case 116: // t T f F n N ~ y Y o O: words only
    case 84:
    case 102:
    case 70:
    case 110:
    case 78:
    case 126: {
      const word = WORDS.get(text);
      if (word === true || word === false) return bool(word, start, end);
      if (word === null) return nil(start, end);
      return str(text, start, end);
    }
    case 43:
    case 45:
    case 46:
    case 48:
    case 49:
    case 50:
    case 51:
    case 52:
    case 53:
    case 54:
    case 55:
    case 56:
    case 57:
      return resolveNumber(text, start, end, quoted);
    default:
      return text === "" ? nil(start, end) : str(text, start, end);
  }
}

/**
 * What a scalar with an explicit tag stands for.
 *
 * @param tag in its short form: `!!int`. One that YAML does not define makes a string
 * @returns undefined for text that the tag does not allow
 */
export function resolveTagged(
  tag: string,
  text: string,
  { start, end, quoted }: { start: number; end: number; quoted: boolean },
): Resolved | undefined {
  switch (tag) {
    case "!!binary": {
      const compact = text.replaceAll(/[\r\n]/g, "");
      if (!isBase64(compact)) return undefined;
      return textLeaf(decodeText(Buffer.from(compact, "base64")), start, end);
    }
    case "!!int":
    case "!!float":
    case "!!bool":
    case "!!null":
    case "!!timestamp": {
      const found = resolvePlain(text, start, end, quoted && tag !== "!!timestamp");
      const wanted = tag === "!!timestamp" ? "time" : tag.slice(2);
      if (wanted === "float" && found.kind === "int" && found.value <= MAX_INT64)
        return float(Number(found.value), start, end);
      return found.kind === wanted ? found : undefined;
    }
    default:
      return str(text, start, end);
  }
}

const WORDS = new Map<string, boolean | null>([
  ["true", true],
  ["True", true],
  ["TRUE", true],
  ["false", false],
  ["False", false],
  ["FALSE", false],
  ["~", null],
  ["null", null],
  ["Null", null],
  ["NULL", null],
]);

const DECIMAL = /^[-+]?(?:0|[1-9][0-9]*)$/;
const POINT = /^-?(?:0|[1-9][0-9]{0,19})\.[0-9]{1,20}$/;
const FLOAT = /^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/;
const DOT_FLOAT = /^\.[0-9]+(?:_[0-9]+)*(?:[eE][-+]?[0-9]+(?:_[0-9]+)*)?$/;
const SPECIAL = /^(?:\.(?:nan|NaN|NAN)|[-+]?\.(?:inf|Inf|INF))$/;

const MIN_INT64 = -(2n ** 63n);

function resolveNumber(text: string, start: number, end: number, quoted: boolean): Resolved {
  if (DECIMAL.test(text) && text.length < 19) {
    const value = text.length < 16 ? Number(text) : text.startsWith("+") ? text.slice(1) : text;
    return int(BigInt(value), start, end);
  }
  if (POINT.test(text)) return float(Number(text), start, end);
  if (SPECIAL.test(text)) {
    const inf = text.startsWith("-") ? -Infinity : Infinity;
    return float(text.toLowerCase().endsWith("nan") ? Number.NaN : inf, start, end);
  }
  if (text.startsWith(".")) {
    if (!DOT_FLOAT.test(text)) return str(text, start, end);
    const value = Number(text.replaceAll("_", ""));
    return Number.isFinite(value) ? float(value, start, end) : str(text, start, end);
  }
  // A version such as 3.13.2, which every encrypted file holds: no number has two points, no time is without a colon.
  if (text.indexOf(".") !== text.lastIndexOf(".") && !text.includes(":"))
    return str(text, start, end);
  if (!quoted) {
    const stamp = parseTimestamp(text);
    if (stamp !== undefined) return time(stamp, start, end);
  }
  const plain = text.replaceAll("_", "");
  const whole = parseInteger(plain);
  if (whole !== undefined) return int(whole, start, end);
  if (FLOAT.test(plain)) {
    const value = Number(plain);
    if (Number.isFinite(value)) return float(value, start, end);
  }
  // `0o-7`: go-yaml's own branch for octal and binary numbers takes a sign behind the prefix.
  const odd = /^(-?)0(b|o)([-+]?)([0-9]+)$/.exec(plain);
  if (odd && !(odd[1] && odd[3])) {
    const value = parseInteger(`0${odd[2]}${odd[4]}`);
    if (value !== undefined) {
      const signed = odd[1] || odd[3] === "-" ? -value : value;
      if (signed >= MIN_INT64 && signed <= MAX_INT64) return int(signed, start, end);
    }
  }
  return str(text, start, end);
}

const STAMP =
  /^(\d{4})-(\d{1,2})-(\d{1,2})(?:(?:[Tt](\d{1,2}):(\d{1,2}):(\d{1,2})(?:[.,](\d+))?(Z|[-+]\d\d:\d\d))|(?: (\d{1,2}):(\d{1,2}):(\d{1,2})(?:[.,](\d+))?))?$/;

/**
 * The canonical RFC 3339 text of a YAML timestamp, or undefined for text that is none.
 * Formats: `2006-1-2`, `2006-1-2 15:4:5.9`, `2006-1-2T15:4:5.9Z07:00`; without a zone it is UTC.
 */
export function parseTimestamp(text: string): string | undefined {
  if (text.charCodeAt(4) !== 45) return undefined;
  const m = STAMP.exec(text);
  if (!m) return undefined;
  const number = (i: number): number => Number(m[i] ?? 0);
  const year = number(1);
  const month = number(2);
  const day = number(3);
  const spaced = m[9] !== undefined;
  const hour = number(spaced ? 9 : 4);
  const minute = number(spaced ? 10 : 5);
  const second = number(spaced ? 11 : 6);
  const fraction = ((spaced ? m[12] : m[7]) ?? "").slice(0, 9).replace(/0+$/, "");
  if (month < 1 || month > 12 || day < 1 || day > daysIn(year, month)) return undefined;
  if (hour > 23 || minute > 59 || second > 59) return undefined;
  let zone = m[8] ?? "Z";
  if (zone !== "Z") {
    if (Number(zone.slice(1, 3)) > 24 || Number(zone.slice(4)) > 60) return undefined;
    if (/^[-+]00:00$/.test(zone)) zone = "Z";
  }
  const two = (n: number): string => String(n).padStart(2, "0");
  const clock = `${two(hour)}:${two(minute)}:${two(second)}`;
  return `${m[1]}-${two(month)}-${two(day)}T${clock}${fraction && `.${fraction}`}${zone}`;
}

function daysIn(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}
