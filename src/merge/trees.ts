import type { Path } from "../tree/path.ts";
import {
  map,
  type Comment,
  type Documents,
  type Entry,
  type Mapping,
  type Node,
  type Sequence,
} from "../tree/node.ts";
import { Identities } from "./identity.ts";
import { commonSubsequence } from "./lcs.ts";

/** Whose reading a conflict gets in the merged tree. */
export type Side = "ours" | "theirs";

/** A place that both sides changed in two ways. */
export interface Conflict {
  /** From the root of the document; the first document has number 0. */
  readonly path: Path;
  readonly document: number;
  readonly kind:
    | "both changed it"
    | "ours removed it, theirs changed it"
    | "ours changed it, theirs removed it";
}

export interface MergedTrees {
  documents: Documents;
  conflicts: Conflict[];
}

/**
 * Merges three trees of one file: what only one side changed is taken over. Mappings are merged by key, lists of mappings with a name by
 * that name, other lists by their elements (spec git B.2). The result shares its nodes with the trees that it was made from.
 *
 * @param prefer the reading of a place that both sides changed in two ways
 */
export function mergeTrees(
  base: Documents,
  ours: Documents,
  theirs: Documents,
  prefer: Side,
): MergedTrees {
  const merge = new Merge(prefer);
  // A document that one side added or took away is merged like an element of a list would be: by its position.
  const count = Math.max(ours.length, theirs.length);
  const documents: Documents = [];
  for (let index = 0; index < count; index++) {
    merge.document = index;
    const merged = merge.node(base[index], ours[index], theirs[index], []);
    if (merged?.kind === "map") documents.push(merged);
  }
  return { documents, conflicts: merge.conflicts };
}

/** An entry with the comments in front of it; the last group of a mapping may have comments alone. */
interface Group {
  readonly comments: readonly Comment[];
  readonly entry?: Entry;
}

const END = "end";

class Merge {
  document = 0;
  readonly conflicts: Conflict[] = [];
  private readonly prefer: Side;
  private readonly identities = new Identities();

  constructor(prefer: Side) {
    this.prefer = prefer;
  }

  node(
    base: Node | undefined,
    ours: Node | undefined,
    theirs: Node | undefined,
    path: Path,
  ): Node | undefined {
    if (this.identities.areEqual(ours, theirs) || this.identities.areEqual(theirs, base))
      return ours;
    if (this.identities.areEqual(ours, base)) return theirs;
    if (ours?.kind === "map" && theirs?.kind === "map")
      return this.mapping(base?.kind === "map" ? base : undefined, ours, theirs, path);
    if (base?.kind === "seq" && ours?.kind === "seq" && theirs?.kind === "seq")
      return this.sequence(base, ours, theirs, path);
    return this.conflict(ours, theirs, path);
  }

  private conflict<T>(ours: T | undefined, theirs: T | undefined, path: Path): T | undefined {
    const kind =
      ours === undefined
        ? "ours removed it, theirs changed it"
        : theirs === undefined
          ? "ours changed it, theirs removed it"
          : "both changed it";
    this.conflicts.push({ path, document: this.document, kind });
    return this.prefer === "ours" ? ours : theirs;
  }

  private mapping(base: Mapping | undefined, ours: Mapping, theirs: Mapping, path: Path): Mapping {
    const named = (mapping: Mapping | undefined) =>
      mapping === undefined ? new Map<string, Group>() : groupsOf(mapping);
    const items: Mapping["items"] = [];
    const groups = this.groups(named(base), named(ours), named(theirs), (entry) => [
      ...path,
      entry.key,
    ]);
    for (const { comments, entry } of groups) {
      for (const comment of comments) items.push(comment);
      if (entry !== undefined) items.push(entry);
    }
    return { ...ours, items };
  }

  /** Merges what is known by a name, in ours' order; theirs' new ones follow what precedes them there. */
  private groups(
    base: ReadonlyMap<string, Group>,
    ours: ReadonlyMap<string, Group>,
    theirs: ReadonlyMap<string, Group>,
    pathOf: (entry: Entry) => Path,
  ): Group[] {
    const merged: Group[] = [];
    for (const name of mergedOrder([...ours.keys()], [...theirs.keys()])) {
      const [before, mine, yours] = [base.get(name), ours.get(name), theirs.get(name)];
      const comments = this.comments(
        before?.comments ?? [],
        mine?.comments ?? yours?.comments ?? [],
        yours?.comments ?? mine?.comments ?? [],
      );
      const entry = mine?.entry ?? yours?.entry;
      if (entry === undefined) {
        merged.push({ comments });
        continue;
      }
      const value = this.node(
        before?.entry?.value,
        mine?.entry?.value,
        yours?.entry?.value,
        pathOf(entry),
      );
      if (value !== undefined) merged.push({ comments, entry: { ...entry, value } });
    }
    return merged;
  }

  /** Comments never conflict: where both sides changed them, theirs' new ones follow ours'. */
  private comments(
    base: readonly Comment[],
    ours: readonly Comment[],
    theirs: readonly Comment[],
  ): readonly Comment[] {
    const numbers = (comments: readonly Comment[]) =>
      comments.map((comment) => this.identities.of(comment));
    const [before, mine, yours] = [numbers(base), numbers(ours), numbers(theirs)];
    const isSame = (a: readonly number[], b: readonly number[]) =>
      a.length === b.length && a.every((n, i) => n === b[i]);
    if (isSame(mine, yours) || isSame(yours, before)) return ours;
    if (isSame(mine, before)) return theirs;
    return [
      ...ours,
      ...theirs.filter(
        (_, i) => !mine.includes(yours[i] as number) && !before.includes(yours[i] as number),
      ),
    ];
  }

  private sequence(base: Sequence, ours: Sequence, theirs: Sequence, path: Path): Node | undefined {
    const [before, mine, yours] = [base, ours, theirs].map(namedElements);
    if (before && mine && yours) {
      const [inOurs, inTheirs] = [positionsOf(ours), positionsOf(theirs)];
      const groups = this.groups(before, mine, yours, ({ key }) => [
        ...path,
        inOurs.get(key) ?? inTheirs.get(key) ?? 0,
      ]);
      return {
        ...ours,
        items: groups.flatMap(({ comments, entry }) => [
          ...comments,
          ...(entry === undefined ? [] : [entry.value]),
        ]),
      };
    }
    return this.elements(base, ours, theirs, path);
  }

  /** The classic three-way merge of lists: regions between elements that all three have in common. */
  private elements(base: Sequence, ours: Sequence, theirs: Sequence, path: Path): Node | undefined {
    const numbers = ({ items }: Sequence) => items.map((item) => this.identities.of(item));
    const [before, mine, yours] = [numbers(base), numbers(ours), numbers(theirs)];
    const inOurs = commonSubsequence(before, mine);
    const inTheirs = commonSubsequence(before, yours);
    if (inOurs === undefined || inTheirs === undefined) return this.conflict(ours, theirs, path);
    const items: Node[] = [];
    let [b, o, t] = [0, 0, 0];
    for (;;) {
      let next = b;
      while (next < before.length && !(inOurs.has(next) && inTheirs.has(next))) next++;
      const [oursEnd, theirsEnd] = [
        inOurs.get(next) ?? mine.length,
        inTheirs.get(next) ?? yours.length,
      ];
      const region = this.region(
        base.items.slice(b, next),
        ours.items.slice(o, oursEnd),
        theirs.items.slice(t, theirsEnd),
        [...path, items.length],
      );
      for (const item of region) items.push(item);
      if (next === before.length) return { ...ours, items };
      items.push(ours.items[oursEnd] as Node);
      [b, o, t] = [next + 1, oursEnd + 1, theirsEnd + 1];
    }
  }

  private region(base: Node[], ours: Node[], theirs: Node[], path: Path): Node[] {
    const isSame = (a: Node[], b: Node[]) =>
      a.length === b.length && a.every((item, i) => this.identities.areEqual(item, b[i]));
    if (isSame(ours, theirs) || isSame(theirs, base)) return ours;
    if (isSame(ours, base)) return theirs;
    if (base.length === 0) return [...ours, ...theirs];
    const some = (items: Node[]) => (items.length === 0 ? undefined : items);
    return this.conflict(some(ours), some(theirs), path) ?? [];
  }
}

/** The n-th entry of a key by that key and n. */
function groupsOf({ items }: Mapping): Map<string, Group> {
  const groups = new Map<string, Group>();
  const counts = new Map<string, number>();
  let comments: Comment[] = [];
  for (const item of items) {
    if (item.kind === "comment") {
      comments.push(item);
      continue;
    }
    const count = counts.get(item.key) ?? 0;
    counts.set(item.key, count + 1);
    groups.set(`${count}:${item.key}`, { comments, entry: item });
    comments = [];
  }
  if (comments.length > 0) groups.set(END, { comments });
  return groups;
}

/** The keys by which people name the elements of a list. */
const naming = ["name", "id", "key"];

/** `name=web` for a mapping with that name; undefined for what has none. */
function nameOf(node: Node): string | undefined {
  if (node.kind !== "map") return undefined;
  for (const key of naming)
    for (const item of node.items)
      if (item.kind === "entry" && item.key === key && item.value.kind === "str")
        return `${key}=${item.value.value}`;
  return undefined;
}

/** The positions of a list's elements by their names. */
function positionsOf({ items }: Sequence): Map<string, number> {
  const positions = new Map<string, number>();
  let position = 0;
  for (const item of items) {
    if (item.kind === "comment") continue;
    positions.set(nameOf(item) ?? "", position++);
  }
  return positions;
}

/** A list's elements by name, as if it were a mapping; undefined where one has no name or shares it. */
function namedElements(sequence: Sequence): Map<string, Group> | undefined {
  const items: Mapping["items"] = [];
  const names = new Set<string>();
  for (const item of sequence.items) {
    if (item.kind === "comment") {
      items.push(item);
      continue;
    }
    const name = nameOf(item);
    if (name === undefined || names.has(name)) return undefined;
    names.add(name);
    items.push({ kind: "entry", key: name, value: item, start: item.start, end: item.end });
  }
  return groupsOf(map(items));
}

function mergedOrder(ours: readonly string[], theirs: readonly string[]): string[] {
  const known = new Set(ours);
  /** New names of theirs, by the one that precedes them there. */
  const following = new Map<string | undefined, string[]>();
  let previous: string | undefined;
  for (const name of theirs) {
    if (known.has(name)) previous = name;
    else {
      const names = following.get(previous);
      if (names === undefined) following.set(previous, [name]);
      else names.push(name);
    }
  }
  const merged = [...(following.get(undefined) ?? [])];
  for (const name of ours) {
    merged.push(name);
    for (const next of following.get(name) ?? []) merged.push(next);
  }
  return merged.includes(END) ? [...merged.filter((name) => name !== END), END] : merged;
}
