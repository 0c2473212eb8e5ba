import { EmitError } from "../src/errors.ts";
import { bool, entry, float, map, seq, str, type Documents } from "../src/tree/node.ts";
import { joinChunks } from "../src/tree/long-text.ts";
import type { Format } from "./format.ts";
import { readJson } from "./json/reader.ts";
import { indentOf, jsonText } from "./json/writer.ts";
import { collections } from "../src/tree/collections.ts";

/**
 * For formats that hold one document: sops writes the first of several, but its MAC covers them all.
 *
 * @throws {EmitError} when a document but the first holds anything
 */
export function refuseMoreDocuments(documents: Documents): void {
  if (
    documents.slice(1).every((document) => document.items.every((item) => item.kind === "comment"))
  )
    return;
  throw new EmitError(
    `no version of sops could read this back: the output format holds one document, and there are ${documents.length}`,
  );
}

/** JSON could hold the ciphertext of such a number, but nobody could print the decrypted file. */
function refuseInfinite(documents: Documents): void {
  for (const { items } of collections(documents)) {
    for (const item of items) {
      const value = item.kind === "entry" ? item.value : item;
      if (value.kind !== "float" || Number.isFinite(value.value)) continue;
      throw new EmitError(
        "no version of sops could decrypt this to JSON: a number that is not finite",
        {
          entry: item,
        },
      );
    }
  }
}

export const json: Format = {
  name: "json",
  placement: "mapping",

  parse(source, { sealed, warn }) {
    return [readJson(source, sealed, warn)];
  },

  emit(documents, options) {
    const indent = indentOf(options.indent);
    try {
      return jsonText(documents[0] ?? map([]), indent, { end: "\n", isSealed: options.sealed });
    } catch (error) {
      if (!(error instanceof EmitError)) throw error;
      throw new EmitError(`Error marshaling to json: Error encoding value : ${error.message}`, {
        cause: error,
      });
    }
  },

  emitValue(value, options) {
    return joinChunks(jsonText(value, indentOf(options.indent))).toString();
  },

  asRead: (documents) => documents.slice(0, 1),

  checkSealable(documents) {
    refuseMoreDocuments(documents);
    refuseInfinite(documents);
  },

  layout: {
    isMarked: (source) =>
      Buffer.from(source.buffer, source.byteOffset, source.byteLength).includes(
        '"sopsmith_layout"',
      ),
    load: () => import("./json/layout.ts"),
  },

  example() {
    const document = map([
      entry("hello", str("Welcome to SOPS! Edit this file as you please!")),
      entry("example_key", str("example_value")),
      entry("example_array", seq([str("example_value1"), str("example_value2")])),
      entry("example_number", float(1234.56789)),
      entry("example_booleans", seq([bool(true), bool(false)])),
    ]);
    return [document];
  },
};
