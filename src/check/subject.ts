import type { FormatName } from "../../formats/format.ts";
import { formatForPath, formatNamed, loadFormat } from "../../formats/index.ts";
import type { CheckPolicy } from "../config/policy.ts";
import { looksSealed, sealedText } from "../crypto/ciphertext.ts";
import { SopsmithError } from "../errors.ts";
import { parseMetadata, type Metadata } from "../metadata/metadata.ts";
import { detach, MetadataNotFound } from "../metadata/placement.ts";
import {
  compileSelection,
  defaultSelector,
  parseSelectors,
  SELECTOR_NAMES,
  type Selection,
  type Selector,
} from "../metadata/selection.ts";
import { walk } from "../metadata/walk.ts";
import { sealedFormat } from "../status.ts";
import type { Comment, Documents, Mapping, Node, Scalar } from "../tree/node.ts";
import type { Path } from "../tree/path.ts";
import { decodeText } from "../tree/text.ts";
import { readText } from "../tree/typed-fields.ts";
import type { RuleInForce } from "./rules-in-force.ts";

/** A scalar or comment of a file, as the file has it. */
export interface FoundLeaf {
  readonly node: Scalar | Comment;
  /** The file's own selection, or the creation rule's, says that it is encrypted. */
  readonly isSelected: boolean;
  /** Its text, where it is text that begins like a ciphertext. */
  readonly ciphertext: string | undefined;
  readonly aad: string;
}

/** A file with a `sops` block, its values as the file has them. */
export interface SealedSubject {
  readonly documents: Documents;
  readonly block: Mapping;
  /** Undefined where the block cannot be used as it is; `flaw` then says why. */
  readonly metadata: Metadata | undefined;
  readonly flaw: SopsmithError | undefined;
  readonly selector: Selector;
  /** Why the tree cannot be walked, or the selector not be compiled. */
  readonly walkFlaw: string | undefined;
  readonly leaves: readonly FoundLeaf[];
}

/** One file that is looked at. */
export interface Subject {
  /** As it is reported. */
  readonly file: string;
  readonly content: Uint8Array;
  readonly format: FormatName;
  /** A file of configuration: no secret file. */
  readonly isConfig: boolean;
  /** The creation rule that matches it. */
  readonly rule: RuleInForce | undefined;
  readonly policy: CheckPolicy;
  readonly now: Date;
  /** Undefined for a file that is not encrypted, or cannot be parsed. */
  readonly sealed: SealedSubject | undefined;
  /** Why a file that is meant to be encrypted cannot be parsed. */
  readonly broken: SopsmithError | undefined;
  /** Lines in it, from 1, that Git or another program left where two versions met; empty for a file without a secret. */
  readonly conflict: readonly number[];
  /** It is named by a creation rule with a `path_regex`, or encrypted. */
  readonly isSecret: boolean;
  text(): string;
  /** Line and column of an offset in the text; the beginning for -1. */
  at(offset: number): { readonly line: number; readonly column: number };
  /** Where a leaf is. */
  placeOf(leaf: FoundLeaf): { readonly line: number; readonly column: number; readonly path: Path };
}

/** What is known of a file before it is looked at. */
export interface SubjectInput {
  readonly file: string;
  readonly content: Uint8Array;
  readonly isConfig: boolean;
  readonly rule: RuleInForce | undefined;
  readonly policy: CheckPolicy;
  readonly now: Date;
  /** What `--input-type` says; "" where nothing does. */
  readonly inputType?: string;
}

const CIPHERTEXT_SIGN = "ENC[AES256_GCM,";

/** Reads a file as far as that goes without a key. Never fails: what is wrong with it is for the rules to say. */
export async function readSubject(input: SubjectInput): Promise<Subject> {
  const { file, content, rule, isConfig } = input;
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
  const byName = formatNamed(input.inputType ?? "") ?? formatForPath(file);
  const hasCiphertext = bytes.includes(CIPHERTEXT_SIGN);
  const isNamed = rule?.isMeant === true && !isConfig;
  const conflict = isNamed || hasCiphertext ? conflictLines(bytes) : [];
  let text: string | undefined;
  const textOf = (): string => (text ??= decodeText(content));
  let lines: LineIndex | undefined;
  const at = (offset: number) => (lines ??= new LineIndex(textOf())).at(offset);
  let format = byName;
  let sealed: SealedSubject | undefined;
  let broken: SopsmithError | undefined;
  if (!isConfig && conflict.length === 0) {
    const found = await sealedFormat(content, byName);
    // A block without a MAC is one all the same, where values are encrypted.
    if (found !== undefined || (hasCiphertext && byName !== "binary")) {
      format = found ?? byName;
      ({ sealed, broken } = await readSealed(content, format, hasCiphertext));
    }
  }
  let places: Places | undefined;
  return {
    ...input,
    format,
    sealed,
    broken,
    conflict,
    isSecret: isNamed || sealed !== undefined || broken !== undefined,
    text: textOf,
    at,
    placeOf(leaf) {
      places ??= new Places(sealed?.documents ?? [], textOf());
      return { ...at(places.offsetOf(leaf.node)), path: places.pathOf(leaf.node) };
    },
  };
}

/** Fields that no `sops` block of sops lacks all of: other programs' settings may have that name too. */
const telling = ["mac", "lastmodified", "version", "age", "pgp", "kms", "key_groups"];

async function readSealed(
  content: Uint8Array,
  format: FormatName,
  hasCiphertext: boolean,
): Promise<Pick<Subject, "sealed" | "broken">> {
  const { parse, placement } = await loadFormat(format);
  const none = { sealed: undefined, broken: undefined };
  let documents: Documents;
  let block: Mapping;
  try {
    documents = parse(content, { sealed: true });
    block = detach(documents, placement);
  } catch (error) {
    if (!(error instanceof SopsmithError)) throw error;
    if (!hasCiphertext) return none;
    return error instanceof MetadataNotFound
      ? { sealed: await withoutBlock(content, format), broken: undefined }
      : { sealed: undefined, broken: error };
  }
  if (!hasCiphertext && !telling.some((name) => has(block, name))) return none;
  let metadata: Metadata | undefined;
  let flaw: SopsmithError | undefined;
  try {
    metadata = parseMetadata(block);
  } catch (error) {
    if (!(error instanceof SopsmithError)) throw error;
    flaw = error;
  }
  const selector = metadata?.selector ?? selectorIn(block);
  const { leaves, flaw: walkFlaw } = await leavesOf(documents, selector);
  return {
    sealed: { documents, block, metadata, flaw, selector, walkFlaw, leaves },
    broken: undefined,
  };
}

/** A file that lost its block: it still has whole values that are ciphertexts. */
async function withoutBlock(
  content: Uint8Array,
  format: FormatName,
): Promise<SealedSubject | undefined> {
  let documents: Documents;
  try {
    documents = (await loadFormat(format)).parse(content, { sealed: true });
  } catch (error) {
    if (!(error instanceof SopsmithError)) throw error;
    return undefined;
  }
  const { leaves } = await leavesOf(documents, defaultSelector);
  const isSealed = leaves.some(
    ({ node, ciphertext }) => node.kind === "str" && ciphertext?.startsWith(CIPHERTEXT_SIGN),
  );
  if (!isSealed) return undefined;
  const flaw = new MetadataNotFound();
  const block: Mapping = { kind: "map", items: [], start: -1, end: -1 };
  return {
    documents,
    block,
    metadata: undefined,
    flaw,
    selector: defaultSelector,
    walkFlaw: undefined,
    // Nothing says which of its values are to be encrypted.
    leaves: leaves.filter(({ ciphertext }) => ciphertext !== undefined),
  };
}

/** Every leaf of a tree, and whether the selector covers it. */
export async function leavesOf(
  documents: Documents,
  selector: Selector,
): Promise<{ readonly leaves: FoundLeaf[]; readonly flaw: string | undefined }> {
  const leaves: FoundLeaf[] = [];
  let flaw: string | undefined;
  const selection: Selection = await compileSelection(selector, {
    onBadPattern: "never-match",
    warn: (message) => (flaw = message),
  });
  const add = (node: Scalar | Comment, isSelected: boolean, aad: string): void => {
    const text = node.kind === "comment" ? node.value : sealedText(node);
    const ciphertext = text !== undefined && looksSealed(text) ? text : undefined;
    leaves.push({ node, isSelected, ciphertext, aad });
  };
  try {
    walk(documents, selection, {
      scalar: (leaf, { isEncrypted, aad }) => {
        add(leaf, isEncrypted, aad);
        return leaf;
      },
      comment: (leaf, { isEncrypted, aad }) => {
        add(leaf, isEncrypted, aad);
        return leaf;
      },
    });
  } catch (error) {
    if (!(error instanceof SopsmithError)) throw error;
    flaw ??= error.message;
  }
  return { leaves, flaw };
}

const has = (block: Mapping, name: string): boolean =>
  block.items.some((item) => item.kind === "entry" && item.key === name);

/** What a block that cannot be read as a whole still says. */
function selectorIn(block: Mapping): Selector {
  const values: Partial<Record<(typeof SELECTOR_NAMES)[number], string>> = {};
  for (const name of SELECTOR_NAMES) {
    try {
      values[name] = readText(block, name);
    } catch (error) {
      if (!(error instanceof SopsmithError)) throw error;
    }
  }
  return parseSelectors(values)[0] ?? defaultSelector;
}

/** Lines of conflict markers, where all three kinds are there. */
function conflictLines(bytes: Buffer): number[] {
  if (!bytes.includes("<<<<<<< ") || !bytes.includes(">>>>>>> ")) return [];
  const found: number[] = [];
  const kinds = new Set<string>();
  for (const [index, line] of bytes.toString("latin1").split("\n").entries()) {
    const [, mark = ""] = /^(<{7} |={7}\r?$|>{7} )/.exec(line) ?? [];
    if (mark === "") continue;
    found.push(index + 1);
    kinds.add(mark.charAt(0));
  }
  return kinds.size === 3 ? found : [];
}

/** Offsets of the lines of a text. */
class LineIndex {
  private readonly starts: number[] = [0];

  constructor(text: string) {
    for (let feed = text.indexOf("\n"); feed >= 0; feed = text.indexOf("\n", feed + 1))
      this.starts.push(feed + 1);
  }

  at(offset: number): { line: number; column: number } {
    let [low, high] = [0, this.starts.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.starts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: Math.max(offset, 0) - (this.starts[low] ?? 0) + 1 };
  }
}

/** Paths and offsets of all nodes of a tree, made when the first is asked for. */
class Places {
  private readonly paths = new Map<Node, Path>();
  private readonly offsets = new Map<Node, number>();

  constructor(documents: Documents, text: string) {
    let cursor = 0;
    const open: [Node, Path][] = documents
      .map((document) => [document, []] as [Node, Path])
      .reverse();
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      const [node, path] = next;
      this.paths.set(node, path);
      if (node.start >= 0) {
        this.offsets.set(node, node.start);
        if (node.kind !== "map" && node.kind !== "seq") cursor = node.start;
      } else if (node.kind === "comment") {
        // The YAML reader does not say where comments were.
        const line = node.value.split("\n", 1)[0] ?? "";
        const after = text.indexOf(`#${line}`, cursor);
        const offset = after < 0 ? text.indexOf(`#${line}`) : after;
        this.offsets.set(node, offset);
        if (offset >= cursor) cursor = offset + line.length + 1;
      }
      if (node.kind !== "map" && node.kind !== "seq") continue;
      const children: [Node, Path][] = node.items.map((item, index) =>
        item.kind === "entry"
          ? [item.value, [...path, item.key]]
          : [item, node.kind === "seq" && item.kind !== "comment" ? [...path, index] : path],
      );
      for (const one of children.reverse()) open.push(one);
    }
  }

  pathOf(node: Node): Path {
    return this.paths.get(node) ?? [];
  }

  offsetOf(node: Node): number {
    return this.offsets.get(node) ?? -1;
  }
}
