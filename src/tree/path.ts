import { SopsmithError } from "../errors.ts";
import { goType } from "../go/type.ts";
import {
  entry,
  find,
  map,
  nil,
  seq,
  str,
  type Comment,
  type Entry,
  type Mapping,
  type Node,
} from "./node.ts";

/** Steps from the first document's root: a mapping key or a list position. */
export type Path = readonly (string | number)[];

/** A path text that is not `["key"][0]…`. The exit code depends on the command: 91 for `--extract`, 7 for `set` and `unset`. */
export class PathSyntaxError extends SopsmithError {
  constructor(
    message: string,
    exitCode = 91,
    hint = `Write paths as '["key"]["inner"][0]', quoted for the shell.`,
  ) {
    super("path-syntax", exitCode, message, { hint });
  }
}

/** A path that leads nowhere. */
export class PathError extends SopsmithError {
  constructor(message: string, exitCode = 1, hint?: string) {
    super("path-not-found", exitCode, message, { hint });
  }
}

/**
 * Parses `a.b[0].c`: keys between dots, list positions in brackets. A backslash before a dot, a bracket or a backslash keeps
 * that in the key. Not known to sops.
 *
 * @throws {PathSyntaxError} for an empty key, and for brackets that hold no number
 */
export function parseDottedPath(text: string): Path {
  const path: (string | number)[] = [];
  const step = /(?:^|(?<=.)\.)((?:[^.[\]\\]|\\.)+)|\[([-+]?\d+)\]/suy;
  const refuse = (at: number): never => {
    throw new PathSyntaxError(`the dotted path is wrong at character ${at + 1}`, 91, DOTTED_HINT);
  };
  if (text === "") refuse(0);
  while (step.lastIndex < text.length) {
    const at = step.lastIndex;
    const [, key, position] = step.exec(text) ?? refuse(at);
    if (key !== undefined) path.push(key.replaceAll(/\\(.)/gsu, "$1"));
    else if (Number.isSafeInteger(Number(position))) path.push(Number(position));
    else refuse(at);
  }
  return path;
}

const DOTTED_HINT =
  "Write dotted paths as db.users[0].name; a backslash before a dot makes it part of the key.";

/**
 * Parses `["a"]['b'][0]` (spec cli 4.4): no escapes, the two quotes need not agree, a key may hold `]` but not `[`.
 *
 * @throws {PathSyntaxError}; exit 2 where sops crashes
 */
export function parsePath(text: string): Path {
  const path: (string | number)[] = [];
  for (const piece of text.split("[")) {
    if (piece === "") continue;
    if (!piece.endsWith("]")) throw new PathSyntaxError(`component ${piece} doesn't end with ]`);
    const inner = piece.slice(0, -1);
    const quote = inner.charAt(0);
    if (quote === '"' || quote === "'") {
      if (inner.length < 2) throw new PathSyntaxError(`component ${piece} has no closing quote`, 2);
      path.push(inner.slice(1, -1));
    } else if (inner === "") {
      throw new PathSyntaxError("component [] is empty", 2);
    } else {
      const index = Number(inner);
      if (!/^[-+]?[0-9]+$/.test(inner) || !Number.isSafeInteger(index)) {
        throw new PathSyntaxError(`component [${inner}] is neither a quoted key nor a number`);
      }
      path.push(index);
    }
  }
  return path;
}

/** `["a"][0]`, for messages. */
export const pathText = (path: Path): string =>
  path.map((step) => `[${JSON.stringify(step)}]`).join("");

/**
 * The node at a path (spec cli 4.5). A number at a mapping selects its n-th item as a mapping of key and value; a comment is a mapping with
 * its text as value.
 *
 * @param pairNames names of those entries: `key` and `value` in YAML, `Key` and `Value` elsewhere
 * @returns `isMade`: the node is such a mapping, no part of the document
 * @throws {PathError} exit 1; 2 where sops crashes
 */
export function getPath(
  document: Mapping,
  path: Path,
  pairNames: readonly [string, string],
): { node: Node; isMade: boolean } {
  let node: Node = document;
  let isMade = false;
  const commentNode = (item: Comment): Node => map([entry(pairNames[1], str(item.value))]);
  for (const step of path) {
    if (typeof step === "string") {
      if (node.kind !== "map") {
        throw new PathError(
          `error truncating tree: component ['${step}'] is a key, but tree part is not a mapping`,
          2,
        );
      }
      const found = find(node, step);
      if (!found) throw new PathError(`error truncating tree: component ['${step}'] not found`);
      node = found.value;
      continue;
    }
    if (node.kind !== "map" && node.kind !== "seq") {
      throw new PathError(
        `error truncating tree: component [${step}] is integer, but tree part is not a slice`,
      );
    }
    const item: Node | Mapping["items"][number] | undefined = node.items[step];
    if (step < 0) throw new PathError(`error truncating tree: component [${step}] is negative`, 2);
    if (!item)
      throw new PathError(`error truncating tree: component [${step}] accesses out of bounds`);
    isMade = node.kind === "map" || item.kind === "comment";
    if (item.kind === "entry") {
      node = map([entry(pairNames[0], str(item.key)), entry(pairNames[1], item.value)]);
    } else if (node.kind === "map" && item.kind === "comment") {
      node = map([entry(pairNames[0], commentNode(item)), entry(pairNames[1], nil())]);
    } else {
      node = item.kind === "comment" ? commentNode(item) : item;
    }
  }
  return { node, isMade };
}

/**
 * Puts `value` at a path of the first document, making what is missing on the way: a key step makes a mapping, a number a list of one element;
 * a scalar in the way is replaced; a position after the end appends.
 *
 * @returns whether anything changed
 * @throws {PathError} exit 2 for an empty path, a key into a list, a negative position
 */
export function setPath(document: Mapping, path: Path, value: Node): boolean {
  if (path.length === 0) throw new PathError("the path is empty: name at least one key", 2);
  let node: Node = document;
  for (let i = 0; i < path.length; i++) {
    const step = path[i] as string | number;
    const rest = path.slice(i + 1);
    if (node.kind === "map") {
      const found: ReturnType<typeof find> =
        typeof step === "string" ? find(node, step) : undefined;
      if (!found) {
        // sops leaves a mapping alone that is addressed by a number, and still rewrites the file.
        if (typeof step === "string") node.items.push(entry(step, build(rest, value)));
        return true;
      }
      if (rest.length === 0 || isScalar(found.value)) {
        const next = build(rest, value);
        const changed = !sameNode(found.value, next);
        found.value = next;
        if (next.kind === "map" || next.kind === "seq") putAbove(node.items, found);
        return changed;
      }
      node = found.value;
    } else if (node.kind === "seq") {
      if (typeof step === "string") throw keyIntoList(step);
      if (step < 0) throw negative(step);
      const found: Node | undefined = node.items[step];
      if (!found) {
        node.items.push(build(rest, value));
        return true;
      }
      if (rest.length === 0 || isScalar(found)) {
        const next = build(rest, value);
        const changed = !sameNode(found, next);
        node.items[step] = next;
        if (next.kind === "map" || next.kind === "seq") putAbove(node.items, next);
        return changed;
      }
      node = found;
    }
  }
  return false;
}

/**
 * Removes what is at a path of the first document.
 *
 * @returns false when there is nothing
 * @throws {PathError} exit 1 for a step into a scalar, exit 2 where sops crashes
 */
export function unsetPath(document: Mapping, path: Path): boolean {
  if (path.length === 0) throw new PathError("the path is empty: name at least one key", 2);
  let node: Node = document;
  for (const [i, step] of path.entries()) {
    const isLast = i === path.length - 1;
    if (node.kind === "map") {
      const at: number = node.items.findIndex((item) => item.kind === "entry" && item.key === step);
      const found: Mapping["items"][number] | undefined = node.items[at];
      if (found?.kind !== "entry") return false;
      if (isLast) {
        node.items.splice(at, 1);
        return true;
      }
      node = found.value;
    } else if (node.kind === "seq") {
      if (typeof step === "string") throw keyIntoList(step);
      if (step < 0) throw negative(step);
      const found: Node | undefined = node.items[step];
      if (!found) return false;
      if (isLast) {
        node.items.splice(step, 1);
        return true;
      }
      node = found;
    } else {
      throw new PathError(
        `Unsupported type: ${goType(node)} for item '${step}'`,
        1,
        "The path goes through a value that is neither a mapping nor a list.",
      );
    }
  }
  return false;
}

/** What `unset` says of a path that leads nowhere: the words of sops. */
export function missingPath(document: Mapping, path: Path): PathError {
  let node: Node | undefined = document;
  for (const step of path) {
    if (node?.kind === "map") {
      const found: ReturnType<typeof find> =
        typeof step === "string" ? find(node, step) : undefined;
      if (!found) return new PathError(`Key not found: ${step}`);
      node = found.value;
    } else if (node?.kind === "seq") {
      const found: Node | undefined = typeof step === "number" ? node.items[step] : undefined;
      if (!found) return new PathError(`Index ${step} out of bounds`);
      node = found;
    }
  }
  return new PathError(`Key not found: ${path[path.length - 1] ?? ""}`);
}

const keyIntoList = (step: string): PathError =>
  new PathError(`component ['${step}'] is a key, but tree part is a list`, 2);
const negative = (step: number): PathError => new PathError(`component [${step}] is negative`, 2);

const isScalar = (node: Node): boolean => node.kind !== "map" && node.kind !== "seq";

/** Puts the comments in front of an item on lines of their own: a collection has no line for them. */
function putAbove(items: readonly (Entry | Node)[], item: Entry | Node): void {
  for (let i = items.indexOf(item) - 1; i >= 0; i--) {
    const before = items[i];
    if (before?.kind !== "comment") return;
    before.inline = false;
  }
}

function build(path: Path, value: Node): Node {
  let node = value;
  for (const step of [...path].reverse())
    node = typeof step === "string" ? map([entry(step, node)]) : seq([node]);
  return node;
}

/** Are two nodes the same value with the same types? Positions do not count. */
function sameNode(a: Node, b: Node): boolean {
  const open: [Node, Node][] = [[a, b]];
  for (let pair = open.pop(); pair; pair = open.pop()) {
    const [x, y] = pair;
    if (x.kind === "map" && y.kind === "map") {
      if (x.items.length !== y.items.length) return false;
      for (const [i, item] of x.items.entries()) {
        const other = y.items[i];
        if (item.kind === "entry" && other?.kind === "entry" && item.key === other.key)
          open.push([item.value, other.value]);
        else if (
          !(item.kind === "comment" && other?.kind === "comment" && item.value === other.value)
        )
          return false;
      }
    } else if (x.kind === "seq" && y.kind === "seq") {
      if (x.items.length !== y.items.length) return false;
      for (const [i, item] of x.items.entries()) open.push([item, y.items[i] as Node]);
    } else if (x.kind === "bytes" && y.kind === "bytes") {
      if (Buffer.compare(x.value, y.value) !== 0) return false;
    } else if (x.kind !== y.kind || ("value" in x && "value" in y && x.value !== y.value)) {
      return false;
    }
  }
  return true;
}
