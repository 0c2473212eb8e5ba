import { isUtf8 } from "node:buffer";
import {
  entry,
  find,
  map,
  str,
  type Comment,
  type Documents,
  type Entry,
  type Item,
  type Mapping,
  type Scalar,
} from "../../src/tree/node.ts";
import { decodeText } from "../../src/tree/text.ts";
import { entriesOf } from "../entry-changes.ts";
import {
  CannotKeep,
  LAYOUT_VERSION,
  recordName,
  splice,
  type Edit,
  type PlainText,
  type SealedParts,
  type SealedText,
  type Slot,
} from "../layout.ts";
import { editsBetween } from "./follow.ts";
import { readJson } from "./reader.ts";
import { scalarText, styleOf, type JsonStyle } from "./style.ts";
import { jsonText } from "./writer.ts";

/** The field of the `sops` block that is the marker. */
export const MARKER = "sopsmith_layout";

const RECORDS = `${MARKER}_records`;

/** Of larger files the text alone would take too much memory. */
const MAX_LENGTH = 1 << 28;

/** See `LayoutReader.readPlain`. */
export function readPlain(source: Uint8Array): PlainText {
  if (!isUtf8(source)) throw new CannotKeep("it is not UTF-8");
  const { text, root } = read(source, false);
  const entries = entriesOf(root);
  const [last] = entries.slice(-1);
  if (last === undefined) throw new CannotKeep("it has no keys");
  if (find(root, "sops") !== undefined) throw new CannotKeep("it has a key `sops`");
  return new JsonPlainText(text, root);
}

/** See `LayoutReader.readSealed`. */
export function readSealed(source: Uint8Array): SealedText {
  const { text, root } = read(source, true);
  const entries = entriesOf(root);
  const [last, block] = entries.slice(-2);
  if (last === undefined || block?.key !== "sops" || block.value.kind !== "map")
    throw new CannotKeep("its `sops` block is not after the other keys");
  const marker = find(block.value, MARKER)?.value;
  if (marker?.kind !== "str" || marker.value.split(" ")[0] !== LAYOUT_VERSION)
    throw new CannotKeep("it has no marker");
  const records = new Map<string, string>();
  const stored = find(block.value, RECORDS)?.value;
  if (stored?.kind === "map")
    for (const { key, value } of entriesOf(stored))
      if (value.kind === "str") records.set(key, value.value);
  return new JsonSealedText(text, root, { last, block, records });
}

function read(source: Uint8Array, sealed: boolean): { text: string; root: Mapping } {
  if (source.length > MAX_LENGTH) throw new CannotKeep("it is too large");
  return { text: decodeText(source), root: readJson(source, sealed) };
}

class JsonPlainText implements PlainText {
  readonly documents: Documents;
  readonly orphans: readonly Comment[] = [];
  private readonly text: string;
  private readonly root: Mapping;

  constructor(text: string, root: Mapping) {
    this.text = text;
    this.root = root;
    this.documents = [root];
  }

  spelling(leaf: Scalar): string | undefined {
    const own = this.text.slice(leaf.start, leaf.end);
    return own === scalarText(leaf) ? undefined : own;
  }

  seal({ slots, records, block, indent }: SealedParts): string[] {
    const edits = slots.map(({ start, end, sealed }): Edit => {
      return { from: start, to: end, by: JSON.stringify(sealed) };
    });
    const at = entriesOf(this.root).at(-1)?.value.end ?? 0;
    const style = styleOf(this.text, this.root, indent);
    edits.push({ from: at, to: at, by: `,${style.gap}${blockText(block, records, style)}` });
    return splice(this.text, edits);
  }

  follow(wanted: Documents, indent: number | undefined): string {
    const [document] = wanted;
    if (document === undefined || wanted.length > 1)
      throw new CannotKeep("it can hold only one document");
    const style = styleOf(this.text, this.root, indent);
    return splice(this.text, editsBetween(this.text, this.root, document, style)).join("");
  }
}

class JsonSealedText implements SealedText {
  readonly documents: Documents;
  readonly orphans: readonly Comment[] = [];
  readonly records: ReadonlyMap<string, string>;
  private readonly text: string;
  private readonly root: Mapping;
  private readonly block: Entry;
  /** Where the value in front of the block ends. */
  private readonly cut: number;

  constructor(
    text: string,
    root: Mapping,
    parts: { last: Entry; block: Entry; records: ReadonlyMap<string, string> },
  ) {
    this.text = text;
    this.root = root;
    this.documents = [root];
    this.block = parts.block;
    this.records = parts.records;
    this.cut = parts.last.value.end;
  }

  open(slots: readonly Slot[], spellings: ReadonlyMap<string, string>): string {
    const edits = slots.map(({ start, end, plain, sealed }): Edit => {
      if (plain.kind === "comment") throw new CannotKeep("a comment is in place of a value");
      const by = spellings.get(recordName(sealed)) ?? scalarText(plain);
      return { from: start, to: end, by };
    });
    edits.push({ from: this.cut, to: this.block.value.end, by: "" });
    return splice(this.text, edits).join("");
  }

  withBlock({ block, indent }: Pick<SealedParts, "block" | "indent">): string[] {
    const { start, value } = this.block;
    const style = styleOf(this.text, this.root, indent);
    const by = blockText(block, this.records, style);
    return splice(this.text, [{ from: start, to: value.end, by }]);
  }
}

/** The `sops` block with its key. */
function blockText(
  block: readonly Item[],
  records: ReadonlyMap<string, string>,
  { lines, unit }: JsonStyle,
): string {
  const items = block.map((item) => {
    if (item.kind !== "entry" || item.value.kind !== "map") return item;
    const fields = [...item.value.items, entry(MARKER, str(LAYOUT_VERSION))];
    if (records.size > 0)
      fields.push(
        entry(RECORDS, map([...records].map(([name, value]) => entry(name, str(value))))),
      );
    return entry(item.key, map(fields));
  });
  const text = [...jsonText(map(items), lines === undefined ? undefined : unit)].join("");
  // Without the braces around it.
  if (lines === undefined) return text.slice(1, -1);
  const inner = text.slice(1, -1).trim().split("\n");
  return inner.map((line) => (line.startsWith(unit) ? line.slice(unit.length) : line)).join(lines);
}
