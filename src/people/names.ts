import type { Node, Scalar } from "yaml";
import { decodeText } from "../tree/text.ts";
import { printableLine } from "../io/printable.ts";
import { provider, providers } from "../keys/index.ts";
import { keyInMapping, keyInText, keyReference, shortKey, type KeyId } from "./key-id.ts";

/**
 * Where a name comes from, the strongest first: the anchor of a key in `.sops.yaml`, the comment after a key there, the user
 * id that gpg knows, the comment of an SSH key, and the name that a key has in its cloud.
 */
export type NameSource = "anchor" | "comment" | "pgp user id" | "ssh comment" | "cloud name";

/** A key with its name. */
export interface NamedKey {
  readonly key: KeyId;
  /** One line that is safe to show; two keys of one person may share it. */
  readonly name: string;
  /** What else is said about the key, such as the comment after one that has an anchor. One line. */
  readonly description: string | undefined;
  readonly source: NameSource;
}

/** What looks like a key in a message. */
const KEY_LIKE = new RegExp(
  providers.flatMap(({ ids }) => ids.inMessage?.source ?? []).join("|"),
  "g",
);

/** Longer names do not help anybody. */
const LONGEST = 80;

/** The names of keys, in the order in which they were found. The first name of a key holds. */
export class KeyNames {
  static readonly none: KeyNames = new KeyNames([]);
  /** Each key once. */
  readonly all: readonly NamedKey[];
  private readonly byKey = new Map<string, NamedKey>();

  /** @param named of two names for one key, the first is taken */
  constructor(named: Iterable<NamedKey>) {
    for (const one of named) {
      const reference = keyReference(one.key);
      if (!this.byKey.has(reference)) this.byKey.set(reference, one);
    }
    this.all = [...this.byKey.values()];
  }

  /** The key's name; that of its cloud, or of its SSH comment, where it has no other. Undefined for a key without one. */
  of(key: KeyId): NamedKey | undefined {
    return this.byKey.get(keyReference(key)) ?? nameInKey(key);
  }

  /** For messages: the name that people gave the key, and enough of the key to tell it from others; else the key itself. */
  shown(key: KeyId): string {
    const named = this.byKey.get(keyReference(key));
    return named === undefined ? key.id : `${named.name} (${shortKey(key)})`;
  }

  /** A message with names in place of the keys in it that have one; see {@link KeyNames.shown}. */
  inText(text: string): string {
    if (this.all.length === 0) return text;
    return text.replaceAll(KEY_LIKE, (found) => {
      const id = found.replace(/[.:]+$/, "");
      const key = keyInText(id);
      if (key === undefined || !this.byKey.has(keyReference(key))) return found;
      return this.shown(key) + found.slice(id.length);
    });
  }

  /**
   * The keys that a word names: those of exactly that name, else of that name in other letters, or the key that the word is.
   *
   * @returns none for a word that nobody here is called
   */
  named(word: string): readonly KeyId[] {
    const exact = this.all.filter(({ name }) => name === word);
    const lower = word.toLowerCase();
    const found =
      exact.length > 0 ? exact : this.all.filter(({ name }) => name.toLowerCase() === lower);
    if (found.length > 0) return found.map(({ key }) => key);
    const key = keyInText(word);
    return key === undefined ? [] : [this.byKey.get(keyReference(key))?.key ?? key];
  }

  /** These names, and others for keys that have none here. */
  with(others: Iterable<NamedKey>): KeyNames {
    return new KeyNames([...this.all, ...others]);
  }
}

/** The name that a key carries in itself: the comment of an SSH key, what a key is called in its cloud. */
function nameInKey(key: KeyId): NamedKey | undefined {
  const { name } = provider(key.type).ids;
  const line = clean(name?.pattern.exec(key.id)?.[1] ?? "");
  if (name === undefined || line === "") return undefined;
  return { key, name: line, description: undefined, source: name.source };
}

/** One line without control characters, of a length that can be shown. */
export function clean(text: string): string {
  const line = printableLine(text.replaceAll(/\s+/g, " ").trim());
  return line.length > LONGEST ? `${line.slice(0, LONGEST - 1)}…` : line;
}

/**
 * The names in a configuration's text: of a key that has an anchor, the anchor, with the comment after it as the
 * description; of any other key, the comment after it, up to a comma, a dash or a parenthesis.
 *
 *     keys:
 *       - &alice age1…        # laptop
 *       - age1…               # Bob, ops
 *
 * @param text of a `.sops.yaml` that `parseConfig` has read; what cannot be read has no names
 */
export async function namesInConfig(text: Uint8Array): Promise<KeyNames> {
  const source = decodeText(text);
  // Names are a matter of anchors and comments.
  if (!/[&#]/.test(source)) return KeyNames.none;
  const { Composer, Parser, isMap, isScalar, visit } = await import("yaml");
  const found: NamedKey[] = [];
  const add = (node: Node, end: Scalar, key: KeyId): void => {
    const isFlow = isMap(node) && node.flow === true;
    const after = commentAfter(source, isFlow ? node : end);
    if (node.anchor !== undefined) {
      const description = after === "" ? undefined : after;
      found.push({ key, name: clean(node.anchor), description, source: "anchor" });
    } else if (after !== "") {
      // `# Bob, ops`: a name, and what else is said.
      const [, name = after, description] =
        /^(.+?)(?:, *| +\(| +[-–—] +)(.*?)\)?$/.exec(after) ?? [];
      found.push({ key, name, description, source: "comment" });
    }
  };
  const composer = new Composer({ schema: "failsafe", uniqueKeys: false, prettyErrors: false });
  for (const document of composer.compose(new Parser().parse(source))) {
    visit(document, {
      Scalar(_, node) {
        const key = isPlain(node) ? keyInText(String(node.value)) : undefined;
        if (key !== undefined) add(node, node, key);
      },
      Map(_, node) {
        const scalar = (name: string): Scalar | undefined => {
          const value: unknown = node.get(name, true);
          return isScalar(value) && isPlain(value) ? value : undefined;
        };
        const named = keyInMapping((name) => {
          const value = scalar(name);
          return value === undefined ? undefined : String(value.value);
        });
        if (named === undefined) return undefined;
        const end = scalar(named.field);
        if (named.key !== undefined && end !== undefined) add(node, end, named.key);
        return visit.SKIP;
      },
    });
    break;
  }
  // A key's anchor is stronger than the comment after another mention of it.
  return new KeyNames([
    ...found.filter(({ source: origin }) => origin === "anchor"),
    ...found.filter(({ source: origin }) => origin === "comment"),
  ]);
}

/** A text on one line, so that a comment can follow it. */
const isPlain = ({ type, value }: Scalar): boolean =>
  typeof value === "string" && type !== "BLOCK_LITERAL" && type !== "BLOCK_FOLDED";

/** The comment on the rest of the line, behind nothing but the comma or the brace that ends an item; "" for none. */
function commentAfter(source: string, { range }: Node): string {
  const rest = source.slice(range?.[1] ?? source.length);
  const [, comment = ""] = /^[ \t]*[,}]*[ \t]+#+([^\n]*)/.exec(rest) ?? [];
  return clean(comment);
}
