import { END, isBlank, isBreak, isBreakOrEnd } from "./chars.ts";
import type { Scanner } from "./scanner.ts";
import { Tok } from "./tokens.ts";

/**
 * One comment as the scanner saw it (spec file-format A.1). `anchor` is the offset whose token takes it: the parser moves a record to the
 * pending comments when it looks at the first token that starts there or later.
 */
export interface CommentRecord {
  kind: "head" | "line" | "foot";
  anchor: number;
  /** Where the white space and comments around this record began to be skipped. */
  scanStart: number;
  start: number;
  column: number;
  /** Offset after the record; -1 for a line comment, which never moves the end of a block. */
  end: number;
  /** Lines as `markedLine` makes them, separated by LF; an empty line marks a blank line between two comments. */
  text: string;
}

/** Stands between a comment's text and its offset: no text that is read can hold it. */
const MARK = "\u0001";

/** A comment with its `#`, and after it where that is in the text, so that the parser may hand it on as text. */
const markedLine = (text: string, start: number, end: number): string =>
  `${text.slice(start, end)}${MARK}${start}`;

/** Takes such a line apart: the text after the `#`, and the `#`'s offset. */
export function commentOfLine(line: string): { value: string; start: number } {
  const mark = line.lastIndexOf(MARK);
  return { value: line.slice(1, mark), start: Number(line.slice(mark + 1)) };
}

/** go-yaml looks this far for a comment after spaces. */
const LOOK_AHEAD = 512;

/** Takes a comment that is after a token on its line. */
export function scanLineComment(scanner: Scanner, anchor: number): void {
  if (scanner.newlines > 0) return;
  const { text } = scanner;
  let at = scanner.pos;
  while (isBlank(text.charCodeAt(at)) && at - scanner.pos < LOOK_AHEAD) at++;
  if (text.charCodeAt(at) !== 35) return;
  const start = at;
  const column = at - scanner.lineStart;
  while (!isBreakOrEnd(text.charCodeAt(at))) at++;
  scanner.pos = at;
  scanner.comments.push({
    kind: "line",
    anchor,
    scanStart: 0,
    start,
    column,
    end: -1,
    text: markedLine(text, start, at),
  });
}

/**
 * Takes a run of comment lines, starting at a `#`, and splits it into heads of what follows and feet of what came before (spec file-format
 * A.1, steps 1 to 3). Leaves the scanner at the end of the last comment line.
 *
 * @param scanFrom offset where the white space before the run began
 * @param scanLine its line, counted from 0
 */
export function scanCommentLines(scanner: Scanner, scanFrom: number, scanLine: number): void {
  const { text, comments } = scanner;
  let previous = scanner.lastToken();
  if (previous?.type === Tok.FlowEntry) previous = scanner.lastToken(1) ?? previous;
  let scanStart = scanFrom;
  let anchor = previous?.start ?? 0;
  const afterValue = previous?.type === Tok.Value;
  let footLine = -1;
  if (scanLine > 0) {
    footLine = scanner.line - scanner.newlines + 1;
    if (scanner.newlines === 0 && scanner.column > 1) footLine++;
  }
  let fresh = scanner.newlines <= 1;
  let blankBefore = false;
  // The text collected so far: lines of one HEAD or FOOT.
  let lines = "";
  let start = 0;
  let column = -1;
  let startLine = 0;

  const foot = (end: number): void => {
    comments.push({ kind: "foot", anchor, scanStart, start, column, end, text: lines });
    scanStart = end;
    anchor = end;
    lines = "";
  };

  let at = scanner.pos;
  let line = scanner.line;
  let lineStart = scanner.lineStart;
  for (;;) {
    if (at - scanner.pos >= LOOK_AHEAD) break;
    const indent = Math.max(scanner.indent, 0);
    while (isBlank(text.charCodeAt(at)) && at - scanner.pos < LOOK_AHEAD) at++;
    const c = text.charCodeAt(at);
    const closesFlow = scanner.flowLevel > 0 && (c === 93 || c === 125);
    if (closesFlow || isBreakOrEnd(c)) {
      if (closesFlow || !blankBefore) {
        if (closesFlow || (fresh && ((startLine === footLine && !afterValue) || column < indent))) {
          if (lines !== "") {
            if (column < indent) anchor = start;
            foot(at);
          }
        } else if (lines !== "" && c !== END) {
          lines += "\n";
        }
      }
      if (!isBreak(c)) break;
      fresh = false;
      blankBefore = true;
      // CR LF counts twice here, as it does in go-yaml: every comment line of such a file is followed by a blank one.
      at++;
      line++;
      lineStart = at;
      continue;
    }
    const here = at - lineStart;
    if (lines !== "" && here < indent && here !== column) foot(at);
    if (c !== 35) break;
    if (lines === "") {
      start = at;
      column = here;
      startLine = line;
    } else {
      lines += "\n";
    }
    blankBefore = false;
    let end = at;
    while (!isBreakOrEnd(text.charCodeAt(end))) end++;
    lines += markedLine(text, at, end);
    // Consume it; the break after it is looked past but stays for the caller.
    for (let i = scanner.pos; i < at; i++) {
      const b = text.charCodeAt(i);
      if (isBreak(b) && !(b === 10 && text.charCodeAt(i - 1) === 13)) scanner.line++;
    }
    line = scanner.line;
    scanner.pos = end;
    scanner.lineStart = lineStart;
    scanner.newlines = 0;
    at = end;
    const after = text.charCodeAt(at);
    if (after === END) continue;
    at++;
    lineStart = at;
  }
  if (lines !== "") {
    comments.push({
      kind: "head",
      anchor: start,
      scanStart,
      start,
      column,
      end: at - 1,
      text: lines,
    });
  }
}
