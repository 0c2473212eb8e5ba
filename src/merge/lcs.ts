/** How many cells a comparison may take: two lists of 2,000 elements that have nothing in common at either end. */
const MAX_CELLS = 2000 * 2000;

/**
 * A longest common subsequence of two lists: the position in `b` of each position of `a` that is part of it, ascending. Of several it is the one
 * that matches earliest, but for long lists, whose common ends are matched first, so that a small change is cheap.
 *
 * @returns undefined for lists whose comparison would take too long
 */
export function commonSubsequence<T>(
  a: readonly T[],
  b: readonly T[],
): Map<number, number> | undefined {
  const matches = new Map<number, number>();
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) matches.set(start, start++);
  let endA = a.length;
  let endB = b.length;
  const tail: [number, number][] = [];
  if ((endA - start) * (endB - start) > MAX_CELLS)
    while (endA > start && endB > start && a[endA - 1] === b[endB - 1]) tail.push([--endA, --endB]);
  const rows = endA - start;
  const columns = endB - start;
  if (rows * columns > MAX_CELLS) return undefined;
  const width = columns + 1;
  // lengths[i * width + j]: length of the longest common subsequence of what follows positions i and j.
  const lengths = new Uint16Array((rows + 1) * width);
  const at = (cell: number): number => lengths[cell] ?? 0;
  for (let i = rows - 1; i >= 0; i--)
    for (let j = columns - 1; j >= 0; j--) {
      const cell = i * width + j;
      lengths[cell] =
        a[start + i] === b[start + j]
          ? at(cell + width + 1) + 1
          : Math.max(at(cell + width), at(cell + 1));
    }
  for (let i = 0, j = 0; i < rows && j < columns;) {
    const cell = i * width + j;
    if (a[start + i] === b[start + j]) matches.set(start + i++, start + j++);
    else if (at(cell + width) >= at(cell + 1)) i++;
    else j++;
  }
  for (const [inA, inB] of tail.toReversed()) matches.set(inA, inB);
  return matches;
}
