import type { FormatName } from "../formats/format.ts";
import { decryptDocuments } from "../src/decrypt.ts";
import { localKeyService } from "../src/key-service/key-service.ts";
import type { Documents } from "../src/tree/node.ts";
import { aliceHost } from "./verbs.ts";

/** The documents of an encrypted file, with the kinds that it has. */
export async function openedDocuments(
  text: string,
  format: FormatName,
): Promise<{ documents: Documents }> {
  const documents = await decryptDocuments(
    Buffer.from(text),
    {
      file: "secrets.x",
      input: format,
      output: format,
      services: [localKeyService],
      order: ["age"],
      warn: () => undefined,
    },
    aliceHost,
  );
  return { documents };
}
