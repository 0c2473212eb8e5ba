import type { CommentRecord } from "./comments.ts";
import { Scanner } from "./scanner.ts";
import { Tok, type ScalarStyle, type Token } from "./tokens.ts";

/** What the parser hands out, one at a time. Comments are texts as the scanner collected them: lines with `#`. */
export interface Event {
  type:
    | "stream-start"
    | "stream-end"
    | "document-start"
    | "document-end"
    | "mapping-start"
    | "mapping-end"
    | "sequence-start"
    | "sequence-end"
    | "scalar"
    | "alias";
  start: number;
  end: number;
  /** Where a scalar's own text begins, after anchor and tag. */
  content: number;
  /** Where its tag begins; -1 for none. */
  tagStart: number;
  anchor: string;
  /** Resolved tag, short form (`!!str`) where there is one; "" for none, "!" for the non-specific tag. */
  tag: string;
  value: string;
  style: ScalarStyle;
  flow: boolean;
  head: string;
  line: string;
  foot: string;
}

const LONG_TAG = "tag:yaml.org,2002:";

type State =
  | "stream-start"
  | "implicit-document-start"
  | "document-start"
  | "document-content"
  | "document-end"
  | "block-node"
  | "block-sequence-first"
  | "block-sequence-entry"
  | "indentless-entry"
  | "block-mapping-first"
  | "block-mapping-key"
  | "block-mapping-value"
  | "flow-sequence-first"
  | "flow-sequence-entry"
  | "flow-pair-key"
  | "flow-pair-value"
  | "flow-pair-end"
  | "flow-mapping-first"
  | "flow-mapping-key"
  | "flow-mapping-value"
  | "flow-mapping-empty-value"
  | "end";

/**
 * Tokens → events, following the grammar of the YAML 1.1 reference parser that go-yaml is built on, and the rules by which it
 * hands comments to nodes (spec file-format A.3).
 */
export class Parser {
  private readonly scanner: Scanner;
  private state: State = "stream-start";
  private readonly states: State[] = [];
  private readonly tagHandles = new Map<string, string>();
  private head = "";
  private line = "";
  private foot = "";
  /** Comment above a `- ` whose element is a block collection: it belongs to the collection, not to its first key. */
  private stem = "";

  private readonly keepsComments: boolean;

  /** @param keepsComments `comments` has all of them at the end, not only the last ones */
  constructor(text: string, keepsComments = false) {
    this.scanner = new Scanner(text);
    this.keepsComments = keepsComments;
  }

  fail(message: string, at: number): never {
    this.scanner.fail(message, at);
  }

  /** The comments that were scanned, also those that no event took. */
  get comments(): readonly CommentRecord[] {
    return this.scanner.comments;
  }

  next(): Event {
    switch (this.state) {
      case "stream-start": {
        const token = this.peek();
        this.scanner.skip();
        this.state = "implicit-document-start";
        return event("stream-start", token);
      }
      case "implicit-document-start":
        return this.documentStart(true);
      case "document-start":
        return this.documentStart(false);
      case "document-content":
        return this.documentContent();
      case "document-end":
        return this.documentEnd();
      case "block-node":
        return this.node(true, false);
      case "block-sequence-first":
        this.scanner.skip();
        return this.blockSequenceEntry();
      case "block-sequence-entry":
        return this.blockSequenceEntry();
      case "indentless-entry":
        return this.indentlessEntry();
      case "block-mapping-first":
        this.scanner.skip();
        return this.blockMappingKey();
      case "block-mapping-key":
        return this.blockMappingKey();
      case "block-mapping-value":
        return this.blockMappingValue();
      case "flow-sequence-first":
        this.scanner.skip();
        return this.flowSequenceEntry(true);
      case "flow-sequence-entry":
        return this.flowSequenceEntry(false);
      case "flow-pair-key":
        return this.flowPairKey();
      case "flow-pair-value":
        return this.flowPairValue();
      case "flow-pair-end":
        this.state = "flow-sequence-entry";
        return event("mapping-end", this.peek());
      case "flow-mapping-first":
        this.scanner.skip();
        return this.flowMappingKey(true);
      case "flow-mapping-key":
        return this.flowMappingKey(false);
      case "flow-mapping-value":
        return this.flowMappingValue(false);
      case "flow-mapping-empty-value":
        return this.flowMappingValue(true);
      case "end":
        return event("stream-end", this.peek());
      default:
        return this.state satisfies never;
    }
  }

  /** The next token, with the comments that have reached it moved to the pending texts. */
  private peek(): Token {
    const token = this.scanner.peek();
    const { comments } = this.scanner;
    while (this.scanner.commentsTaken < comments.length) {
      const record = comments[this.scanner.commentsTaken];
      if (!record || record.anchor > token.start) break;
      if (record.kind === "head") {
        if (token.type === Tok.BlockEnd) break; // nothing starts here: keep it for what follows
        this.head = join(this.head, record.text);
      } else if (record.kind === "foot") {
        this.foot = join(this.foot, record.text);
      } else {
        this.line = join(this.line, record.text);
      }
      this.scanner.commentsTaken++;
    }
    if (!this.keepsComments && this.scanner.commentsTaken > 1024) {
      comments.splice(0, this.scanner.commentsTaken);
      this.scanner.commentsTaken = 0;
    }
    return token;
  }

  private takeComments(e: Event): Event {
    e.head = this.head;
    e.line = this.line;
    e.foot = this.foot;
    this.head = this.line = this.foot = this.stem = "";
    return e;
  }

  private documentStart(implicit: boolean): Event {
    let token = this.peek();
    while (!implicit && token.type === Tok.DocumentEnd) {
      this.scanner.skip();
      token = this.peek();
    }
    const { type } = token;
    if (type === Tok.StreamEnd) {
      this.state = "end";
      return event("stream-end", token);
    }
    this.tagHandles.clear();
    if (
      implicit &&
      type !== Tok.VersionDirective &&
      type !== Tok.TagDirective &&
      type !== Tok.DocumentStart
    ) {
      this.states.push("document-end");
      this.state = "block-node";
      const e = event("document-start", token);
      [e.head, this.head] = splitDocumentHead(this.head);
      return e;
    }
    token = this.directives(token);
    if (token.type !== Tok.DocumentStart)
      this.fail("did not find expected <document start>", token.start);
    this.states.push("document-end");
    this.state = "document-content";
    this.scanner.skip();
    return event("document-start", token);
  }

  private directives(first: Token): Token {
    let token = first;
    let versioned = false;
    while (token.type === Tok.VersionDirective || token.type === Tok.TagDirective) {
      if (token.type === Tok.VersionDirective) {
        if (versioned) this.fail("found duplicate %YAML directive", token.start);
        versioned = true;
      } else {
        if (this.tagHandles.has(token.handle))
          this.fail("found duplicate %TAG directive", token.start);
        this.tagHandles.set(token.handle, token.value);
      }
      this.scanner.skip();
      token = this.peek();
    }
    return token;
  }

  private documentContent(): Event {
    const token = this.peek();
    switch (token.type) {
      case Tok.VersionDirective:
      case Tok.TagDirective:
      case Tok.DocumentStart:
      case Tok.DocumentEnd:
      case Tok.StreamEnd:
        this.pop();
        return emptyScalar(token.start);
      default:
        return this.node(true, false);
    }
  }

  private documentEnd(): Event {
    const token = this.peek();
    if (token.type === Tok.DocumentEnd) this.scanner.skip();
    this.state = "document-start";
    const e = this.takeComments(event("document-end", token));
    if (e.head !== "" && e.foot === "") {
      e.foot = e.head;
      e.head = "";
    }
    return e;
  }

  private node(block: boolean, indentless: boolean): Event {
    let token = this.peek();
    if (token.type === Tok.Alias) {
      this.pop();
      const e = this.takeComments(event("alias", token));
      e.value = token.value;
      this.scanner.skip();
      return e;
    }
    let anchor = "";
    let tag = "";
    let properties = -1;
    let tagStart = -1;
    for (let i = 0; i < 2; i++) {
      if (token.type === Tok.Anchor && anchor === "") {
        anchor = token.value;
      } else if (token.type === Tok.Tag && tag === "") {
        tag = this.resolveTag(token);
        tagStart = token.start;
      } else {
        break;
      }
      if (properties < 0) properties = token.start;
      this.scanner.skip();
      token = this.peek();
    }
    const e = event("scalar", token);
    e.anchor = anchor;
    e.tag = tag;
    e.tagStart = tagStart;
    if (properties >= 0) e.start = properties;
    if (indentless && token.type === Tok.BlockEntry) {
      this.state = "indentless-entry";
      e.type = "sequence-start";
      return e;
    }
    switch (token.type) {
      case Tok.Scalar:
        e.value = token.value;
        e.style = token.style;
        this.pop();
        this.takeComments(e);
        this.scanner.skip();
        return e;
      case Tok.FlowSequenceStart:
        this.state = "flow-sequence-first";
        e.type = "sequence-start";
        e.flow = true;
        return this.takeComments(e);
      case Tok.FlowMappingStart:
        this.state = "flow-mapping-first";
        e.type = "mapping-start";
        e.flow = true;
        return this.takeComments(e);
      case Tok.BlockSequenceStart:
      case Tok.BlockMappingStart: {
        if (!block) break;
        const mapping = token.type === Tok.BlockMappingStart;
        this.state = mapping ? "block-mapping-first" : "block-sequence-first";
        e.type = mapping ? "mapping-start" : "sequence-start";
        e.head = this.stem;
        this.stem = "";
        return e;
      }
      default:
    }
    if (properties >= 0) {
      this.pop();
      e.end = token.start;
      return e;
    }
    this.fail("did not find expected node content", token.start);
  }

  private resolveTag(token: Token): string {
    if (token.handle === "") return shortTag(token.value);
    if (token.handle === "!" && token.value === "" && !this.tagHandles.has("!")) return "!";
    const prefix =
      this.tagHandles.get(token.handle) ??
      (token.handle === "!" ? "!" : token.handle === "!!" ? LONG_TAG : undefined);
    if (prefix === undefined) this.fail("found undefined tag handle", token.start);
    return shortTag(prefix + token.value);
  }

  private blockSequenceEntry(): Event {
    const token = this.peek();
    if (token.type === Tok.BlockEntry) {
      const after = this.afterDash();
      if (after.type !== Tok.BlockEntry && after.type !== Tok.BlockEnd) {
        this.states.push("block-sequence-entry");
        return this.node(true, false);
      }
      this.state = "block-sequence-entry";
      return emptyScalar(token.end);
    }
    if (token.type !== Tok.BlockEnd) this.fail("did not find expected '-' indicator", token.start);
    this.pop();
    this.scanner.skip();
    return event("sequence-end", token);
  }

  private indentlessEntry(): Event {
    const token = this.peek();
    if (token.type === Tok.BlockEntry) {
      const { type } = this.afterDash();
      if (
        type !== Tok.BlockEntry &&
        type !== Tok.Key &&
        type !== Tok.Value &&
        type !== Tok.BlockEnd
      ) {
        this.states.push("indentless-entry");
        return this.node(true, false);
      }
      this.state = "indentless-entry";
      return emptyScalar(token.end);
    }
    this.pop();
    return event("sequence-end", token);
  }

  /** Steps over a `-` and returns the token after it; a head comment above it is set aside for a block collection. */
  private afterDash(): Token {
    const above = this.head.length;
    this.scanner.skip();
    const token = this.peek();
    if (
      above > 0 &&
      (token.type === Tok.BlockSequenceStart || token.type === Tok.BlockMappingStart)
    ) {
      this.stem = this.head.slice(0, above);
      this.head = this.head.slice(above + 1);
    }
    return token;
  }

  private blockMappingKey(): Event {
    const token = this.peek();
    if (token.type === Tok.Key) {
      this.scanner.skip();
      const { type } = this.peek();
      if (type !== Tok.Key && type !== Tok.Value && type !== Tok.BlockEnd) {
        this.states.push("block-mapping-value");
        return this.node(true, true);
      }
      this.state = "block-mapping-value";
      return emptyScalar(token.end);
    }
    if (token.type !== Tok.BlockEnd) this.fail("did not find expected key", token.start);
    this.pop();
    const e = this.takeComments(event("mapping-end", token));
    this.scanner.skip();
    return e;
  }

  private blockMappingValue(): Event {
    const token = this.peek();
    this.state = "block-mapping-key";
    if (token.type !== Tok.Value) return emptyScalar(token.start);
    this.scanner.skip();
    const { type } = this.peek();
    if (type === Tok.Key || type === Tok.Value || type === Tok.BlockEnd)
      return emptyScalar(token.end);
    this.states.push("block-mapping-key");
    return this.node(true, true);
  }

  private flowSequenceEntry(first: boolean): Event {
    let token = this.peek();
    if (token.type !== Tok.FlowSequenceEnd) {
      if (!first) {
        if (token.type !== Tok.FlowEntry)
          this.fail("did not find expected ',' or ']'", token.start);
        this.scanner.skip();
        token = this.peek();
      }
      if (token.type === Tok.Key) {
        this.state = "flow-pair-key";
        this.scanner.skip();
        const e = event("mapping-start", token);
        e.flow = true;
        return e;
      }
      if (token.type !== Tok.FlowSequenceEnd) {
        this.states.push("flow-sequence-entry");
        return this.node(false, false);
      }
    }
    this.pop();
    const e = this.takeComments(event("sequence-end", token));
    this.scanner.skip();
    return e;
  }

  private flowPairKey(): Event {
    const token = this.peek();
    if (
      token.type !== Tok.Value &&
      token.type !== Tok.FlowEntry &&
      token.type !== Tok.FlowSequenceEnd
    ) {
      this.states.push("flow-pair-value");
      return this.node(false, false);
    }
    const at = token.end;
    this.scanner.skip();
    this.state = "flow-pair-value";
    return emptyScalar(at);
  }

  private flowPairValue(): Event {
    let token = this.peek();
    if (token.type === Tok.Value) {
      this.scanner.skip();
      token = this.peek();
      if (token.type !== Tok.FlowEntry && token.type !== Tok.FlowSequenceEnd) {
        this.states.push("flow-pair-end");
        return this.node(false, false);
      }
    }
    this.state = "flow-pair-end";
    return emptyScalar(token.start);
  }

  private flowMappingKey(first: boolean): Event {
    let token = this.peek();
    if (token.type !== Tok.FlowMappingEnd) {
      if (!first) {
        if (token.type !== Tok.FlowEntry)
          this.fail("did not find expected ',' or '}'", token.start);
        this.scanner.skip();
        token = this.peek();
      }
      if (token.type === Tok.Key) {
        this.scanner.skip();
        token = this.peek();
        if (
          token.type !== Tok.Value &&
          token.type !== Tok.FlowEntry &&
          token.type !== Tok.FlowMappingEnd
        ) {
          this.states.push("flow-mapping-value");
          return this.node(false, false);
        }
        this.state = "flow-mapping-value";
        return emptyScalar(token.start);
      }
      if (token.type !== Tok.FlowMappingEnd) {
        this.states.push("flow-mapping-empty-value");
        return this.node(false, false);
      }
    }
    this.pop();
    const e = this.takeComments(event("mapping-end", token));
    this.scanner.skip();
    return e;
  }

  private flowMappingValue(empty: boolean): Event {
    let token = this.peek();
    if (!empty && token.type === Tok.Value) {
      this.scanner.skip();
      token = this.peek();
      if (token.type !== Tok.FlowEntry && token.type !== Tok.FlowMappingEnd) {
        this.states.push("flow-mapping-key");
        return this.node(false, false);
      }
    }
    this.state = "flow-mapping-key";
    return emptyScalar(token.start);
  }

  private pop(): void {
    this.state = this.states.pop() ?? "end";
  }
}

const join = (text: string, more: string): string => (text === "" ? more : `${text}\n${more}`);

function event(type: Event["type"], token: Token): Event {
  return {
    type,
    start: token.start,
    end: token.end,
    content: token.start,
    tagStart: -1,
    anchor: "",
    tag: "",
    value: "",
    style: "plain",
    flow: false,
    head: "",
    line: "",
    foot: "",
  };
}

function emptyScalar(at: number): Event {
  return {
    type: "scalar",
    start: at,
    end: at,
    content: at,
    tagStart: -1,
    anchor: "",
    tag: "",
    value: "",
    style: "plain",
    flow: false,
    head: "",
    line: "",
    foot: "",
  };
}

const shortTag = (tag: string): string =>
  tag.startsWith(LONG_TAG) ? `!!${tag.slice(LONG_TAG.length)}` : tag;

/** At an implicit document start the pending head is split at its last blank line: the upper part is the document's. */
function splitDocumentHead(head: string): [string, string] {
  for (let i = head.length - 1; i > 0; i--) {
    if (head.charCodeAt(i) !== 10) continue;
    if (i === head.length - 1) return [head.slice(0, i), ""];
    if (head.charCodeAt(i - 1) === 10) return [head.slice(0, i - 1), head.slice(i + 1)];
  }
  return ["", head];
}
