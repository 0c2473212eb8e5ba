import { expect, test } from "vitest";
import { ini } from "../../formats/ini.ts";
import { EmitError, ParseError } from "../../src/errors.ts";
import { joinChunks } from "../../src/tree/long-text.ts";
import {
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
  type Documents,
  type Item,
} from "../../src/tree/node.ts";
import { encryptText, refusal } from "../verbs.ts";

const parse = (text: string | Uint8Array, warnings: string[] = []) =>
  ini.parse(typeof text === "string" ? Buffer.from(text) : text, {
    sealed: false,
    warn: (message) => void warnings.push(message),
  });
const emit = (documents: Documents) => joinChunks(ini.emit(documents, { sealed: false }));
const again = (text: string) => emit(parse(text)).toString();
const section = (...items: Item[]): Documents => [map([entry("s", map(items))])];

/** Value of the key `k` of a file that is only this. */
function valueOf(text: string): unknown {
  const [root] = parse(text)[0]?.items ?? [];
  const [key] = root?.kind === "entry" && root.value.kind === "map" ? root.value.items : [];
  return key?.kind === "entry" && key.value.kind === "str" ? key.value.value : undefined;
}

test("reads and writes comments of sections and keys where sops does", () => {
  const text = "; sc\n[s]\n; kc\na=1 ; inline\n# kd\n# ke\nb = 2\n; tail\n";
  expect(again(text)).toBe("; sc\n[s]\n; kc\n; inline\na = 1\n; kd\n# ke\nb = 2\n");
});

test("reads and writes quoted, raw, continued and empty values", () => {
  const text = `[s]
a: 1
b="q"
c='q'
d=\`b;c\`
e="""x
y"""
f=a \\
  b
g=
h="un
i = " x "
`;
  const written = `[s]
a = 1
b = q
c = q
d = \`b;c\`
e = """x
y"""
f = a b
g = 
h = "un
i = " x "
`;
  expect(again(text)).toBe(written);
  expect(again(written)).toBe(written);
});

test.each([
  ["k=%(x)s $HOME 50% C:\\dir\\n", "%(x)s $HOME 50% C:\\dir\\n"],
  ["k=a#b", "a"],
  ['k="x # y"', '"x'],
  ["k='a'b'", "'a'b'"],
  ['k=""', ""],
  ['k="""', '"""'],
  ["k=`a`b`", "a`b"],
  ["k=`a\nb\\` \\\nc`", "a\nb\\` \\\nc"],
  ['k="""a\r\nb"""\r\n', "a\r\nb"],
  ["k=\\\n\nx=1", ""],
  ["k=a\\\n b # c\\\n'd'", "ab # c'd'"],
  ["k\u00a0=\u3000v\u0085", "v"],
  ["k=\ufeffv", "\ufeffv"],
  ["\ufeffk=v", "v"],
])("reads the value of %j", (text, value) => {
  expect(valueOf(text)).toBe(value);
});

test.each([
  ['"a=b" = 1', "a=b"],
  ["`a:b`: 1", "a:b"],
  ['"""a"b""" = 1', 'a"b'],
  ["  a b\t= 1", "a b"],
  ["__proto__=1", "__proto__"],
])("reads the key of %j", (text, key) => {
  expect(parse(text)[0]?.items).toMatchObject([{ key: "DEFAULT", value: { items: [{ key }] } }]);
});

test("always has DEFAULT first, and keeps repeated sections apart", () => {
  expect(parse("[ s ]\n[DEFAULT]\na=1\n[t]]x\n[ s ]\n")[0]?.items).toMatchObject([
    { key: "DEFAULT", value: { items: [] } },
    { key: " s " },
    { key: "DEFAULT" },
    { key: "t]" },
    { key: " s " },
  ]);
  expect(again("a=1\n[DEFAULT]\nb=2\n")).toBe("a = 1\n\n[DEFAULT]\nb = 2\n");
  expect(again("")).toBe("");
});

test("numbers the keys `-` of each section", () => {
  expect(parse("-=1\n-=2\n[s]\n-=3\n")[0]?.items).toMatchObject([
    { value: { items: [{ key: "#1" }, { key: "#2" }] } },
    { value: { items: [{ key: "#1" }] } },
  ]);
});

test("a repeated key keeps its first place and takes value and comment of the last, with a warning", () => {
  const warnings: string[] = [];
  const documents = parse("[s]\n; one\na=1\nb=2\n; two\na=3\n", warnings);
  expect(emit(documents).toString()).toBe("[s]\n; two\na = 3\nb = 2\n");
  expect(warnings).toEqual([expect.stringMatching(/^line 6: .*dropped/)]);
});

test("warns about text that INI has no place for, and quotes none of it", () => {
  const warnings: string[] = [];
  parse("[s]\na=`x` ; lost\nb=1\n\n# tail\n; tail\n", warnings);
  expect(warnings).toEqual([
    expect.stringMatching(/^line 2: .*dropped/),
    expect.stringMatching(/^line 5: .*dropped/),
  ]);
  expect(warnings.join("")).not.toMatch(/lost|tail/);
  const none: string[] = [];
  parse("; c\n[s]\n; d\na=1\nb=`x`\nc=it's\n", none);
  expect(none).toEqual([]);
});

test("says what reading removes from a value, with its line, and only a few times", () => {
  const warnings: string[] = [];
  const text = "[s]\na=p#ss\nb=\"x\"\nc=`p#ss`\nd='y' ; e\n";
  parse(text, warnings);
  expect(warnings).toEqual([
    expect.stringMatching(/^line 2: the value ends before `#`/),
    expect.stringMatching(/^line 3: the quotes/),
    expect.stringMatching(/^line 5: the value ends before `;`/),
    expect.stringMatching(/^line 5: the quotes/),
  ]);
  expect(warnings.join("")).not.toMatch(/ss|x"|y'/);
  const many: string[] = [];
  parse(`[s]\n${Array.from({ length: 50 }, (_, i) => `k${i}=a;b\n`).join("")}`, many);
  expect(many).toHaveLength(6);
  const sealed: string[] = [];
  ini.parse(Buffer.from(text), { sealed: true, warn: (message) => void sealed.push(message) });
  expect(sealed).toEqual([]);
});

test("drops empty comment lines before a comment, with which sops would crash on decrypt", () => {
  expect(again("#\n# title\n[s]\n;\na=1 ; x\n;\nb=2\n")).toBe("; title\n[s]\n; x\na = 1\nb = 2\n");
});

test("gives sections, keys, values and comments their place in the text", () => {
  const text = "[s] ; c\nkey = `v`\n";
  const slice = (span: { start: number; end: number } | undefined) =>
    text.slice(span?.start, span?.end);
  const [, item] = parse(text)[0]?.items ?? [];
  expect(slice(item)).toBe("[s]");
  const inside = item?.kind === "entry" && item.value.kind === "map" ? item.value.items : [];
  expect(slice(inside[0])).toBe("; c");
  expect(slice(inside[1]).startsWith("key")).toBe(true);
  expect(inside[1]?.kind === "entry" && slice(inside[1].value).trim()).toBe("`v`");
});

test("keeps bytes that are not UTF-8", () => {
  const source = Buffer.from("[s\x80]\nk\xff = \xc3(\nlong = 1\n", "latin1");
  const written = Buffer.from("[s\x80]\nk\xff   = \xc3(\nlong = 1\n", "latin1");
  expect(emit(parse(source))).toEqual(written);
});

test.each([
  ["[s]\n[x", "unclosed section: ", 2],
  ["\n[]", "empty section name", 2],
  ["[s]\nsecret", "key-value delimiter not found", 2],
  ["[s]\n=secret", "empty key name", 2],
  ['[s]\n""=secret', "error creating new key: empty key name", 2],
  ['[s]\n"secret=1', "missing closing key quote", 2],
  ['[s]\na="""secret\nb\n', "missing closing key quote from ", 2],
  ["[s]\na=`secret\nb`\\\n", "missing closing key quote from ", 2],
])("refuses %j", (text, message, line) => {
  expect(() => parse(text)).toThrow(ParseError);
  expect(() => parse(text)).toThrow(`Could not unmarshal input data: ${message}`);
  expect(() => parse(text)).toThrow(expect.objectContaining({ line }));
  expect(() => parse(text)).not.toThrow(/secret/);
});

test("aligns keys by their length in bytes and quotes those that need it", () => {
  const items = ["a", "é", "a=b", 'q"', "`t"].map((key) => entry(key, str("1")));
  expect(emit(section(...items)).toString()).toBe(
    '[s]\na        = 1\né       = 1\n`a=b`    = 1\n`q"`     = 1\n"""`t""" = 1\n',
  );
});

test.each([
  ["a\nb", '"""a\nb"""'],
  ["a`b;", '"""a`b;"""'],
  ["a;b", "`a;b`"],
  ["a#", "`a#`"],
  [" a", '" a"'],
  ["a\u00a0", '"a\u00a0"'],
  ["", ""],
  ["it's", "it's"],
  // As sops writes these, they would read back as something else.
  ['"x"', '`"x"`'],
  ["'x'", "`'x'`"],
  ["C:\\dir\\", "`C:\\dir\\`"],
  ["`x", '"""`x"""'],
  ['"""x', '`"""x`'],
])("writes the value %j as %s", (value, written) => {
  expect(emit(section(entry("k", str(value)))).toString()).toBe(`[s]\nk = ${written}\n`);
});

test("writes values of other formats as sops does", () => {
  const items = [
    entry("a", int(5n)),
    entry("b", float(1)),
    entry("c", nil()),
    entry("d", time("2020-01-01T00:00:00.5Z")),
    entry(
      "e",
      seq([int(1n), float(1e6), float(-0), nil(), bytes(Buffer.from("x")), comment(" hi")]),
    ),
    entry(
      "f",
      map([
        comment(" c"),
        entry("b", seq([map([])])),
        entry("t", time("2020-01-01T01:02:03.5+05:30")),
      ]),
    ),
    entry("g", seq([time("2020-01-01T00:00:00Z")])),
  ];
  expect(emit(section(...items)).toString()).toBe(`[s]
a = 5
b = 1.0
c = <nil>
d = 2020-01-01T00:00:00Z
e = [1 1e+06 -0 <nil> x { hi false}]
f = [{{ c false} <nil>} {b [[]]} {t 2020-01-01 01:02:03.5 +0530 +0530}]
g = [2020-01-01 00:00:00 +0000 UTC]
`);
});

test("writes the sections of all documents, and drops comments that have no place with a warning", () => {
  const warnings: string[] = [];
  const documents = [
    map([
      comment(" top"),
      entry("s", map([comment(" sc"), comment(" lost"), entry("a", str("1")), comment(" kc")])),
    ]),
    map([entry("t", map([entry("b", str("2"))]))]),
  ];
  const chunks = ini.emit(documents, {
    sealed: false,
    warn: (message) => void warnings.push(message),
  });
  expect(joinChunks(chunks).toString()).toBe(";  sc\n[s]\n; kc\na = 1\n\n[t]\nb = 2\n");
  expect(warnings).toEqual([expect.stringContaining("2")]);
});

test("leaves out the header of a first section DEFAULT, in any case", () => {
  expect(
    emit([map([entry("default", map([entry("a", str("1"))])), entry("t", map([]))])]).toString(),
  ).toBe("a = 1\n\n[t]\n");
  expect(emit([map([entry("DEFAULT", map([])), entry("t", map([]))])]).toString()).toBe("[t]\n");
});

test.each<[string, Documents]>([
  [
    "Error encoding section: Section values should always be TreeBranches",
    [map([entry("a", str("1"))])],
  ],
  ["Error encoding section : empty section name", [map([entry("", map([]))])]],
  ["Error encoding key: error creating new key: empty key name", section(entry("", str("1")))],
])("refuses to write what sops refuses: %s", (message, documents) => {
  expect(() => emit(documents)).toThrow(
    expect.objectContaining({ message: `Error marshaling to INI: ${message}`, exitCode: 4 }),
  );
});

test.each(["#a", ";a", "[a", "-", " a", "a\n", 'a"`', "a\nb"])(
  "refuses to seal the key %j, which reads back as another",
  (key) => {
    expect(() => ini.checkSealable?.(section(entry(key, str("1"))))).toThrow(EmitError);
  },
);

test("names line and path of a key `-` when it refuses to seal it", async () => {
  const error = await refusal(encryptText("[s]\na=1\n- = 2\n", { format: "ini" }));
  expect(error.message).toContain("line 3: ");
  expect(error.path).toBe('["s"]["#1"]');
});

test("refuses to seal what nothing can decrypt: null, collections, repeated keys, a lower-case default section", () => {
  const check = (documents: Documents) => () => ini.checkSealable?.(documents);
  expect(check(section(entry("a", nil())))).toThrow(EmitError);
  expect(check(section(entry("a", seq([]))))).toThrow(EmitError);
  expect(check(section(entry("a", str("1")), entry("a", str("2"))))).toThrow(EmitError);
  expect(check([map([entry("default", map([]))])])).toThrow(EmitError);
  expect(
    check([
      map([
        entry("DEFAULT", map([entry("a b", str("1")), entry("a:`", str("")), entry("é", int(1n))])),
      ]),
    ]),
  ).toThrow(EmitError);
  expect(
    check([
      map([
        entry("DEFAULT", map([entry("a b", str("1")), entry("a:", str("")), entry("é", int(1n))])),
      ]),
    ]),
  ).not.toThrow();
});

test("prints a single value as compact JSON", () => {
  expect(ini.emitValue(seq([int(1n), map([entry("a", str("<"))])]), { sealed: false })).toBe(
    '[1,{"a":"\\u003c"}]',
  );
});

test("writes lists of any depth without running out of stack", () => {
  let deep = seq([]);
  for (let i = 0; i < 100_000; i++) deep = seq([deep]);
  expect(emit(section(entry("a", deep))).length).toBe("[s]\na = \n".length + 200_002);
});

test("counts lines for its warnings in linear time", () => {
  const warnings: string[] = [];
  parse(`[s]\n${"a=1\n".repeat(100_000)}`, warnings);
  expect(warnings.at(-1)).toMatch(/^line 100001: /);
}, 5_000);

test("offers the example with a comment and aligned keys", () => {
  expect(emit(ini.example()).toString()).toBe(
    "; This is an example file.\n[Welcome!]\nhello       = Welcome to SOPS! Edit this file as you please!\nexample_key = example_value\n",
  );
});
