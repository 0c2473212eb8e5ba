import { map, type Entry, type Mapping } from "../src/tree/node.ts";
import { CannotKeep, sameValues } from "./layout.ts";

/** How the entries of a mapping became those of another. */
export interface EntryChanges {
  /** Entries that are in both, with their values before and after. */
  readonly kept: readonly { readonly own: Entry; readonly wanted: Entry }[];
  readonly removed: readonly Entry[];
  /** New ones in their order, with the one that was there before and that they follow; undefined for none. */
  readonly added: readonly { readonly entry: Entry; readonly behind: Entry | undefined }[];
}

/**
 * Compares the entries of two mappings. Comments do not count.
 *
 * @throws {CannotKeep} where entries changed places
 */
export function entryChanges(own: Mapping, wanted: Mapping): EntryChanges {
  const before = entriesOf(own);
  const after = entriesOf(wanted);
  const gone = surplus(before, after);
  const fresh = surplus(after, before);
  const left = before.filter((entry) => !gone.has(entry));
  const kept: { own: Entry; wanted: Entry }[] = [];
  const added: { entry: Entry; behind: Entry | undefined }[] = [];
  for (const entry of after) {
    const same = left[kept.length];
    if (fresh.has(entry)) added.push({ entry, behind: kept.at(-1)?.own });
    else if (same?.key === entry.key) kept.push({ own: same, wanted: entry });
    else throw new CannotKeep("entries changed places");
  }
  return { kept, removed: [...gone], added };
}

/** The entries whose key is among the others less often. Of several with one key, those after the ones that are the same in both. */
function surplus(entries: readonly Entry[], others: readonly Entry[]): ReadonlySet<Entry> {
  const found = new Set<Entry>();
  const there = byKey(others);
  for (const [key, own] of byKey(entries)) {
    const same = there.get(key) ?? [];
    const count = own.length - same.length;
    if (count <= 0) continue;
    let start = 0;
    while (start < same.length && isSame(own[start], same[start])) start++;
    for (const entry of own.slice(start, start + count)) found.add(entry);
  }
  return found;
}

function byKey(entries: readonly Entry[]): ReadonlyMap<string, readonly Entry[]> {
  const found = new Map<string, Entry[]>();
  for (const entry of entries) {
    const before = found.get(entry.key);
    if (before === undefined) found.set(entry.key, [entry]);
    else before.push(entry);
  }
  return found;
}

const isSame = (a: Entry | undefined, b: Entry | undefined): boolean =>
  a !== undefined && b !== undefined && sameValues([map([a])], [map([b])]);

/** What a mapping holds besides comments. */
export const entriesOf = ({ items }: Mapping): Entry[] =>
  items.filter((item) => item.kind === "entry");
