/** How many files are open at once: enough to hide the disk's latency, few enough for any limit on descriptors. */
export const PARALLEL_FILES = 16;

/** Runs `work` on each item, at most `limit` at a time, in the order of the items. Ends with the first error thrown. */
export async function forEachBounded<T>(
  items: readonly T[],
  limit: number,
  work: (item: T, index: number) => Promise<void>,
): Promise<void> {
  const queue = items.entries();
  const worker = async () => {
    for (const [index, item] of queue) await work(item, index);
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
}
