import { parseInteger } from "../../src/go/parse-int.ts";
import { parseYamlTime } from "../../src/go/time.ts";
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
    const stamp = parseYamlTime(text);
    if (stamp !== undefined) return time(stamp, start, end);
  }
  const plain = text.replaceAll("_", "");
  const whole = parseInteger(plain);
  if (whole !== undefined) return int(whole, start, end);
  if (FLOAT.test(plain)) {
    const value = Number(plain);
    if (Number.isFinite(value)) return float(value, start, end);
  }
  // `0o-7`: go-yaml's own branch for octal and binary numbers takes a sign after the prefix.
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
