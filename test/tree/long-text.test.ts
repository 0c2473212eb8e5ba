import fc from "fast-check";
import { expect, test } from "vitest";
import { joinChunks } from "../../src/tree/long-text.ts";

test("chunks of text and bytes become the bytes of all of them", () => {
  const chunk = fc.oneof(fc.string({ unit: "binary" }), fc.string(), fc.uint8Array());
  fc.assert(
    fc.property(fc.array(chunk, { maxLength: 6 }), (chunks) => {
      const wanted = Buffer.concat(
        chunks.map((one) => (typeof one === "string" ? Buffer.from(one) : one)),
      );
      expect(joinChunks(chunks)).toEqual(wanted);
    }),
  );
});

test("one chunk of bytes is not copied", () => {
  const bytes = Uint8Array.of(1, 2, 3);
  expect(joinChunks([bytes]).buffer).toBe(bytes.buffer);
});
