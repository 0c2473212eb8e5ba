import { isDeepStrictEqual } from "node:util";
import type * as YamlPackage from "yaml";
import type { Document, Node, Pair, Scalar, YAMLMap, YAMLSeq } from "yaml";
import { anchorOf, groupItem, groupValue, scalarText } from "../config/new-config.ts";
import { provider } from "../keys/index.ts";
import { keyInMapping, keyInText, keyReference, type KeyId } from "./key-id.ts";

/**
 * Changes of `.sops.yaml` that splice its text: whatever is not changed keeps its bytes, comments and anchors among them.
 */

/** The changed text, or why it cannot be made by splicing; then, where there is one, the text that means the change. */
export type Edited =
  | { readonly text: string }
  | { readonly problem: string; readonly rewritten: string | undefined };

/** A place whose spelling cannot be spliced. */
class Unspliceable extends Error {}

type Yaml = typeof YamlPackage;

/** From the root of the document: an index into the items of each collection. */
type Trail = readonly { readonly collection: YAMLMap | YAMLSeq; readonly index: number }[];

/** A place where a key is written. */
interface Occurrence {
  readonly trail: Trail;
  readonly node: Node;
  /** The key is one of several in a text with commas. */
  readonly isPiece: boolean;
}

interface Splice {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/**
 * Takes keys out: items of lists, aliases, parts of texts with commas, and the anchors themselves. Lists that become empty go
 * with their field, and groups that become empty with their item.
 *
 * @param text of a configuration that `parseConfig` has read
 * @param rules numbers of the creation rules to take them out of, from 0; undefined for the whole file
 */
export async function withoutKeys(
  text: string,
  keys: readonly KeyId[],
  rules: ReadonlySet<number> | undefined,
): Promise<Edited> {
  const yaml = await import("yaml");
  const references = new Set(keys.map(keyReference));
  const find = (doc: Document): readonly Occurrence[] => occurrences(yaml, doc, references, rules);
  let edited = text;
  try {
    for (;;) {
      const doc = parse(yaml, edited);
      const found = find(doc);
      const next = nextOf(yaml, found);
      if (next === undefined) return { text: edited };
      const anchor = anchorIn(yaml, next.node);
      if (anchor !== undefined && hasAlias(yaml, doc, anchor))
        throw new Unspliceable(`&${anchor} is also used in a place where it must stay`);
      edited = applied(edited, removal(yaml, edited, next, references));
    }
  } catch (error) {
    if (!(error instanceof Unspliceable)) throw error;
    return { problem: error.message, rewritten: rewrittenWithout(yaml, text, find, references) };
  }
}

export interface NewKey {
  /** What the key is called, where it has no name in the file yet. */
  readonly name: string;
  readonly key: KeyId;
  /** Numbers of the creation rules that get it, from 0. */
  readonly rules: ReadonlySet<number>;
  /** The number of the key group, from 0, in rules that have groups. */
  readonly group: number;
}

/**
 * Puts a key, by its name, into the list `keys` and into creation rules.
 *
 * @param text of a configuration that `parseConfig` has read
 */
export async function withKey(text: string, added: NewKey): Promise<Edited> {
  const yaml = await import("yaml");
  try {
    const { text: named, anchor } = withAnchor(yaml, text, added);
    let edited = named;
    for (const rule of added.rules) {
      const splice = insertion(yaml, edited, rule, added, anchor);
      if (splice !== undefined) edited = applied(edited, splice);
    }
    return { text: edited };
  } catch (error) {
    if (!(error instanceof Unspliceable)) throw error;
    return { problem: error.message, rewritten: rewrittenWith(yaml, text, added) };
  }
}

const applied = (text: string, { start, end, text: by }: Splice): string =>
  text.slice(0, start) + by + text.slice(end);

function parse(yaml: Yaml, text: string): Document {
  const [doc] = yaml.parseAllDocuments(text, {
    uniqueKeys: false,
    schema: "failsafe",
    merge: true,
  });
  if (doc === undefined || !("contents" in doc) || doc.errors.length > 0)
    throw new Unspliceable("it would no longer be YAML");
  return doc;
}

// What is there.

function occurrences(
  yaml: Yaml,
  doc: Document,
  references: ReadonlySet<string>,
  rules: ReadonlySet<number> | undefined,
): Occurrence[] {
  const found: Occurrence[] = [];
  const look = (node: unknown, trail: Trail): void => {
    if (!yaml.isNode(node)) return;
    const keys = keysOf(yaml, doc, node);
    const matching = keys.filter((key) => references.has(keyReference(key)));
    if (matching.length > 0) {
      const isAll = matching.length === keys.length;
      // Part of an alias's text is taken out where its anchor is.
      if (isAll || !yaml.isAlias(node)) found.push({ trail, node, isPiece: !isAll });
      return;
    }
    if (!yaml.isCollection(node)) return;
    for (const [index, item] of node.items.entries())
      look(yaml.isPair(item) ? item.value : item, [...trail, { collection: node, index }]);
  };
  if (rules === undefined) look(doc.contents, []);
  else
    for (const { node, trail } of rulesOf(yaml, doc))
      if (rules.has(trail.at(-1)?.index ?? -1)) look(node, trail);
  return found;
}

/** The creation rules, each with its trail. */
function rulesOf(yaml: Yaml, doc: Document): { node: Node; trail: Trail }[] {
  const root = doc.contents;
  if (!yaml.isMap(root)) return [];
  const index = root.items.findIndex(
    ({ key }) => yaml.isScalar(key) && key.value === "creation_rules",
  );
  const pair = root.items[index];
  const list = pair === undefined ? undefined : target(yaml, doc, pair.value);
  if (!yaml.isSeq(list)) return [];
  return list.items.flatMap((item, at) => {
    const node = target(yaml, doc, item);
    return yaml.isNode(node)
      ? [
          {
            node,
            trail: [
              { collection: root, index },
              { collection: list, index: at },
            ],
          },
        ]
      : [];
  });
}

const target = (yaml: Yaml, doc: Document, node: unknown): unknown =>
  yaml.isAlias(node) ? node.resolve(doc) : node;

/** The keys that a node is: one text, a text with commas, a mapping of a cloud's key, an alias of one. */
function keysOf(yaml: Yaml, doc: Document, node: unknown): KeyId[] {
  const at = target(yaml, doc, node);
  if (yaml.isScalar(at)) {
    if (typeof at.value !== "string") return [];
    const keys = at.value.split(",").map((part) => keyInText(part));
    return keys.some((key) => key === undefined) ? [] : keys.flatMap((key) => key ?? []);
  }
  if (!yaml.isMap(at)) return [];
  const named = keyInMapping((name) => {
    const value = target(yaml, doc, at.get(name, true));
    return yaml.isScalar(value) && typeof value.value === "string" ? value.value : undefined;
  });
  return named?.key === undefined ? [] : [named.key];
}

/** An anchor can go when its aliases have gone. */
const nextOf = (yaml: Yaml, found: readonly Occurrence[]): Occurrence | undefined =>
  found.find(({ node }) => anchorIn(yaml, node) === undefined) ?? found[0];

const anchorIn = (yaml: Yaml, node: Node): string | undefined => {
  let anchor: string | undefined;
  yaml.visit(node, {
    Node(_, { anchor: own }: Node & { anchor?: string }) {
      anchor ??= own;
    },
  });
  return anchor;
};

function hasAlias(yaml: Yaml, doc: Document, anchor: string): boolean {
  let has = false;
  yaml.visit(doc, {
    Alias(_, { source }) {
      if (source === anchor) has = true;
    },
  });
  return has;
}

// Where it is.

const startOf = ({ range }: Node): number => {
  if (!range) throw new Unspliceable("a position in it is unknown");
  return range[0];
};

/** The offset after the last character of a node, without what follows on the line. */
function endOf(yaml: Yaml, node: unknown): number {
  if (!yaml.isNode(node)) throw new Unspliceable("a field in it has no value");
  if (yaml.isCollection(node) && node.flow !== true) {
    const last: unknown = node.items.at(-1);
    if (last === undefined) throw new Unspliceable("a list in it is empty");
    return yaml.isPair(last) ? endOfPair(yaml, last) : endOf(yaml, last);
  }
  if (!node.range) throw new Unspliceable("a position in it is unknown");
  return node.range[1];
}

function endOfPair(yaml: Yaml, { key, value }: Pair): number {
  const hasValue = yaml.isNode(value) && value.range && value.range[1] > value.range[0];
  return endOf(yaml, hasValue ? value : key);
}

const lineStart = (text: string, at: number): number => text.lastIndexOf("\n", at - 1) + 1;

/** The offset after the line break that ends the line. */
function lineEnd(text: string, at: number): number {
  const end = text.indexOf("\n", at);
  return end < 0 ? text.length : end + 1;
}

/** An anchor and a tag in front of a node. */
function withProperties(text: string, start: number): number {
  const [before = ""] =
    /(?:[&!][^\s,[\]{}]*[ \t]+)*$/.exec(text.slice(lineStart(text, start), start)) ?? [];
  return start - before.length;
}

/** The lines from one place to another, where nothing else is on them but a comment after it. */
function wholeLines(text: string, start: number, end: number, before: RegExp): Splice | undefined {
  const from = lineStart(text, start);
  // The text of a block scalar ends behind its line break.
  const at = text[end - 1] === "\n" ? end - 1 : end;
  const to = lineEnd(text, at);
  if (!before.test(text.slice(from, start))) return undefined;
  if (!/^,?[ \t]*(?:#.*)?\r?\n?$/.test(text.slice(at, to))) return undefined;
  return { start: from, end: to, text: "" };
}

// Taking out.

function removal(
  yaml: Yaml,
  text: string,
  { trail, node, isPiece }: Occurrence,
  references: ReadonlySet<string>,
): Splice {
  if (!isPiece) return removalAt(yaml, text, trail);
  if (!yaml.isScalar(node)) throw new Unspliceable("a key in it is spelled in an unusual way");
  return pieceRemoval(text, node, references);
}

function removalAt(yaml: Yaml, text: string, trail: Trail): Splice {
  const last = trail.at(-1);
  if (last === undefined) throw new Unspliceable("nothing would be left of it");
  const { collection, index } = last;
  const { items } = collection;
  if (items.length === 1) return removalAt(yaml, text, trail.slice(0, -1));
  const item: unknown = items[index];
  const head = yaml.isPair(item) ? item.key : item;
  if (!yaml.isNode(head))
    throw new Unspliceable("the position of an item in one of its lists is unknown");
  const start = withProperties(text, startOf(head));
  const end = yaml.isPair(item) ? endOfPair(yaml, item) : endOf(yaml, item);
  if (collection.flow === true) return flowRemoval(yaml, text, collection, index, start, end);
  const before = yaml.isPair(item) ? /^[ \t]*$/ : /^[ \t]*-[ \t]+$/;
  const lines = wholeLines(text, start, end, before);
  if (lines !== undefined) return lines;
  const next: unknown = items[index + 1];
  // The first field of an item, on the line of its dash: the next one takes its place.
  if (yaml.isPair(item) && yaml.isPair(next) && yaml.isNode(next.key)) {
    const to = startOf(next.key);
    if (!text.slice(end, to).includes("#")) return { start, end: to, text: "" };
  }
  throw new Unspliceable(`line ${lineOf(text, start)} contains more than the part to remove`);
}

const lineOf = (text: string, at: number): number => text.slice(0, at).split("\n").length;

function flowRemoval(
  yaml: Yaml,
  text: string,
  collection: YAMLMap | YAMLSeq,
  index: number,
  start: number,
  end: number,
): Splice {
  const lines = wholeLines(text, start, end, /^[ \t]*$/);
  // In one line with the bracket, nothing of it would be left.
  if (lines !== undefined && text.slice(lines.start, lines.end).trim() !== "") return lines;
  const next: unknown = collection.items[index + 1];
  if (next !== undefined) {
    const head = yaml.isPair(next) ? next.key : next;
    if (!yaml.isNode(head))
      throw new Unspliceable("the position of an item in one of its lists is unknown");
    const to = withProperties(text, startOf(head));
    if (text.slice(end, to).includes("#"))
      throw new Unspliceable(`a comment is inside line ${lineOf(text, start)}`);
    return { start, end: to, text: "" };
  }
  const previous: unknown = collection.items[index - 1];
  const from = yaml.isPair(previous) ? endOfPair(yaml, previous) : endOf(yaml, previous);
  if (text.slice(from, start).includes("#"))
    throw new Unspliceable(`a comment is inside line ${lineOf(text, start)}`);
  return { start: from, end, text: "" };
}

/** Where the content of a scalar is, without quotes and without the header of a block scalar. */
function contentOf(text: string, node: Scalar): { start: number; end: number } {
  const [start, end] = node.range ?? [0, 0];
  switch (node.type) {
    case "BLOCK_FOLDED":
    case "BLOCK_LITERAL":
      return { start: text.indexOf("\n", start) + 1, end };
    case "QUOTE_DOUBLE":
    case "QUOTE_SINGLE":
      return { start: start + 1, end: end - 1 };
    default:
      return { start, end };
  }
}

/** Parts of a text with commas, as places in the source, without spaces around them. */
function piecesOf(text: string, node: Scalar): { start: number; end: number; key: KeyId }[] {
  const { start, end } = contentOf(text, node);
  let at = start;
  return text
    .slice(start, end)
    .split(",")
    .map((part) => {
      const from = at + (part.length - part.trimStart().length);
      at += part.length + 1;
      const key = keyInText(part);
      if (key === undefined)
        throw new Unspliceable(`a key on line ${lineOf(text, from)} is spelled in an unusual way`);
      return { start: from, end: from + part.trim().length, key };
    });
}

function pieceRemoval(text: string, node: Scalar, references: ReadonlySet<string>): Splice {
  const pieces = piecesOf(text, node);
  const index = pieces.findIndex(({ key }) => references.has(keyReference(key)));
  const [piece, next, previous] = [pieces[index], pieces[index + 1], pieces[index - 1]];
  if (piece === undefined) throw new Unspliceable("a key in it is spelled in an unusual way");
  if (next !== undefined) return { start: piece.start, end: next.start, text: "" };
  return { start: previous?.end ?? piece.start, end: piece.end, text: "" };
}

// Putting in.

/** The same key with the same settings: keys of AWS may differ in their role, those of Azure in their version. */
const isSameItem = (a: KeyId, b: KeyId): boolean =>
  keyReference(a) === keyReference(b) &&
  (typeof groupValue(b) === "string" || isDeepStrictEqual(groupValue(a), groupValue(b)));

/** Whether an anchor is in front of a node, where an alias of it is possible. */
function isBefore(yaml: Yaml, doc: Document, anchor: string | undefined, node: Node): boolean {
  let first: Node | undefined;
  yaml.visit(doc, {
    Node(_, one: Node & { anchor?: string }) {
      if (one.anchor !== anchor || anchor === undefined) return undefined;
      first = one;
      return yaml.visit.BREAK;
    },
  });
  return first !== undefined && startOf(first) < startOf(node);
}

/** The text in which the key has an anchor, and that anchor; undefined where no anchor can be in front of the rules. */
function withAnchor(
  yaml: Yaml,
  text: string,
  { name, key }: NewKey,
): { text: string; anchor: string | undefined } {
  const doc = parse(yaml, text);
  const taken = new Map<string, Node>();
  yaml.visit(doc, {
    Node(_, node: Node & { anchor?: string }) {
      if (node.anchor !== undefined) taken.set(node.anchor, node);
    },
  });
  for (const [anchor, node] of taken) {
    const [own, ...more] = keysOf(yaml, doc, node);
    if (own !== undefined && more.length === 0 && isSameItem(own, key))
      return { text, anchor: yaml.isScalar(node) ? anchor : undefined };
  }
  let anchor = anchorOf(name);
  for (let i = 2; taken.has(anchor); i++) anchor = `${anchorOf(name)}-${i}`;
  const item = `&${anchor} ${scalarText(key.id)}`;
  const comment = anchor === name ? "" : ` # ${name}`;
  const root = doc.contents;
  if (!yaml.isMap(root) || root.flow === true) throw new Unspliceable("it is one flow mapping");
  const [first] = root.items;
  const list = root.get("keys", true);
  const [rule] = rulesOf(yaml, doc);
  if (list === undefined) {
    if (!yaml.isNode(first?.key)) throw new Unspliceable("it is empty");
    const at = lineStart(text, startOf(first.key));
    const by = `keys:\n  - ${item}${comment}\n`;
    return { text: applied(text, { start: at, end: at, text: by }), anchor };
  }
  if (!yaml.isSeq(list) || list.items.length === 0 || (rule && startOf(list) > startOf(rule.node)))
    return { text, anchor: undefined };
  return { text: applied(text, append(yaml, text, list, item, comment)), anchor };
}

/** One more item at the end of a list, written as those that are there. */
function append(yaml: Yaml, text: string, list: YAMLSeq, item: string, comment = ""): Splice {
  const last: unknown = list.items.at(-1);
  if (!yaml.isNode(last)) {
    const at = (list.range?.[1] ?? 0) - 1;
    if (list.flow !== true || text[at] !== "]") throw new Unspliceable("a list in it is empty");
    return { start: at, end: at, text: item };
  }
  const end = endOf(yaml, last);
  if (list.flow === true) {
    const own = wholeLines(text, withProperties(text, startOf(last)), end, /^[ \t]*$/);
    if (own === undefined) return { start: end, end, text: `, ${item}` };
    const [indent = ""] = /^[ \t]*/.exec(text.slice(own.start)) ?? [];
    const rest = text.slice(end, own.end);
    const comma = rest.startsWith(",") ? "" : ",";
    return { start: end, end: own.end, text: `${comma}${rest}${indent}${item},${comment}\n` };
  }
  const start = withProperties(text, startOf(last));
  const from = lineStart(text, start);
  const [, dash] = /^([ \t]*-[ \t]+)$/.exec(text.slice(from, start)) ?? [];
  if (dash === undefined) throw new Unspliceable(`line ${lineOf(text, start)} has several lists`);
  const at = lineEnd(text, text[end - 1] === "\n" ? end - 1 : end);
  const gap = text[at - 1] === "\n" ? "" : "\n";
  return { start: at, end: at, text: `${gap}${dash}${item}${comment}\n` };
}

/** What puts the key into a rule; undefined where it is there already. */
function insertion(
  yaml: Yaml,
  text: string,
  index: number,
  { key, name, group }: NewKey,
  anchor: string | undefined,
): Splice | undefined {
  const doc = parse(yaml, text);
  const rule = rulesOf(yaml, doc).find(({ trail }) => trail.at(-1)?.index === index)?.node;
  if (!yaml.isMap(rule)) throw new Unspliceable("a creation rule in it is not a mapping");
  const groups = target(yaml, doc, rule.get("key_groups", true));
  const hasGroups = yaml.isSeq(groups) && groups.items.length > 0;
  if (hasGroups && groups.items.some((one) => hasKeyIn(yaml, doc, one, key))) return undefined;
  const container = hasGroups ? target(yaml, doc, groups.items[group]) : rule;
  if (!yaml.isMap(container)) throw new Unspliceable(`a rule in it has no key group ${group}`);
  const { groupField, configField } = provider(key.type);
  const field = hasGroups ? groupField : configField;
  const written = container.get(field, true);
  const value = target(yaml, doc, written);
  const place = yaml.isSeq(value) ? value : container;
  const usable = isBefore(yaml, doc, anchor, place) ? anchor : undefined;
  const comment = usable === undefined ? ` # ${name}` : "";
  const item = hasGroups
    ? groupItem(key, usable)
    : usable === undefined
      ? scalarText(key.id)
      : `*${usable}`;
  const flowItem = /^\w+: /.test(item) ? `{${item}}` : item;
  if (yaml.isSeq(value)) {
    if (value.items.some((one) => hasKey(yaml, doc, one, key))) return undefined;
    return append(yaml, text, value, value.flow === true ? flowItem : item, comment);
  }
  if (hasKey(yaml, doc, value, key)) return undefined;
  if (yaml.isAlias(written)) {
    // One key by its name becomes a list of two.
    const [start, end] = written.range ?? [0, 0];
    return { start, end, text: `[${text.slice(start, end)}, ${flowItem}]` };
  }
  if (yaml.isScalar(value) && typeof value.value === "string" && value.value !== "") {
    if (!PIECE.test(key.id))
      throw new Unspliceable(`${field} in it is one text, where this key needs quotes`);
    const last = piecesOf(text, value).at(-1);
    if (last === undefined) throw new Unspliceable(`${field} in it cannot be read`);
    const from = lineStart(text, last.end);
    const [indent = ""] = /^[ \t]*/.exec(text.slice(from)) ?? [];
    const by = value.type?.startsWith("BLOCK") === true ? `,\n${indent}${key.id}` : `,${key.id}`;
    return { start: last.end, end: last.end, text: by };
  }
  if (written !== undefined) throw new Unspliceable(`${field} in it is empty`);
  return newField(yaml, text, container, field, item, flowItem, comment);
}

/** What means the same in every style of scalar. */
const PIECE = /^[\w./@:+=!-]+(?: [\w./@+=!-]+)*$/;

const hasKey = (yaml: Yaml, doc: Document, node: unknown, key: KeyId): boolean =>
  keysOf(yaml, doc, node).some((one) => keyReference(one) === keyReference(key));

/** Whether some list of a key group has it, or a group that is merged into it. */
function hasKeyIn(yaml: Yaml, doc: Document, group: unknown, key: KeyId): boolean {
  const map = target(yaml, doc, group);
  return (
    yaml.isMap(map) &&
    map.items.some(({ value }) => {
      const list = target(yaml, doc, value);
      return (
        yaml.isSeq(list) &&
        list.items.some((one) => hasKey(yaml, doc, one, key) || hasKeyIn(yaml, doc, one, key))
      );
    })
  );
}

/** A field with a list of one key, after the last field of a mapping. */
function newField(
  yaml: Yaml,
  text: string,
  container: YAMLMap,
  field: string,
  item: string,
  flowItem: string,
  comment: string,
): Splice {
  const [first, last] = [container.items[0], container.items.at(-1)];
  if (first === undefined || last === undefined || !yaml.isNode(first.key))
    throw new Unspliceable("a key group in it is empty");
  const end = endOfPair(yaml, last);
  if (container.flow === true) return { start: end, end, text: `, ${field}: [${flowItem}]` };
  const start = withProperties(text, startOf(first.key));
  const indent = " ".repeat(start - lineStart(text, start));
  const at = lineEnd(text, text[end - 1] === "\n" ? end - 1 : end);
  const gap = text[at - 1] === "\n" ? "" : "\n";
  return { start: at, end: at, text: `${gap}${indent}${field}:\n${indent}  - ${item}${comment}\n` };
}

// The same changes by writing the whole file anew: for a patch to look at.

const wide = { lineWidth: 0 };

function rewrittenWithout(
  yaml: Yaml,
  text: string,
  find: (doc: Document) => readonly Occurrence[],
  references: ReadonlySet<string>,
): string | undefined {
  try {
    const doc = parse(yaml, text);
    for (let i = 0; i < 10_000; i++) {
      const found = find(doc);
      const next = nextOf(yaml, found);
      if (next === undefined) return doc.toString(wide);
      if (next.isPiece && yaml.isScalar(next.node)) {
        const parts = String(next.node.value).split(",");
        const kept = parts.filter((part) => {
          const key = keyInText(part);
          return key === undefined || !references.has(keyReference(key));
        });
        next.node.value = kept.map((part) => part.trim()).join(",");
        continue;
      }
      let trail = next.trail;
      while (trail.length > 1 && trail.at(-1)?.collection.items.length === 1)
        trail = trail.slice(0, -1);
      const last = trail.at(-1);
      if (last === undefined) return undefined;
      last.collection.items.splice(last.index, 1);
    }
    return undefined;
  } catch {
    // The document cannot be written without them: an alias would be left alone.
    return undefined;
  }
}

function rewrittenWith(
  yaml: Yaml,
  text: string,
  { key, rules, group }: NewKey,
): string | undefined {
  try {
    const doc = parse(yaml, text);
    for (const { node, trail } of rulesOf(yaml, doc)) {
      if (!rules.has(trail.at(-1)?.index ?? -1) || !yaml.isMap(node)) continue;
      const groups = target(yaml, doc, node.get("key_groups", true));
      const hasGroups = yaml.isSeq(groups) && groups.items.length > 0;
      if (hasGroups && groups.items.some((one) => hasKeyIn(yaml, doc, one, key))) continue;
      const container = hasGroups ? target(yaml, doc, groups.items[group]) : node;
      if (!yaml.isMap(container)) return undefined;
      const { groupField, configField } = provider(key.type);
      const field = hasGroups ? groupField : configField;
      const written = container.get(field, true);
      const value = target(yaml, doc, written);
      if (hasKey(yaml, doc, value, key)) continue;
      const item = doc.createNode(hasGroups ? groupValue(key) : key.id);
      // A number would not be a key.
      if (yaml.isScalar(item) && scalarText(key.id) !== key.id) item.type = "QUOTE_SINGLE";
      const isText = yaml.isScalar(value) && value.value !== "";
      if (yaml.isSeq(value)) {
        if (!value.items.some((one) => hasKey(yaml, doc, one, key))) value.add(item);
      } else if (isText && yaml.isAlias(written))
        container.set(field, doc.createNode([written, item]));
      else if (isText) value.value = `${String(value.value)},${key.id}`;
      else container.set(field, doc.createNode([item]));
    }
    return doc.toString(wide);
  } catch {
    return undefined;
  }
}

/** How many lines stay the same around a change in a patch. */
const AROUND = 3;

/** The difference of two texts as a patch that `git apply` takes; "" for none. */
export function patchOf(file: string, before: string, after: string): string {
  if (before === after) return "";
  const lines = differing(linesOf(before), linesOf(after));
  const isNear = lines.map((_, at) =>
    lines.slice(Math.max(0, at - AROUND), at + AROUND + 1).some(({ mark }) => mark !== " "),
  );
  const hunks: string[] = [];
  const place = { before: 1, after: 1 };
  for (let at = 0; at < lines.length;) {
    let end = at;
    while (isNear[end] === isNear[at] && end < lines.length) end++;
    const part = lines.slice(at, end);
    const count = (mark: string): number =>
      part.reduce((sum, line) => sum + (line.mark === " " || line.mark === mark ? 1 : 0), 0);
    const [old, now] = [count("-"), count("+")];
    if (isNear[at] === true) {
      // A side without lines begins after the line before it.
      const from = (start: number, length: number): string =>
        `${length === 0 ? start - 1 : start},${length}`;
      hunks.push(`@@ -${from(place.before, old)} +${from(place.after, now)} @@`);
      for (const { mark, line } of part)
        hunks.push(
          line.endsWith("\n")
            ? `${mark}${line.slice(0, -1)}`
            : `${mark}${line}\n\\ No newline at end of file`,
        );
    }
    place.before += old;
    place.after += now;
    at = end;
  }
  return [`--- a/${file}`, `+++ b/${file}`, ...hunks, ""].join("\n");
}

/** Each with its line break. */
const linesOf = (text: string): string[] => text.match(/[^\n]*\n|[^\n]+$/g) ?? [];

interface PatchLine {
  readonly mark: " " | "-" | "+";
  readonly line: string;
}

/** Files with more differing lines are told as one change. */
const MOST_CELLS = 4_000_000;

/** The lines of both texts, those that they share once: a longest common sequence. */
function differing(before: readonly string[], after: readonly string[]): PatchLine[] {
  let head = 0;
  while (head < before.length && head < after.length && before[head] === after[head]) head++;
  let tail = 0;
  const most = Math.min(before.length, after.length) - head;
  while (tail < most && before[before.length - 1 - tail] === after[after.length - 1 - tail]) tail++;
  const a = before.slice(head, before.length - tail);
  const b = after.slice(head, after.length - tail);
  const width = b.length + 1;
  const isSmall = (a.length + 1) * width <= MOST_CELLS;
  /** How many lines the rests from two places share. */
  const shared = new Uint32Array(isSmall ? (a.length + 1) * width : 0);
  if (isSmall)
    for (let i = a.length - 1; i >= 0; i--)
      for (let j = b.length - 1; j >= 0; j--)
        shared[i * width + j] =
          a[i] === b[j]
            ? (shared[(i + 1) * width + j + 1] ?? 0) + 1
            : Math.max(shared[(i + 1) * width + j] ?? 0, shared[i * width + j + 1] ?? 0);
  const middle: PatchLine[] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    const [old, now] = [a[i], b[j]];
    if (isSmall && old !== undefined && old === now) {
      middle.push({ mark: " ", line: old });
      i++;
      j++;
    } else if (
      old !== undefined &&
      (now === undefined || (shared[(i + 1) * width + j] ?? 0) >= (shared[i * width + j + 1] ?? 0))
    ) {
      middle.push({ mark: "-", line: old });
      i++;
    } else if (now !== undefined) {
      middle.push({ mark: "+", line: now });
      j++;
    }
  }
  const same = (line: string): PatchLine => ({ mark: " ", line });
  return [
    ...before.slice(0, head).map(same),
    ...middle,
    ...before.slice(before.length - tail).map(same),
  ];
}
