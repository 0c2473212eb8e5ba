import { wellFormed, sealedText } from "../crypto/ciphertext.ts";
import { SopsmithError } from "../errors.ts";
import { scalarText } from "../merge/identity.ts";
import { commonSubsequence } from "../merge/lcs.ts";
import type { Documents, Leaf, Mapping, Node, Scalar, Sequence } from "../tree/node.ts";
import type { Path } from "../tree/path.ts";

export type ChangeKind =
  | "added"
  | "removed"
  | "changed"
  | "type changed"
  | "encrypted"
  | "unencrypted";

/** One value that differs. */
export interface ValueChange {
  readonly kind: ChangeKind;
  /** In the later version; in the earlier one for what was removed. */
  readonly path: Path;
  /** Undefined where there is none. */
  readonly before: Leaf | undefined;
  readonly after: Leaf | undefined;
}

export interface TreeDifference {
  readonly changes: readonly ValueChange[];
  readonly comments: { readonly added: number; readonly removed: number };
  /** Every ciphertext is new although values stayed the same: another data key. */
  readonly isRotated: boolean;
  /**
   * No value has a nonce of the version before, as after decrypting and encrypting anew: which of them changed cannot be told, and
   * none is listed.
   */
  readonly isAfresh: boolean;
}

/**
 * What differs between two versions of a file, encrypted or decrypted. No key is needed: sops keeps the nonce of a value that did
 * not change, also when the data key is rotated, and gives a changed one a fresh nonce.
 *
 * @throws {SopsmithError} exit 1 for a tree of more than a thousand levels
 */
export function compareTrees(before: Documents, after: Documents): TreeDifference {
  for (const document of [...before, ...after]) refuseDeep(document);
  const comparison = new Comparison();
  for (let index = 0; index < Math.max(before.length, after.length); index++)
    comparison.nodes(before[index], after[index], []);
  const { isRotated, hasCommon, both } = compareNonces(before, after);
  const isAfresh = !hasCommon && both > 1;
  const changes = isAfresh
    ? comparison.changes.filter(({ kind }) => kind !== "changed" && kind !== "type changed")
    : comparison.changes;
  return { changes, comments: compareComments(before, after), isRotated, isAfresh };
}

/** What stays the same of a leaf as long as its value does; for a ciphertext its nonce and type. */
function identityOf(leaf: Leaf): {
  readonly type: string;
  readonly text: string;
  readonly isSealed: boolean;
} {
  const text = leaf.kind === "comment" ? leaf.value : sealedText(leaf);
  const parts = text === undefined ? undefined : wellFormed(text);
  if (parts !== undefined) return { type: parts.type, text: parts.iv, isSealed: true };
  return {
    type: leaf.kind,
    text: leaf.kind === "comment" ? leaf.value : scalarText(leaf),
    isSealed: false,
  };
}

const isLeaf = (node: Node): node is Scalar =>
  node.kind !== "map" && node.kind !== "seq" && node.kind !== "comment" && node.kind !== "null";

class Comparison {
  readonly changes: ValueChange[] = [];

  nodes(before: Node | undefined, after: Node | undefined, path: Path): void {
    if (before?.kind === "map" && after?.kind === "map") return this.maps(before, after, path);
    if (before?.kind === "seq" && after?.kind === "seq") return this.lists(before, after, path);
    if (before !== undefined && after !== undefined && isLeaf(before) && isLeaf(after))
      return this.leaves(before, after, path);
    if (before !== undefined) this.all(before, path, "removed");
    if (after !== undefined) this.all(after, path, "added");
  }

  private leaves(before: Scalar, after: Scalar, path: Path): void {
    const [old, now] = [identityOf(before), identityOf(after)];
    let kind: ChangeKind;
    if (old.isSealed !== now.isSealed) {
      // An empty value is not encrypted, whatever the selection says.
      const isEmpty = [before, after].some((leaf) => leaf.kind === "str" && leaf.value === "");
      kind = isEmpty ? "changed" : now.isSealed ? "encrypted" : "unencrypted";
    } else if (old.text === now.text && old.type === now.type) return;
    else kind = old.type === now.type ? "changed" : "type changed";
    this.changes.push({ kind, path, before, after });
  }

  private maps(before: Mapping, after: Mapping, path: Path): void {
    const old = byKey(before);
    const now = byKey(after);
    for (const [key, { name, value }] of now)
      this.nodes(old.get(key)?.value, value, [...path, name]);
    for (const [key, { name, value }] of old)
      if (!now.has(key)) this.nodes(value, undefined, [...path, name]);
  }

  private lists(before: Sequence, after: Sequence, path: Path): void {
    const [old, now] = [before, after].map(({ items }) =>
      items.flatMap((node, index) => (node.kind === "comment" ? [] : [{ node, index }])),
    );
    if (old === undefined || now === undefined) return;
    const [signsOld, signsNow] = [old, now].map((items) => items.map(({ node }) => signOf(node)));
    const matches = commonSubsequence(signsOld ?? [], signsNow ?? []) ?? new Map<number, number>();
    let [i, j] = [0, 0];
    for (const [atOld, atNow] of [...matches, [old.length, now.length] as const]) {
      // In a gap the n-th item before is the n-th after, as far as there are two.
      while (i < atOld || j < atNow) {
        const was = i < atOld ? old[i++] : undefined;
        const is = j < atNow ? now[j++] : undefined;
        this.nodes(was?.node, is?.node, [...path, is?.index ?? was?.index ?? 0]);
      }
      i = atOld + 1;
      j = atNow + 1;
    }
  }

  /** Every leaf below a node that is in one version only. */
  private all(node: Node, path: Path, kind: "added" | "removed"): void {
    if (node.kind === "map")
      for (const item of node.items) {
        if (item.kind === "entry") this.all(item.value, [...path, item.key], kind);
      }
    else if (node.kind === "seq")
      node.items.forEach((item, index) => this.all(item, [...path, index], kind));
    else if (node.kind !== "comment") {
      const leaf = node.kind === "null" ? undefined : node;
      this.changes.push({
        kind,
        path,
        before: kind === "removed" ? leaf : undefined,
        after: kind === "added" ? leaf : undefined,
      });
    }
  }
}

const MAX_DEPTH = 1000;

/** What follows calls itself for each level. */
function refuseDeep(document: Mapping): void {
  const open: [Node, number][] = [[document, 0]];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const [node, depth] = next;
    if (depth > MAX_DEPTH)
      throw new SopsmithError("too-deep", 1, `it nests deeper than ${MAX_DEPTH} levels`);
    if (node.kind !== "map" && node.kind !== "seq") continue;
    for (const item of node.items)
      open.push([item.kind === "entry" ? item.value : item, depth + 1]);
  }
}

/** Entries by key, the n-th of a key by its number. */
function byKey(mapping: Mapping): Map<string, { readonly name: string; readonly value: Node }> {
  const counts = new Map<string, number>();
  const entries = new Map<string, { name: string; value: Node }>();
  for (const item of mapping.items) {
    if (item.kind !== "entry") continue;
    const count = counts.get(item.key) ?? 0;
    counts.set(item.key, count + 1);
    entries.set(`${count}:${item.key}`, { name: item.key, value: item.value });
  }
  return entries;
}

/** The same for two nodes exactly when no value in them differs. */
function signOf(node: Node): string {
  if (node.kind === "null") return "null";
  if (node.kind !== "map" && node.kind !== "seq") {
    const { type, text, isSealed } = identityOf(node);
    return JSON.stringify([isSealed, type, text]);
  }
  const parts = node.items.flatMap((item) =>
    item.kind === "comment"
      ? []
      : [
          item.kind === "entry"
            ? `${JSON.stringify(item.key)}:${signOf(item.value)}`
            : signOf(item),
        ],
  );
  return `${node.kind}(${parts.join()})`;
}

/** Every leaf and comment of some documents. */
function* leavesIn(documents: Documents): Iterable<Leaf> {
  const open: Node[] = [...documents];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (node.kind === "map")
      for (const item of node.items) open.push(item.kind === "entry" ? item.value : item);
    else if (node.kind === "seq") for (const item of node.items) open.push(item);
    else if (node.kind !== "null") yield node;
  }
}

/** Data and nonces of the encrypted values of some documents. */
export function noncesIn(documents: Documents): Map<string, string> {
  const nonces = new Map<string, string>();
  for (const leaf of leavesIn(documents)) {
    const text = leaf.kind === "comment" ? leaf.value : sealedText(leaf);
    const parts = text === undefined ? undefined : wellFormed(text);
    if (parts !== undefined) nonces.set(parts.iv, `${parts.data},${parts.tag}`);
  }
  return nonces;
}

function compareNonces(before: Documents, after: Documents) {
  const [old, now] = [noncesIn(before), noncesIn(after)];
  const common = [...now].filter(([iv]) => old.has(iv));
  return {
    isRotated: common.some(([iv, data]) => old.get(iv) !== data),
    // With nothing encrypted on a side there is nothing to have in common.
    hasCommon: common.length > 0 || old.size === 0 || now.size === 0,
    both: Math.min(old.size, now.size),
  };
}

function compareComments(before: Documents, after: Documents): { added: number; removed: number } {
  const counts = new Map<string, number>();
  for (const [documents, step] of [
    [before, -1],
    [after, 1],
  ] as const)
    for (const leaf of leavesIn(documents)) {
      if (leaf.kind !== "comment" || leaf.value === "") continue;
      const { text } = identityOf(leaf);
      counts.set(text, (counts.get(text) ?? 0) + step);
    }
  const sum = (sign: number): number =>
    [...counts.values()].reduce((total, count) => total + Math.max(0, sign * count), 0);
  return { added: sum(1), removed: sum(-1) };
}
