import { expect, test } from "vitest";
import { decrypt, SopsmithError } from "../../../src/index.ts";
import { checkRows } from "../rows.ts";
import { identities, sealed } from "../samples.ts";
import { rows } from "./json.rows.ts";

checkRows(rows);

test.each([
  [
    { file: "<input>", path: '["secret"]' },
    "tampered value",
    /(secret: ENC\[AES256_GCM,data:)..../,
  ],
  [{ file: "<input>", path: undefined }, "tampered MAC", /(mac: ENC\[AES256_GCM,data:)..../],
  [{ file: "<input>", path: undefined }, "broken syntax", /(l:)\n/],
])("an error says where: %o, %s", async (where, _, pattern) => {
  const text = (sealed["sealed.yaml"] ?? "").replace(pattern, "$1AAAA");
  const error = await decrypt(text, {
    identities: identities.A,
  }).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(SopsmithError);
  const { file, path } = error as SopsmithError;
  expect({ file, path }).toEqual(where);
});
