import { EmitError } from "../src/errors.ts";
import { bytes, entry, find, map, str, type Documents } from "../src/tree/node.ts";
import type { Chunks, Format } from "./format.ts";
import { json, refuseMoreDocuments } from "./json.ts";

/** The one key of a binary file's document. */
const DATA_KEY = "data";

function notBinary(reason: string): EmitError {
  return new EmitError(`error emitting binary store: ${reason}`, {
    hint: "This is likely not an encrypted binary file? If not, use --output-type to select the correct output type.",
  });
}

function content(documents: Documents): Chunks {
  const [document] = documents;
  if (document === undefined || documents.length > 1)
    throw notBinary("there must be exactly one tree branch");
  const data = find(document, DATA_KEY);
  if (data === undefined) throw notBinary("no binary data found in tree");
  if (data.value.kind !== "str" && data.value.kind !== "bytes") {
    throw notBinary("'data' key in tree does not have a string value");
  }
  return (data.value.kind === "str" ? data.value.long?.pieces : undefined) ?? [data.value.value];
}

/** A file of any content: one `bytes` leaf. Its encrypted form is JSON. */
export const binary: Format = {
  name: "binary",
  placement: "mapping",

  /** The leaf holds `source` itself, not a copy; its span counts bytes. */
  parse(source, options) {
    if (options.sealed) return json.parse(source, options);
    return [map([entry(DATA_KEY, bytes(source, 0, source.length))], 0, source.length)];
  },

  emit(documents, options) {
    return options.sealed ? json.emit(documents, options) : content(documents);
  },

  emitValue() {
    throw new EmitError(
      "Binary files are not structured and extracting a single value is not possible",
    );
  },

  asRead: (documents) => documents.slice(0, 1),

  checkSealable: refuseMoreDocuments,

  example() {
    return [map([entry(DATA_KEY, str("Welcome to SOPS! Edit this file as you please!"))])];
  },
};
