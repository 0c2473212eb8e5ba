import { EmitError, ParseError } from "../src/errors.ts";
import {
  map,
  entry,
  bool,
  comment,
  float,
  seq,
  str,
  type Documents,
  type Node,
} from "../src/tree/node.ts";
import type { EmitOptions, Format } from "./format.ts";
import { collections } from "../src/tree/collections.ts";
import { compareDocuments } from "../src/tree/compare.ts";
import { emitDocuments, emitValue, printDocuments } from "./yaml/emitter.ts";
import { keepMarkersInPlace } from "./yaml/markers.ts";
import { isMergeable, readDocuments } from "./yaml/reader.ts";

/** YAML as sops reads and prints it (spec file-format section 7). */
export const yaml: Format = {
  name: "yaml",
  placement: "mapping",
  parse: (source) => readDocuments(source),
  emit: (documents: Documents, options: EmitOptions) =>
    options.sealed ? emitDocuments(documents, options) : emitPlain(documents, options),
  strayComments: true,
  checkSealable: refuseFalseMerges,
  layout: {
    isMarked: (source) => {
      const bytes = Buffer.from(source.buffer, source.byteOffset, source.byteLength);
      return bytes.includes("# sopsmith-layout 1") || bytes.includes('"sopsmith_layout": "1"');
    },
    load: () => import("./yaml/layout.ts"),
  },
  // Such a text comes back from this emitter, but sops itself writes it as `null` the next time (spec file-format D2).
  readsBack: (leaf) =>
    !(leaf.kind === "str" && leaf.value.startsWith("\t") && leaf.value.includes("\n")),
  keepMarkersInPlace,
  emitValue: (value: Node) => emitValue(value),
  example: () => [
    map([
      entry("hello", str("Welcome to SOPS! Edit this file as you please!")),
      entry("example_key", str("example_value")),
      comment(" Example comment"),
      entry("example_array", seq([str("example_value1"), str("example_value2")])),
      entry("example_number", float(1234.56789)),
      entry("example_booleans", seq([bool(true), bool(false)])),
    ]),
  ],
};

/**
 * As sops prints them. Where one of its late comments (spec file-format 10, D6) comes out between a key and its value, the text would not be
 * read back: then every comment is printed where it is.
 */
function emitPlain(documents: Documents, options: EmitOptions): string[] {
  const printed = printDocuments(documents, options);
  if (!printed.hasLateComments || readsBack(documents, printed.chunks)) return printed.chunks;
  return emitDocuments(documents, { ...options, commentsInPlace: true });
}

/** Are the same keys and values in the text? */
function readsBack(documents: Documents, chunks: readonly string[]): boolean {
  try {
    const read = readDocuments(Buffer.from(chunks.join("")));
    // What a late comment breaks is more than one value.
    return compareDocuments(documents, read, () => true).difference === undefined;
  } catch (error) {
    if (error instanceof ParseError) return false;
    throw error;
  }
}

/**
 * A key `<<` is written as a merge key, whatever it was in the source, and sops reads back only merge keys with mappings.
 *
 * @throws {EmitError}
 */
function refuseFalseMerges(documents: Documents): void {
  // sops checks the first document only.
  for (const { items } of collections(documents.slice(0, 1))) {
    for (const item of items) {
      if (item.kind !== "entry" || item.key !== "<<" || isMergeable(item.value)) continue;
      throw new EmitError("a key << whose value is not a mapping cannot be read back from YAML", {
        hint: "Rename the key.",
        entry: item,
      });
    }
  }
}
