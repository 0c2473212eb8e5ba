import { expect, test } from "vitest";
import { binary } from "../../formats/binary.ts";
import { EmitError, ParseError } from "../../src/errors.ts";
import { joinChunks } from "../../src/tree/long-text.ts";
import { bytes, entry, int, map, str, type Documents } from "../../src/tree/node.ts";

const emit = (documents: Documents) => binary.emit(documents, { sealed: false });

test("gives every byte back, and copies none", () => {
  const source = Uint8Array.from({ length: 256 }, (_, i) => i);
  const documents = binary.parse(source, { sealed: false });
  expect(documents).toEqual([map([entry("data", bytes(source, 0, 256))], 0, 256)]);
  const [chunk] = emit(documents);
  expect(chunk).toBe(source);
});

test("reads an empty file as empty data", () => {
  expect(emit(binary.parse(new Uint8Array(), { sealed: false }))).toEqual([new Uint8Array()]);
});

test("stores its encrypted form as JSON", () => {
  const sealed = '{\n  "data": "ENC[x]"\n}\n';
  const documents = binary.parse(Buffer.from(sealed), { sealed: true });
  expect(documents[0]?.items).toMatchObject([
    { key: "data", value: { kind: "str", value: "ENC[x]" } },
  ]);
  expect(joinChunks(binary.emit(documents, { sealed: true, indent: 2 })).toString()).toBe(sealed);
});

test("refuses an encrypted file that is not JSON", () => {
  expect(() => binary.parse(Buffer.from("hello"), { sealed: true })).toThrow(ParseError);
});

test("writes the first `data` whatever else the document contains", () => {
  const document = map([
    entry("a", int(1n)),
    entry("data", str("é")),
    entry("data", str("second")),
  ]);
  expect(emit([document])).toEqual(["é"]);
});

test.each<[string, Documents]>([
  ["there must be exactly one tree branch", []],
  ["there must be exactly one tree branch", [map([]), map([])]],
  ["no binary data found in tree", [map([entry("other", str("x"))])]],
  ["'data' key in tree does not have a string value", [map([entry("data", int(1n))])]],
])("refuses to write another document as a binary file: %s", (reason, documents) => {
  expect(() => emit(documents)).toThrow(
    expect.objectContaining({
      message: `error emitting binary store: ${reason}`,
      exitCode: 4,
      hint: expect.stringContaining("use --output-type"),
    }),
  );
});

test("has no single values", () => {
  expect(() => binary.emitValue(int(1n), { sealed: false })).toThrow(EmitError);
});

test("offers an example without a final newline", () => {
  expect(emit(binary.example())).toEqual(["Welcome to SOPS! Edit this file as you please!"]);
});
