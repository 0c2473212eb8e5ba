import type { Format } from "../formats/format.ts";
import { plaintextOf, typeTag, type LeafCipher } from "./crypto/leaf.ts";
import { Mac } from "./crypto/mac.ts";
import type { Nonces } from "./crypto/nonces.ts";
import { EmitError } from "./errors.ts";
import type { Slots } from "./layout/slots.ts";
import type { Selection } from "./metadata/selection.ts";
import { UnwalkableTree, walk, type LeafChange, type MovingPlace } from "./metadata/walk.ts";
import { LONG_TEXT, longStr } from "./tree/long-text.ts";
import { decodeText, lineAt } from "./tree/text.ts";
import {
  str,
  type Comment,
  type Documents,
  type Leaf,
  type Node,
  type Scalar,
} from "./tree/node.ts";

/** A value left unencrypted that no sops could read back as it is. Exit 4. */
class UnreadableValue extends EmitError {
  constructor(format: string) {
    super(
      `Could not marshal tree: an unencrypted value of this kind cannot be read back from ${format}`,
      {
        hint: "Encrypt it too, or change it. The cause is multi-line text that begins with a tab, or a typed value in a format that has only text.",
      },
    );
  }
}

/**
 * Refuses what the format could hold but nobody read back, where the format can tell.
 *
 * @param source the text that the documents were parsed from, for the line
 * @throws {EmitError} with the path
 */
export function checkSealable(documents: Documents, format: Format, source?: Uint8Array): void {
  try {
    format.checkSealable?.(documents);
  } catch (error) {
    if (!(error instanceof EmitError) || error.entry === undefined) throw error;
    const { message, hint, entry } = error;
    const line =
      source === undefined || entry.start < 0
        ? ""
        : `line ${lineAt(decodeText(source), entry.start)}: `;
    const path = pathTo(documents, entry);
    throw new EmitError(`${line}${message}`, { hint, path, cause: error });
  }
}

/** The path of an entry, as `["a"]["b"]`; undefined when it is not in the documents. */
function pathTo(documents: Documents, target: object): string | undefined {
  const open: { node: Node; path: string }[] = documents.map((node) => ({ node, path: "" }));
  for (let top = open.pop(); top; top = open.pop()) {
    const { node, path } = top;
    if (node.kind !== "map" && node.kind !== "seq") continue;
    for (const [i, item] of node.items.entries()) {
      const next = `${path}[${JSON.stringify(item.kind === "entry" ? item.key : i)}]`;
      if (item === target) return next;
      open.push({ node: item.kind === "entry" ? item.value : item, path: next });
    }
  }
  return undefined;
}

/** What it takes to seal a tree's leaves. */
export interface Sealing {
  format: Format;
  cipher: LeafCipher;
  selection: Selection;
  /** Only encrypted leaves count for the MAC. */
  macOnlyEncrypted: boolean;
  /** Those of unchanged leaves, and new ones for all others. */
  nonces: Nonces;
  /** Takes what was sealed, for a file that keeps its layout. */
  slots?: Slots | undefined;
}

/**
 * Encrypts every selected leaf in place.
 *
 * @returns the MAC of what was there, upper-case hex
 * @throws {EmitError | UnwalkableTree} with a path, see `pathOfError`
 */
export function sealTree(documents: Documents, sealing: Sealing): string {
  const { nonces, selection } = sealing;
  if (nonces.hasEqual) nonces.expect(leavesToSeal(documents, selection));
  const sealer = new Sealer(sealing);
  walk(documents, selection, sealer);
  return sealer.mac.digest();
}

/** What will be encrypted, in the order in which that happens. */
function leavesToSeal(
  documents: Documents,
  selection: Selection,
): [plaintext: string | Uint8Array, type: string, aad: string][] {
  const leaves: [string | Uint8Array, string, string][] = [];
  walk(documents, selection, {
    scalar(leaf, { aad, isEncrypted }) {
      const plaintext = plaintextOf(leaf);
      if (isEncrypted && plaintext.length > 0) leaves.push([plaintext, typeTag(leaf), aad]);
      return leaf;
    },
    comment(leaf, { aad, isEncrypted }) {
      if (isEncrypted && leaf.value !== "") leaves.push([leaf.value, "comment", aad]);
      return leaf;
    },
  });
  return leaves;
}

/** A text as `ENC[…]`: with the nonce that it had at this place, else with a new one. */
export function sealText(
  plaintext: string | Uint8Array,
  type: string,
  aad: string,
  { cipher, nonces }: Pick<Sealing, "cipher" | "nonces">,
): string {
  const nonce = nonces.take(plaintext, type, aad);
  return nonce === undefined
    ? cipher.sealFresh(plaintext, type, aad, nonces)
    : cipher.seal(plaintext, type, aad, nonce);
}

class Sealer implements LeafChange {
  readonly mac: Mac;
  private readonly sealing: Sealing;

  constructor(sealing: Sealing) {
    this.sealing = sealing;
    this.mac = new Mac(sealing.macOnlyEncrypted);
  }

  scalar(leaf: Scalar, { aad, isEncrypted }: MovingPlace): Leaf {
    const { format, cipher, nonces, slots } = this.sealing;
    this.mac.add(leaf, isEncrypted);
    if (!isEncrypted) {
      if (format.readsBack?.(leaf) === false) throw new UnreadableValue(format.name);
      return leaf;
    }
    const { start, end } = leaf;
    const plaintext = plaintextOf(leaf);
    const type = typeTag(leaf);
    if (plaintext.length === 0) return leaf.kind === "bytes" ? str("", start, end) : leaf;
    if (plaintext.length < LONG_TEXT) {
      const sealed = sealText(plaintext, type, aad, this.sealing);
      slots?.scalar(leaf, sealed);
      return str(sealed, start, end);
    }
    const nonce = nonces.take(plaintext, type, aad) ?? nonces.fresh();
    const sealed = longStr(cipher.sealLong(plaintext, type, aad, nonce), start, end);
    slots?.scalar(leaf, sealed.value);
    return sealed;
  }

  comment(leaf: Comment, { aad, isEncrypted }: MovingPlace): Comment {
    const { selection, slots } = this.sealing;
    if (leaf.value === "") return leaf;
    if (!isEncrypted) {
      slots?.comment(leaf, undefined, aad);
      return leaf;
    }
    const value = sealText(leaf.value, "comment", aad, this.sealing);
    slots?.comment(leaf, value, aad);
    if (selection.byComment === "unencrypted" && selection.commentMatches(value)) {
      throw new UnwalkableTree(
        "Encrypted comment matches UnencryptedCommentRegex! Make sure that UnencryptedCommentRegex cannot match an encrypted comment.",
        leaf.start,
        "Choose a pattern that does not match text of the form ENC[AES256_GCM,…].",
      );
    }
    return { ...leaf, value };
  }
}
