import type { KeyGroup } from "../keys/provider.ts";
import { keyReference, shortKey, type KeyId } from "./key-id.ts";
import type { KeyNames, NamedKey } from "./names.ts";

/** How a person opens a file: with one of their keys alone, only with keys of others, or not at all. */
export type Opens = "alone" | "with others" | "not";

/** What a person is to a file. */
export interface Cell {
  readonly opens: Opens;
  /** A key of theirs is in the file's creation rule; undefined where no rule matches. */
  readonly inRule: boolean | undefined;
}

/** Somebody with at least one key: all keys of one name are one person's. A key without a name is a person of its own. */
export interface Person {
  /** A name, or a key in a few characters. */
  readonly label: string;
  readonly isNamed: boolean;
  readonly description: string | undefined;
  /** In the order in which they were found, each once. */
  readonly keys: readonly KeyId[];
}

/** A file, and who it says can open it. */
export interface AccessInput {
  readonly file: string;
  readonly keyGroups: readonly KeyGroup[];
  readonly shamirThreshold: number;
  /** The keys of its creation rule; undefined where none matches. */
  readonly ruleKeys: readonly (readonly KeyId[])[] | undefined;
}

export interface FileAccess {
  readonly file: string;
  /** One for each person, in their order. */
  readonly cells: readonly Cell[];
  readonly groups: number;
  /** How many groups must open. */
  readonly needed: number;
  /** Labels of the keys without any one of which nobody opens the file. */
  readonly hangsOn: readonly string[];
  /** The rule and the file do not name the same keys. */
  readonly differs: boolean;
}

/** Who opens what. */
export interface Access {
  /** Those with a name come first, in the order of their configuration; keys without a name last. */
  readonly people: readonly Person[];
  readonly files: readonly FileAccess[];
}

/** Works out who opens which file. */
export function accessTo(files: readonly AccessInput[], names: KeyNames): Access {
  const people = new People(names);
  for (const { keyGroups, ruleKeys } of files)
    for (const key of [...keyGroups.flat(), ...(ruleKeys ?? []).flat()]) people.add(key);
  const { ordered, indexOf } = people.finish();
  return {
    people: ordered,
    files: files.map((input) => fileAccess(input, ordered, indexOf)),
  };
}

function fileAccess(
  { file, keyGroups, shamirThreshold, ruleKeys }: AccessInput,
  people: readonly Person[],
  indexOf: (key: KeyId) => number,
): FileAccess {
  const needed = keyGroups.length > 1 ? shamirThreshold || keyGroups.length : 1;
  const opened = people.map(() => 0);
  for (const group of keyGroups)
    for (const index of new Set(group.map(indexOf))) opened[index] = (opened[index] ?? 0) + 1;
  const ruled = ruleKeys === undefined ? undefined : new Set(ruleKeys.flat().map(indexOf));
  const cells = opened.map((count, index): Cell => ({
    opens: count === 0 ? "not" : count >= needed ? "alone" : "with others",
    inRule: ruled?.has(index),
  }));
  return {
    file,
    cells,
    groups: keyGroups.length,
    needed,
    hangsOn: hangsOn(keyGroups, needed).map((key) => people[indexOf(key)]?.label ?? key.id),
    differs: ruleKeys !== undefined && !sameKeys(keyGroups.flat(), ruleKeys.flat()),
  };
}

function sameKeys(a: readonly KeyId[], b: readonly KeyId[]): boolean {
  const left = new Set(a.map(keyReference));
  const right = new Set(b.map(keyReference));
  return left.size === right.size && [...left].every((key) => right.has(key));
}

/** The keys whose loss loses the file. */
function hangsOn(keyGroups: readonly KeyGroup[], needed: number): KeyId[] {
  const groups = keyGroups.map((group) => new Set(group.map(keyReference)));
  if (groups.filter((group) => group.size > 0).length < needed) return [];
  const keys = new Map(keyGroups.flat().map((key) => [keyReference(key), key]));
  return [...keys]
    .filter(([lost]) => {
      const left = groups.filter((group) => group.size > (group.has(lost) ? 1 : 0));
      return left.length < needed;
    })
    .map(([, key]) => key);
}

/** Gathers people by name, and keys without one. */
class People {
  private readonly names: KeyNames;
  /** By name, or by key. */
  private readonly found = new Map<
    string,
    { named: NamedKey | undefined; keys: Map<string, KeyId> }
  >();
  private readonly ids = new Map<string, string>();

  constructor(names: KeyNames) {
    this.names = names;
  }

  add(key: KeyId): void {
    const reference = keyReference(key);
    if (this.ids.has(reference)) return;
    const named = this.names.of(key);
    // A key may be called like another one in its cloud without being the same person's.
    const isPerson = named !== undefined && named.source !== "cloud name";
    const id = isPerson ? `name ${named.name}` : `key ${reference}`;
    this.ids.set(reference, id);
    const person = this.found.get(id);
    if (person !== undefined) person.keys.set(reference, key);
    else this.found.set(id, { named, keys: new Map([[reference, key]]) });
  }

  finish(): { ordered: Person[]; indexOf: (key: KeyId) => number } {
    const rank = new Map(this.names.all.map(({ name }, index) => [`name ${name}`, index]));
    const rankOf = (id: string, named: NamedKey | undefined): number =>
      rank.get(id) ?? rank.size + (named === undefined ? 1 : 0);
    const ordered = [...this.found].toSorted(
      ([a, { named: left }], [b, { named: right }]) => rankOf(a, left) - rankOf(b, right),
    );
    const places = new Map(ordered.map(([id], index) => [id, index]));
    return {
      ordered: ordered.map(([, { named, keys }]) => {
        const [first] = keys.values();
        return {
          label: named?.name ?? (first === undefined ? "" : shortKey(first)),
          isNamed: named !== undefined,
          description: named?.description,
          keys: [...keys.values()],
        };
      }),
      indexOf: (key) => places.get(this.ids.get(keyReference(key)) ?? "") ?? -1,
    };
  }
}
