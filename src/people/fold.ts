/** Rows of files that look the same to whoever is asked about them. */
export interface Row<Item> {
  /** What the row stands for: a file, or `prod/` for all of a directory. */
  readonly label: string;
  /** At least one, in their order. */
  readonly items: readonly Item[];
}

/** So many equal files of one directory become one row. */
const MANY = 4;

/** Up to so many files are shown one by one, or by their directories, though all are equal. */
const MOST = 12;

/**
 * Folds files into rows: a directory all of whose files are equal is one row, and so are many equal files of one directory.
 *
 * @param pathOf the file's name, with `/` or `\`
 * @param signature equal for files that look the same
 * @returns in the order of paths
 */
export function fold<Item>(
  items: readonly Item[],
  pathOf: (item: Item) => string,
  signature: (item: Item) => string,
): Row<Item>[] {
  const root: Folder<Item> = { folders: new Map(), files: [], signatures: new Set() };
  for (const item of items) {
    const path = pathOf(item).replaceAll("\\", "/");
    const steps = path.split("/").slice(0, -1);
    let folder = root;
    folder.signatures.add(signature(item));
    for (const step of steps) {
      let next = folder.folders.get(step);
      if (next === undefined)
        folder.folders.set(step, (next = { folders: new Map(), files: [], signatures: new Set() }));
      next.signatures.add(signature(item));
      folder = next;
    }
    folder.files.push({ path, item });
  }
  return [...rowsOf(root, "", signature)];
}

interface Folder<Item> {
  readonly folders: Map<string, Folder<Item>>;
  readonly files: { readonly path: string; readonly item: Item }[];
  /** Of all files below. */
  readonly signatures: Set<string>;
}

function* rowsOf<Item>(
  folder: Folder<Item>,
  prefix: string,
  signature: (item: Item) => string,
): Iterable<Row<Item>> {
  const all = [...itemsOf(folder)];
  // The few files of a small repository are all worth a row.
  if (folder.signatures.size === 1 && all.length > (prefix === "" ? MOST : 1)) {
    yield { label: prefix === "" ? "./" : prefix, items: all };
    return;
  }
  const groups = Map.groupBy(folder.files, ({ item }) => signature(item));
  const told = new Set<string>();
  const own = folder.files
    .toSorted((a, b) => (a.path < b.path ? -1 : 1))
    .flatMap(({ path, item }): [string, Iterable<Row<Item>>][] => {
      const kind = signature(item);
      const equal = groups.get(kind) ?? [];
      if (equal.length < MANY) return [[path, [{ label: path, items: [item] }]]];
      if (told.has(kind)) return [];
      told.add(kind);
      const label = `${path} and ${equal.length - 1} more`;
      return [[path, [{ label, items: equal.map(({ item: one }) => one) }]]];
    });
  const inner = [...folder.folders].map(([name, one]): [string, Iterable<Row<Item>>] => {
    const path = `${prefix}${name}/`;
    return [path, rowsOf(one, path, signature)];
  });
  for (const [, rows] of [...own, ...inner].toSorted(([a], [b]) => (a < b ? -1 : 1))) yield* rows;
}

function* itemsOf<Item>({ folders, files }: Folder<Item>): Iterable<Item> {
  for (const { item } of files) yield item;
  for (const folder of folders.values()) yield* itemsOf(folder);
}
