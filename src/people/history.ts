import { formatForPath, loadFormat } from "../../formats/index.ts";
import type { Subject } from "../check/subject.ts";
import { SopsmithError } from "../errors.ts";
import { readBlobs } from "../git/blobs.ts";
import {
  fileHistories,
  type Commit,
  type FileHistories,
  type FileVersion,
} from "../git/history.ts";
import type { Host } from "../io/host.ts";
import { provider } from "../keys/index.ts";
import { parseMetadata } from "../metadata/metadata.ts";
import { detach } from "../metadata/placement.ts";
import { sealedFormat } from "../status.ts";
import type { Path } from "../tree/path.ts";
import { keyReference, type KeyId } from "./key-id.ts";

/** An encrypted file as it is now. */
export interface FollowedFile {
  /** From the top of the repository, with `/`. */
  readonly name: string;
  readonly subject: Subject;
}

/** When something became as it is now. */
export interface Since {
  readonly at: Date;
  /** Undefined for what is not committed, or where there is no history: then the file's `lastmodified` counts. */
  readonly commit: Commit | undefined;
  /** It may be older: the history does not reach back far enough. */
  readonly isAtLeast: boolean;
}

/** An encrypted value of a file as it is now. */
export interface Value {
  readonly path: Path;
  /** From 1. */
  readonly line: number;
  /** When it was last changed. Keys that were added, and a new data key, do not change values. */
  readonly since: Since;
}

/** A value that followed keys open, or opened, in its present form. */
export interface ReadValue extends Value {
  /** When the first of the keys could open it. */
  readonly readableSince: Since;
}

/** Why the history cannot tell everything; `whole` where it can. */
export type Reach = "whole" | "shallow" | "no commits" | "no repository";

/**
 * Opens a version of a file, and tells its values apart without keeping them: a digest for each scalar and comment in the order
 * of the tree, equal for equal values at one place. Undefined for a version that no key at hand opens.
 */
export type Digests = (content: Uint8Array, file: string) => Promise<readonly string[] | undefined>;

/** What is known of one blob. */
interface Facts {
  /** Which of the present values it has, by nonce and type, and by digest where it was opened. */
  readonly values: ReadonlySet<string>;
  /** Which of the followed keys it can be opened with, by {@link keyReference}. */
  readonly readers: ReadonlySet<string>;
}

const nothing: Facts = { values: new Set(), readers: new Set() };

/**
 * The history of encrypted files, read without a key. A value is told from its former selves by the nonce and the type of its
 * ciphertext: sops and sopsmith keep the nonce of a value that does not change, also when the data key does. A file that was
 * decrypted and encrypted anew has new nonces, and its values look newer than they are.
 */
export class History {
  readonly reach: Reach;
  private readonly histories: FileHistories;
  private readonly facts: ReadonlyMap<string, Facts>;
  private readonly followed: ReadonlySet<string>;
  private readonly digests: ReadonlyMap<Subject, readonly string[]>;

  private constructor(known: {
    readonly reach: Reach;
    readonly histories: FileHistories;
    readonly facts: ReadonlyMap<string, Facts>;
    readonly followed: ReadonlySet<string>;
    readonly digests: ReadonlyMap<Subject, readonly string[]>;
  }) {
    this.reach = known.reach;
    this.histories = known.histories;
    this.facts = known.facts;
    this.followed = known.followed;
    this.digests = known.digests;
  }

  /**
   * Reads the history of files up to `HEAD`, all versions through one `git cat-file --batch`.
   *
   * @param root the top directory of the work tree; undefined outside of one
   * @param followed keys whose access is of interest; none where only the age of values is
   * @param open compares values themselves too, so that a file that was encrypted anew keeps the age of its values
   */
  static async of(
    host: Host,
    root: string | undefined,
    files: readonly FollowedFile[],
    followed: readonly KeyId[] = [],
    open?: Digests,
  ): Promise<History> {
    const references = new Set(followed.map(keyReference));
    const digests = new Map<Subject, readonly string[]>();
    const facts = new Map<string, Facts>();
    const known = { facts, followed: references, digests };
    if (root === undefined)
      return new History({ ...known, reach: "no repository", histories: none });
    const histories = await fileHistories(
      host,
      root,
      files.map(({ name }) => name),
    );
    const present = new Set<string>();
    for (const { subject } of files) {
      const told = await open?.(subject.content, subject.file);
      if (told !== undefined) digests.set(subject, told);
      for (const all of identitiesOf(subject, told).values())
        for (const one of all) present.add(one);
    }
    /** A name that each blob goes by, which tells its format. */
    const names = new Map<string, string>();
    for (const { name } of files)
      for (const { object, before } of histories.of(name))
        for (const one of [object, ...before]) names.set(one, name);
    const objects = [...names.keys()];
    let index = 0;
    for await (const content of readBlobs(host, root, objects)) {
      const object = objects[index++] ?? "";
      if (content === undefined) continue;
      const name = names.get(object) ?? "";
      const values = valuesIn(content, present);
      for (const digest of (await open?.(content, name)) ?? [])
        if (present.has(digest)) values.add(digest);
      facts.set(object, { values, readers: await readersOf(content, name, followed) });
    }
    const reach = histories.hasCommits ? (histories.isShallow ? "shallow" : "whole") : "no commits";
    return new History({ ...known, reach, histories });
  }

  /** The values of a file, in its order, each with its age. */
  values(file: FollowedFile): Value[] {
    const { subject } = file;
    return [...this.identities(subject)].map(([leaf, identities]) => {
      const { path, line } = subject.placeOf(leaf);
      const introduced = this.introduced(file, ({ values }) =>
        identities.some((identity) => values.has(identity)),
      );
      return { path, line, since: introduced ?? this.now(subject) };
    });
  }

  /**
   * The values of a file that one of the followed keys opens, or opened at any time, in the form that they have now: what
   * must be changed at its source when the key's owner leaves.
   */
  readable(file: FollowedFile): ReadValue[] {
    const { subject } = file;
    const isReaderNow = this.readersNow(subject).size > 0;
    const all = [...this.identities(subject).values()];
    const versions = this.histories.of(file.name);
    return this.values(file).flatMap((value, index) => {
      const identities = all[index] ?? [];
      const first = versions.find(({ object }) => {
        const { values, readers } = this.factsOf(object);
        return readers.size > 0 && identities.some((identity) => values.has(identity));
      });
      if (first !== undefined) return [{ ...value, readableSince: sinceVersion(first) }];
      return isReaderNow ? [{ ...value, readableSince: this.now(subject) }] : [];
    });
  }

  /** Since when one of the followed keys is in a file; undefined where none of them is now. */
  accessSince(file: FollowedFile): Since | undefined {
    if (this.readersNow(file.subject).size === 0) return undefined;
    return this.introduced(file, ({ readers }) => readers.size > 0) ?? this.now(file.subject);
  }

  /** The latest version that has something which no version before it had. */
  private introduced(file: FollowedFile, has: (facts: Facts) => boolean): Since | undefined {
    const version = this.histories
      .of(file.name)
      .findLast(
        ({ object, before }) =>
          has(this.factsOf(object)) && !before.some((one) => has(this.factsOf(one))),
      );
    return version === undefined ? undefined : sinceVersion(version);
  }

  private identities(subject: Subject): Map<Leaf, readonly string[]> {
    return identitiesOf(subject, this.digests.get(subject));
  }

  private factsOf(object: string): Facts {
    return this.facts.get(object) ?? nothing;
  }

  private readersNow({ sealed }: Subject): Set<string> {
    const keys = sealed?.metadata?.keyGroups.flat().map(keyReference) ?? [];
    return new Set(keys.filter((reference) => this.followed.has(reference)));
  }

  /** For what no commit has: the file's own date. */
  private now({ sealed, now }: Subject): Since {
    const text = sealed?.metadata?.lastModified;
    const at = text === undefined ? now : new Date(text);
    const isAtLeast = this.reach === "no repository" || this.reach === "no commits";
    return { at, commit: undefined, isAtLeast };
  }
}

const none: FileHistories = { isShallow: false, hasCommits: false, of: () => [] };

const sinceVersion = ({ commit }: FileVersion): Since => ({
  at: commit.at,
  commit,
  isAtLeast: commit.isBoundary,
});

type Leaf = NonNullable<Subject["sealed"]>["leaves"][number];

/** The encrypted values of a file, but its comments, and what tells each from other values. */
function identitiesOf(
  { sealed }: Subject,
  digests: readonly string[] = [],
): Map<Leaf, readonly string[]> {
  const found = new Map<Leaf, readonly string[]>();
  for (const [index, leaf] of (sealed?.leaves ?? []).entries()) {
    const [, nonce, type] = /,iv:([^,]+),tag:[^,]*,type:(\w+)\]$/.exec(leaf.ciphertext ?? "") ?? [];
    if (nonce === undefined || type === "comment" || leaf.node.kind === "comment") continue;
    const digest = digests[index];
    found.set(leaf, [`${nonce} ${type}`, ...(digest === undefined ? [] : [digest])]);
  }
  return found;
}

/** Which of some values a file has, whatever its format: ciphertexts look the same in all of them. */
function valuesIn(content: Buffer, wanted: ReadonlySet<string>): Set<string> {
  const found = new Set<string>();
  const text = content.toString("latin1");
  for (const [, nonce, type] of text.matchAll(
    /,iv:([^,\s]+),tag:[^,\s]+,type:(\w+)(?:\]|\\x5D)/g,
  )) {
    const identity = `${nonce} ${type}`;
    if (wanted.has(identity)) found.add(identity);
  }
  return found;
}

/** Which of some keys a file can be opened with, alone or with others. */
async function readersOf(
  content: Buffer,
  name: string,
  keys: readonly KeyId[],
): Promise<ReadonlySet<string>> {
  const likely = keys.filter((key) => mentions(content, key));
  if (likely.length === 0) return nothing.readers;
  const wanted = new Set(likely.map(keyReference));
  try {
    const format = await loadFormat(
      (await sealedFormat(content, formatForPath(name))) ?? formatForPath(name),
    );
    const block = detach(format.parse(content, { sealed: true }), format.placement);
    const readers = parseMetadata(block).keyGroups.flat().map(keyReference);
    return new Set(readers.filter((reference) => wanted.has(reference)));
  } catch (error) {
    if (!(error instanceof SopsmithError)) throw error;
    // A version that was broken, such as by a merge: whoever is mentioned may have opened one of its sides.
    return wanted;
  }
}

/** Whether a file has what each stored form of a key has. */
function mentions(content: Buffer, key: KeyId): boolean {
  const { stored, isAnyCase = false } = provider(key.type).ids;
  const same = keyReference(key).split(" ").at(-1) ?? "";
  const text = stored?.(same) ?? same;
  if (content.includes(text)) return true;
  return isAnyCase && content.toString("latin1").toUpperCase().includes(text.toUpperCase());
}
