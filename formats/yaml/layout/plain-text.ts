import {
  comment,
  type Comment,
  type Documents,
  type Mapping,
  type Node,
  type Scalar,
  type Sequence,
} from "../../../src/tree/node.ts";
import { ParseError } from "../../../src/errors.ts";
import {
  CannotKeep,
  sameValues,
  splice,
  spliceSlots,
  type Edit,
  type PlainText,
  type SealedParts,
  type Slot,
} from "../../layout.ts";
import { decodeStream, ended } from "../chars.ts";
import { commentOfLine, type CommentRecord } from "../comments.ts";
import { readText, type Spans } from "../reader.ts";
import { contractAliases, COPY, expandAliases, hasCopies } from "./aliases.ts";
import { blockText, flowBlockText, isFlowRoot } from "./block.ts";
import { editsBetween } from "./follow.ts";
import { lineBreakOf, lineStart, markerLines } from "./marker.ts";
import { blockSpelling, carried, placeOf, rendered, renderedBlock } from "./places.ts";

/** A text in which every document has a `sops` block already, of one line: what follows a comment decides which collection it belongs to. */
interface Draft {
  readonly text: string;
  readonly blocks: readonly Block[];
  /** The last block needs a line break in front of it: the text ends without one. */
  readonly isOpenEnded: boolean;
}

interface Block {
  readonly from: number;
  readonly to: number;
  readonly margin: string;
  /** It is an entry of a flow mapping, with the comma or space in front of it. */
  readonly isInFlow?: boolean;
}

/** What can be in front of a flow mapping: comments, directives, a marker, tag and anchor. */
const FLOW_ROOT = /^(?:[ \t\r\n]|[#%][^\r\n]*[\r\n]|---(?=[ \t\r\n{])|[!&][^\s{]*[ \t\r\n])*\{/;

/** See `LayoutReader.readPlain`. */
export function readPlain(source: Uint8Array): PlainText {
  const isUtf16 = source[0] === 0xff || source[0] === 0xfe;
  if (isUtf16) throw new CannotKeep("it is UTF-16");
  const own = decodeStream(source).slice(0, -1);
  const isAscii = own.length === source.length;
  if (/^%.*#/m.test(own)) throw new CannotKeep("a directive has a comment");
  if (hasCopies(own)) throw new CannotKeep(`it has anchors that begin with ${COPY}`);
  let read = readDraft(own, isAscii);
  const hasAliases = read.spans.hasAliases;
  if (hasAliases) read = readDraft(expandAliases(own), isAscii);
  const { isOpenEnded } = read;
  let shortened: Scalar | undefined;
  if (hasAliases || isOpenEnded || read.blocks[0]?.isInFlow === true) {
    const plain = readText(ended([own]), isAscii);
    if (isOpenEnded) shortened = copyLast(read.documents, plain);
    if (!sameValues(read.documents, plain))
      throw new CannotKeep("a `sops` block after it would change a value");
  }
  return new YamlPlainText(read, source[0] === 0xef ? "\ufeff" : "", shortened);
}

interface Read extends Draft {
  readonly documents: Documents;
  readonly spans: Spans;
  readonly lineBreak: string;
}

function readDraft(own: string, isAscii: boolean): Read {
  const lineBreak = lineBreakOf(own);
  const draft = flowDraft(own, isAscii) ?? withBlocks(own, insertions(own, isAscii), lineBreak);
  const spans = newSpans();
  const documents = readText(ended([draft.text]), isAscii, spans);
  if (documents.length !== draft.blocks.length)
    throw new CannotKeep("its documents cannot be told apart");
  for (const [i, document] of documents.entries()) {
    const block = document.items.findIndex((item) => item.kind === "entry" && item.key === "sops");
    const { start = -1 } = document.items[block] ?? {};
    const { from = 0, to = 0 } = draft.blocks[i] ?? {};
    if (start < from || start >= to) throw new CannotKeep("a document is not a block mapping");
    document.items.splice(block, 1);
    if (document.items.some((item) => item.kind === "entry" && item.key === "sops"))
      throw new CannotKeep("it has a key `sops`");
  }
  if (!documents.some(({ items }) => items.some(({ kind }) => kind === "entry")))
    throw new CannotKeep("it has no keys");
  return { ...draft, documents, spans, lineBreak };
}

export const newSpans = (): Spans => ({
  scalars: new Map(),
  inFlow: new Set(),
  documentEnds: [],
  comments: [],
  hasAliases: false,
});

/**
 * The draft of a text whose only document is a flow mapping: the block is its last entry. Undefined for other texts.
 *
 * @throws {CannotKeep}
 */
function flowDraft(own: string, isAscii: boolean): Draft | undefined {
  if (!FLOW_ROOT.test(own)) return undefined;
  const documents = readText(ended([own]), isAscii);
  const [root] = documents;
  if (root === undefined || !isFlowRoot(own, root)) return undefined;
  if (documents.length > 1) throw new CannotKeep("its root is `{…}`, and more documents follow");
  if (root.items.length === 0) throw new CannotKeep("it has no keys");
  const from = root.end - 1;
  // After a comma of its own there is none.
  for (const gap of [",", " "]) {
    const entry = `${gap}"sops": {"version": "x"}`;
    const text = own.slice(0, from) + entry + own.slice(from);
    const block = { from, to: from + entry.length, margin: "", isInFlow: true };
    if (isReadable(text, isAscii)) return { text, blocks: [block], isOpenEnded: false };
  }
  throw new CannotKeep("a `sops` block cannot be added to it");
}

function isReadable(text: string, isAscii: boolean): boolean {
  try {
    readText(ended([text]), isAscii);
    return true;
  } catch (error) {
    if (error instanceof ParseError) return false;
    throw error;
  }
}

/** Where the documents of a text end, and the margins of their keys. */
function insertions(own: string, isAscii: boolean): { at: number; margin: string }[] {
  const marks = [...own.matchAll(/^(?:---|\.\.\.)(?=\s|$)|^%/gm)];
  const [first] = marks;
  // Nothing but white space and comments in front of a first `---`, or nothing of the kind at all.
  const isOne =
    first === undefined ||
    (marks.length === 1 &&
      first[0] === "---" &&
      /^(?:[ \t]*(?:#[^\n\r]*)?[\n\r])*$/.test(own.slice(0, first.index)));
  if (isOne) {
    const start = first === undefined ? 0 : first.index + 3;
    const lead = /(?:[ \t]*(?:#[^\n\r]*)?[\n\r])*/y;
    lead.lastIndex = start;
    lead.exec(own);
    return [{ at: own.length, margin: marginAt(own, lead.lastIndex) }];
  }
  const spans = newSpans();
  const documents = readText(ended([own]), isAscii, spans);
  return spans.documentEnds.map((end, i) => {
    const isLast = i === spans.documentEnds.length - 1;
    const at = isLast && !own.startsWith("...", end) ? own.length : end;
    if (at > 0 && at < own.length && lineStart(own, at) !== at)
      throw new CannotKeep("a document ends within a line");
    const key = documents[i]?.items.find(({ kind }) => kind === "entry");
    return { at, margin: key === undefined ? "" : marginAt(own, lineStart(own, key.start)) };
  });
}

function marginAt(text: string, at: number): string {
  let end = at;
  while (text.charCodeAt(end) === 32) end++;
  return text.slice(at, end);
}

function withBlocks(
  own: string,
  ends: readonly { at: number; margin: string }[],
  lineBreak: string,
): Draft {
  let text = "";
  let done = 0;
  let isOpenEnded = false;
  const blocks = ends.map(({ at, margin }) => {
    text += own.slice(done, at);
    done = at;
    const from = text.length;
    isOpenEnded = from > 0 && !/[\n\r]$/.test(text.slice(-1));
    if (isOpenEnded) text += lineBreak;
    text += `${margin}sops:${lineBreak}${margin}    version: x${lineBreak}`;
    return { from, to: text.length, margin };
  });
  return { text: text + own.slice(done), blocks, isOpenEnded };
}

/**
 * A block scalar that a text without a final line break ends with is longer where a line follows: gives it its own value.
 *
 * @returns that scalar
 */
function copyLast(documents: Documents, plain: Documents): Scalar | undefined {
  const last = lastValue(documents);
  const own = lastValue(plain);
  if (last?.kind !== "str" || own?.kind !== "str" || last.value === own.value) return undefined;
  last.value = own.value;
  return last;
}

function lastValue(documents: Documents): Node | undefined {
  let node: Node | undefined = documents.at(-1);
  while (node?.kind === "map" || node?.kind === "seq") {
    const items: readonly (Node | (typeof node.items)[number])[] = node.items;
    const item = items.findLast(({ kind }) => kind !== "comment");
    node = item?.kind === "entry" ? item.value : item;
  }
  return node;
}

class YamlPlainText implements PlainText {
  readonly documents: Documents;
  readonly orphans: readonly Comment[];
  private readonly read: Read;
  private readonly byteOrderMark: string;
  private readonly shortened: Scalar | undefined;

  constructor(read: Read, byteOrderMark: string, shortened: Scalar | undefined) {
    this.read = read;
    this.byteOrderMark = byteOrderMark;
    this.shortened = shortened;
    this.documents = read.documents;
    this.orphans = orphansOf(read.documents, read.spans.comments);
  }

  spelling(leaf: Scalar): string | undefined {
    const { text, spans } = this.read;
    const place = placeOf(text, leaf, spans);
    const { style, from, to, block } = place;
    const own = text.slice(from, to);
    if (block === undefined || (style !== "literal" && style !== "folded"))
      return rendered(leaf, style) === own ? undefined : own;
    const head = text.slice(block.headFrom, block.headTo);
    const usual = leaf.kind === "str" ? renderedBlock(leaf.value, style, block) : undefined;
    return usual?.head === head && usual.lines === own ? undefined : blockSpelling(head, own);
  }

  seal({ slots, records, block, indent }: SealedParts): string[] {
    const { text, spans, blocks, lineBreak } = this.read;
    let isShortenedSealed = this.shortened === undefined;
    const editsOf = (slot: Slot): [Edit, Edit?] => {
      const { plain, sealed, start, end } = slot;
      if (plain.kind === "comment") return [{ from: start, to: end, by: `#${sealed}` }];
      if (plain === this.shortened) isShortenedSealed = true;
      const place = placeOf(text, slot, spans);
      const { from, to, style, block: lines } = place;
      if (lines === undefined) return [{ from, to, by: carried(sealed, plain, place) }];
      const mark = style === "literal" ? "|-" : ">-";
      return [
        { from: lines.headFrom, to: lines.headTo, by: mark },
        { from, to, by: lines.indent + sealed },
      ];
    };
    const edits: Edit[] = [];
    const marker = markerLines({ isOpenEnded: this.read.isOpenEnded, records });
    for (const [i, { from, to, margin, isInFlow }] of blocks.entries()) {
      if (isInFlow === true) {
        edits.push({ from: from + 1, to, by: flowBlockText(block, { records }) });
        continue;
      }
      const own = blockText(block, i === 0 ? marker : [], { indent, margin, lineBreak });
      const isBroken = from === 0 || /[\n\r]/.test(text.charAt(from - 1));
      edits.push({ from, to, by: isBroken ? own : lineBreak + own });
    }
    const chunks = spliceSlots(text, slots, editsOf, edits);
    if (!isShortenedSealed)
      throw new CannotKeep("an unencrypted block scalar ends it without a line break");
    return this.byteOrderMark === "" ? chunks : [this.byteOrderMark, ...chunks];
  }

  follow(wanted: Documents, indent: number | undefined): string {
    const { text, spans, blocks, lineBreak } = this.read;
    const ends = blocks.map(({ from }) => from);
    const edits = editsBetween({ text, spans, lineBreak, ends, indent }, this.documents, wanted);
    const closed = this.closed(edits);
    if (closed !== undefined) edits.push(closed);
    for (const { from, to } of blocks) edits.push({ from, to, by: "" });
    return this.byteOrderMark + contractAliases(splice(text, edits).join(""));
  }

  /** A block scalar that ended the text without a line break does not end with one either where lines come after it now. */
  private closed(edits: readonly Edit[]): Edit | undefined {
    const { text, spans } = this.read;
    const { shortened } = this;
    const block = shortened && placeOf(text, shortened, spans).block;
    if (shortened === undefined || block === undefined) return undefined;
    const { headFrom, headTo } = block;
    const isChanged = edits.some(({ from, to }) => from < shortened.end && to > headFrom);
    const isLast = !edits.some(({ from }) => from >= shortened.end);
    if (isChanged || isLast) return undefined;
    const head = text.slice(headFrom, headTo).replace(/[-+]/, "");
    return { from: headFrom, to: headTo, by: `${head}-` };
  }
}

/** The comments of a text that are in none of its documents. */
export function orphansOf(documents: Documents, comments: readonly CommentRecord[]): Comment[] {
  if (comments.length === 0) return [];
  const placed = new Set<number>();
  const open: (Mapping | Sequence)[] = [...documents];
  for (let node = open.pop(); node; node = open.pop()) {
    for (const item of node.items) {
      if (item.kind === "comment") {
        placed.add(item.start);
        continue;
      }
      const value = item.kind === "entry" ? item.value : item;
      if (value.kind === "map" || value.kind === "seq") open.push(value);
    }
  }
  const orphans: Comment[] = [];
  for (const { text } of comments) {
    for (const line of text.split("\n")) {
      const { value, start } = commentOfLine(line);
      if (value !== "" && !placed.has(start))
        orphans.push(comment(value, false, start, start + 1 + value.length));
    }
  }
  return orphans;
}
