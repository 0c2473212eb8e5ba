/**
 * Which of the leaves before a change each leaf after it is, told by their keys alone: those that occur once on both sides and are in the same
 * order there, and between two of these the others in their order. Takes time for sorting, never for comparing all with all.
 *
 * @returns for each key in `after` an index into `before`, each at most once; -1 for none
 */
export function align(before: readonly string[], after: readonly string[]): Int32Array {
  const found = new Int32Array(after.length).fill(-1);
  let [oldStart, newStart] = [0, 0];
  for (const [old, now] of anchors(before, after)) {
    found[now] = old;
    alignPart(before, after, found, [oldStart, old, newStart, now]);
    [oldStart, newStart] = [old + 1, now + 1];
  }
  alignPart(before, after, found, [oldStart, before.length, newStart, after.length]);
  return found;
}

type Pair = readonly [old: number, now: number];

/** Of the keys that occur once on both sides a longest row that is in order on both. */
function anchors(before: readonly string[], after: readonly string[]): Pair[] {
  const old = onlyOnce(before);
  const pairs: Pair[] = [];
  for (const [key, now] of onlyOnce(after)) {
    const at = old.get(key);
    if (at !== undefined) pairs.push([at, now]);
  }
  // The end of the best row of each length, and what each pair comes after in its row.
  const ends: number[] = [];
  const previous = new Int32Array(pairs.length).fill(-1);
  for (const [i, [at]] of pairs.entries()) {
    let low = 0;
    let high = ends.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((pairs[ends[middle] as number] as Pair)[0] < at) low = middle + 1;
      else high = middle;
    }
    if (low > 0) previous[i] = ends[low - 1] as number;
    ends[low] = i;
  }
  const row: Pair[] = [];
  for (let i = ends.at(-1) ?? -1; i >= 0; i = previous[i] as number) row.push(pairs[i] as Pair);
  return row.toReversed();
}

/** In the order of the keys. */
function onlyOnce(keys: readonly string[]): Map<string, number> {
  const places = new Map<string, number>();
  for (const [i, key] of keys.entries()) places.set(key, places.has(key) ? -1 : i);
  for (const [key, at] of places) if (at < 0) places.delete(key);
  return places;
}

function alignPart(
  before: readonly string[],
  after: readonly string[],
  found: Int32Array,
  [oldStart, oldEnd, newStart, newEnd]: readonly [number, number, number, number],
): void {
  if (oldStart === oldEnd || newStart === newEnd) return;
  const waiting = new Map<string, number[]>();
  for (let old = oldEnd - 1; old >= oldStart; old--) {
    const key = before[old] as string;
    const places = waiting.get(key);
    if (places === undefined) waiting.set(key, [old]);
    else places.push(old);
  }
  for (let now = newStart; now < newEnd; now++)
    found[now] = waiting.get(after[now] as string)?.pop() ?? -1;
}
