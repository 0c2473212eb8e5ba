import type { Comment, Documents } from "../../../src/tree/node.ts";
import {
  CannotKeep,
  recordName,
  splice,
  spliceSlots,
  type Edit,
  type SealedParts,
  type SealedText,
  type Slot,
} from "../../layout.ts";
import { decodeStream, joinStream } from "../chars.ts";
import { readText, type Spans } from "../reader.ts";
import { contractAliases } from "./aliases.ts";
import { blockRange, blockText, flowBlockText, isFlowRoot } from "./block.ts";
import {
  fieldMarker,
  findMarker,
  lineBreakOf,
  lineStart,
  markerLines,
  type Marker,
} from "./marker.ts";
import { carriedStyle, placeOf, rendered, renderedBlock, takeBlockSpelling } from "./places.ts";
import { newSpans, orphansOf } from "./plain-text.ts";

/** See `LayoutReader.readSealed`. */
export function readSealed(source: Uint8Array): SealedText {
  const decoded = decodeStream(source);
  const isAscii = decoded.length === source.length + 1;
  return readDecoded(decoded, isAscii, source[0] === 0xef ? "\ufeff" : "");
}

/** See `LayoutReader.readBack`. */
export function readBack(pieces: Iterable<string>): { read: SealedText; text: string } {
  const { text, isAscii, byteOrderMark } = joinStream([...pieces]);
  if (!text.isWellFormed()) throw new CannotKeep("it is not Unicode");
  const read = readDecoded(text, isAscii, byteOrderMark);
  return { read, text: byteOrderMark + text.slice(0, -1) };
}

function readDecoded(text: string, isAscii: boolean, byteOrderMark: string): SealedText {
  const spans = newSpans();
  const documents = readText(text, isAscii, spans);
  const marker = findMarker(text) ?? (isFlowRoot(text, documents[0]) && fieldMarker(documents));
  if (!marker) throw new CannotKeep("it has no marker");
  return new YamlSealedText(text.slice(0, -1), { documents, spans, marker, byteOrderMark });
}

class YamlSealedText implements SealedText {
  readonly documents: Documents;
  readonly orphans: readonly Comment[];
  private readonly text: string;
  private readonly spans: Spans;
  private readonly marker: Marker;
  private readonly byteOrderMark: string;
  /** Lines of the `sops` blocks. */
  private readonly blocks: readonly [number, number][];

  constructor(
    text: string,
    read: { documents: Documents; spans: Spans; marker: Marker; byteOrderMark: string },
  ) {
    this.text = text;
    this.documents = read.documents;
    this.spans = read.spans;
    this.marker = read.marker;
    this.byteOrderMark = read.byteOrderMark;
    this.blocks = read.documents.flatMap((document) => {
      const range = blockRange(text, document);
      return range === undefined ? [] : [range];
    });
    this.orphans = orphansOf(read.documents, read.spans.comments).filter(
      ({ start, value }) => value.startsWith("ENC[") && !this.isInBlock(start),
    );
  }

  get records(): ReadonlyMap<string, string> {
    return this.marker.records;
  }

  open(slots: readonly Slot[], spellings: ReadonlyMap<string, string>): string {
    const { text, blocks } = this;
    const edits: Edit[] = [];
    const editsOf = (slot: Slot): [Edit, Edit?] => this.editsOf(slot, spellings);
    for (const [i, [from, to]] of blocks.entries()) {
      const isCut = this.marker.isOpenEnded && i === blocks.length - 1;
      edits.push({ from: isCut ? from - breakLength(text, from) : from, to, by: "" });
    }
    return this.byteOrderMark + contractAliases(spliceSlots(text, slots, editsOf, edits).join(""));
  }

  private editsOf(slot: Slot, spellings: ReadonlyMap<string, string>): [Edit, Edit?] {
    const { text } = this;
    const { plain, sealed, start, end } = slot;
    if (plain.kind === "comment") {
      if (/[\n\r\u0085\u2028\u2029]/.test(plain.value))
        throw new CannotKeep("a comment has several lines");
      if (text.charCodeAt(start) !== 35) throw new CannotKeep("a comment is in place of a value");
      return [{ from: start, to: end, by: `#${plain.value}` }];
    }
    const place = placeOf(text, slot, this.spans);
    const style = carriedStyle(text, plain, place);
    const spelling = spellings.get(recordName(sealed));
    const { from, to, block } = place;
    if (block === undefined || (style !== "literal" && style !== "folded")) {
      const by = spelling ?? rendered(plain, style);
      if (by === undefined) throw new CannotKeep("a value cannot be written in its style");
      return [{ from, to, by }];
    }
    const usual = plain.kind === "str" ? renderedBlock(plain.value, style, block) : undefined;
    const own = spelling === undefined ? usual : takeBlockSpelling(spelling);
    if (own === undefined) throw new CannotKeep("a value cannot be written in its style");
    return [
      { from: block.headFrom, to: block.headTo, by: own.head },
      { from, to, by: own.lines },
    ];
  }

  withBlock({ block, indent }: Pick<SealedParts, "block" | "indent">): string[] {
    const { text, blocks } = this;
    const lineBreak = lineBreakOf(text);
    const isInFlow = isFlowRoot(text, this.documents[0]);
    const edits = blocks.map(([from, to], i): Edit => {
      if (isInFlow) return { from: from + 1, to, by: flowBlockText(block, this.marker) };
      const margin = /^ */.exec(text.slice(from, from + 1000))?.[0] ?? "";
      const lines = i === 0 ? markerLines(this.marker) : [];
      return { from, to, by: blockText(block, lines, { indent, margin, lineBreak }) };
    });
    const chunks = splice(text, edits);
    return this.byteOrderMark === "" ? chunks : [this.byteOrderMark, ...chunks];
  }

  private isInBlock(at: number): boolean {
    return this.blocks.some(([from, to]) => at >= from && at < to);
  }
}

/** Length of the line break in front of an offset. */
function breakLength(text: string, at: number): number {
  if (at === 0 || lineStart(text, at) !== at) return 0;
  return text.charCodeAt(at - 1) === 10 && text.charCodeAt(at - 2) === 13 ? 2 : 1;
}
