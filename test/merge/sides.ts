import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { loadFormat } from "../../formats/index.ts";
import type { FormatName } from "../../formats/format.ts";
import { changeText } from "../verbs.ts";

/** An encrypted file with other content, as `edit` would leave it: values that stay keep their ciphertext. */
export async function encryptedAs(
  sealed: string,
  plain: string,
  formatName: FormatName,
): Promise<string> {
  const format = await loadFormat(formatName);
  const changed = await changeText(
    sealed,
    (documents) => {
      documents.splice(0, documents.length, ...format.parse(Buffer.from(plain), { sealed: false }));
      return true;
    },
    { format: formatName },
  );
  return changed ?? sealed;
}

const folder = mkdtempSync(join(tmpdir(), "sopsmith-merge-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let count = 0;

/** The path of a file with that text. */
export function textFile(text: string): string {
  const path = join(folder, `file${count++}`);
  writeFileSync(path, text);
  return path;
}
