import { expect, test } from "vitest";
import type { FormatName } from "../formats/format.ts";
import { isEncrypted } from "../src/status.ts";
import { encryptText, refusal } from "./verbs.ts";

const status = (text: string, input: FormatName) =>
  isEncrypted(Buffer.from(text), { file: "secrets.x", input });

const plain: Record<FormatName, string> = {
  yaml: "a: 1\n",
  json: '{"a": 1}',
  dotenv: "A=1\n",
  ini: "[s]\na = 1\n",
  binary: '{"data": "x"}',
};

test.each(Object.keys(plain) as FormatName[])(
  "tells an encrypted %s file from a plain one",
  async (format) => {
    expect(await status(await encryptText(plain[format], { format }), format)).toBe(true);
    expect(await status(plain[format], format)).toBe(false);
  },
);

test("a file without a MAC is not encrypted", async () => {
  const text = await encryptText("a: 1\n");
  expect(await status(text.replace(/^    mac: .*\n/m, ""), "yaml")).toBe(false);
  expect(await status(text.replace(/^    version: .*\n/m, ""), "yaml")).toBe(false);
});

test.each([
  ["what cannot be parsed", "a: [\n"],
  [
    "a block without keys",
    'a: 1\nsops:\n    lastmodified: "2020-01-01T00:00:00Z"\n    mac: x\n    version: 3.13.3\n',
  ],
  ["a time that is none", "a: 1\nsops:\n    lastmodified: foo\n    mac: x\n    version: 3.13.3\n"],
])("refuses %s", async (_what, text) => {
  const error = await refusal(status(text, "yaml"));
  expect(error.exitCode).toBe(1);
  expect(error.message.startsWith("cannot check file status: cannot load encrypted file: ")).toBe(
    true,
  );
});
