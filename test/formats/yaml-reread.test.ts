import { expect, test } from "vitest";
import { yaml } from "../../formats/yaml.ts";
import { ParseError } from "../../src/errors.ts";
import { decryptText, encryptText } from "../verbs.ts";

test("encrypts a list element with a comment at its end and an empty list after it", async () => {
  const sealed = await encryptText("C:\n- {d: [x, []]} #j\nb: []\n");
  expect(await decryptText(sealed)).toBe(
    "C:\n    #j\n    - d:\n        - x\n        - []\nb: []\n",
  );
});

test.each(["a: [a?b]\n", "a: {L?: {}}\n"])(
  "refuses a question mark inside a plain flow scalar: %j",
  (text) => {
    expect(() => yaml.parse(Buffer.from(text), { sealed: false })).toThrow(ParseError);
  },
);
