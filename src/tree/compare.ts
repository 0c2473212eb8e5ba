import type { Comment, Documents, Entry, Mapping, Node, Null, Scalar, Sequence } from "./node.ts";
import type { Trail } from "./trail.ts";

/** Where two trees differ in more than comments. */
export interface Difference {
  /** Of the first such place, as `["key"][0]`; empty for the whole. */
  path: string;
  /** What is wrong there, as the end of a sentence. */
  what: string;
}

/** A comment that is not at the same place in both trees. */
export interface Moved {
  comment: Comment;
  /** Where it is in the first tree. */
  from: Trail;
  /** The second tree's, and where that has it; undefined when it does not. */
  to: { comment: Comment; trail: Trail } | undefined;
}

export interface Comparison {
  difference: Difference | undefined;
  /** Comments of the first tree; empty when there is a difference. */
  moved: Moved[];
  /** Every comment is at the same place in both trees, and at the end of a line in both or in neither. */
  isSteady: boolean;
}

interface Frame {
  first: Mapping | Sequence;
  second: Mapping | Sequence;
  /** The next item of each. */
  i: number;
  j: number;
  prefix: string;
}

type Sighting = Omit<Moved, "to">;

interface Sightings {
  lost: Sighting[];
  found: Sighting[];
  /** One is at the end of a line in one tree only. */
  hasTurned: boolean;
}

/**
 * Compares two trees: keys, order, nesting, and leaves by `isSame`. Comments may be elsewhere, which is reported. An encrypted comment of a list
 * may be an element of the list in the second tree, the form that sops writes. Iterates, since a document may be thousands of levels deep.
 *
 * @param isSame whether a leaf of the second tree stands for one of the first
 */
export function compareDocuments(
  first: Documents,
  second: Documents,
  isSame: (first: Scalar | Null, second: Scalar | Null) => boolean,
): Comparison {
  const sightings: Sightings = { lost: [], found: [], hasTurned: false };
  for (const [n, document] of first.entries()) {
    const other = second[n];
    if (other === undefined) return differs([], "a document would be lost");
    const difference = compareOne(document, other, isSame, sightings);
    if (difference !== undefined) return { difference, moved: [], isSteady: false };
  }
  if (second.length > first.length) return differs([], "one document would become several");
  const { lost, found, hasTurned } = sightings;
  const isSteady = lost.length === 0 && found.length === 0 && !hasTurned;
  return { difference: undefined, moved: pairs(lost, found), isSteady };
}

function compareOne(
  document: Mapping,
  other: Mapping,
  isSame: (first: Scalar | Null, second: Scalar | Null) => boolean,
  sightings: Sightings,
): Difference | undefined {
  const stack: Frame[] = [newFrame(document, other, "")];
  for (let frame = stack.at(-1); frame; frame = stack.at(-1)) {
    const a = frame.first.items[frame.i];
    const b = frame.second.items[frame.j];
    if (a?.kind === "comment") {
      frame.i++;
      if (b !== undefined && isCommentOf(b, a)) {
        frame.j++;
        sightings.hasTurned ||= b.kind === "comment" && b.inline !== a.inline;
      } else sightings.lost.push({ comment: a, from: trailOf(stack, "first") });
      continue;
    }
    if (b?.kind === "comment") {
      frame.j++;
      sightings.found.push({ comment: b, from: trailOf(stack, "second") });
      continue;
    }
    if (a === undefined) {
      if (b !== undefined) return differs(stack, "something would be added here").difference;
      stack.pop();
      continue;
    }
    frame.i++;
    frame.j++;
    if (b === undefined) return differs(stack, "it would be lost").difference;
    if (a.kind === "entry" && !isSameKey(a, b))
      return differs(stack, "its key would change").difference;
    const value = a.kind === "entry" ? a.value : a;
    const read = b.kind === "entry" ? b.value : b;
    if (value.kind === "map" || value.kind === "seq") {
      if (read.kind !== value.kind)
        return differs(stack, "it would become something else").difference;
      stack.push(
        newFrame(value, read, a.kind === "entry" ? `${frame.prefix}${a.key}:` : frame.prefix),
      );
    } else if (
      value.kind === "comment" ||
      read.kind === "map" ||
      read.kind === "seq" ||
      read.kind === "comment" ||
      !isSame(value, read)
    ) {
      return differs(stack, "its value would change").difference;
    }
  }
  return undefined;
}

const newFrame = (
  first: Mapping | Sequence,
  second: Mapping | Sequence,
  prefix: string,
): Frame => ({ first, second, i: 0, j: 0, prefix });

const isSameKey = (a: Entry, b: Node | Entry): boolean =>
  b.kind === "entry" && b.key === a.key && b.foreign === a.foreign;

const isCommentOf = (item: Node | Entry, comment: Comment): boolean =>
  (item.kind === "comment" || (item.kind === "str" && isCiphertext(comment))) &&
  item.value === comment.value;

/** Is this comment encrypted? */
export const isCiphertext = ({ value }: Comment): boolean => value.startsWith("ENC[");

const trailOf = (stack: readonly Frame[], side: "first" | "second"): Trail =>
  stack.map((frame) => ({ collection: frame[side], prefix: frame.prefix }));

function differs(stack: readonly Frame[], what: string): Comparison {
  let path = "";
  for (const { first, i } of stack.slice(0, 64)) {
    const item = first.items[i - 1];
    if (item?.kind === "entry") path += `[${JSON.stringify(item.key)}]`;
    else if (item !== undefined && first.kind === "seq") path += `[${i - 1}]`;
  }
  return { difference: { path, what }, moved: [], isSteady: false };
}

/** Every lost comment, with the place where one of the same text was found. */
function pairs(lost: readonly Sighting[], found: readonly Sighting[]): Moved[] {
  if (lost.length === 0) return [];
  const places = new Map<string, { all: NonNullable<Moved["to"]>[]; next: number }>();
  for (const { comment, from: trail } of found) {
    const known = places.get(comment.value);
    if (known === undefined) places.set(comment.value, { all: [{ comment, trail }], next: 0 });
    else known.all.push({ comment, trail });
  }
  return lost.map(({ comment, from }) => {
    const place = places.get(comment.value);
    return { comment, from, to: place?.all[place.next++] };
  });
}
