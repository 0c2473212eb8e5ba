import { EmitError } from "../src/errors.ts";
import { comment, entry, map, str, type Documents, type Entry } from "../src/tree/node.ts";
import { joinChunks } from "../src/tree/long-text.ts";
import { readsBackFlat } from "../src/tree/flat-text.ts";
import { decodeText, leafText } from "../src/tree/text.ts";
import type { Format } from "./format.ts";
import { DEFAULT_SECTION, readKeyName, Reader } from "./ini/reader.ts";
import { fail, keyName, Writer } from "./ini/writer.ts";
import { jsonText } from "./json/writer.ts";

/** Why the written form of a key reads back as something else, or undefined. */
function keyTrouble(name: string): string | undefined {
  if (/^[#;]/.test(name))
    return "a key that begins with `#` or `;` reads as a comment, and the key `-` becomes one";
  if (name.startsWith("[")) return "a key that begins with `[` reads as a section";
  const read = readKeyName(`${keyName(name)} = `);
  const readsBack =
    typeof read !== "string" && read.name === name && name !== "-" && !name.includes("\n");
  return readsBack ? undefined : "the key reads back differently";
}

function sectionTrouble(name: string, isFirst: boolean): string | undefined {
  if (name.includes("\n")) return "a section's name cannot hold a line feed";
  const losesHeader = isFirst && name !== DEFAULT_SECTION && name.toUpperCase() === DEFAULT_SECTION;
  return losesHeader
    ? `a first section of that name is written without a header and reads as ${DEFAULT_SECTION}`
    : undefined;
}

/** Refuses what would be encrypted without complaint and then fail to decrypt in every sops. */
function checkSealable(documents: Documents): void {
  const check = (item: Entry, trouble: string | undefined): void => {
    if (trouble === undefined) return;
    throw new EmitError(`no version of sops could read this back from an INI file: ${trouble}`, {
      entry: item,
    });
  };
  let isFirst = true;
  for (const section of documents.flatMap((document) => document.items)) {
    if (section.kind === "comment") continue;
    check(section, sectionTrouble(section.key, isFirst));
    isFirst = false;
    const seen = new Set<string>();
    for (const item of section.value.kind === "map" ? section.value.items : []) {
      if (item.kind === "comment") continue;
      check(item, keyTrouble(item.key));
      if (seen.has(item.key))
        check(item, "a key that appears twice in its section keeps only one value");
      seen.add(item.key);
      const { kind } = item.value;
      if (kind === "seq" || kind === "map")
        check(item, "a key's value cannot be a list or mapping");
      if (kind === "null") check(item, "null becomes the text `<nil>`");
    }
  }
}

/** Sections of `key = value` lines with `;` and `#` comments. */
export const ini: Format = {
  name: "ini",
  placement: "section",

  parse(source, { sealed, warn = () => undefined }) {
    return [new Reader(decodeText(source), warn, sealed).document()];
  },

  emit(documents, { warn }) {
    const writer = new Writer();
    const items = documents.flatMap((document) => document.items);
    const sections = items.filter((item) => item.kind === "entry");
    writer.dropped = items.length - sections.length;
    for (const [i, { key, value }] of sections.entries()) {
      if (key === "") fail("Error encoding section : empty section name");
      if (value.kind !== "map")
        fail("Error encoding section: Section values should always be TreeBranches");
      const isFirst = i === 0;
      writer.section(key, value, isFirst);
      const isHeadless =
        isFirst &&
        key.toUpperCase() === DEFAULT_SECTION &&
        value.items.every((item) => item.kind === "comment");
      if (i < sections.length - 1 && !isHeadless) writer.out += "\n";
    }
    writer.flush();
    if (writer.dropped > 0)
      warn?.(`comments dropped: ${writer.dropped}; INI has no place for them`);
    return writer.chunks;
  },

  /** Compact JSON: what sops prints here. */
  emitValue(value) {
    return value.kind === "str" || value.kind === "bytes"
      ? leafText(value)
      : joinChunks(jsonText(value, undefined)).toString();
  },

  asRead: (documents) => {
    const sections = documents.flatMap((document) => document.items);
    const first = sections.find((item) => item.kind === "entry");
    return [
      map(
        first?.key === DEFAULT_SECTION ? sections : [entry(DEFAULT_SECTION, map([])), ...sections],
      ),
    ];
  },

  layout: {
    holdsTextOnly: true,
    isMarked: (source) =>
      Buffer.from(source.buffer, source.byteOffset, source.byteLength).includes(
        "; sopsmith-layout 1",
      ),
    load: () => import("./ini/layout.ts"),
  },

  checkSealable,

  readsBack: readsBackFlat,
  example() {
    const section = map([
      comment("This is an example file."),
      entry("hello", str("Welcome to SOPS! Edit this file as you please!")),
      entry("example_key", str("example_value")),
    ]);
    return [map([entry("Welcome!", section)])];
  },
};
