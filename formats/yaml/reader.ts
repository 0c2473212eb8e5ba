import { ParseError } from "../../src/errors.ts";
import {
  comment,
  entry,
  map,
  seq,
  str,
  type Comment,
  type Documents,
  type Entry,
  type Item,
  type Mapping,
  type Node,
  type Sequence,
} from "../../src/tree/node.ts";
import { goType } from "../../src/go/type.ts";
import { decodeText, lineAt } from "../../src/tree/text.ts";
import { decodeStream } from "./chars.ts";
import { commentOfLine, type CommentRecord } from "./comments.ts";
import { Parser, type Event } from "./parser.ts";
import { readQuickBlock } from "./quick-block.ts";
import { resolvePlain, resolveTagged } from "./resolve.ts";

/** A node while its document is read: its tree form, and the comments that its parent has yet to place. */
interface Draft {
  kind: "scalar" | "alias" | "map" | "seq";
  tree: Node;
  /** Source text of a scalar, anchor name of an alias: what duplicate keys are told by. */
  source: string;
  head: string;
  line: string;
  foot: string;
  /** How many nodes the tree holds, aliases expanded. */
  size: number;
}

interface Frame {
  draft: Draft;
  flow: boolean;
  anchor: string;
  /** Mapping: key, value, key, value …; sequence: elements. */
  children: Draft[];
}

/**
 * YAML text → documents (spec file-format 7.1, 7.6 and Appendix A). Aliases are expanded by value, merge keys stay
 * ordinary keys `<<`, comments become items of the collection they belong to.
 *
 * @throws {ParseError} for what go-yaml or sops refuses
 */
export function readDocuments(source: Uint8Array): Documents {
  if (source.length === 0) return [];
  const text = decodeStream(source);
  return readText(text, text.length === source.length + 1);
}

/**
 * The same for text as `decodeStream` gives it.
 *
 * @param isAscii no character of it is beyond ASCII
 * @param spans takes what the documents do not tell about where things are
 */
export function readText(text: string, isAscii: boolean, spans?: Spans): Documents {
  const document = readQuickBlock(text, isAscii, spans?.inFlow);
  return document === undefined ? readGeneral(text, spans) : [document];
}

/** What the nodes of a text that was read do not tell of their places. */
export interface Spans {
  /** Scalars with an anchor or a tag, by their `start`. */
  readonly scalars: Map<number, ScalarSpan>;
  /** The `start` of each scalar in a flow collection. */
  readonly inFlow: Set<number>;
  /** Ends of all documents, without the markers after them; empty for a text that the quick reader took. */
  readonly documentEnds: number[];
  /** All comments, also those that are in no document; empty where all are in one. */
  comments: readonly CommentRecord[];
  hasAliases: boolean;
}

export type ScalarSpan = Pick<Event, "content" | "tagStart" | "tag" | "anchor">;

/** The keys of a mapping so far. */
class Seen {
  private readonly scalar = new Map<string, Draft>();
  private alias: Map<string, Draft> | undefined;

  /** @returns the key that is the same */
  add(key: Draft, kind: "scalar" | "alias"): Draft | undefined {
    const known = kind === "scalar" ? this.scalar : (this.alias ??= new Map<string, Draft>());
    const earlier = known.get(key.source);
    known.set(key.source, key);
    return earlier;
  }
}

/** Any stream, in whatever style. */
export function readGeneral(text: string, spans?: Spans): Documents {
  const reader = new Reader(text, spans);
  const documents = reader.read();
  if (documents.length === 0) {
    throw new ParseError("EOF: the file contains no document", undefined, {
      hint: "Add at least one key, or encrypt it as binary (--input-type binary).",
    });
  }
  return documents;
}

class Reader {
  private readonly text: string;
  private readonly parser: Parser;
  /** Anchored nodes of the current document; undefined while the node is still open. */
  private readonly anchors = new Map<string, Draft | undefined>();
  private nodes = 0;
  private aliased = 0;
  private firstDocument = true;
  private readonly spans: Spans | undefined;

  constructor(text: string, spans: Spans | undefined) {
    this.text = text;
    this.spans = spans;
    this.parser = new Parser(text, spans !== undefined);
  }

  read(): Documents {
    const documents: Documents = [];
    for (;;) {
      const e = this.parser.next();
      if (e.type === "stream-end") {
        if (this.spans) this.spans.comments = this.parser.comments;
        return documents;
      }
      if (e.type === "document-start") {
        documents.push(this.document(e));
        this.firstDocument = false;
      }
    }
  }

  private document(start: Event): Mapping {
    this.anchors.clear();
    const root = this.compose();
    const end = this.parser.next();
    this.spans?.documentEnds.push(end.start);
    const { tree } = root;
    if (tree.kind === "null" && root.kind === "scalar") {
      return map([...commentLines(start.head), ...commentLines(end.foot)], start.start, end.start);
    }
    if (tree.kind !== "map") this.refuseRoot(root);
    const items = [
      ...commentLines(start.head),
      ...commentLines(root.head),
      ...commentLines(root.line),
    ];
    if (items.length > 0) tree.items = [...items, ...tree.items];
    pushComments(tree.items, root.foot);
    pushComments(tree.items, end.foot);
    return tree;
  }

  private refuseRoot(root: Draft): never {
    const what = root.tree.kind === "seq" ? "sequences" : "values";
    throw new ParseError(
      this.firstDocument
        ? `yaml: unmarshal errors: cannot unmarshal !!${root.tree.kind} into map[string]interface {}`
        : `Error unmarshaling input YAML: YAML documents that are ${what} are not supported`,
      lineAt(this.text, root.tree.start),
      { hint: `Only mappings can be encrypted: put the ${what.slice(0, -1)} under a key.` },
    );
  }

  /** One node with everything below it; iterates, since documents may be 10,000 levels deep. */
  private compose(): Draft {
    const stack: Frame[] = [];
    for (;;) {
      const e = this.parser.next();
      let done: Draft;
      switch (e.type) {
        case "mapping-start":
        case "sequence-start": {
          const tree = e.type === "mapping-start" ? map([], e.start) : seq([], e.start);
          const draft: Draft = {
            kind: tree.kind,
            tree,
            source: "",
            head: e.head,
            line: "",
            foot: "",
            size: 1,
          };
          stack.push({ draft, flow: e.flow, anchor: e.anchor, children: [] });
          if (e.anchor !== "") this.anchors.set(e.anchor, undefined);
          continue;
        }
        case "mapping-end":
        case "sequence-end": {
          const frame = stack.pop() as Frame;
          done = frame.draft;
          done.tree.end = e.end;
          done.line = e.line;
          done.foot = e.foot;
          if (e.type === "mapping-end") this.finishMapping(frame);
          else finishSequence(frame);
          for (const child of frame.children) done.size += child.size;
          if (frame.anchor !== "") this.anchors.set(frame.anchor, done);
          break;
        }
        case "scalar":
          done = this.scalar(e);
          if (this.spans) this.noteSpan(e, stack[stack.length - 1]?.flow === true, this.spans);
          if (e.anchor !== "") this.anchors.set(e.anchor, done);
          break;
        case "alias":
          done = this.alias(e);
          if (this.spans) this.spans.hasAliases = true;
          break;
        default:
          return this.parser.fail("did not find expected node content", e.start);
      }
      this.nodes++;
      const parent = stack[stack.length - 1];
      if (!parent) return done;
      this.adopt(parent, done);
    }
  }

  private noteSpan(
    { start, content, tagStart, tag, anchor }: Event,
    isInFlow: boolean,
    spans: Spans,
  ): void {
    if (isInFlow) spans.inFlow.add(start);
    if (content !== start) spans.scalars.set(start, { content, tagStart, tag, anchor });
  }

  /** Adds a child; for block mappings, moves the foot comments that are at the wrong entry (A.4). */
  private adopt(parent: Frame, child: Draft): void {
    const { children } = parent;
    children.push(child);
    if (parent.draft.kind !== "map") return;
    const count = children.length;
    if (count % 2 === 1) {
      if (!parent.flow && child.foot !== "" && count > 2) {
        (children[count - 3] as Draft).foot = child.foot;
        child.foot = "";
      }
    } else {
      const key = children[count - 2] as Draft;
      if (key.foot === "" && child.foot !== "") {
        key.foot = child.foot;
        child.foot = "";
      }
    }
  }

  private scalar(e: Event): Draft {
    const quoted = e.style !== "plain";
    let tree: Node;
    if (e.tag === "" || e.tag === "!") {
      tree = quoted ? str(e.value, e.start, e.end) : resolvePlain(e.value, e.start, e.end);
    } else {
      tree = this.tagged(e, quoted);
    }
    return {
      kind: "scalar",
      tree,
      source: e.value,
      head: e.head,
      line: e.line,
      foot: e.foot,
      size: 1,
    };
  }

  private tagged(e: Event, quoted: boolean): Node {
    const { tag, value, start, end } = e;
    const tree = resolveTagged(tag, value, { start, end, quoted });
    if (tree !== undefined) return tree;
    return this.fail(
      tag === "!!binary"
        ? "!!binary value contains invalid base64 data"
        : `cannot decode a scalar as a ${tag}`,
      start,
    );
  }

  private alias(e: Event): Draft {
    const target = this.anchors.get(e.value);
    if (!target) {
      // The name is not shown: a password that begins with `*` looks like an alias.
      const what = this.anchors.has(e.value)
        ? "anchor value contains itself"
        : "unknown anchor referenced";
      throw new ParseError(`yaml: ${what}`, lineAt(this.text, e.start), {
        hint: "Put quotes around a value that begins with *.",
      });
    }
    this.aliased += target.size;
    this.nodes += target.size;
    if (isExcessiveAliasing(this.aliased, this.nodes))
      return this.fail("document contains excessive aliasing", e.start);
    const tree = clone(target.tree);
    // The target's own comments come with it.
    if (tree.kind === "map" || tree.kind === "seq") placeOwnComments(tree, target);
    return {
      kind: "alias",
      tree,
      source: e.value,
      head: e.head,
      line: e.line,
      foot: e.foot,
      size: target.size,
    };
  }

  private finishMapping(frame: Frame): void {
    const { items } = frame.draft.tree as Mapping;
    const { children, draft } = frame;
    if (!frame.flow && draft.foot !== "" && children.length > 1) {
      (children[children.length - 2] as Draft).foot = draft.foot;
      draft.foot = "";
    }
    const seen = this.firstDocument && children.length > 2 ? new Seen() : undefined;
    for (let i = 0; i + 1 < children.length; i += 2) {
      const key = children[i] as Draft;
      const value = children[i + 1] as Draft;
      if (seen) this.refuseDuplicate(seen, key);
      pushComments(items, key.head);
      pushComments(items, key.line);
      const { tree } = value;
      if (value.kind === "scalar" || value.kind === "alias") {
        pushComments(items, value.head);
        pushComments(items, value.line, true);
      } else if (tree.kind === "map" || tree.kind === "seq") {
        placeOwnComments(tree, value);
      }
      items.push(this.entry(key, value));
      if (value.kind === "scalar" || value.kind === "alias") pushComments(items, value.foot);
      pushComments(items, key.foot);
    }
  }

  private refuseDuplicate(seen: Seen, key: Draft): void {
    if (key.kind === "map" || key.kind === "seq") return;
    const earlier = seen.add(key, key.kind);
    if (earlier) {
      const line = lineAt(this.text, earlier.tree.start);
      throw new ParseError(
        `yaml: unmarshal errors: mapping key ${JSON.stringify(key.source)} already defined at line ${line}`,
        lineAt(this.text, key.tree.start),
      );
    }
  }

  private entry(key: Draft, value: Draft): Entry {
    const { tree } = key;
    const { start, end } = tree;
    switch (tree.kind) {
      case "str":
        if (this.firstDocument && tree.value === "<<" && key.kind === "scalar")
          this.checkMerge(key, value);
        return entry(tree.value, value.tree, start, end);
      case "bytes":
        return entry(decodeText(tree.value), value.tree, start, end);
      case "map":
      case "seq":
        return this.fail("a key is a list or a mapping, but only text can be a key", start);
      default:
        return { ...entry(key.source, value.tree, start, end), foreign: goType(tree) };
    }
  }

  private checkMerge(key: Draft, value: Draft): void {
    // Quoted, or with the tag of a string, it is an ordinary key.
    if (!/<<|!!merge|!\s/y.test(this.text.slice(key.tree.start, key.tree.start + 7))) return;
    if (!isMergeable(value.tree)) {
      this.fail("map merge requires map or sequence of maps as the value", value.tree.start);
    }
  }

  private fail(message: string, at: number): never {
    return this.parser.fail(message, at);
  }
}

/**
 * go-yaml's bound: expanded aliases may be 99 % of a small document and 10 % of a huge one.
 *
 * @param aliased nodes that came from aliases so far
 * @param nodes all nodes so far, those of aliases included
 */
export function isExcessiveAliasing(aliased: number, nodes: number): boolean {
  if (aliased <= 100 || nodes <= 1000) return false;
  const allowed =
    nodes <= 400_000
      ? 0.99
      : nodes >= 4_000_000
        ? 0.1
        : 0.99 - (0.89 * (nodes - 400_000)) / 3_600_000;
  return aliased / nodes > allowed;
}

/** May this be the value of a merge key, by go-yaml's check? */
export function isMergeable(node: Node): boolean {
  return (
    node.kind === "map" ||
    (node.kind === "seq" && node.items.every(({ kind }) => kind === "map" || kind === "comment"))
  );
}

function finishSequence(frame: Frame): void {
  const { items } = frame.draft.tree as Sequence;
  for (const child of frame.children) {
    pushComments(items, child.head);
    pushComments(items, child.line, true);
    items.push(child.tree);
    pushComments(items, child.foot);
  }
}

/** Puts a collection's own comments inside it: head and line first, foot last. */
function placeOwnComments(tree: Mapping | Sequence, draft: Draft): void {
  if (draft.head !== "" || draft.line !== "") {
    const lead = [...commentLines(draft.head), ...commentLines(draft.line)];
    if (tree.kind === "map") tree.items = [...lead, ...tree.items];
    else tree.items = [...lead, ...tree.items];
  }
  pushComments(tree.items, draft.foot);
}

function commentLines(text: string, inline = false): Comment[] {
  if (text === "") return [];
  const out: Comment[] = [];
  for (const line of text.split("\n")) {
    if (line === "") continue;
    const { value, start } = commentOfLine(line);
    out.push(comment(value, inline, start, start + 1 + value.length));
  }
  return out;
}

function pushComments(items: Item[] | Node[], text: string, inline = false): void {
  if (text !== "") for (const line of commentLines(text, inline)) items.push(line);
}

/** A deep copy, without recursion. */
function clone(root: Node): Node {
  const copy = shallow(root);
  const open: Node[] = [copy];
  for (let node = open.pop(); node; node = open.pop()) {
    if (node.kind === "seq") {
      node.items = node.items.map(shallow);
      for (const item of node.items) open.push(item);
    } else if (node.kind === "map") {
      node.items = node.items.map((item) => {
        if (item.kind === "comment") return { ...item };
        const value = shallow(item.value);
        open.push(value);
        return { ...item, value };
      });
    }
  }
  return copy;
}

const shallow = (node: Node): Node => ({ ...node });
