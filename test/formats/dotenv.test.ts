import fc from "fast-check";
import { expect, test } from "vitest";
import { dotenv } from "../../formats/dotenv.ts";
import { EmitError, ParseError } from "../../src/errors.ts";
import { joinChunks } from "../../src/tree/long-text.ts";
import {
  bool,
  comment,
  entry,
  float,
  int,
  map,
  nil,
  seq,
  str,
  type Documents,
} from "../../src/tree/node.ts";
import { decryptText, encryptText, refusal } from "../verbs.ts";

const parse = (text: string | Uint8Array) =>
  dotenv.parse(typeof text === "string" ? Buffer.from(text) : text, { sealed: false });
const emit = (documents: Documents) => joinChunks(dotenv.emit(documents, { sealed: false }));
const again = (text: string) => emit(parse(text)).toString();

test("returns every line except empty ones", () => {
  const lines = [
    "# c",
    "#",
    'A="x y"',
    "export C=3",
    " D = 4 ",
    "F=a=b",
    "G=a#b # c",
    "A=dup",
    "=",
    "E=",
    "__proto__=1",
  ];
  expect(again(lines.join("\n\n"))).toBe(`${lines.join("\n")}\n`);
});

test("reads the two characters backslash and n as a line feed, and nothing else as an escape", () => {
  const [document] = parse("A=x\\ny\\\\nz\\t\r\n");
  expect(document?.items).toMatchObject([
    { key: "A", value: { kind: "str", value: "x\ny\\\nz\\t\r" } },
  ]);
  expect(again("A=x\\ny\\\\nz\\t\r\n")).toBe("A=x\\ny\\\\nz\\t\r\n");
});

test("gives names, values and comments their place in the text", () => {
  const text = "#c\nAB=xyz";
  const [first, second] = parse(text)[0]?.items ?? [];
  expect(first).toEqual(comment("c", false, 0, 2));
  expect(second).toEqual(entry("AB", str("xyz", 6, 9), 3, 5));
});

test("keeps bytes that are not UTF-8", () => {
  const source = Buffer.from([0x23, 0xff, 0x0a, 0x41, 0x80, 0x3d, 0xc3, 0x28, 0x0a]);
  const documents = parse(source);
  expect(documents[0]?.items[1]).toMatchObject({
    value: { kind: "bytes", value: Buffer.of(0xc3, 0x28) },
  });
  expect(emit(documents)).toEqual(source);
});

test.each(["A=secret\nno assignment", "A=1\n  # indented", "A=1\n  \nB=2", "A=1\n\r\n"])(
  "refuses %j",
  (text) => {
    expect(() => parse(text)).toThrow(ParseError);
    expect(() => parse(text)).toThrow(/invalid dotenv input line: /);
    expect(() => parse(text)).toThrow(expect.objectContaining({ line: 2 }));
    expect(() => parse(text)).not.toThrow(/secret|assignment|indented/);
  },
);

test("reads an empty file as an empty document", () => {
  expect(parse("")).toMatchObject([{ kind: "map", items: [] }]);
  expect(emit(parse(""))).toEqual(Buffer.alloc(0));
});

test("writes values of other formats, and of the first document only", () => {
  const items = [
    entry("i", int(1n)),
    entry("f", float(1e6)),
    entry("b", bool(true)),
    entry("n", nil()),
  ];
  expect(emit([map(items), map([entry("x", int(2n))])]).toString()).toBe(
    "i=1\nf=1E+06\nb=true\nn=<nil>\n",
  );
});

test("refuses a list, a mapping and a single value that is not text", () => {
  for (const value of [seq([]), map([])]) {
    expect(() => emit([map([entry("k", value)])])).toThrow(
      "cannot use complex value in dotenv file; offending key k",
    );
  }
  expect(() => dotenv.emitValue(float(1), { sealed: false })).toThrow(
    "the dotenv store only supports emitting strings, got float64",
  );
});

test.each([
  entry("#a", str("1")),
  entry("a=b", str("1")),
  entry("a\nb", str("1")),
  entry("a", nil()),
])("refuses to seal %j, which would read back as something else", (item) => {
  expect(() => dotenv.checkSealable?.([map([item])])).toThrow(EmitError);
});

test("seals everything that it can read", () => {
  const text = "#c\n=\n a =b\n'q'=\"\"\n[x]=1\n";
  expect(() => dotenv.checkSealable?.(parse(text))).not.toThrow();
});

test("returns any bytes, once empty lines are removed", () => {
  const line = fc
    .tuple(fc.uint8Array(), fc.uint8Array())
    .map(([key, value]) => Buffer.concat([key, Buffer.from("="), value]));
  fc.assert(
    fc.property(fc.array(line), (lines) => {
      const source = Buffer.concat(
        lines.flatMap((each) => [Buffer.from(each.filter((b) => b !== 0x0a)), Buffer.from("\n")]),
      );
      expect(emit(parse(source))).toEqual(source);
    }),
  );
});

test("offers the example with a multi-line value", () => {
  expect(emit(dotenv.example()).toString()).toBe(
    "# This is an example file.\nhello=Welcome to SOPS! Edit this file as you please!\nexample_key=example_value\nexample_multiline=foo\\nbar\\nbaz\n",
  );
});

test("opens an encrypted file whose line endings were changed to those of Windows", async () => {
  const plain = "A=1\n# c\nB=two\\nlines\n";
  const sealed = await encryptText(plain, { format: "dotenv" });
  const crlf = sealed.replaceAll("\n", "\r\n");
  expect(await decryptText(crlf, { format: "dotenv" })).toBe(plain);
  // One line of another end, and CRs are data.
  const mixed = crlf.replace("\r\n", "\n");
  expect((await refusal(decryptText(mixed, { format: "dotenv" }))).exitCode).toBeGreaterThan(0);
});

test("a carriage return at the end of an unencrypted value is data", async () => {
  const options = {
    format: "dotenv",
    selectors: [{ name: "encrypted_regex", value: "^z" }],
  } as const;
  const sealed = await encryptText("a=1\r\n", options);
  expect(await decryptText(sealed, options)).toBe("a=1\r\n");
});

test.each([
  ["a=1\nb=2\r\n", /^line 2: Windows line endings/],
  ["\ufeffa=1\n", /byte order mark/],
])("warns about %j", async (plain, wanted) => {
  const warnings: string[] = [];
  const warn = (message: string) => warnings.push(message);
  const sealed = await encryptText(plain, { format: "dotenv", warn });
  expect(warnings).toEqual([expect.stringMatching(wanted)]);
  expect(await decryptText(sealed, { format: "dotenv", warn })).toBe(plain);
  expect(warnings).toHaveLength(1);
});
