import { isUtf8 } from "node:buffer";
import { loadFormat } from "../../formats/index.ts";
import { SopsmithError } from "../errors.ts";
import { float, str, type Node } from "../tree/node.ts";
import { decodeText, encodeText, textLeaf } from "../tree/text.ts";

/**
 * The value of `set`: one JSON text. A bare number becomes a float, as in sops, but for an integer within int64 that a
 * double cannot hold; integers inside objects and arrays stay integers.
 *
 * @throws {SopsmithError} exit 7, also for bytes that are not UTF-8: sops would replace them without a word
 * @see spec cli 5.5, file-format 6.2
 */
export async function parseSetValue(text: string | Uint8Array): Promise<Node> {
  const json = await loadFormat("json");
  if (typeof text !== "string" && !isUtf8(text))
    throw new SopsmithError("value-syntax", 7, "Value for --set is not UTF-8", {
      hint: "JSON is UTF-8 text. Put bytes into a binary file, or encode them as base64.",
    });
  const source = Buffer.concat([
    Buffer.from('{"":'),
    typeof text === "string" ? encodeText(text) : text,
    Buffer.from("}"),
  ]);
  let value: Node | undefined;
  try {
    const [document] = json.parse(source, { sealed: false });
    const item = document?.items.length === 1 ? document.items[0] : undefined;
    // `1, "": 2` would close over the wrapping with a second entry.
    value = item?.kind === "entry" ? item.value : undefined;
  } catch (error) {
    if (!(error instanceof SopsmithError)) throw error;
  }
  if (value === undefined)
    throw new SopsmithError("value-syntax", 7, "Value for --set is not valid JSON", {
      hint: `Put strings in double quotes: '"text"'.`,
    });
  if (value.kind !== "int") return value;
  // JSON's -0 is an integer to the reader, and a float here.
  const number = value.value === 0n && isNegative(source) ? -0 : Number(value.value);
  return BigInt(number) === value.value ? float(number, value.start, value.end) : value;
}

/**
 * Whether the value of `set`, an integer beyond int64, lost digits when it became a float.
 *
 * @param value what {@link parseSetValue} made of the text
 */
export function hasLostDigits(text: string | Uint8Array, value: Node): boolean {
  if (value.kind !== "float" || !Number.isFinite(value.value)) return false;
  const literal = Buffer.from(text).toString().trim();
  return /^-?\d+$/.test(literal) && BigInt(literal) !== BigInt(value.value);
}

/** What is said then. */
export const DIGITS_LOST =
  "the integer is larger than 64 bits and is stored as a float: its last digits are lost; set it as text with --string to keep them";

/** The value of `set --string`: the text as it is, but for one line feed at the end of a file or of stdin. */
export async function textValue(text: string | Uint8Array): Promise<Node> {
  return typeof text === "string"
    ? str(text)
    : textLeaf(decodeText(text).replace(/\r?\n$/, ""), -1, -1);
}

function isNegative(source: Buffer): boolean {
  return source.includes("-");
}
