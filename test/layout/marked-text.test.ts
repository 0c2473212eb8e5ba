import { expect, test } from "vitest";
import { loadFormat } from "../../formats/index.ts";
import { LeafCipher } from "../../src/crypto/leaf.ts";
import { readMarked } from "../../src/layout/marked-text.ts";
import { encryptText } from "../verbs.ts";

test("an encrypted text is opened once: its memory is given away", async () => {
  const sealed = await encryptText("a: 'x' # why\n", { layout: "keep" });
  const format = await loadFormat("yaml");
  const marked = await readMarked(Buffer.from(sealed), format);
  if (marked === undefined) throw new Error("no marker");
  // The key is of no matter here: what does not open stays as it is.
  const opening = { cipher: new LeafCipher(new Uint8Array(32)), nonces: undefined };
  marked.open(marked.documents, opening);
  expect(() => marked.open(marked.documents, opening)).toThrow("the text was opened already");
});
