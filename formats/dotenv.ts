import { goType } from "../src/go/type.ts";
import { EmitError } from "../src/errors.ts";
import { comment, entry, map, str } from "../src/tree/node.ts";
import { readsBackFlat } from "../src/tree/flat-text.ts";
import type { Format } from "./format.ts";
import { readVariables, variablesText } from "./dotenv/lines.ts";
import { refuseMoreDocuments } from "./json.ts";

/** `KEY=value` lines and `#` comments. Nothing is trimmed or unquoted; `\n` in a value is a line feed. */
export const dotenv: Format = {
  name: "dotenv",
  placement: "prefix",

  parse: (source, options) => [readVariables(source, options)],

  emit: ([document]) => variablesText(document?.items ?? []),

  emitValue(value) {
    throw new EmitError(`the dotenv store only supports emitting strings, got ${goType(value)}`);
  },

  asRead: (documents) => documents.slice(0, 1),

  layout: {
    holdsTextOnly: true,
    isMarked: (source) =>
      Buffer.from(source.buffer, source.byteOffset, source.byteLength).includes(
        "sops_sopsmith_layout=",
      ),
    load: () => import("./dotenv/layout.ts"),
  },

  checkSealable(documents) {
    refuseMoreDocuments(documents);
    for (const item of documents[0]?.items ?? []) {
      if (item.kind === "comment") continue;
      const refuse = (reason: string): never => {
        throw new EmitError(
          `no version of sops could read this back from a dotenv file: ${reason}`,
          {
            entry: item,
          },
        );
      };
      if (item.key.startsWith("#"))
        refuse("a variable whose name begins with `#` reads as a comment");
      if (/[=\n]/.test(item.key)) refuse("a variable's name cannot hold `=` or a line feed");
      if (item.value.kind === "null") refuse("null becomes the text `<nil>`");
    }
  },

  // A backslash and an `n` are read as a line feed.
  readsBack: (leaf) => readsBackFlat(leaf) && !(leaf.kind === "str" && leaf.value.includes("\\n")),
  example() {
    const document = map([
      comment(" This is an example file."),
      entry("hello", str("Welcome to SOPS! Edit this file as you please!")),
      entry("example_key", str("example_value")),
      entry("example_multiline", str("foo\nbar\nbaz")),
    ]);
    return [document];
  },
};
