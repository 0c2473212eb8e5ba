import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeStream, joinStream } from "../../formats/yaml/chars.ts";
import { ParseError } from "../../src/errors.ts";
import { runs } from "../runs.ts";

const outcome = (read: () => unknown): unknown => {
  try {
    return read();
  } catch (error) {
    if (error instanceof ParseError) return [error.message, error.line];
    throw error;
  }
};

const pieces = fc.array(
  fc.oneof(
    fc.string({ unit: "binary" }),
    fc.string(),
    fc.constantFrom("\ufeff", "a: b\r\n", "\u0085", "\u0000", "\u001b", "é", "", "😀"),
  ),
  { maxLength: 5 },
);

test("text in pieces is the text that its bytes are read as, or is refused like them", () => {
  fc.assert(
    fc.property(pieces, (parts) => {
      const bytes = Buffer.from(parts.join(""));
      const hasMark = bytes.subarray(0, 3).equals(Buffer.from("\ufeff"));
      expect(outcome(() => joinStream(parts))).toEqual(
        outcome(() => {
          const text = decodeStream(bytes);
          return {
            text,
            isAscii: Buffer.byteLength(text) === text.length,
            byteOrderMark: hasMark ? "\ufeff" : "",
          };
        }),
      );
    }),
    { numRuns: runs(2000) },
  );
});
