import { compileSelection, type Selection, type Selector } from "../metadata/selection.ts";
import { looksSealed, sealedText } from "../crypto/ciphertext.ts";
import type { Documents, Item, Mapping, Node, Sequence } from "../tree/node.ts";
import type { Path } from "../tree/path.ts";

/** Whether the value at a path is encrypted, and why. */
export interface ExplainedPath {
  /** `some`: it is no single value, and what is below differs. `unknown`: it depends on comments of a file that is not there. */
  readonly isEncrypted: "yes" | "no" | "some" | "unknown";
  /** A sentence: which component, comment or setting decides. */
  readonly because: string;
}

/**
 * Why the value at a path is encrypted, or is not.
 *
 * @param documents of the file, plain or encrypted, without its `sops` block; undefined where there is none: then comments are
 * not known, and the path may be any
 * @param isSealed the documents are those of an encrypted file
 */
export async function explainPath(
  path: Path,
  selector: Selector,
  documents: Documents | undefined,
  isSealed = false,
): Promise<ExplainedPath> {
  const said: string[] = [];
  const selection = await compileSelection(selector, {
    onBadPattern: "never-match",
    warn: (message) => said.push(message),
  });
  const explained =
    selection.byComment === "none"
      ? byKey(path, selector, selection)
      : byComment(path, selector, selection, documents);
  const node = documents === undefined ? undefined : nodeAt(documents, path);
  const withNote = (text: string): string => [text, ...said].join(" ");
  if (documents !== undefined && node === undefined)
    return {
      ...explained,
      because: withNote(`${explained.because} At present, the file has nothing at this path.`),
    };
  if (node?.kind === "null") return { isEncrypted: "no", because: "null is never encrypted." };
  if (node?.kind === "str" && node.value === "" && node.long === undefined)
    return { isEncrypted: "no", because: "Empty text is never encrypted." };
  if (node !== undefined && (node.kind === "map" || node.kind === "seq")) {
    const below =
      selection.byComment === "none" && explained.isEncrypted !== "unknown"
        ? switchedBelow(node, selection)
        : undefined;
    // What a component of the path switches, nothing below switches back.
    const isSwitched = path.some((step) => typeof step === "string" && selection.keySwitches(step));
    if (below !== undefined && !isSwitched)
      return {
        isEncrypted: "some",
        because: withNote(
          `${explained.because} But ${quoted(below)} below it ${matchWords(selector)}, and is ${explained.isEncrypted === "yes" ? "not encrypted" : "encrypted"}.`,
        ),
      };
  }
  if (isSealed && node !== undefined && node.kind !== "map" && node.kind !== "seq") {
    const text = node.kind === "comment" ? undefined : sealedText(node);
    const isCiphertext = text !== undefined && looksSealed(text);
    if (isCiphertext !== (explained.isEncrypted === "yes"))
      return {
        ...explained,
        because: withNote(
          `${explained.because} But in the file it is ${isCiphertext ? "encrypted" : "unencrypted"}, because it was changed by hand; see \`sopsmith check\`.`,
        ),
      };
  }
  return { ...explained, because: withNote(explained.because) };
}

function byKey(path: Path, selector: Selector, selection: Selection): ExplainedPath {
  const component = path.find((step) => typeof step === "string" && selection.keySwitches(step));
  const isEncrypted = selection.decide(component !== undefined, false) ? "yes" : "no";
  if (component !== undefined)
    return {
      isEncrypted,
      because: `The key ${quoted(String(component))} ${matchWords(selector)}.`,
    };
  return {
    isEncrypted,
    because: `No key of the path ${matchWords(selector)}.`,
  };
}

function byComment(
  path: Path,
  selector: Selector,
  selection: Selection,
  documents: Documents | undefined,
): ExplainedPath {
  if (documents === undefined)
    return {
      isEncrypted: "unknown",
      because: `${selector.name} ${selector.value} depends on comments, but there is no file whose comments could be read.`,
    };
  const comment = governingComment(documents, path, selection);
  const isEncrypted = selection.decide(false, comment !== undefined) ? "yes" : "no";
  if (comment === undefined)
    return {
      isEncrypted,
      because: `No comment before it, or before a list or mapping around it, ${matchWords(selector)}.`,
    };
  return {
    isEncrypted,
    because: `The comment ${quoted(`#${comment.text}`)} before ${comment.of === undefined ? "it" : quoted(comment.of)} ${matchWords(selector)}.`,
  };
}

/** The comment that counts for a path: in front of its item, or of an item that holds it. */
function governingComment(
  documents: Documents,
  path: Path,
  selection: Selection,
): { text: string; of: string | undefined } | undefined {
  for (const document of documents) {
    let node: Node = document;
    let found: { text: string; of: string | undefined } | undefined;
    let isThere = path.length > 0;
    for (const [depth, step] of path.entries()) {
      if (node.kind !== "map" && node.kind !== "seq") {
        isThere = false;
        break;
      }
      const { item, comments } = itemAt(node, step);
      const match = comments.find((text) => selection.commentMatches(text));
      const isLast = depth === path.length - 1;
      if (match !== undefined) found ??= { text: match, of: isLast ? undefined : String(step) };
      if (item === undefined) {
        isThere = false;
        break;
      }
      node = item;
    }
    if (isThere) return found;
  }
  return undefined;
}

/** The item of a collection, and the comments right in front of it. */
function itemAt(
  { items, kind }: Mapping | Sequence,
  step: string | number,
): { item: Node | undefined; comments: string[] } {
  let comments: string[] = [];
  let index = 0;
  for (const item of items as (Item | Node)[]) {
    if (item.kind === "comment") {
      comments.push(item.value);
      continue;
    }
    const isIt = item.kind === "entry" ? item.key === step : kind === "seq" && index === step;
    if (isIt) return { item: item.kind === "entry" ? item.value : item, comments };
    index++;
    comments = [];
  }
  return { item: undefined, comments: [] };
}

function nodeAt(documents: Documents, path: Path): Node | undefined {
  for (const document of documents) {
    let node: Node | undefined = document;
    for (const step of path)
      node = node?.kind === "map" || node?.kind === "seq" ? itemAt(node, step).item : undefined;
    if (node !== undefined) return node;
  }
  return undefined;
}

/** The first key below a collection that switches. */
function switchedBelow(node: Mapping | Sequence, selection: Selection): string | undefined {
  const open: Node[] = [node];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (next.kind !== "map" && next.kind !== "seq") continue;
    for (const item of next.items) {
      if (item.kind === "entry" && selection.keySwitches(item.key)) return item.key;
      open.push(item.kind === "entry" ? item.value : item);
    }
  }
  return undefined;
}

const quoted = (text: string): string => JSON.stringify(text);

function matchWords({ name, value }: Selector): string {
  return name.endsWith("_suffix")
    ? `ends with ${quoted(value)} (${name})`
    : `matches ${value} (${name})`;
}
