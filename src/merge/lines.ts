import { commonSubsequence } from "./lcs.ts";

/** How many characters a conflict marker has, unless Git asks for others. */
export const MARKER_LENGTH = 7;

/** What is beside the markers. */
export interface MarkerLabels {
  readonly ours: string;
  readonly theirs: string;
  readonly length?: number;
}

/**
 * Two readings of one text as one, with conflict markers round the lines that differ. Lines keep their line ends; a last line without
 * one gets one where a marker follows. The texts need not be UTF-8: whatever bytes a line has, it keeps.
 */
export function withMarkers(
  ours: Uint8Array,
  theirs: Uint8Array,
  { ours: mine, theirs: yours, length = MARKER_LENGTH }: MarkerLabels,
): Buffer {
  const [a, b] = [linesOf(bytesText(ours)), linesOf(bytesText(theirs))];
  const common = commonSubsequence(a, b) ?? new Map<number, number>();
  const eol = a.find((line) => line.endsWith("\n"))?.endsWith("\r\n") === true ? "\r\n" : "\n";
  const marker = (sign: string, label = "") =>
    `${sign.repeat(length)}${label === "" ? "" : ` ${label}`}${eol}`;
  let out = "";
  let [i, j] = [0, 0];
  const flush = (endA: number, endB: number) => {
    if (i === endA && j === endB) return;
    out += marker("<", mine);
    for (; i < endA; i++) out += ended(a[i] ?? "", eol);
    out += marker("=");
    for (; j < endB; j++) out += ended(b[j] ?? "", eol);
    out += marker(">", yours);
  };
  for (const [inA, inB] of common) {
    flush(inA, inB);
    out += a[i++] ?? "";
    j++;
  }
  flush(a.length, b.length);
  return Buffer.from(out, "latin1");
}

/** A character for each byte. */
const bytesText = (bytes: Uint8Array): string => Buffer.from(bytes).toString("latin1");

/**
 * Merges three texts line by line, as far as one can tell from lines: in a region that both sides changed without adding or removing a line, each
 * line counts for itself. Nothing here knows what the lines say, so the caller checks what comes out.
 *
 * @param prefer the side whose lines stay where both changed them
 */
export function mergeLines(
  base: string,
  ours: string,
  theirs: string,
  prefer: "ours" | "theirs",
): string | undefined {
  const [o, a, b] = [linesOf(base), linesOf(ours), linesOf(theirs)];
  const [inOurs, inTheirs] = [commonSubsequence(o, a), commonSubsequence(o, b)];
  if (inOurs === undefined || inTheirs === undefined) return undefined;
  const out: string[] = [];
  let [i, j, k] = [0, 0, 0];
  for (;;) {
    let next = i;
    while (next < o.length && !(inOurs.has(next) && inTheirs.has(next))) next++;
    const [endA, endB] = [inOurs.get(next) ?? a.length, inTheirs.get(next) ?? b.length];
    const region = mergeRegion(o.slice(i, next), a.slice(j, endA), b.slice(k, endB), prefer);
    for (const line of region) out.push(line);
    if (next === o.length) return out.join("");
    out.push(o[next] as string);
    [i, j, k] = [next + 1, endA + 1, endB + 1];
  }
}

function mergeRegion(
  base: readonly string[],
  ours: readonly string[],
  theirs: readonly string[],
  prefer: "ours" | "theirs",
): readonly string[] {
  const isSame = (a: readonly string[], b: readonly string[]) => a.join("") === b.join("");
  if (isSame(ours, theirs) || isSame(theirs, base)) return ours;
  if (isSame(ours, base)) return theirs;
  if (base.length === 0) return [...ours, ...theirs];
  const isLineByLine = ours.length === base.length && theirs.length === base.length;
  if (isLineByLine && base.length > 1)
    return base.flatMap((line, i) =>
      mergeRegion([line], ours.slice(i, i + 1), theirs.slice(i, i + 1), prefer),
    );
  return (
    woven(base, ours, theirs) ?? woven(base, theirs, ours) ?? (prefer === "ours" ? ours : theirs)
  );
}

/** Lines that one side changed in place, among those that the other one added to them; undefined where that is not what happened. */
function woven(
  base: readonly string[],
  changed: readonly string[],
  grown: readonly string[],
): string[] | undefined {
  if (changed.length !== base.length) return undefined;
  const kept = commonSubsequence(base, grown);
  if (kept?.size !== base.length) return undefined;
  const places = new Map([...kept].map(([inBase, inGrown]) => [inGrown, inBase]));
  return grown.map((line, index) => changed[places.get(index) ?? -1] ?? line);
}

/** Does a text have a line that looks like one of Git's conflict markers? Its number, from 1; undefined for none. */
export function conflictMarkerLine(text: string): number | undefined {
  const found = /^(?:<{7,}|>{7,})(?: .*)?\r?$/m.exec(text);
  return found === null ? undefined : text.slice(0, found.index).split("\n").length;
}

const linesOf = (text: string): string[] => text.match(/[^\n]*\n|[^\n]+$/g) ?? [];

const ended = (line: string, eol: string): string => (line.endsWith("\n") ? line : line + eol);
