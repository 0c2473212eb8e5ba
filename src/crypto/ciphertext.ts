import type { Scalar } from "../tree/node.ts";
import { joinChunks } from "../tree/long-text.ts";
import { PREFIX, splitCiphertext, type Ciphertext } from "./leaf.ts";

/** Length in bytes of the plaintext of each type, where the type limits it; the others only have one byte at least. */
const lengths: Readonly<Record<string, readonly [least: number, most: number]>> = {
  str: [1, Infinity],
  bytes: [1, Infinity],
  comment: [1, Infinity],
  int: [1, 20],
  float: [1, 400],
  bool: [4, 5],
  time: [10, 64],
};

const TAG_BYTES = 16;

/** Whether a text is meant as a ciphertext: it may still be broken. */
export const looksSealed = (text: string): boolean => text.startsWith("ENC[");

/**
 * The text of a scalar that may hold a ciphertext; undefined for one that is no text. Of a long text only its beginning and
 * its end are kept: the digits in between are `…`.
 */
export function sealedText(leaf: Scalar): string | undefined {
  if (leaf.kind !== "str") return undefined;
  if (leaf.long === undefined) return leaf.value;
  const bytes = joinChunks(leaf.long.pieces);
  const head = bytes.toString("latin1", 0, PREFIX.length);
  const dataEnd = head === PREFIX ? bytes.indexOf(",", PREFIX.length) : -1;
  if (dataEnd < 0) return bytes.toString("utf8", 0, 64);
  // Whole groups of digits, the last one with its padding.
  return `${head}${bytes.toString("latin1", dataEnd - 4)}`;
}

/**
 * What is wrong with a ciphertext, found without a key: its syntax, base64, the length of nonce and tag, its type, and a length
 * that no value of the type has. The text is not quoted.
 *
 * @returns undefined for one that is well-formed
 */
export function ciphertextFlaw(text: string): string | undefined {
  const parts = splitCiphertext(text);
  if (parts === undefined) return partsMissing(text);
  if (!text.endsWith("]") || text.slice(0, -1).includes("]"))
    return "there is text after the closing bracket";
  const data = base64Length(parts.data);
  if (data === undefined) return "its data is not base64";
  const iv = base64Length(parts.iv);
  if (iv === undefined) return "its iv is not base64";
  const tag = base64Length(parts.tag);
  if (tag === undefined) return "its tag is not base64";
  if (iv === 0) return "its iv is empty";
  if (tag !== TAG_BYTES) return `its tag is ${tag} bytes long instead of ${TAG_BYTES}`;
  const length = Object.hasOwn(lengths, parts.type) ? lengths[parts.type] : undefined;
  if (length === undefined) return "its type is unknown";
  if (data === 0) return "its data is empty";
  if (data < length[0] || data > length[1]) return `no value of type ${parts.type} has this length`;
  return undefined;
}

/** Nonce, type and the rest of a well-formed ciphertext; undefined for any other text. */
export function wellFormed(text: string): Ciphertext | undefined {
  return looksSealed(text) && ciphertextFlaw(text) === undefined
    ? splitCiphertext(text)
    : undefined;
}

function partsMissing(text: string): string {
  if (!text.startsWith(PREFIX)) return "it does not begin with ENC[AES256_GCM,data:";
  if (text.startsWith(`${PREFIX},`)) return "its data is empty";
  if (text.includes(",iv:,")) return "its iv is empty";
  if (!text.includes("]")) return "its closing bracket is missing";
  return "one of data, iv, tag and type is missing";
}

/** Length in bytes of what standard, padded base64 stands for; line breaks are skipped, as in Go. */
function base64Length(encoded: string): number | undefined {
  const text = /[\r\n]/.test(encoded) ? encoded.replaceAll(/[\r\n]/g, "") : encoded;
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return undefined;
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  return (text.length / 4) * 3 - padding;
}
