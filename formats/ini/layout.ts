import { isUtf8 } from "node:buffer";
import { flatText } from "../../src/tree/flat-text.ts";
import {
  comment,
  find,
  map,
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
import { Reader, type CommentPlace, type Piece, type Places } from "./reader.ts";
import { Writer } from "./writer.ts";

/** Begins every line of the marker. It tells a stranger whose it is. */
const MARKER = "; sopsmith-layout ";

/** A flag of the marker: the plain text ends without a line break. */
const NO_EOL = "no-eol";

interface Read {
  readonly text: string;
  readonly root: Mapping;
  readonly places: Places;
}

/** See `LayoutReader.readPlain`. */
export function readPlain(source: Uint8Array): PlainText {
  const read = readPlaces(source);
  const sections = entriesOf(read.root);
  if (!sections.some(({ value }) => value.kind === "map" && entriesOf(value).length > 0))
    throw new CannotKeep("it has no keys");
  if (find(read.root, "sops") !== undefined) throw new CannotKeep("it has a section `sops`");
  return new IniPlainText(read);
}

/** See `LayoutReader.readSealed`. */
export function readSealed(source: Uint8Array): SealedText {
  const read = readPlaces(source);
  const block = entriesOf(read.root).at(-1);
  if (block?.key !== "sops") throw new CannotKeep("its `sops` block is not the last section");
  const lines = read.text.slice(block.end).split(/\r?\n/).slice(1);
  const head = /^; sopsmith-layout (\S+)(?: (no-eol))?$/.exec(lines[0] ?? "");
  if (head?.[1] !== LAYOUT_VERSION) throw new CannotKeep("it has no marker");
  const records = new Map<string, string>();
  for (const line of lines.slice(1)) {
    const [, name, sealed] = /^; sopsmith-layout (\S{8}) (ENC\[\S+\])$/.exec(line) ?? [];
    if (name === undefined || sealed === undefined) break;
    records.set(name, sealed);
  }
  return new IniSealedText(read, { block, records, isOpenEnded: head[2] !== undefined });
}

function readPlaces(source: Uint8Array): Read {
  if (!isUtf8(source)) throw new CannotKeep("it is not UTF-8");
  const text = decodeText(source);
  const places: Places = { keys: new Map(), comments: new Map(), last: [], dropped: [] };
  const drop = (what: string): never => {
    throw new CannotKeep(what);
  };
  // What is said about quotes and comments of values that are to be encrypted does not matter: nothing is taken from them.
  const root = new Reader(text, drop, true, places).document();
  return { text, root, places };
}

class IniPlainText implements PlainText {
  readonly documents: Documents;
  readonly orphans: readonly Comment[];
  private readonly read: Read;

  constructor(read: Read) {
    this.read = read;
    this.documents = [read.root];
    this.orphans = orphansIn(read);
  }

  spelling(leaf: Scalar): string | undefined {
    const { text, places } = this.read;
    const place = places.keys.get(leaf.start);
    const own = text.slice(place?.from, place?.to);
    const mark = quotesOf(own);
    return mark + flatText(leaf) + mark === own ? undefined : own;
  }

  commentSpelling({ start, value }: Comment): string | undefined {
    const { text, places } = this.read;
    const place = places.comments.get(start);
    if (place === undefined) return undefined;
    const { lead, inline } = partsOf(text, place);
    const own = text.slice(lead?.from ?? inline?.from, lead?.to ?? inline?.to);
    const isMoved = inline !== undefined && isHeader(text, place);
    if (place.pieces.length === 1 && !isMoved && introducerOf(own) + value === own)
      return undefined;
    const shown = [lead, inline].map((piece) => piece && text.slice(piece.from, piece.to));
    return JSON.stringify(shown.map((part) => part ?? ""));
  }

  seal({ slots, records, block }: SealedParts): string[] {
    const { text, places } = this.read;
    const edits: Edit[] = [];
    for (const { plain, sealed, start, end } of slots) {
      if (plain.kind !== "comment") {
        const { from, to } = places.keys.get(start) ?? { from: start, to: end };
        const mark = quotesOf(text.slice(from, to));
        edits.push({ from, to, by: mark + sealed + mark });
        continue;
      }
      const place = places.comments.get(start);
      const { lead, inline }: ReturnType<typeof partsOf> =
        place === undefined ? { lead: { from: start, to: end } } : partsOf(text, place);
      if (place !== undefined && lead === undefined && isHeader(text, place)) {
        // A bracket after a header would end its name.
        const at = text.lastIndexOf("\n", place.line.start - 1) + 1;
        edits.push({ from: at, to: at, by: `; ${sealed}${lineBreakOf(text)}` });
        if (inline !== undefined) edits.push({ ...inline, by: "" });
        continue;
      }
      const first = lead ?? inline;
      if (first === undefined) throw new CannotKeep("a comment cannot be found");
      const own = text.slice(first.from, first.to);
      const introducer = introducerOf(own);
      const mark = introducer.includes("\n") ? own.charAt(0) : introducer;
      edits.push({ from: first.from, to: first.to, by: mark + sealed });
      if (lead !== undefined && inline !== undefined) edits.push({ ...inline, by: "" });
    }
    const isOpenEnded = !text.endsWith("\n");
    const eol = lineBreakOf(text);
    const chunks = splice(text, edits);
    chunks.push((isOpenEnded ? eol : "") + eol + blockText(block, { records, isOpenEnded, eol }));
    return chunks;
  }

  follow([wanted]: Documents): string {
    const { text, root, places } = this.read;
    if (wanted === undefined) throw new CannotKeep("no document is left");
    const lineBreak = lineBreakOf(text);
    return splice(text, editsBetween({ text, places, lineBreak }, root, wanted)).join("");
  }
}

class IniSealedText implements SealedText {
  readonly documents: Documents;
  readonly orphans: readonly Comment[];
  readonly records: ReadonlyMap<string, string>;
  private readonly read: Read;
  /** Where the header of the block begins. */
  private readonly at: number;
  private readonly isOpenEnded: boolean;

  constructor(
    read: Read,
    marker: { block: Entry; records: ReadonlyMap<string, string>; isOpenEnded: boolean },
  ) {
    this.read = read;
    this.at = marker.block.start;
    this.records = marker.records;
    this.isOpenEnded = marker.isOpenEnded;
    this.documents = [read.root];
    const own = marker.block.value.kind === "map" ? marker.block.value.items[0] : undefined;
    const place = own?.kind === "comment" ? read.places.comments.get(own.start) : undefined;
    const isOutside = ({ to }: Piece): boolean => to < this.at;
    const last = place?.pieces.filter(isOutside) ?? [];
    const dropped = read.places.dropped.filter(isOutside);
    this.orphans = orphansIn({ ...read, places: { ...read.places, last, dropped } });
  }

  open(slots: readonly Slot[], spellings: ReadonlyMap<string, string>): string {
    const { text, places } = this.read;
    const edits: Edit[] = [];
    for (const slot of slots) {
      const { plain, sealed, start, end } = slot;
      const spelling = spellings.get(recordName(sealed));
      if (plain.kind === "comment") {
        this.openComment(slot, spelling, edits);
        continue;
      }
      const { from, to } = places.keys.get(start) ?? { from: start, to: end };
      const mark = quotesOf(text.slice(from, to));
      edits.push({ from, to, by: spelling ?? mark + flatText(plain) + mark });
    }
    const own = splice(text.slice(0, this.at), edits)
      .join("")
      .replace(/\r?\n$/, "");
    return this.isOpenEnded ? own.replace(/\r?\n$/, "") : own;
  }

  private openComment(
    { plain, start, end }: Slot,
    spelling: string | undefined,
    edits: Edit[],
  ): void {
    const { text, places } = this.read;
    const value = plain.kind === "comment" ? plain.value : "";
    const isOrphan = this.orphans.some((orphan) => orphan.start === start);
    const place = isOrphan ? undefined : places.comments.get(start);
    const [piece, ...more] = place?.pieces ?? [{ from: start, to: end }];
    if (piece === undefined || more.length > 0) throw new CannotKeep("a comment was moved");
    const { from, to } = piece;
    if (spelling === undefined) {
      if (/[\n\r]/.test(value)) throw new CannotKeep("a comment has several lines");
      edits.push({ from, to, by: introducerOf(text.slice(from, to)) + value });
      return;
    }
    const [lead, inline] = partsIn(spelling);
    if (place === undefined) throw new CannotKeep("a comment was moved");
    const isOnItsLine = from < place.line.start;
    if (lead === "" && isOnItsLine) {
      const rest = /^[ \t]*\r?\n/.exec(text.slice(to, place.line.start))?.[0].length ?? 0;
      edits.push({ from, to: to + rest, by: "" });
    } else {
      edits.push({ from, to, by: lead === "" ? inline : lead });
    }
    if (!isOnItsLine || inline === "") return;
    const line = text.slice(place.line.start, place.line.end).replace(/\r?\n$/, "");
    const at = place.line.start + line.length;
    edits.push({ from: at, to: at, by: inline });
  }

  withBlock({ block }: Pick<SealedParts, "block">): string[] {
    const { text } = this.read;
    const { records, isOpenEnded } = this;
    const eol = lineBreakOf(text);
    return [text.slice(0, this.at), blockText(block, { records, isOpenEnded, eol })];
  }
}

/**
 * The lines of comments in front of the line that they belong to, and the one on it: with the spaces after it where it is taken from
 * there, so that what is put back at the end of the line is all of it.
 */
function partsOf(text: string, place: CommentPlace): { lead?: Piece; inline?: Piece } {
  const { pieces, line } = place;
  const above = pieces.filter(({ from }) => from < line.start);
  const [first, last] = [above[0], above.at(-1)];
  const lead = first && last && { from: first.from, to: last.to };
  const inline = pieces.find(({ from }) => from >= line.start);
  if (inline === undefined) return lead === undefined ? {} : { lead };
  if (lead === undefined && !isHeader(text, place)) return { inline };
  const behind = /[^\r\n]*/y;
  behind.lastIndex = inline.to;
  const to = inline.to + (behind.exec(text)?.[0].length ?? 0);
  return { ...(lead && { lead }), inline: { from: inline.from, to } };
}

/** Does a comment belong to a section? */
const isHeader = (text: string, { line }: CommentPlace): boolean => text.charAt(line.start) === "[";

/** The texts of both, from a record. */
function partsIn(spelling: string): [lead: string, inline: string] {
  const parts: unknown = spelling.startsWith("[") ? JSON.parse(spelling) : undefined;
  if (!Array.isArray(parts)) throw new CannotKeep("a comment has no text");
  const [lead, inline]: unknown[] = parts;
  if (typeof lead !== "string" || typeof inline !== "string")
    throw new CannotKeep("a comment has no text");
  return [lead, inline];
}

/** Comments that belong to no key: after the last one, each line by itself, and after closing quotes. */
function orphansIn({ text, places }: Read): Comment[] {
  return [...places.dropped, ...places.last].flatMap(({ from, to }) => {
    const own = text.slice(from, to);
    const value = own.slice(introducerOf(own).length);
    return value === "" ? [] : [comment(value, false, from, to)];
  });
}

/** What the reader takes from the beginning of a comment. */
function introducerOf(own: string): string {
  return (own.startsWith(";") ? /^[; \n]+/ : /^[# \n]+/).exec(own)?.[0] ?? "";
}

/** The quotes around a value on one line; "" for none. With several lines what follows the quotes would be read in another way. */
function quotesOf(own: string): string {
  if (own.includes("\n")) return "";
  return (
    ['"""', "`", '"', "'"].find(
      (mark) => own.length >= 2 * mark.length && own.startsWith(mark) && own.endsWith(mark),
    ) ?? ""
  );
}

const lineBreakOf = (text: string): string => /\r?\n/.exec(text)?.[0] ?? "\n";

/** The section `[sops]` with the marker. */
function blockText(
  block: readonly Item[],
  marker: { records: ReadonlyMap<string, string>; isOpenEnded: boolean; eol: string },
): string {
  const writer = new Writer();
  for (const { key, value } of entriesOf(map([...block])))
    if (value.kind === "map") writer.section(key, value, false);
  writer.flush();
  const [header = "", ...lines] = writer.chunks
    .map((chunk) => (typeof chunk === "string" ? chunk : decodeText(chunk)))
    .join("")
    .split("\n");
  const own = [`${MARKER}${LAYOUT_VERSION}${marker.isOpenEnded ? ` ${NO_EOL}` : ""}`];
  for (const [name, sealed] of marker.records) own.push(`${MARKER}${name} ${sealed}`);
  return [header, ...own, ...lines].join(marker.eol);
}
