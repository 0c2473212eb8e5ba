import type { Selection } from "./selection.ts";
import { SopsmithError } from "../errors.ts";
import {
  MAX_INT64,
  type Comment,
  type Documents,
  type Leaf,
  type Mapping,
  type Node,
  type Scalar,
  type Sequence,
} from "../tree/node.ts";

/** Where a leaf is. One object serves a whole walk and moves from leaf to leaf: read it at once, keep nothing of it. */
export interface MovingPlace {
  /** Additional data: the path's mapping keys, each with ":" after it; ":" alone at the root (spec file-format 2.4). */
  aad: string;
  /** The selection says that this leaf is encrypted. */
  isEncrypted: boolean;
  /** The leaf is an element of a list; a string there may turn out to be a comment. */
  inList: boolean;
}

/** Gives the leaf that takes the place of another (or itself). */
export interface LeafChange {
  scalar(leaf: Scalar, place: MovingPlace): Leaf;
  /** `outer` gives the additional data of the enclosing collections, innermost first. */
  comment(leaf: Comment, place: MovingPlace, outer: () => string[]): Comment;
}

/** A tree that sops cannot walk: a key that is not text, an integer beyond 64 bits. The caller sets the exit code. */
export class UnwalkableTree extends SopsmithError {
  /** Offset in the source, -1 when unknown. */
  readonly at: number;

  constructor(message: string, at: number, hint?: string) {
    super("unwalkable-tree", 23, message, { hint });
    this.at = at;
  }
}

interface Frame {
  node: Mapping | Sequence;
  next: number;
  prefix: string;
  keyMatched: boolean;
  /** A comment of an enclosing collection matches. */
  outerComment: boolean;
  /** A comment in front of the item at hand matches. */
  ownComment: boolean;
}

/**
 * Visits every leaf once, in the order of the MAC (spec file-format section 3), and puts what `change` returns in its place. Iterates, since a
 * document may be thousands of levels deep.
 *
 * @throws {UnwalkableTree}; what `change` throws comes out with `path` telling where (see `withPath`)
 */
export function walk(documents: Documents, selection: Selection, change: LeafChange): void {
  const place: MovingPlace = { aad: "", isEncrypted: false, inList: false };
  for (const document of documents) {
    const stack: Frame[] = [newFrame(document, "", false, false)];
    const outer = (): string[] =>
      stack
        .slice(0, -1)
        .map(({ prefix }) => prefix || ":")
        .reverse();
    try {
      for (let frame = stack[0]; frame; frame = stack[stack.length - 1]) {
        const child = step(frame, selection, change, place, outer);
        if (child) stack.push(child);
        else stack.pop();
      }
    } catch (error) {
      throw withPath(error, stack);
    }
  }
}

function newFrame(
  node: Mapping | Sequence,
  prefix: string,
  keyMatched: boolean,
  outerComment: boolean,
): Frame {
  return { node, next: 0, prefix, keyMatched, outerComment, ownComment: false };
}

/** Visits the frame's leaves up to its next collection, which it returns; undefined at the end. */
function step(
  frame: Frame,
  selection: Selection,
  change: LeafChange,
  place: MovingPlace,
  outer: () => string[],
): Frame | undefined {
  const { node } = frame;
  const inList = node.kind === "seq";
  const { items } = node;
  while (frame.next < items.length) {
    const index = frame.next++;
    const item = items[index] as Node | (typeof node.items)[number];
    if (item.kind === "comment") {
      setPlace(place, frame.prefix === "" ? ":" : frame.prefix, inList);
      items[index] = visitComment(item, frame, selection, place, (leaf) =>
        change.comment(leaf, place, outer),
      );
      continue;
    }
    let value: Node;
    let prefix = frame.prefix;
    let { keyMatched } = frame;
    if (item.kind === "entry") {
      if (item.foreign !== undefined) {
        throw new UnwalkableTree(
          `Tree contains a non-string key (type ${item.foreign}). Only string keys are supported`,
          item.start,
          "Put quotes around the key.",
        );
      }
      value = item.value;
      prefix = `${prefix}${item.key}:`;
      keyMatched ||= selection.byComment === "none" && selection.keySwitches(item.key);
    } else {
      value = item;
    }
    const commented = frame.outerComment || frame.ownComment;
    frame.ownComment = false;
    switch (value.kind) {
      case "map":
      case "seq":
        return newFrame(value, prefix, keyMatched, commented);
      case "null":
        continue;
      default: {
        if (value.kind === "int" && value.value > MAX_INT64) {
          throw new UnwalkableTree(
            "Cannot walk value, unknown type: uint64",
            value.start,
            "Put quotes around the number.",
          );
        }
        setPlace(place, prefix === "" ? ":" : prefix, inList);
        place.isEncrypted = selection.decide(keyMatched, commented);
        const changed =
          value.kind === "comment"
            ? change.comment(value, place, outer)
            : change.scalar(value, place);
        if (item.kind === "entry") item.value = changed;
        else items[index] = changed;
      }
    }
  }
  return undefined;
}

function setPlace(place: MovingPlace, aad: string, inList: boolean): void {
  place.aad = aad;
  place.inList = inList;
}

function visitComment(
  item: Comment,
  frame: Frame,
  selection: Selection,
  place: MovingPlace,
  change: (leaf: Comment) => Comment,
): Comment {
  const matches = selection.byComment !== "none" && selection.commentMatches(item.value);
  // Under `encrypted_comment_regex` a comment does not count for itself (spec 3.2).
  const counted =
    frame.outerComment || frame.ownComment || (matches && selection.byComment === "unencrypted");
  place.isEncrypted = selection.decide(frame.keyMatched, counted);
  frame.ownComment ||= matches;
  return change(item);
}

/** Are there more than `limit` nodes below the documents' roots? Looks no further than that. */
export function hasMoreNodes(documents: Documents, limit: number): boolean {
  let count = 0;
  const open: (Mapping | Sequence)[] = [...documents];
  for (let node = open.pop(); node; node = open.pop()) {
    count += node.items.length;
    if (count > limit) return true;
    for (const item of node.items) {
      const value = item.kind === "entry" ? item.value : item;
      if (value.kind === "map" || value.kind === "seq") open.push(value);
    }
  }
  return false;
}

/** The path of the item that the innermost frame has just looked at, as `--extract` takes it. */
function pathOf(stack: readonly Frame[]): string {
  let path = "";
  for (const { node, next } of stack.slice(0, 64)) {
    const item = node.items[next - 1];
    if (item?.kind === "entry") path += `[${JSON.stringify(item.key)}]`;
    else if (item && node.kind === "seq") path += `[${next - 1}]`;
  }
  return stack.length > 64 ? `${path}…` : path;
}

/** Where an error of a walk happened: a path such as `["a"][0]`, empty at the root. */
const paths = new WeakMap<Error, string>();

function withPath(error: unknown, stack: readonly Frame[]): unknown {
  if (error instanceof Error && !paths.has(error)) paths.set(error, pathOf(stack));
  return error;
}

export const pathOfError = (error: Error): string => paths.get(error) ?? "";
