import type { Entry, Mapping } from "../src/tree/node.ts";
import { CannotKeep } from "./layout.ts";

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
  const known = new Set(before.map(({ key }) => key));
  const staying = new Set(after.map(({ key }) => key));
  const left = before.filter(({ key }) => staying.has(key));
  const kept: { own: Entry; wanted: Entry }[] = [];
  const added: { entry: Entry; behind: Entry | undefined }[] = [];
  for (const entry of after) {
    const same = left[kept.length];
    if (same?.key === entry.key) kept.push({ own: same, wanted: entry });
    else if (known.has(entry.key)) throw new CannotKeep("entries changed places");
    else added.push({ entry, behind: kept.at(-1)?.own });
  }
  if (kept.length < left.length) throw new CannotKeep("entries changed places");
  return { kept, removed: before.filter(({ key }) => !staying.has(key)), added };
}

/** What a mapping holds besides comments. */
export const entriesOf = ({ items }: Mapping): Entry[] =>
  items.filter((item) => item.kind === "entry");
