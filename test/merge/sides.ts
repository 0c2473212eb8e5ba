import { loadFormat } from "../../formats/index.ts";
import type { FormatName } from "../../formats/format.ts";
import { changeText } from "../verbs.ts";

export const sopsVersions = [];

/** An encrypted file with other content, as `edit` would leave it: values that stay keep their ciphertext. */
export async function decryptWith(
  sealed: string,
  plain: string,
  formatName: FormatName = "json",
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
