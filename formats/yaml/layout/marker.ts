import { find, type Documents } from "../../../src/tree/node.ts";
import { LAYOUT_VERSION } from "../../layout.ts";
import { entriesOf } from "../../entry-changes.ts";

/** Begins every line of the marker. It tells a stranger whose it is. */
export const MARKER = "# sopsmith-layout ";

/** The marker of a text whose root is a flow mapping, where a comment would need a line: a field of the `sops` block, as in JSON. */
export const FIELD = "sopsmith_layout";

/** The field of its records. */
export const RECORDS_FIELD: string = `${FIELD}_records`;

/** What the marker of an encrypted text says. */
export interface Marker {
  /** The plain text ends without a line break. */
  isOpenEnded: boolean;
  /** Sealed spellings by name. */
  records: ReadonlyMap<string, string>;
}

/** The comment lines at the head of a `sops` block, without indentation. */
export function markerLines({ isOpenEnded, records }: Marker): string[] {
  const lines = [`${MARKER}${LAYOUT_VERSION}${isOpenEnded ? " no-eol" : ""}`];
  for (const [name, sealed] of records) lines.push(`${MARKER}${name} ${sealed}`);
  return lines;
}

/**
 * Finds the marker: it is on the line after that of a key `sops`.
 *
 * @returns what it says; undefined without a marker of this version
 */
export function findMarker(text: string): Marker | undefined {
  const first = `${MARKER}${LAYOUT_VERSION}`;
  for (let at = text.indexOf(first); at >= 0; at = text.indexOf(first, at + 1)) {
    const start = lineStart(text, at);
    if (!isKeyLine(text, start)) continue;
    const lines = linesFrom(text, start);
    const head = /^ *# sopsmith-layout \d+(?: (no-eol))?[ \t]*$/.exec(lines.next().value ?? "");
    if (!head) continue;
    const records = new Map<string, string>();
    for (const line of lines) {
      const record = /^ *# sopsmith-layout (\S{8}) (ENC\[\S+\])[ \t]*$/.exec(line);
      if (!record) break;
      records.set(record[1] as string, record[2] as string);
    }
    return { isOpenEnded: head[1] !== undefined, records };
  }
  return undefined;
}

/** What the fields of the first document's `sops` block say; undefined without a marker of this version. */
export function fieldMarker([document]: Documents): Marker | undefined {
  const block = document && find(document, "sops")?.value;
  if (block?.kind !== "map") return undefined;
  const version = find(block, FIELD)?.value;
  if (version?.kind !== "str" || version.value !== LAYOUT_VERSION) return undefined;
  const records = new Map<string, string>();
  const stored = find(block, RECORDS_FIELD)?.value;
  if (stored?.kind === "map")
    for (const { key, value } of entriesOf(stored))
      if (value.kind === "str") records.set(key, value.value);
  return { isOpenEnded: false, records };
}

/** Does the line in front of `start` hold the key `sops` and nothing else? */
function isKeyLine(text: string, start: number): boolean {
  if (start < 2) return false;
  const before = text.slice(lineStart(text, start - 2), start);
  return /^ *sops:[ \t]*[\r\n]+$/.test(before);
}

function* linesFrom(text: string, start: number): Generator<string, undefined> {
  for (let at = start; at < text.length;) {
    const end = lineEnd(text, at);
    yield text.slice(at, end).replace(/[\r\n]+$/, "");
    at = end;
  }
  return undefined;
}

/** Offset of the start of the line that `at` is in; LF and CR end lines. */
export function lineStart(text: string, at: number): number {
  let start = at;
  while (start > 0 && text.charCodeAt(start - 1) !== 10 && text.charCodeAt(start - 1) !== 13)
    start--;
  return start;
}

/** Offset after the line break of the line that `at` is in. */
export function lineEnd(text: string, at: number): number {
  let end = at;
  while (end < text.length) {
    const c = text.charCodeAt(end++);
    if (c === 10 || (c === 13 && text.charCodeAt(end) !== 10)) break;
  }
  return end;
}

/** The line break that a text uses: its first. */
export const lineBreakOf = (text: string): string => /\r\n|\n|\r/.exec(text)?.[0] ?? "\n";
