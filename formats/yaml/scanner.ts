import { ParseError } from "../../src/errors.ts";
import { lineAt } from "../../src/tree/text.ts";
import {
  BOM,
  CR,
  END,
  LF,
  SPACE,
  TAB,
  isBlank,
  isBlankOrEnd,
  isBreak,
  isBreakOrEnd,
  isWordChar,
} from "./chars.ts";
import { scanCommentLines, scanLineComment, type CommentRecord } from "./comments.ts";
import { scanBlockScalar, scanPlainScalar, scanQuotedScalar } from "./scan-scalar.ts";
import { Tok, type Token, type TokenType } from "./tokens.ts";

interface SimpleKey {
  possible: boolean;
  required: boolean;
  tokenNumber: number;
  index: number;
  line: number;
  column: number;
}

/** So many consumed tokens are kept at most: those that a garbage collector finds it copies. */
const MAX_CONSUMED = 64;

/** As deep as go-yaml lets blocks and flow collections nest. */
const MAX_DEPTH = 10_000;

/**
 * Text → tokens, with the comment records of spec file-format Appendix A.1 and A.2 beside them. Positions are UTF-16
 * offsets, columns count from 0.
 */
export class Scanner {
  readonly text: string;
  pos = 0;
  line = 0;
  /** Offset of the start of the current line; column = pos - lineStart. */
  lineStart = 0;
  /** Line breaks since the last character that was not blank. */
  newlines = 0;
  indent = -1;
  flowLevel = 0;
  simpleKeyAllowed = true;
  readonly comments: CommentRecord[] = [];
  /** How many records the parser has taken. */
  commentsTaken = 0;

  private readonly tokens: Token[] = [];
  private head = 0;
  private parsed = 0;
  private ended = false;
  private readonly indents: number[] = [];
  private readonly simpleKeys: SimpleKey[] = [];

  constructor(text: string) {
    this.text = text;
    this.simpleKeys.push(newSimpleKey(0));
    this.push(Tok.StreamStart, 0, 0);
  }

  get column(): number {
    return this.pos - this.lineStart;
  }

  /** The token at the head of the queue. Two more are scanned after it, so that the comments which belong to it are known. */
  peek(): Token {
    while (!this.isHeadReady()) this.fetchNext();
    return this.tokens[this.head] as Token;
  }

  skip(): void {
    this.head++;
    this.parsed++;
    if (this.head > MAX_CONSUMED) {
      // Two consumed tokens stay: the comment scanner looks back at them.
      this.tokens.splice(0, this.head - 2);
      this.head = 2;
    }
  }

  /** The last token scanned, `back` steps before the newest. */
  lastToken(back = 0): Token | undefined {
    return this.tokens[this.tokens.length - 1 - back];
  }

  fail(message: string, at: number = this.pos): never {
    throw new ParseError(`yaml: ${message}`, lineAt(this.text, at));
  }

  code(offset = 0): number {
    return this.text.charCodeAt(this.pos + offset);
  }

  /** Steps over one line break. */
  skipBreak(): void {
    this.pos += this.code() === CR && this.code(1) === LF ? 2 : 1;
    this.lineStart = this.pos;
    this.line++;
    this.newlines++;
  }

  /** Steps over one line break and returns what it stands for: U+2028 and U+2029 themselves, LF for every other. */
  readBreak(): string {
    const c = this.code();
    this.skipBreak();
    return c === 0x2028 ? "\u2028" : c === 0x2029 ? "\u2029" : "\n";
  }

  isDocumentIndicator(): boolean {
    if (this.pos !== this.lineStart) return false;
    const c = this.code();
    return (
      (c === 45 || c === 46) &&
      this.code(1) === c &&
      this.code(2) === c &&
      isBlankOrEnd(this.code(3))
    );
  }

  push(type: TokenType, start: number, end: number): Token {
    const token: Token = { type, start, end, value: "", handle: "", style: "plain" };
    this.tokens.push(token);
    return token;
  }

  private isHeadReady(): boolean {
    if (this.ended && this.head < this.tokens.length) return true;
    if (this.head >= this.tokens.length - 2) return false;
    // A simple key at the head may still turn out to need a KEY token in front of it.
    for (let i = this.simpleKeys.length - 1; i >= 0; i--) {
      const key = this.simpleKeys[i] as SimpleKey;
      if (key.tokenNumber < this.parsed) break; // numbers never grow towards the bottom
      if (key.possible && key.tokenNumber === this.parsed) return !this.isKeyValid(key);
    }
    return true;
  }

  private fetchNext(): void {
    const scanStart = this.pos;
    const scanLine = this.line;
    this.toNextToken(scanStart, scanLine);
    this.unrollIndent(this.column, scanStart);
    this.fetchToken();
  }

  private fetchToken(): void {
    const c = this.code();
    if (c === END && this.pos === this.text.length - 1) return this.fetchStreamEnd();
    if (this.pos === this.lineStart) {
      if (c === 37) return this.fetchDirective();
      if (this.isDocumentIndicator()) return this.fetchDocumentIndicator(c);
    }
    // Comments after a block `:` or a flow `,` belong to the token before it.
    let anchor = this.pos;
    const last = this.lastToken();
    if (last && (this.flowLevel === 0 ? c === 58 : c === 44)) anchor = last.start;
    this.fetchContent(c);
    if (this.lastToken()?.type !== Tok.BlockEntry) scanLineComment(this, anchor);
  }

  private fetchContent(c: number): void {
    const next = this.code(1);
    switch (c) {
      case 91:
        return this.fetchFlowStart(Tok.FlowSequenceStart);
      case 123:
        return this.fetchFlowStart(Tok.FlowMappingStart);
      case 93:
        return this.fetchFlowEnd(Tok.FlowSequenceEnd);
      case 125:
        return this.fetchFlowEnd(Tok.FlowMappingEnd);
      case 44:
        this.removeSimpleKey();
        this.simpleKeyAllowed = true;
        return this.pushChar(Tok.FlowEntry);
      case 45:
        if (isBlankOrEnd(next)) return this.fetchBlockEntry();
        break;
      case 63:
        if (this.flowLevel > 0 || isBlankOrEnd(next)) return this.fetchKey();
        break;
      case 58:
        if (this.flowLevel > 0 || isBlankOrEnd(next)) return this.fetchValue();
        break;
      case 42:
        return this.fetchAnchor(Tok.Alias);
      case 38:
        return this.fetchAnchor(Tok.Anchor);
      case 33:
        return this.fetchTag();
      case 124:
      case 62:
        if (this.flowLevel > 0) break;
        this.removeSimpleKey();
        this.simpleKeyAllowed = true;
        return scanBlockScalar(this, c === 124);
      case 39:
      case 34:
        this.saveSimpleKey();
        this.simpleKeyAllowed = false;
        return scanQuotedScalar(this, c === 39);
      default:
    }
    if (!canStartPlain(c, next, this.flowLevel > 0))
      this.fail("found character that cannot start any token");
    this.saveSimpleKey();
    this.simpleKeyAllowed = false;
    scanPlainScalar(this);
  }

  private toNextToken(scanStart: number, scanLine: number): void {
    for (;;) {
      let c = this.code();
      if (c === BOM && this.pos === this.lineStart) {
        this.pos++;
        this.lineStart++;
        c = this.code();
      }
      const tabs = this.flowLevel > 0 || !this.simpleKeyAllowed;
      while (c === SPACE || (c === TAB && tabs)) {
        this.pos++;
        c = this.code();
      }
      if (c === 35) {
        scanCommentLines(this, scanStart, scanLine);
        c = this.code();
      }
      if (!isBreak(c)) return;
      this.skipBreak();
      if (this.flowLevel === 0) this.simpleKeyAllowed = true;
    }
  }

  private pushChar(type: TokenType): void {
    this.newlines = 0;
    this.push(type, this.pos, this.pos + 1);
    this.pos++;
  }

  private fetchStreamEnd(): void {
    if (this.pos !== this.lineStart) {
      this.lineStart = this.pos;
      this.line++;
    }
    this.unrollIndent(-1, this.pos);
    this.removeSimpleKey();
    this.simpleKeyAllowed = false;
    this.push(Tok.StreamEnd, this.pos, this.pos);
    this.ended = true;
  }

  private fetchDocumentIndicator(c: number): void {
    this.unrollIndent(-1, this.pos);
    this.removeSimpleKey();
    this.simpleKeyAllowed = false;
    this.newlines = 0;
    this.push(c === 45 ? Tok.DocumentStart : Tok.DocumentEnd, this.pos, this.pos + 3);
    this.pos += 3;
  }

  private fetchDirective(): void {
    this.unrollIndent(-1, this.pos);
    this.removeSimpleKey();
    this.simpleKeyAllowed = false;
    const start = this.pos;
    const directive = /%([\w-]+)[ \t]+([^\n\r\0]*)/y;
    directive.lastIndex = start;
    const found = directive.exec(this.text);
    const end = this.lineEnd();
    this.newlines = 0;
    if (found?.[1] === "YAML") {
      if (!/^1\.1[ \t]*(#.*)?$/.test(found[2] ?? ""))
        this.fail("found incompatible YAML document", start);
      this.push(Tok.VersionDirective, start, end);
    } else if (found?.[1] === "TAG") {
      const tag = /^(!(?:[\w-]*!)?)[ \t]+(\S+)[ \t]*(#.*)?$/.exec(found[2] ?? "");
      if (!tag) this.fail("did not find expected tag directive", start);
      const token = this.push(Tok.TagDirective, start, end);
      token.handle = tag[1] as string;
      token.value = tag[2] as string;
    } else {
      this.fail("found unknown directive name", start);
    }
    this.pos = end;
  }

  private lineEnd(): number {
    let end = this.pos;
    while (!isBreakOrEnd(this.text.charCodeAt(end))) end++;
    return end;
  }

  private fetchFlowStart(type: TokenType): void {
    this.saveSimpleKey();
    this.simpleKeys.push(newSimpleKey(this.nextTokenNumber()));
    this.flowLevel++;
    if (this.flowLevel > MAX_DEPTH) this.fail("exceeded max depth of 10000");
    this.simpleKeyAllowed = true;
    this.pushChar(type);
  }

  private fetchFlowEnd(type: TokenType): void {
    this.removeSimpleKey();
    if (this.flowLevel > 0) {
      this.flowLevel--;
      this.simpleKeys.pop();
    }
    this.simpleKeyAllowed = false;
    this.pushChar(type);
  }

  private fetchBlockEntry(): void {
    if (this.flowLevel === 0) {
      if (!this.simpleKeyAllowed)
        this.fail("block sequence entries are not allowed in this context");
      this.rollIndent(this.column, -1, Tok.BlockSequenceStart, this.pos);
    }
    this.removeSimpleKey();
    this.simpleKeyAllowed = true;
    this.pushChar(Tok.BlockEntry);
  }

  private fetchKey(): void {
    if (this.flowLevel === 0) {
      if (!this.simpleKeyAllowed) this.fail("mapping keys are not allowed in this context");
      this.rollIndent(this.column, -1, Tok.BlockMappingStart, this.pos);
    }
    this.removeSimpleKey();
    this.simpleKeyAllowed = this.flowLevel === 0;
    this.pushChar(Tok.Key);
  }

  private fetchValue(): void {
    const key = this.simpleKeys[this.simpleKeys.length - 1] as SimpleKey;
    if (this.isKeyValid(key)) {
      this.insert(key.tokenNumber, Tok.Key, key.index);
      this.rollIndent(key.column, key.tokenNumber, Tok.BlockMappingStart, key.index);
      key.possible = false;
      this.simpleKeyAllowed = false;
    } else {
      if (this.flowLevel === 0) {
        if (!this.simpleKeyAllowed) this.fail("mapping values are not allowed in this context");
        this.rollIndent(this.column, -1, Tok.BlockMappingStart, this.pos);
      }
      this.simpleKeyAllowed = this.flowLevel === 0;
    }
    this.pushChar(Tok.Value);
  }

  private fetchAnchor(type: TokenType): void {
    this.saveSimpleKey();
    this.simpleKeyAllowed = false;
    const start = this.pos++;
    while (isWordChar(this.code())) this.pos++;
    const after = this.code();
    if (
      this.pos === start + 1 ||
      !(isBlankOrEnd(after) || "?:,]}%@`".includes(String.fromCharCode(after)))
    ) {
      this.fail("did not find expected alphabetic or numeric character", start);
    }
    this.newlines = 0;
    this.push(type, start, this.pos).value = this.text.slice(start + 1, this.pos);
  }

  private fetchTag(): void {
    this.saveSimpleKey();
    this.simpleKeyAllowed = false;
    const start = this.pos;
    let handle = "";
    let suffix: string;
    if (this.code(1) === 60) {
      const close = this.text.indexOf(">", start);
      suffix = close < 0 ? "" : this.text.slice(start + 2, close);
      if (!/^[\w;/?:@&=+$.!~*'()%,[\]#-]+$/.test(suffix))
        this.fail("did not find the expected '>'", start);
      this.pos = close + 1;
    } else {
      const shape = /!(?:[\w-]*!)?/y;
      shape.lastIndex = start;
      handle = shape.exec(this.text)?.[0] ?? "!";
      this.pos += handle.length;
      const from = this.pos;
      while (/[\w;/?:@&=+$.!~*'()%,[\]-]/.test(this.text.charAt(this.pos))) this.pos++;
      suffix = this.text.slice(from, this.pos);
      if (suffix === "" && handle !== "!") this.fail("did not find expected tag URI", start);
    }
    if (!isBlankOrEnd(this.code()))
      this.fail("did not find expected whitespace or line break", start);
    this.newlines = 0;
    const token = this.push(Tok.Tag, start, this.pos);
    token.handle = handle;
    token.value = unescapeUri(suffix);
  }

  private rollIndent(column: number, tokenNumber: number, type: TokenType, at: number): void {
    if (this.flowLevel > 0 || this.indent >= column) return;
    this.indents.push(this.indent);
    this.indent = column;
    if (this.indents.length > MAX_DEPTH) this.fail("exceeded max depth of 10000");
    if (tokenNumber < 0) this.push(type, at, at);
    else this.insert(tokenNumber, type, at);
  }

  /** Closes the blocks right of `column`; their ends reach back over comments that belong to them (Appendix A.2). */
  private unrollIndent(column: number, scanStart: number): void {
    if (this.flowLevel > 0) return;
    let at = scanStart - 1;
    while (this.indent > column) {
      let stop = at;
      for (let i = this.comments.length - 1; i >= this.commentsTaken; i--) {
        const record = this.comments[i] as CommentRecord;
        if (record.end < stop) break;
        if (record.column === this.indent) at = record.start;
        stop = record.scanStart;
      }
      this.push(Tok.BlockEnd, at, at);
      this.indent = this.indents.pop() as number;
    }
  }

  private nextTokenNumber(): number {
    return this.parsed + this.tokens.length - this.head;
  }

  private insert(tokenNumber: number, type: TokenType, at: number): void {
    const token: Token = { type, start: at, end: at, value: "", handle: "", style: "plain" };
    this.tokens.splice(this.head + tokenNumber - this.parsed, 0, token);
  }

  private isKeyValid(key: SimpleKey): boolean {
    if (!key.possible) return false;
    // A simple key ends on its line and within 1024 characters (YAML 1.1, section 7.4).
    if (key.line < this.line || key.index + 1024 < this.pos) {
      if (key.required) this.fail("could not find expected ':'", key.index);
      key.possible = false;
    }
    return key.possible;
  }

  private saveSimpleKey(): void {
    if (!this.simpleKeyAllowed) return;
    this.removeSimpleKey();
    const key = this.simpleKeys[this.simpleKeys.length - 1] as SimpleKey;
    key.possible = true;
    key.required = this.flowLevel === 0 && this.indent === this.column;
    key.tokenNumber = this.nextTokenNumber();
    key.index = this.pos;
    key.line = this.line;
    key.column = this.column;
  }

  private removeSimpleKey(): void {
    const key = this.simpleKeys[this.simpleKeys.length - 1] as SimpleKey;
    if (key.possible && key.required) this.fail("could not find expected ':'", key.index);
    key.possible = false;
  }
}

function newSimpleKey(tokenNumber: number): SimpleKey {
  return { possible: false, required: false, tokenNumber, index: 0, line: 0, column: 0 };
}

/** May a plain scalar start with `c`, followed by `next`? (go-yaml is stricter than the YAML specification.) */
function canStartPlain(c: number, next: number, inFlow: boolean): boolean {
  if (c === 45) return !isBlank(next);
  if (c === 63 || c === 58) return !inFlow && !isBlankOrEnd(next);
  return !isBlankOrEnd(c) && !",[]{}#&*!|>'\"%@`".includes(String.fromCharCode(c));
}

function unescapeUri(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
