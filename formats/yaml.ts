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
import { emitDocuments, emitValue } from "./yaml/emitter.ts";
import { emitSealed } from "./yaml/list-comments.ts";
import { readDocuments } from "./yaml/reader.ts";

/** YAML as sops reads and prints it (spec file-format section 7). */
export const yaml: Format = {
  name: "yaml",
  placement: "mapping",
  parse: (source) => readDocuments(source),
  emit: (documents: Documents, options: EmitOptions) =>
    options.sealed
      ? emitSealed(documents, options.indent)
      : emitDocuments(documents, options.indent),
  // Such a text comes back from this emitter, but sops itself writes it as `null` the next time (spec file-format D2).
  readsBack: (leaf) =>
    !(leaf.kind === "str" && leaf.value.startsWith("\t") && leaf.value.includes("\n")),
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
