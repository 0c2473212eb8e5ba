import type { Random } from "./random.ts";
import { nth, oddText, utf8, word, type Generator, type Sample, type Table } from "./sample.ts";

const hex = (random: Random, code: number): string => {
  const text = code.toString(16).padStart(4, "0");
  return random.oneIn(2) ? text : text.toUpperCase();
};

/** A string literal; each character raw where it may be, escaped now and then. */
function literal(random: Random, text: string): string {
  let out = "";
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    if (character === '"' || character === "\\") out += `\\${character}`;
    else if (code < 0x20 || (code < 0x10000 && random.oneIn(6))) out += `\\u${hex(random, code)}`;
    else if (random.oneIn(6))
      out +=
        [...character].length === 1 && code > 0xffff ? surrogates(random, character) : character;
    else out += character;
  }
  return `"${out}"`;
}

const surrogates = (random: Random, character: string): string =>
  `\\u${hex(random, character.charCodeAt(0))}\\u${hex(random, character.charCodeAt(1))}`;

/** Spec 8.3: string literals as they stand in the source. */
const strings: Table = {
  "8.3 short escapes": () => String.raw`"\"\\\b\f\n\r\t\/"`,
  "8.3 control characters": (random) =>
    `"a\\u00${random.pick(["00", "01", "07", "0b", "1F", "1f", "1b"])}b"`,
  "8.3 < > &": (random) => `"${random.pick(["<a href='x'>", "a && b", "\\u003c", ">", "&amp;"])}"`,
  "8.3 U+2028 and U+2029": (random) =>
    `"a${random.pick(["\u2028", "\u2029", "\\u2028", "\\u2029"])}b"`,
  "8.3 U+007F": (random) => `"${random.pick(["\u007f", "\\u007f"])}"`,
  "8.3 raw non-ASCII": (random) =>
    `"${random.pick(["é", "漢字", "\u0085", "\ufeff", "\u00a0", "\ufffe", "\u{1F600}", "\u{10FFFF}"])}"`,
  "8.3 escaped surrogate pair": (random) => `"${surrogates(random, "\u{1F511}")}"`,
  "8.3 lone surrogate": (random) =>
    `"x${random.pick(["\\ud800", "\\uDC00", "\\udbff\\ud800", "\\ud83d\\u0041"])}y"`,
  "8.3 solidus": () => `"a/b\\/c"`,
  "8.3 empty string": () => `""`,
  "8.3 odd text": (random) => literal(random, oddText(random)),
  "8.3 text like another type": (random) =>
    `"${random.pick(["1", "true", "null", "1.5", "2020-01-02", "ENC[x]", "~"])}"`,
  "8.3 long string": (random) => `"${"long ".repeat(200 + random.below(200))}"`,
};

/** Spec 8.1 and 8.4: numbers. */
const numbers: Table = {
  "8.4 small int": (random) => String(random.below(2000) - 1000),
  "8.4 int zero": (random) => random.pick(["0", "-0"]),
  "8.4 int beyond 2^53": (random) =>
    random.pick([
      "9007199254740993",
      "-9007199254740993",
      "1152921504606846977",
      String(2n ** 62n + BigInt(random.below(1e9))),
    ]),
  "8.4 int64 edges": (random) =>
    random.pick(["9223372036854775807", "-9223372036854775808", "9223372036854775806"]),
  "8.4 int beyond int64": (random) =>
    random.pick([
      "9223372036854775808",
      "-9223372036854775809",
      "18446744073709551615",
      "123456789012345678901234567890",
    ]),
  "8.4 float with a zero fraction": (random) =>
    random.pick(["1.0", "-1.0", "0.0", "-0.0", "100000.0", "1000000.00"]),
  "8.4 float": (random) =>
    random.pick([
      "0.1",
      "-1.5",
      "3.141592653589793",
      "123456789.125",
      "999999.5",
      "0.30000000000000004",
      String((random.below(1e9) - 5e8) / 1024),
    ]),
  "8.4 float with an exponent": (random) =>
    random.pick([
      "1e3",
      "1E+2",
      "1.5e300",
      "-2e-7",
      "1e-6",
      "1e-5",
      "1e20",
      "1e21",
      "1e22",
      "5e-324",
      "1.7976931348623157e308",
      "1e-400",
    ]),
};

const others: Table = {
  "8.4 true and false": (random) => random.pick(["true", "false"]),
  "8.4 null": () => "null",
};

const keys: Table = {
  "8.3 odd key": (random) => literal(random, oddText(random)),
  "8.3 empty key": () => `""`,
  "8.3 key with < > &": () => `"<k>&"`,
  "8.1 key of an object's prototype": (random) =>
    `"${random.pick(["__proto__", "constructor", "toString", "hasOwnProperty"])}"`,
  "8.1 key like a number": (random) => `"${random.pick(["0", "1", "10", "-1", "01"])}"`,
  "8.1 key that is left in clear": (random) => `"${word(random)}_unencrypted"`,
  "8.1 key with a line feed": () => `"a\\nb"`,
};

/** Whole documents that are refused. */
const refusals: Table = {
  "8.1 array on top": () => "[1]",
  "8.1 string on top": () => `"x"`,
  "8.1 number on top": (random) => random.pick(["5", "5.5"]),
  "8.1 literal on top": (random) => random.pick(["true", "null"]),
  "8.1 empty input": (random) => random.pick(["", " \n"]),
  "8.1 end behind a value": (random) => random.pick([`{"a":1`, `{"b":2,"a":{"c":`]),
  "8.1 syntax error": (random) =>
    random.pick([
      "{a:1}",
      `{"a" 1}`,
      `{"a":1 "b":2}`,
      `{"a":"x\ny"}`,
      `{"a":"\\x"}`,
      `{"a":01}`,
      `{"a":+1}`,
      `{"a":nul}`,
      `{"a":NaN}`,
      `{"a":.5}`,
      `{"a":1.}`,
      `{"a":[1 2]}`,
      `{,}`,
      `{"a":}`,
    ]),
  "8.1 comment": () => `{"a":1 // x\n}`,
  "8.1 byte order mark": () => `\ufeff{"a":1}`,
  "8.1 trailing comma": (random) => random.pick([`{"a":1,}`, `{"a":[1,]}`]),
  "8.1 single quotes": () => `{'a':1}`,
  "8.1 number out of range": () => `{"a":1E400}`,
  "6 sops on top": () => `{"a":1,"sops":{"x":1}}`,
};

/** sops accepts these and loses data: sopsmith refuses. */
const departures: Table = {
  "8.1 text behind the value": (random) => `{"a":1}${random.pick([" trailing", '{"b":2}', " }"])}`,
  "8.1 end inside a value": (random) => random.pick([`{"a":`, `{"a":[1`]),
};

class Writer {
  readonly rows = new Set<string>();
  readonly #random: Random;
  readonly #index: number;
  #picks = 0;

  constructor(random: Random, index: number) {
    this.#random = random;
    this.#index = index;
  }

  from(table: Table): string {
    const names = Object.keys(table);
    // The first picks walk through the table with the document's number, the others are random.
    const name =
      this.#picks++ < 4 ? nth(names, this.#index + this.#picks) : this.#random.pick(names);
    this.rows.add(name);
    return table[name]?.(this.#random) ?? "";
  }

  row<T>(name: string, value: T): T {
    this.rows.add(name);
    return value;
  }

  space(): string {
    return this.#random.pick(["", "", "", " ", "\n", "\t", "\r\n", " \n  "]);
  }

  value(depth: number): string {
    const random = this.#random;
    const kind = random.below(depth > 0 ? 10 : 7);
    if (kind < 3) return this.from(strings);
    if (kind < 6) return this.from(numbers);
    if (kind < 7) return this.from(others);
    if (kind < 9) return this.object(depth - 1);
    const items = Array.from(
      { length: random.below(4) },
      () => this.space() + this.value(depth - 1) + this.space(),
    );
    return `[${items.length === 0 ? this.row("8.2 empty array", this.space()) : items.join(",")}]`;
  }

  object(depth: number, least = 0): string {
    const random = this.#random;
    const items: string[] = [];
    for (let i = least + random.below(5); i > 0; i--) {
      const key = random.oneIn(3) ? this.from(keys) : `"${word(random)}"`;
      items.push(
        `${this.space()}${key}${this.space()}:${this.space()}${this.value(depth)}${this.space()}`,
      );
      if (random.oneIn(12))
        items.push(this.row("8.1 duplicate key", `${key}:${this.value(depth)}`));
    }
    return `{${items.length === 0 ? this.row("8.2 empty object", this.space()) : items.join(",")}}`;
  }
}

function generate(random: Random, index: number): Sample {
  const writer = new Writer(random, index);
  if (index % 8 === 5)
    return {
      source: utf8(writer.from({ ...pickOne({ ...refusals, ...departures }, index >> 3) })),
      rows: writer.rows,
    };
  let text = writer.object(3, 3);
  if (index % 40 === 7)
    text = writer.row("8.2 deep nesting", `{"d":${"[".repeat(60)}1${"]".repeat(60)}}`);
  if (index % 40 === 9) text = writer.row("8.2 empty document", "{ }");
  if (index % 40 === 11) {
    const bytes = Buffer.concat([
      Buffer.from(`{"a":"x`),
      Buffer.from([0xff, 0xc3]),
      Buffer.from(`y","k`),
      Buffer.from([0x80]),
      Buffer.from(`":1}`),
    ]);
    writer.rows.add("8.1 invalid UTF-8");
    return { source: bytes, rows: writer.rows };
  }
  return { source: utf8(writer.space() + text + writer.space()), rows: writer.rows };
}

/** A table with only its n-th row. */
export function pickOne(table: Table, n: number): Table {
  const name = nth(Object.keys(table), n);
  const make = table[name];
  return make ? { [name]: make } : {};
}

export const json: Generator = {
  format: "json",
  rows: [
    ...[strings, numbers, others, keys, refusals, departures].flatMap((table) =>
      Object.keys(table),
    ),
    "8.1 duplicate key",
    "8.1 invalid UTF-8",
    "8.2 empty array",
    "8.2 empty object",
    "8.2 empty document",
    "8.2 deep nesting",
  ],
  refused: new Set(Object.keys(refusals)),
  generate,
};
