import { commonSubsequence } from "./lcs.ts";

/** How many characters a conflict marker has, unless Git asks for others. */
export const MARKER_LENGTH = 7;

/** What stands beside the markers. */
export interface MarkerLabels {
  readonly ours: string;
  readonly theirs: string;
  readonly length?: number;
}

/**
 * Two readings of one text as one, with conflict markers round the lines that differ. Lines keep their line ends; a last line without
 * one gets one where a marker follows.
 */
export function withMarkers(
  ours: string,
  theirs: string,
  { ours: mine, theirs: yours, length = MARKER_LENGTH }: MarkerLabels,
): string {
  const [a, b] = [linesOf(ours), linesOf(theirs)];
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
  return out;
}

/** Does a text have a line that looks like one of Git's conflict markers? Its number, from 1; undefined for none. */
export function conflictMarkerLine(text: string): number | undefined {
  const found = /^(?:<{7}|>{7})(?: .*)?\r?$/m.exec(text);
  return found === null ? undefined : text.slice(0, found.index).split("\n").length;
}

const linesOf = (text: string): string[] => text.match(/[^\n]*\n|[^\n]+$/g) ?? [];

const ended = (line: string, eol: string): string => (line.endsWith("\n") ? line : line + eol);
