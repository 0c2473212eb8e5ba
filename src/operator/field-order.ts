import { createHash, type Hash } from "node:crypto";
import { plaintextOf } from "../crypto/leaf.ts";
import type { Node, Scalar } from "../tree/node.ts";
import { encodeText } from "../tree/text.ts";

/**
 * A tree of the bytes that the MAC covers. The API server keeps lists and values but sorts the keys of maps, so the order of a map's
 * children is what has to be found again (spec kubernetes 2.2).
 */
export type Covered = CoveredLeaf | CoveredList | CoveredMap;

interface CoveredLeaf {
  readonly kind: "leaf";
  readonly bytes: Uint8Array;
}

interface CoveredList {
  readonly kind: "list";
  readonly items: readonly Covered[];
}

export interface CoveredMap {
  readonly kind: "map";
  /** In byte order of the keys. */
  readonly items: readonly { readonly key: string; readonly value: Covered }[];
  /** A map whose order is not searched: the document's root. */
  readonly isFixed?: boolean;
}

/**
 * What is left of a tree when only the leaves that count are kept; empty values and nulls add nothing. undefined when nothing is left.
 *
 * @param counts whether the MAC covers a leaf
 */
export function covered(node: Node, counts: (leaf: Scalar) => boolean): Covered | undefined {
  switch (node.kind) {
    case "null":
    case "comment":
      return undefined;
    case "seq": {
      const items = node.items.flatMap((item) => covered(item, counts) ?? []);
      return items.length === 0 ? undefined : { kind: "list", items };
    }
    case "map": {
      const items = node.items.flatMap((item) => {
        if (item.kind === "comment") return [];
        const value = covered(item.value, counts);
        return value === undefined ? [] : [{ key: item.key, value }];
      });
      return items.length === 0 ? undefined : { kind: "map", items };
    }
    default: {
      if (!counts(node)) return undefined;
      const plain = plaintextOf(node);
      const bytes = typeof plain === "string" ? encodeText(plain) : plain;
      return bytes.length === 0 ? undefined : { kind: "leaf", bytes };
    }
  }
}

export type OrderResult = "found" | "none" | "unknown";

/** How many bytes are hashed at most in a search: about half a second. */
const MAX_BYTES = 256 * 1024 * 1024;

/** Maps with more entries in all are not tried exhaustively. */
const MAX_ENTRIES = 1000;

/**
 * Looks for an order of map keys under which one of the trees has the MAC that is stored: the order as it is first, then the orders that
 * people and `sops set` write, then every other.
 *
 * @param candidates trees for one and the same file, the likeliest first
 * @param expected upper-case hex
 * @param prefix what is hashed in front
 * @param budget how many complete orders are tried at most
 * @returns `none` when every order was tried, `unknown` when the budget did not suffice
 */
export function findOrder(
  candidates: readonly Covered[],
  expected: string,
  prefix: Uint8Array,
  budget: number,
): OrderResult {
  const size = candidates.reduce((largest, one) => Math.max(largest, sizeOf(one)), 1);
  const search = new Search(
    Buffer.from(expected, "hex"),
    prefix,
    Math.min(budget, Math.ceil(MAX_BYTES / size)),
  );
  if (candidates.some((tree) => search.tryOrder(tree, (map) => map.items))) return "found";
  for (const tree of candidates)
    if (search.tryTemplateOrders(tree) || search.tryMoved(tree)) return "found";
  let isComplete = true;
  for (const tree of candidates) {
    if (countEntries(tree) > MAX_ENTRIES) {
      isComplete = false;
      continue;
    }
    const result = search.tryAll(tree);
    if (result === "found") return "found";
    if (result === "unknown") isComplete = false;
  }
  return isComplete ? "none" : "unknown";
}

function sizeOf(tree: Covered): number {
  if (tree.kind === "leaf") return tree.bytes.length;
  let size = 0;
  for (const item of tree.items) size += sizeOf("key" in item ? item.value : item);
  return size;
}

function countEntries(tree: Covered): number {
  if (tree.kind === "leaf") return 0;
  let count = tree.kind === "map" ? tree.items.length : 0;
  for (const item of tree.items) count += countEntries("key" in item ? item.value : item);
  return count;
}

type Items = CoveredMap["items"];

/** The fields of a template, as people write them. */
const TEMPLATE_KEYS = ["name", "labels", "annotations", "type", "stringData", "data"];

interface Pending {
  readonly node: Covered;
  readonly next: Pending | undefined;
}

class Search {
  private readonly expected: Buffer;
  private readonly start: Hash;
  private left: number;

  constructor(expected: Buffer, prefix: Uint8Array, budget: number) {
    this.expected = expected;
    this.start = createHash("sha512").update(prefix);
    this.left = budget;
  }

  /** One order, given for each map. */
  tryOrder(tree: Covered, order: (map: CoveredMap) => Items): boolean {
    if (this.left <= 0) return false;
    const hash = this.start.copy();
    const add = (node: Covered): void => {
      if (node.kind === "leaf") hash.update(node.bytes);
      else if (node.kind === "list") for (const item of node.items) add(item);
      else for (const { value } of node.isFixed === true ? node.items : order(node)) add(value);
    };
    add(tree);
    return this.complete(hash);
  }

  /** One order of fields for all templates, the maps inside sorted. */
  tryTemplateOrders(tree: Covered): boolean {
    const present = new Set<string>();
    eachMap(tree, (map) => {
      for (const { key } of map.items) if (TEMPLATE_KEYS.includes(key)) present.add(key);
    });
    const keys = TEMPLATE_KEYS.filter((key) => present.has(key));
    // Half of the budget at most, so that the other ways have their turn.
    let turns = Math.ceil(this.left / 2);
    for (const order of permutations(keys)) {
      if (turns-- <= 0) return false;
      const rank = new Map(order.map((key, index) => [key, index]));
      const found = this.tryOrder(tree, (map) =>
        map.items.some(({ key }) => key === "name" || key === "data" || key === "stringData")
          ? map.items.toSorted((a, b) => (rank.get(a.key) ?? 99) - (rank.get(b.key) ?? 99))
          : map.items,
      );
      if (found) return true;
    }
    return false;
  }

  /** Sorted, but for one or two keys that stand last in their map: what `sops set` leaves behind. */
  tryMoved(tree: Covered): boolean {
    const moves: { map: CoveredMap; key: string }[] = [];
    eachMap(tree, (map) => {
      for (const { key } of map.items.slice(0, -1)) moves.push({ map, key });
    });
    const tryMoves = (...chosen: typeof moves): boolean =>
      this.tryOrder(tree, (map) => {
        let { items } = map;
        for (const move of chosen)
          if (move.map === map)
            items = [
              ...items.filter(({ key }) => key !== move.key),
              ...items.filter(({ key }) => key === move.key),
            ];
        return items;
      });
    let turns = Math.ceil(this.left / 2);
    for (const move of moves) if (turns-- <= 0 || tryMoves(move)) return turns >= 0;
    for (const first of moves)
      for (const second of moves)
        if (first !== second && (turns-- <= 0 || tryMoves(first, second))) return turns >= 0;
    return false;
  }

  tryAll(tree: Covered): OrderResult {
    const found = this.visit({ node: tree, next: undefined }, this.start);
    return found ? "found" : this.left > 0 ? "none" : "unknown";
  }

  /** Tries the orders of all that is pending behind what `hash` has seen; what they begin with in common is hashed once. */
  private visit(pending: Pending | undefined, seen: Hash): boolean {
    let hash = seen;
    let isOwn = false;
    for (let at = pending; at !== undefined;) {
      const { node, next }: Pending = at;
      if (node.kind === "leaf") {
        if (!isOwn) hash = hash.copy();
        isOwn = true;
        hash.update(node.bytes);
        at = next;
      } else if (node.kind === "list") {
        at = push(node.items, next);
      } else if (node.isFixed === true || node.items.length === 1) {
        at = push(
          node.items.map(({ value }) => value),
          next,
        );
      } else {
        for (const chosen of node.items) {
          if (this.left <= 0) return false;
          const rest = node.items.filter((item) => item !== chosen);
          const then: Pending = { node: { kind: "map", items: rest }, next };
          if (this.visit({ node: chosen.value, next: then }, hash)) return true;
        }
        return false;
      }
    }
    return this.complete(isOwn ? hash : hash.copy());
  }

  private complete(hash: Hash): boolean {
    if (this.left <= 0) return false;
    this.left -= 1;
    return hash.digest().equals(this.expected);
  }
}

function push(items: readonly Covered[], next: Pending | undefined): Pending | undefined {
  let pending = next;
  for (const node of items.toReversed()) pending = { node, next: pending };
  return pending;
}

function eachMap(tree: Covered, see: (map: CoveredMap) => void): void {
  if (tree.kind === "leaf") return;
  if (tree.kind === "map" && tree.isFixed !== true) see(tree);
  for (const item of tree.items) eachMap("key" in item ? item.value : item, see);
}

function* permutations(keys: readonly string[]): Generator<readonly string[]> {
  if (keys.length <= 1) {
    yield keys;
    return;
  }
  for (const first of keys)
    for (const rest of permutations(keys.filter((key) => key !== first))) yield [first, ...rest];
}
