import type { Documents, Mapping, Node, Scalar, Sequence } from "../tree/node.ts";
import type { Selection } from "./selection.ts";
import { walk } from "./walk.ts";

/** What a selection comes to on one file: null, empty text and comments do not count as values. */
export type Coverage = "some" | "none" | "no value";

/** Thrown to end a walk early. */
class Enough extends Error {}

/** Does the selection encrypt any value of the decrypted documents? Looks no further than the first. */
export function coverageOf(documents: Documents, selection: Selection): Coverage {
  let coverage: Coverage = "no value";
  try {
    eachValue(documents, selection, (_, isEncrypted) => {
      coverage = isEncrypted ? "some" : "none";
      if (isEncrypted) throw new Enough();
    });
  } catch (error) {
    if (!(error instanceof Enough)) throw error;
  }
  return coverage;
}

/** Values that one selection leaves unencrypted and the other one would encrypt. */
export interface Uncovered {
  readonly count: number;
  /** Of the first ones, as `--extract` takes them. */
  readonly paths: readonly string[];
}

/**
 * Compares two selections on decrypted documents.
 *
 * @param used what decides about the file
 * @param wanted what should decide
 * @param limit how many paths to give
 */
export function uncovered(
  documents: Documents,
  used: Selection,
  wanted: Selection,
  limit: number,
): Uncovered {
  const plain = new Set<Scalar>();
  eachValue(documents, used, (leaf, isEncrypted) => {
    if (!isEncrypted) plain.add(leaf);
  });
  const missed = new Set<Node>();
  if (plain.size > 0)
    eachValue(documents, wanted, (leaf, isEncrypted) => {
      if (isEncrypted && plain.has(leaf)) missed.add(leaf);
    });
  return { count: missed.size, paths: missed.size === 0 ? [] : pathsOf(documents, missed, limit) };
}

function eachValue(
  documents: Documents,
  selection: Selection,
  see: (leaf: Scalar, isEncrypted: boolean) => void,
): void {
  walk(documents, selection, {
    scalar(leaf, { isEncrypted }) {
      const isEmpty = (leaf.kind === "str" || leaf.kind === "bytes") && leaf.value.length === 0;
      if (!isEmpty) see(leaf, isEncrypted);
      return leaf;
    },
    comment: (leaf) => leaf,
  });
}

interface Frame {
  readonly node: Mapping | Sequence;
  readonly path: string;
  next: number;
}

/** The paths of the first leaves of a set, in the order of the documents. */
function pathsOf(documents: Documents, leaves: ReadonlySet<Node>, limit: number): string[] {
  const paths: string[] = [];
  for (const document of documents) {
    const stack: Frame[] = [{ node: document, path: "", next: 0 }];
    for (let frame = stack.at(-1); frame !== undefined; frame = stack.at(-1)) {
      if (paths.length >= limit) return paths;
      const index = frame.next++;
      const item = frame.node.items[index];
      if (item === undefined) {
        stack.pop();
        continue;
      }
      const isEntry = item.kind === "entry";
      const value = isEntry ? item.value : item;
      const step = isEntry ? JSON.stringify(item.key) : String(index);
      const path = `${frame.path}[${step}]`;
      if (value.kind === "map" || value.kind === "seq") stack.push({ node: value, path, next: 0 });
      else if (leaves.has(value)) paths.push(path);
    }
  }
  return paths;
}
