import fc from "fast-check";
import { expect, test } from "vitest";
import { json } from "../../formats/json.ts";
import { EmitError, ParseError } from "../../src/errors.ts";
import { joinChunks } from "../../src/tree/long-text.ts";
import {
  bool,
  bytes,
  comment,
  entry,
  float,
  int,
  map,
  nil,
  seq,
  str,
  time,
  type Node,
} from "../../src/tree/node.ts";

const parse = (text: string | Uint8Array, sealed = false) =>
  json.parse(typeof text === "string" ? Buffer.from(text) : text, { sealed });
const emit = (documents: ReturnType<typeof parse>, indent?: number) =>
  joinChunks(json.emit(documents, { sealed: false, indent })).toString();
const again = (text: string | Uint8Array) => emit(parse(text));

/** The value of the document's only key. */
function only(text: string): Node {
  const [item] = parse(`{"k":${text}}`)[0]?.items ?? [];
  if (item?.kind !== "entry") throw new Error("no entry");
  return item.value;
}

test("keeps order and repeated keys, and treats no key as special", () => {
  const text =
    '{\n\t"b": 1,\n\t"__proto__": 2,\n\t"1": 3,\n\t"": 4,\n\t"b": 5,\n\t"constructor": {}\n}\n';
  expect(again(text)).toBe(text);
});

test.each([
  ["0", int(0n)],
  ["-0", int(0n)],
  ["9223372036854775807", int(2n ** 63n - 1n)],
  ["-9223372036854775808", int(-(2n ** 63n))],
  ["9223372036854775808", float(2 ** 63)],
  ["-9223372036854775809", float(-(2 ** 63))],
  ["1.0", float(1)],
  ["-0.0", float(-0)],
  ["1e3", float(1000)],
  ["1E-400", float(0)],
  ["true", bool(true)],
  ["false", bool(false)],
  ["null", nil()],
])("reads %s with its type", (text, expected) => {
  expect({ ...only(text), start: -1, end: -1 }).toEqual(expected);
});

test("gives keys, leaves and containers their place in the text", () => {
  const text = '{ "a": [1, "x"], "b": {} }';
  const [root] = parse(text);
  const [a, b] = root?.items ?? [];
  const slice = (span: { start: number; end: number } | undefined) =>
    text.slice(span?.start, span?.end);
  expect(slice(root)).toBe(text);
  expect(slice(a)).toBe('"a"');
  expect(a?.kind === "entry" && slice(a.value)).toBe('[1, "x"]');
  expect(a?.kind === "entry" && a.value.kind === "seq" && a.value.items.map(slice)).toEqual([
    "1",
    '"x"',
  ]);
  expect(b?.kind === "entry" && slice(b.value)).toBe("{}");
});

test("escapes what sops escapes and nothing else", () => {
  const text = '\b\f\n\r\t"\\/<>&\u0000\u001f\u007f\u2028\u2029é😀';
  const expected =
    '\\b\\f\\n\\r\\t\\"\\\\/\\u003c\\u003e\\u0026\\u0000\\u001f\u007f\\u2028\\u2029é😀';
  expect(emit([map([entry(text, str(text))])])).toBe(`{\n\t"${expected}": "${expected}"\n}\n`);
});

test("replaces lone surrogates and bytes that are not UTF-8", () => {
  expect(only('"\\ud800\\u0041 \\udc00"')).toMatchObject({ value: "\ufffdA \ufffd" });
  const broken = Buffer.concat([
    Buffer.from('\n{"'),
    Buffer.of(0xff, 0xe2, 0x82),
    Buffer.from('":1}'),
  ]);
  expect(json.parse(broken, { sealed: true })[0]).toMatchObject({
    items: [{ key: "\ufffd\ufffd\ufffd" }],
  });
  // In a plain file they would be lost: sops loses them.
  expect(() => json.parse(broken, { sealed: false })).toThrow("invalid UTF-8 (line 2)");
  expect(emit([map([entry("a\udc80", bytes(Uint8Array.of(0x62, 0xff)))])])).toBe(
    '{\n\t"a\\ufffd": "b\\ufffd"\n}\n',
  );
});

test("writes timestamps as strings, drops comments, and closes empty containers on their line", () => {
  const document = map([
    comment(" top"),
    entry("t", time("2020-01-01T00:00:00.5Z")),
    entry("l", seq([comment("c")])),
    entry("m", map([comment("c")])),
    entry("n", seq([comment("c"), nil(), comment("d"), bool(false)])),
    comment("end"),
  ]);
  expect(emit([document])).toBe(
    '{\n\t"t": "2020-01-01T00:00:00.5Z",\n\t"l": [],\n\t"m": {},\n\t"n": [\n\t\tnull,\n\t\tfalse\n\t]\n}\n',
  );
  expect(emit([map([])])).toBe("{}\n");
});

test.each([
  [undefined, "\n\t"],
  [-1, "\n\t"],
  [0, "\n"],
  [1, "\n "],
  [12, `\n${" ".repeat(12)}`],
])("indents by %s", (indent, expected) => {
  expect(emit(parse('{"a":1}'), indent)).toBe(`{${expected}"a": 1\n}\n`);
});

test("refuses an indent below -1", () => {
  expect(() => emit(parse("{}"), -2)).toThrow(
    "Error marshaling to json: JSON Indentation parameter smaller than -1 is not accepted",
  );
});

test("refuses NaN", () => {
  const documents = [map([entry("a", float(NaN))])];
  expect(() => emit(documents)).toThrow(
    /^Error marshaling to json: Error encoding value : json: unsupported value: /,
  );
});

test("prints a single value indented and without a final newline", () => {
  expect(json.emitValue(seq([int(1n), comment("c")]), { sealed: false })).toBe("[\n\t1\n]");
  expect(json.emitValue(float(1.5), { sealed: false })).toBe("1.5");
});

test.each([
  ["", "EOF"],
  [" \n", "EOF"],
  ['{"a":1', "Expected JSON object key, got "],
  ['{"a":', "unexpected EOF"],
  ['{"a":[1', "unexpected EOF"],
  ['{"a', "unexpected EOF"],
  ['{"a"', "unexpected EOF"],
  ["{'a':1}", String.raw`invalid character '\'' looking for beginning of object key string`],
  ['{"a":1,}', "invalid character '}' looking for beginning of object key string"],
  ['{"a":01}', "invalid character '1' after object key:value pair"],
  ['{"a":1 "b":2}', `invalid character '"' after object key:value pair`],
  ['{"a":[1 2]}', "invalid character '2' after array element"],
  ['{"a" 1}', "invalid character '1' after object key"],
  ['{"a":[1,]}', "invalid character ']' looking for beginning of value"],
  ['{"a":NaN}', "invalid character 'N' looking for beginning of value"],
  ['{"a":nul}', "invalid character 'n' looking for beginning of value"],
  ['{"a":\u202e1}', String.raw`invalid character '\u202e' looking for beginning of value`],
  ['{"a":\u{1f600}}', String.raw`invalid character '\U0001f600' looking for beginning of value`],
  ['{"a":1.}', "invalid character '}' in numeric literal"],
  ['{"a":-}', "invalid character '}' in numeric literal"],
  ['{"a":1e+}', "invalid character '}' in numeric literal"],
  ['{"a":"x\ny"}', String.raw`invalid character '\n' in string literal`],
  ['{"a":"\\x"}', "invalid character 'x' in string escape code"],
  ['{"a":"\\u12g4"}', "invalid character 'g' in \\u hexadecimal character escape"],
  ['{"a":1E400}', "strconv.ParseFloat: parsing "],
  ["/* c */ {}", "invalid character '/' looking for beginning of value"],
  ["\ufeff{}", String.raw`invalid character '\ufeff' looking for beginning of value`],
  [
    "[]",
    "SOPS only supports JSON files with a top-level object (starting with '{'), not arrays or other types. Got delimiter [",
  ],
  [
    '"x"',
    "SOPS only supports JSON files with a top-level object (starting with '{'), not other JSON types. Got ",
  ],
  [
    "null",
    "SOPS only supports JSON files with a top-level object (starting with '{'), not other JSON types. Got ",
  ],
])("refuses %j", (text, message) => {
  expect(() => parse(text)).toThrow(ParseError);
  expect(() => parse(text)).toThrow(`Could not unmarshal input data: ${message}`);
});

test("names the line of an error and quotes nothing of the file", () => {
  const refuse = () => parse('{\n"password": "s3cret"\n"token": "hunter2"}');
  expect(refuse).toThrow(expect.objectContaining({ line: 3, exitCode: 1 }));
  expect(refuse).not.toThrow(/s3cret|hunter2|password|token/);
});

test("refuses text after the object in a plain file, and ignores it in an encrypted one", () => {
  expect(() => parse('{"a":1}\n{"b":2}')).toThrow(expect.objectContaining({ line: 2 }));
  expect(emit(parse('{"a":1}\ntrailing', true))).toBe('{\n\t"a": 1\n}\n');
});

test("reads and writes 10,000 levels and refuses more", () => {
  const nested = (levels: number) => `{"a":${"[".repeat(levels - 1)}${"]".repeat(levels - 1)}}`;
  expect(
    emit(parse(nested(10_000)), 0)
      .replaceAll("\n", "")
      .replace(": ", ":"),
  ).toBe(nested(10_000));
  expect(() => parse(nested(10_001))).toThrow(/exceeded max depth/);
  expect(() => parse(`{"a":${"[".repeat(100_000)}`)).toThrow(/exceeded max depth/);
  let deep: Node = int(1n);
  for (let i = 0; i < 100_000; i++) deep = seq([deep]);
  expect(() => emit([map([entry("a", deep)])])).toThrow(/exceeded max depth/);
});

test("refuses to seal several documents, of which only the first would be written", () => {
  const one = map([entry("a", int(1n))]);
  expect(() => json.checkSealable?.([one, map([entry("b", int(1n))])])).toThrow(EmitError);
  expect(() => json.checkSealable?.([one, map([comment("c")])])).not.toThrow();
});

test("writes in chunks what it would write at once", () => {
  const items = Array.from({ length: 20_000 }, (_, i) => entry(`key${i}`, str("value")));
  const chunks = [...json.emit([map(items)], { sealed: false })];
  expect(chunks.length).toBeGreaterThan(5);
  expect(JSON.parse(chunks.join(""))).toEqual(
    Object.fromEntries(items.map((item) => [item.key, "value"])),
  );
});

test("agrees with JSON.parse on every text that JSON.stringify makes", () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.string({ unit: "binary" }), fc.jsonValue()),
      fc.nat(4),
      (value, space) => {
        const text = JSON.stringify(value, undefined, space);
        expect(JSON.parse(again(text))).toEqual(JSON.parse(text));
      },
    ),
  );
});

test("offers the example as JSON", () => {
  const text = emit(json.example());
  expect(JSON.parse(text)).toMatchObject({
    example_number: 1234.56789,
    example_booleans: [true, false],
  });
  expect(again(text)).toBe(text);
});
