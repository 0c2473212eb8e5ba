import { flatText } from "../../src/tree/flat-text.ts";
import {
  entry,
  str,
  type Comment,
  type Documents,
  type Entry,
  type Item,
  type Mapping,
  type Node,
} from "../../src/tree/node.ts";
import { entriesOf, entryChanges } from "../entry-changes.ts";
import {
  CannotKeep,
  LAYOUT_VERSION,
  splice,
  type Edit,
  type PlainText,
  type SealedParts,
  type SealedText,
  type Slot,
} from "../layout.ts";
import { readVariables, variablesText } from "./lines.ts";

const PREFIX = "sops_";

/** The variable that is the marker. */
export const MARKER: string = `${PREFIX}sopsmith_layout`;

/** A flag of the marker: the plain text ends without a line break. */
const NO_EOL = "no-eol";

/** See `LayoutReader.readPlain`. */
export function readPlain(source: Uint8Array): PlainText {
  const { text, root } = read(source, false);
  if (entriesOf(root).length === 0) throw new CannotKeep("it has no variables");
  if (entriesOf(root).some(isBlock))
    throw new CannotKeep(`it has variables that begin with ${PREFIX}`);
  return new DotenvPlainText(text, root);
}

/** See `LayoutReader.readSealed`. */
export function readSealed(source: Uint8Array): SealedText {
  const { text, root } = read(source, true);
  const first = root.items.findIndex((item) => item.kind === "entry" && isBlock(item));
  const block = root.items.slice(first);
  const at = block[0]?.start;
  if (at === undefined || !block.every((item) => item.kind === "entry" && isBlock(item)))
    throw new CannotKeep("its `sops` block is not after the other variables");
  const marker = entriesOf(root).find(({ key }) => key === MARKER)?.value;
  const [version, ...flags] = marker?.kind === "str" ? marker.value.split(" ") : [];
  if (version !== LAYOUT_VERSION) throw new CannotKeep("it has no marker");
  return new DotenvSealedText(text, root, { at, isOpenEnded: flags.includes(NO_EOL) });
}

const isBlock = ({ key }: Entry): boolean => key.startsWith(PREFIX);

function read(source: Uint8Array, sealed: boolean): { text: string; root: Mapping } {
  const text = Buffer.from(source.buffer, source.byteOffset, source.byteLength).toString();
  if (text.includes("\ufffd")) throw new CannotKeep("it is not UTF-8");
  if (text.startsWith("\ufeff")) throw new CannotKeep("it begins with a byte order mark");
  if (text.includes("\r")) throw new CannotKeep("it has carriage returns");
  return { text, root: readVariables(source, { sealed }) };
}

class DotenvPlainText implements PlainText {
  readonly documents: Documents;
  readonly orphans: readonly Comment[] = [];
  private readonly text: string;
  private readonly root: Mapping;

  constructor(text: string, root: Mapping) {
    this.text = text;
    this.root = root;
    this.documents = [root];
  }

  /** There is one spelling only. */
  spelling(): undefined {
    return undefined;
  }

  seal({ slots, block }: SealedParts): string[] {
    const isOpenEnded = !this.text.endsWith("\n");
    const chunks = splice(
      this.text,
      slots.map(({ start, end, plain, sealed }): Edit => {
        return {
          from: start,
          to: end,
          by: (plain.kind === "comment" ? "#" : "") + sealed,
        };
      }),
    );
    chunks.push((isOpenEnded ? "\n" : "") + blockText(block, isOpenEnded));
    return chunks;
  }

  follow([wanted]: Documents): string {
    const { text, root } = this;
    if (wanted === undefined) throw new CannotKeep("no document is left");
    const { kept, removed, added } = entryChanges(root, wanted);
    const edits: Edit[] = [];
    for (const { own, wanted: next } of kept) {
      const by = valueText(next.value);
      const { start, end } = own.value;
      if (by !== text.slice(start, end)) edits.push({ from: start, to: end, by });
    }
    for (const { start, value } of removed) {
      const isLast = value.end === text.length;
      // The last line of a text without a final line break takes the one in front of it along.
      edits.push({
        from: isLast && start > 0 ? start - 1 : start,
        to: isLast ? value.end : value.end + 1,
        by: "",
      });
    }
    for (const { entry: next, behind } of added) {
      const line = `${next.key}=${valueText(next.value)}`;
      const at = behind === undefined ? (entriesOf(root)[0]?.start ?? 0) : behind.value.end;
      edits.push({ from: at, to: at, by: behind === undefined ? `${line}\n` : `\n${line}` });
    }
    return splice(text, edits).join("");
  }
}

class DotenvSealedText implements SealedText {
  readonly documents: Documents;
  readonly orphans: readonly Comment[] = [];
  readonly records: ReadonlyMap<string, string> = new Map();
  private readonly text: string;
  /** Where the block begins. */
  private readonly at: number;
  private readonly isOpenEnded: boolean;

  constructor(text: string, root: Mapping, marker: { at: number; isOpenEnded: boolean }) {
    this.text = text;
    this.documents = [root];
    this.at = marker.at;
    this.isOpenEnded = marker.isOpenEnded;
  }

  open(slots: readonly Slot[]): string {
    const edits = slots.map(({ start, end, plain, sealed }): Edit => {
      if (plain.kind !== "comment") return { from: start, to: end, by: valueText(plain) };
      if (plain.value.includes("\n")) throw new CannotKeep("a comment has several lines");
      if (this.text.slice(start, end) !== `#${sealed}`)
        throw new CannotKeep("a comment is in place of a value");
      return { from: start, to: end, by: `#${plain.value}` };
    });
    const own = splice(this.text.slice(0, this.at), edits).join("");
    return this.isOpenEnded ? own.replace(/\n$/, "") : own;
  }

  withBlock({ block }: Pick<SealedParts, "block">): string[] {
    return [this.text.slice(0, this.at), blockText(block, this.isOpenEnded)];
  }
}

/** A value as it is in the file. */
const valueText = (value: Node): string => flatText(value).replaceAll("\n", "\\n");

function blockText(block: readonly Item[], isOpenEnded: boolean): string {
  const marker = isOpenEnded ? `${LAYOUT_VERSION} ${NO_EOL}` : LAYOUT_VERSION;
  const lines: Item[] = [entry(MARKER, str(marker)), ...block];
  return variablesText(lines).join("");
}
