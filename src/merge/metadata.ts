import { SopsmithError } from "../errors.ts";
import type { KeyGroup, MasterKey } from "../keys/provider.ts";
import type { Metadata } from "../metadata/metadata.ts";
import { isOlderVersion } from "../metadata/version.ts";

/** Settings that both sides changed in two ways: no merge of values can be right then. Exit 1. */
export class MetadataConflict extends SopsmithError {
  constructor(what: string) {
    super("merge-conflict", 1, `the two sides changed ${what} in different ways`);
  }
}

/** Three sides of a file's metadata. `main` is the side whose data key the merged file has. */
export interface MetadataSides {
  /** Undefined where each side added the file. */
  readonly base: Metadata | undefined;
  readonly ours: Metadata;
  readonly theirs: Metadata;
  readonly main: "ours" | "theirs";
  /** The other side's data key is the same one. */
  readonly hasOneDataKey: boolean;
}

export interface MergedMetadata {
  /** Keys without `enc` have still to wrap the data key. */
  readonly metadata: Metadata;
  /** Display strings of recipients that one side removed without a new data key: they can open what the other side still has. */
  readonly removedWithoutRotation: readonly string[];
}

/**
 * Merges recipients, selection and settings (spec git B.2, rule 5): a recipient that one side added comes in, one that a side removed stays out.
 *
 * @throws {MetadataConflict} exit 1
 */
export function mergeMetadata(sides: MetadataSides): MergedMetadata {
  const { base, ours, theirs, main } = sides;
  const pick = <T>(what: string, of: (side: Metadata) => T): T => {
    const [mine, yours] = [of(ours), of(theirs)];
    const before = base === undefined ? undefined : of(base);
    const text = (value: T | undefined) => JSON.stringify(value);
    if (text(mine) === text(yours) || text(yours) === text(before)) return mine;
    if (text(mine) === text(before)) return yours;
    throw new MetadataConflict(what);
  };
  const selector = pick("the choice of what is encrypted", (side) => side.selector);
  const shamirThreshold = pick("shamir_threshold", (side) => side.shamirThreshold);
  const macOnlyEncrypted = pick("mac_only_encrypted", (side) => side.macOnlyEncrypted);
  const keyGroups = mergeGroups(sides);
  const version = isOlderVersion(ours.version, theirs.version) ? theirs.version : ours.version;
  const removed = new Set(
    (base?.keyGroups ?? [])
      .flat()
      .filter((key) => !hasKey(keyGroups.flat(), key))
      .map(({ id }) => id),
  );
  const metadata = {
    ...sides[main],
    selector,
    shamirThreshold,
    macOnlyEncrypted,
    keyGroups,
    version,
  };
  return { metadata, removedWithoutRotation: sides.hasOneDataKey ? [...removed] : [] };
}

function mergeGroups(sides: MetadataSides): KeyGroup[] {
  const mine = sides.ours.keyGroups;
  const yours = sides.theirs.keyGroups;
  const before = sides.base?.keyGroups ?? mine.map(() => []);
  if (before.length !== mine.length || before.length !== yours.length) {
    const side = isSameGroups(mine, before)
      ? yours
      : isSameGroups(yours, before) || isSameGroups(mine, yours)
        ? mine
        : undefined;
    if (side === undefined) throw new MetadataConflict("the key groups");
    return taken(sides, side);
  }
  return taken(
    sides,
    mine.map((group, index) => mergeGroup(before[index] ?? [], group, yours[index] ?? [])),
  );
}

function mergeGroup(before: KeyGroup, mine: KeyGroup, yours: KeyGroup): KeyGroup {
  const kept = mine.filter((key) => !hasKey(before, key) || hasKey(yours, key));
  return [...kept, ...yours.filter((key) => !hasKey(mine, key) && !hasKey(before, key))];
}

/** The groups with the wrapped data key of the main side; of the other one where it is the same data key, unshared. */
function taken(
  { main, hasOneDataKey, ...sides }: MetadataSides,
  groups: readonly KeyGroup[],
): KeyGroup[] {
  const own = sides[main].keyGroups;
  const other = main === "ours" ? sides.theirs.keyGroups : sides.ours.keyGroups;
  // Shares of several groups come from one splitting: those of two splittings do not fit.
  const fits = hasOneDataKey && groups.length === 1 && own.length === 1 && other.length === 1;
  return groups.map((group, index) =>
    group.map((key) => {
      const wrapped =
        (own.length === groups.length ? findKey(own[index] ?? [], key) : undefined) ??
        (fits ? findKey(other[index] ?? [], key) : undefined);
      return wrapped ?? { ...key, enc: undefined };
    }),
  );
}

const findKey = (group: KeyGroup, { type, id }: MasterKey): MasterKey | undefined =>
  group.find((key) => key.type === type && key.id === id);

const hasKey = (group: KeyGroup, key: MasterKey): boolean => findKey(group, key) !== undefined;

const isSameGroups = (a: readonly KeyGroup[], b: readonly KeyGroup[]): boolean =>
  a.length === b.length &&
  a.every(
    (group, i) => group.length === b[i]?.length && group.every((key) => hasKey(b[i] ?? [], key)),
  );
