import type { Random } from "./random.ts";
import { oddText, word, type Table } from "./sample.ts";

/** Spec 7.2: plain scalars as they stand in the source. */
export const plainScalars: Table = {
  "7.2 bool": (random) => random.pick(["true", "True", "TRUE", "false", "False", "FALSE"]),
  "7.2 old bool": (random) =>
    random.pick(["yes", "no", "on", "off", "y", "N", "Yes", "NO", "On", "OFF"]),
  "7.2 null": (random) => random.pick(["~", "null", "Null", "NULL"]),
  "7.2 not a number": (random) => random.pick([".nan", ".NaN", ".NAN"]),
  "7.2 infinity": (random) => random.pick([".inf", "+.Inf", "-.INF", "-.inf", ".INF"]),
  "7.2 date": (random) =>
    random.pick(["2020-01-02", "2020-1-2", "0001-01-01", "9999-12-31", "2024-02-29"]),
  "7.2 timestamp with T": (random) =>
    random.pick([
      "2020-01-02T03:04:05Z",
      "2020-01-02t3:4:5.1Z",
      "2020-01-02T03:04:05.123456789+05:30",
      "2020-1-2T03:04:05-00:30",
      "2020-01-02T03:04:05.120Z",
      "2020-01-02T03:04:05+00:00",
    ]),
  "7.2 timestamp with a blank": (random) =>
    random.pick(["2020-01-02 03:04:05", "2020-01-02 03:04:05.500", "2020-1-2 3:4:5"]),
  "7.2 almost a timestamp": (random) =>
    random.pick([
      "2020-13-01",
      "2021-02-29",
      "2020-01-02 03:04:05 +02:00",
      "20-01-02",
      "2020-01-02T03:04",
      "2020-01-02T25:00:00Z",
      "02020-01-02",
    ]),
  "7.2 decimal int": (random) =>
    random.pick(["0", "-0", "+1", "42", "-17", "1_000", "1_", "1__0", String(random.below(1e9))]),
  "7.2 int64 edges": (random) =>
    random.pick(["9223372036854775807", "-9223372036854775808", "-9223372036854775807"]),
  "7.2 int beyond 2^53": (random) =>
    random.pick(["9007199254740993", "-9007199254740993", "4611686018427387905"]),
  "7.2 int beyond int64 below zero": () => "-9223372036854775809",
  "7.2 int beyond uint64": (random) =>
    random.pick(["18446744073709551616", "123456789012345678901234567890"]),
  "7.2 hexadecimal int": (random) =>
    random.pick(["0x1F", "0X1f", "-0xff", "0x7fffffffffffffff", "0x_1"]),
  "7.2 octal int": (random) => random.pick(["017", "0o17", "0O7", "-017", "00", "007"]),
  "7.2 binary int": (random) => random.pick(["0b101", "0B11", "-0b1", "0b1_0"]),
  "7.2 almost an int": (random) =>
    random.pick(["0x", "0b12", "_1", "0o8", "0xG", "1:30", "1,000", "--1", "+-1", "0b", "1 000"]),
  "7.2 decimal of a leading zero": (random) => random.pick(["08", "09", "0.5", "00.5", "-08"]),
  "7.2 float": (random) =>
    random.pick([
      "1.0",
      "1.",
      "-1.5",
      "+2.5",
      "3.141592653589793",
      "1_0.5",
      "0.0",
      "-0.0",
      "100000.0",
      "1000000.0",
      "123456789.125",
      "999999.5",
      "0.0001",
      "0.00001",
      "1.5.2",
    ]),
  "7.2 float with an exponent": (random) =>
    random.pick([
      "1e3",
      "1E+2",
      "1.5e300",
      "-2e-7",
      "1e21",
      "1e20",
      "5e-324",
      "1e-5",
      "1.e3",
      "1e5",
    ]),
  "7.2 float out of range": (random) => random.pick(["1e400", "-1e400", "1e-400"]),
  "7.2 float that begins with a point": (random) =>
    random.pick([".5", ".83_99", ".5e2", "-.5", "+.5", ".1_", "._1"]),
  "7.2 almost a float": (random) =>
    random.pick([".e1", ".", "..", "0x1p4", "1e", "e5", "1.5.", "NaN", "inf", "tRUE", "nULL"]),
  "7.2 plain text": (random) =>
    random.pick([
      word(random),
      "foo bar",
      "it's",
      'say "x"',
      "a, b",
      "a\\b",
      "a{b}",
      "a:b",
      "a#b",
      "-a",
      "?a",
      ":a",
      "=",
      "é",
      "漢字",
      "http://x/y?z#w",
    ]),
  "7.2 plain odd characters": (random) =>
    `a${random.pick(["\u{1F600}", "\u0085", "\u00a0", "\ufffd", "\u2028", "\u200b", "%", "@", "`", "!"])}b`,
};

/** Plain scalars that mean something else in front of a comma or a bracket; kept out of flow collections. */
export const isFlowSafe = (text: string): boolean => !/[,[\]{}]/.test(text);

/** Spec 7.4: the text of strings, one row for each rule of the style table. */
export const stringTexts: Table = {
  "7.4 empty": () => "",
  "7.4 reads as another type": (random) =>
    random.pick([
      "true",
      "~",
      "null",
      "123",
      "1e3",
      ".5",
      "+1",
      "0o17",
      "1_000",
      "2020-01-01",
      ".inf",
      "0x1F",
      "False",
      "-0",
      "08",
    ]),
  "7.4 base 60": (random) => random.pick(["1:30", "-1:30:59", "12:34:56.7", "1:60", "190:20:30"]),
  "7.4 old bool": (random) =>
    random.pick([
      "y",
      "Y",
      "yes",
      "Yes",
      "YES",
      "on",
      "On",
      "ON",
      "n",
      "N",
      "no",
      "No",
      "NO",
      "off",
      "Off",
      "OFF",
    ]),
  "7.4 merge key": () => "<<",
  "7.4 plain": (random) =>
    random.pick([
      "1e400",
      "0x",
      "0b12",
      "_1",
      "=",
      ".",
      "+",
      "1.5.2",
      "2020-13-01",
      "tRUE",
      "NaN",
      "inf",
      "a:b",
      "a#b",
      "-a",
      "?a",
      ":a",
      "it's",
      'say "x"',
      "a, b",
      "a\\b",
      "é",
      "a{b}",
      "\u00a0",
      "a\u00a0b",
    ]),
  "7.4 space at the start": () => " lead",
  "7.4 space at the end": (random) => random.pick(["trail ", " ", "  "]),
  "7.4 break at the start": (random) => random.pick(["\u2028a", "\u0085a", "\ra", "\u2029"]),
  "7.4 break at the end": (random) => random.pick(["a\u2028", "a\u0085", "a\r", "a\u2029"]),
  "7.4 break inside": (random) => random.pick(["a\u2028b", "a\u0085b", "a\rb", "a\u2029\u2029b"]),
  "7.4 space behind a break": (random) => random.pick(["a\u2028 b", "a\n b", "a\n\n b"]),
  "7.4 space before a break": (random) => random.pick(["a \nb", "a \u2028b", "a\nb "]),
  "7.4 tab": (random) => random.pick(["a\tb", "\ta", "a\t"]),
  "7.4 special character": (random) =>
    random.pick([
      "a\rb",
      "\u007f",
      "\u0080x",
      "a\u009f",
      "a\ufeffb",
      "\ufffe",
      "\uffff",
      "\u0007",
      "\u001b[0m",
      "\0",
    ]),
  "7.4 astral character": (random) => random.pick(["\u{1F600}", "a\u{10FFFF}b", "\u{10000}"]),
  "7.4 document marker": (random) => random.pick(["---a", "....", "---", "..."]),
  "7.4 indicator at the start": (random) => `${random.pick([..."#,[]{}&*!|>'\"%@`"])}a`,
  "7.4 indicator and a blank": (random) =>
    random.pick(["- a", "-", "? a", "?", ":", ": a", "-\ta"]),
  "7.4 colon and a blank": (random) => random.pick(["a: b", "a:", "a:\tb", "a: "]),
  "7.4 blank and a number sign": (random) => random.pick(["a #b", "a\t#b", "a #"]),
  "7.4 byte order mark at the start": () => "\ufeffab",
  "7.4 literal": (random) =>
    random.pick([
      "a\nb",
      "a\nb\n",
      "a\nb\n\n",
      "one\ntwo\n\nthree\n",
      "a\tx\nb",
      "a: 1\n# b\n- c\n",
    ]),
  "7.4 literal that starts with a break": (random) => random.pick(["\na", "\n", "\n\n", "\n\na\n"]),
  "7.4 literal that starts with a space": (random) => random.pick([" a\nb", "  a\n b\n"]),
  "7.4 literal that ends in U+2028": () => "a\nb\u2028",
  "7.4 no literal": (random) => random.pick(["a\n\u{1F600}", "a\r\nb", "a \nb", "a\nb "]),
  "7.4 tab at the start and a line feed": (random) => random.pick(["\ta\nb", "\t\n", "\t\tx\n"]),
  "7.4 odd text": (random) => oddText(random),
  "7.4 long text": (random) => "words and ".repeat(30 + random.below(60)).trim(),
  "7.4 text like ciphertext": (random) =>
    random.pick(["ENC[x]", "ENC[AES256_GCM,data:x,iv:y,tag:z,type:str]"]),
};

const shortEscapes: Record<string, string> = {
  "\0": "\\0",
  "\u0007": "\\a",
  "\b": "\\b",
  "\t": "\\t",
  "\n": "\\n",
  "\u000b": "\\v",
  "\f": "\\f",
  "\r": "\\r",
  "\u001b": "\\e",
  '"': '\\"',
  "\\": "\\\\",
  "\u0085": "\\N",
  "\u00a0": "\\_",
  "\u2028": "\\L",
  "\u2029": "\\P",
  "/": "\\/",
};

function escaped(random: Random, character: string): string {
  const short = shortEscapes[character];
  if (short !== undefined && !random.oneIn(4)) return short;
  const code = character.codePointAt(0) ?? 0;
  const hex = code.toString(16);
  if (code < 0x100 && random.oneIn(2)) return `\\x${hex.padStart(2, "0")}`;
  return code < 0x10000 && random.oneIn(2)
    ? `\\u${hex.padStart(4, "0")}`
    : `\\U${hex.toUpperCase().padStart(8, "0")}`;
}

/** In double quotes, escaped where it must be and now and then where it need not. */
export function doubleQuoted(random: Random, text: string): string {
  let out = "";
  for (const character of text) {
    const mustEscape =
      character === '"' ||
      character === "\\" ||
      !/[\u0020-\u007e\u00a0-\ud7ff\ue000-\ufefe\uff00-\ufffd\u{10000}-\u{10ffff}]/u.test(
        character,
      ) ||
      /[\u2028\u2029]/.test(character);
    out += mustEscape || random.oneIn(12) ? escaped(random, character) : character;
  }
  return `"${out}"`;
}

/** One of the quoted spellings of a text, all on one line. */
export function quoted(random: Random, text: string): string {
  const fitsSingle = /^[\u0020-\u007e\u00a0-\u2027\u202a-\ud7ff]*$/.test(text);
  return fitsSingle && random.oneIn(2)
    ? `'${text.replaceAll("'", "''")}'`
    : doubleQuoted(random, text);
}

/** Spec 7.1: scalars with a tag or an anchor, on one line. */
export const taggedScalars: Table = {
  "7.1 !!str": (random) =>
    `!!str ${random.pick(["5", "true", "2020-01-01", "null", "text", "''"])}`,
  "7.1 !!int": (random) => `!!int ${random.pick(['"5"', "5", "'0x1F'"])}`,
  "7.1 !!float": (random) => `!!float ${random.pick(["5", "'1.5'", "1e3", "-0"])}`,
  "7.1 !!bool": (random) => `!!bool ${random.pick(["true", "'true'"])}`,
  "7.1 !!null": (random) => `!!null ${random.pick(["''", "~", "null"])}`,
  "7.1 !!timestamp": (random) =>
    `!!timestamp ${random.pick(["2020-01-02", "'2020-01-02T03:04:05Z'"])}`,
  "7.1 !!binary": (random) =>
    `!!binary ${random.pick(["aGVsbG8=", "/w==", "'gIGC'", `"${Buffer.from(random.bytes(100)).toString("base64")}"`])}`,
  "7.1 custom tag": (random) =>
    `!${random.pick(["foo", "Ref", "foo/bar"])} ${random.pick(["bar", "5", "true", "'q'"])}`,
  "7.1 !": (random) => `! ${random.pick(["5", "a", "'5'", "true"])}`,
  "7.1 verbatim tag": (random) => `!<tag:yaml.org,2002:str> ${random.pick(["5", "x"])}`,
};
