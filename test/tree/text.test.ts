import fc from "fast-check";
import { expect, test } from "vitest";
import { bytes, str } from "../../src/tree/node.ts";
import {
  decodeText,
  encodeText,
  leafText,
  lineAt,
  lossyText,
  textLeaf,
} from "../../src/tree/text.ts";

test("UTF-8 is decoded as usual", () => {
  for (const text of ["", "abc", "é日\u{1f600}", "\0\u007f\ufeff\uffff"]) {
    expect(decodeText(Buffer.from(text))).toBe(text);
    expect(encodeText(text)).toEqual(Buffer.from(text));
  }
});

test.each([
  [[0xff], "\udcff"],
  [[0x61, 0x80, 0x62], "a\udc80b"],
  [[0xc0, 0xaf], "\udcc0\udcaf"],
  [[0xe0, 0x80, 0x80], "\udce0\udc80\udc80"],
  [[0xed, 0xa0, 0x80], "\udced\udca0\udc80"],
  [[0xf4, 0x90, 0x80, 0x80], "\udcf4\udc90\udc80\udc80"],
  [[0xe2, 0x82], "\udce2\udc82"],
  [[0xf0, 0x9f, 0x98, 0x80, 0xff], "\u{1f600}\udcff"],
])("bytes %j that are not UTF-8 are kept", (raw, text) => {
  expect(decodeText(Uint8Array.from(raw))).toBe(text);
  expect([...encodeText(text)]).toEqual(raw);
});

test("any bytes come back", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (raw) => {
      expect(Buffer.from(encodeText(decodeText(raw)))).toEqual(Buffer.from(raw));
    }),
  );
});

test("a view into a larger buffer is decoded alone", () => {
  expect(decodeText(new Uint8Array(Buffer.from("xabcx")).subarray(1, 4))).toBe("abc");
});

test("a leaf is text where it can be", () => {
  expect(textLeaf("é")).toEqual(str("é"));
  const leaf = textLeaf("a\udcff");
  expect(leaf.kind).toBe("bytes");
  expect(leafText(leaf)).toBe("a\udcff");
  expect(leafText(bytes(Uint8Array.of(0x61)))).toBe("a");
});

test("what is not Unicode is replaced if a format cannot hold bytes", () => {
  expect(lossyText("a\udcffb")).toBe("a\ufffdb");
  expect(lossyText("a\u{1f600}b")).toBe("a\u{1f600}b");
});

test.each([
  ["a\nb", 0, 1],
  ["a\nb", 2, 2],
  ["a\r\nb", 3, 2],
  ["a\rb", 2, 2],
  ["\n\n\n", 3, 4],
])("in %j offset %i stands on line %i", (text, offset, line) => {
  expect(lineAt(text, offset)).toBe(line);
});
