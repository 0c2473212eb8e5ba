import { changeSource } from "../change.ts";
import type { Host } from "../io/host.ts";
import { rotateSource } from "../rotate.ts";
import { find, map, type Documents, type Mapping, type Node } from "../tree/node.ts";
import { joinChunks } from "../tree/long-text.ts";
import { setPath, unsetPath, type Path } from "../tree/path.ts";
import { fromPlain, nodeToPlain, toPlain, type Plain, type PlainObject } from "../tree/plain.ts";
import { callback, checkOptions, content, path as pathCheck, treePath } from "./argument.ts";
import { guarded } from "./border.ts";
import { fileSource } from "./decrypt.ts";
import type { Storable } from "./encrypt.ts";
import {
  keysOf,
  openChecks,
  rotateChecks,
  writeChecks,
  type OpenOptions,
  type RotateOptions,
  type WriteOptions,
} from "./options.ts";
import { checkWrite, contentSource, openOptions, stepsOf, written, type Source } from "./source.ts";
import { hostOf } from "./surroundings.ts";

/** The first document of a decrypted file, which `update` and `updateFile` change. A path is `["a", 0]`, or the text `["a"][0]`. */
export interface Document {
  /** The value at the path, or undefined. Nothing checks that it is a `T`. */
  get<T = Plain>(path: Path | string): T | undefined;
  /** Sets the value at the path, and creates missing parents. It refuses the same values as `encryptObject`. */
  set<T>(path: Path | string, value: T & Storable<T>): void;
  /** Removes the value at the path; returns whether there was one. */
  unset(path: Path | string): boolean;
  /** The whole document as a new object. Nothing checks that it is a `T`. */
  toObject<T extends object = PlainObject>(): T;
}

/** A function that changes a document. If it returns a promise, the promise is awaited. */
export type Change = (document: Document) => void | Promise<void>;

/**
 * Decrypts an encrypted file's content, lets `change` set and unset values, and encrypts it again under the same data key. What was not
 * changed keeps its ciphertext; comments stay.
 *
 * @param source the encrypted content, text or bytes
 * @returns the new encrypted file; the source itself when nothing changed
 * @throws {SopsmithError} as `decrypt`, and for values that no document can hold; what `change` throws
 * @example
 * const changed = await update(file, (document) => document.set(["db", "password"], "n3w"));
 */
export function update(
  source: string | Uint8Array,
  change: Change,
  options: OpenOptions = {},
): Promise<Uint8Array> {
  return guarded(async () => {
    content(source, "source");
    callback(change, "change");
    checkOptions(options, openChecks);
    return updated(contentSource(source), change, options, hostOf(options));
  });
}

/**
 * Decrypts an encrypted file, lets `change` set and unset values, and encrypts it again under the same data key. What was not changed keeps
 * its ciphertext; comments stay.
 *
 * @param path the encrypted file
 * @returns the new encrypted file; it is written only with `inPlace` or `output`
 * @throws {SopsmithError} as `decryptFile`, and for values that no document can hold; what `change` throws
 * @example
 * await updateFile("secrets.yaml", (document) => document.set(["db", "password"], "n3w"), { inPlace: true });
 */
export function updateFile(
  path: string | URL,
  change: Change,
  options: OpenOptions & WriteOptions = {},
): Promise<Uint8Array> {
  return guarded(async () => {
    pathCheck(path, "path");
    callback(change, "change");
    checkOptions(options, { ...openChecks, ...writeChecks });
    checkWrite(options);
    const host = hostOf(options);
    const source = await fileSource(path, host);
    return written(await updated(source, change, options, host), source, options, host);
  });
}

/**
 * Encrypts an encrypted file's content again under a new data key, with keys added and removed.
 *
 * @param source the encrypted content, text or bytes
 * @returns the new encrypted file, in which every ciphertext is new
 * @throws {SopsmithError} as `decrypt`; for a key that cannot encrypt, and a group without keys
 * @example
 * const renewed = await rotate(file, { add: { age: "age1…" }, remove: { pgp: "FINGERPRINT" } });
 */
export function rotate(
  source: string | Uint8Array,
  options: RotateOptions = {},
): Promise<Uint8Array> {
  return guarded(async () => {
    content(source, "source");
    checkOptions(options, rotateChecks);
    return rotated(contentSource(source), options, hostOf(options));
  });
}

/**
 * Encrypts an encrypted file again under a new data key, with keys added and removed.
 *
 * @param path the encrypted file
 * @returns the new encrypted file; it is written only with `inPlace` or `output`
 * @throws {SopsmithError} as `decryptFile`; for a key that cannot encrypt, and a group without keys
 * @example
 * await rotateFile("secrets.yaml", { remove: { age: "age1…" }, inPlace: true });
 */
export function rotateFile(
  path: string | URL,
  options: RotateOptions & WriteOptions = {},
): Promise<Uint8Array> {
  return guarded(async () => {
    pathCheck(path, "path");
    checkOptions(options, { ...rotateChecks, ...writeChecks });
    checkWrite(options);
    const host = hostOf(options);
    const source = await fileSource(path, host);
    return written(await rotated(source, options, host), source, options, host);
  });
}

async function updated(
  source: Source,
  change: Change,
  options: OpenOptions,
  host: Host,
): Promise<Uint8Array> {
  const apply = async (documents: Documents): Promise<boolean> => {
    const root = (documents[0] ??= map([]));
    const document = new TreeDocument(root);
    await change(document);
    return document.isChanged;
  };
  const open = await openOptions(options, source, host);
  const chunks = await changeSource(source.bytes, open, apply, host);
  return chunks ? joinChunks(chunks) : source.bytes;
}

class TreeDocument implements Document {
  isChanged = false;
  readonly #root: Mapping;

  constructor(root: Mapping) {
    this.#root = root;
  }

  get<T = Plain>(path: Path | string): T | undefined {
    let node: Node | undefined = this.#root;
    for (const step of this.#place(path)) {
      if (node?.kind === "map" && typeof step === "string") node = find(node, step)?.value;
      else if (node?.kind === "seq" && typeof step === "number") node = node.items[step];
      else return undefined;
    }
    // What the caller says it is.
    return node && (nodeToPlain(node) as T);
  }

  set<T>(path: Path | string, value: T & Storable<T>): void {
    if (setPath(this.#root, this.#place(path), fromPlain(value))) this.isChanged = true;
  }

  unset(path: Path | string): boolean {
    const removed = unsetPath(this.#root, this.#place(path));
    if (removed) this.isChanged = true;
    return removed;
  }

  toObject<T extends object = PlainObject>(): T {
    return toPlain(this.#root) as T;
  }

  /** List positions of a plain object as positions in the tree, where comments count. */
  #place(path: Path | string): Path {
    treePath(path, "path");
    const result: (string | number)[] = [];
    let node: Node | undefined = this.#root;
    for (const step of stepsOf(path, "path")) {
      if (node?.kind === "seq" && typeof step === "number" && step >= 0) {
        let left = step;
        const at: number = node.items.findIndex((item) => item.kind !== "comment" && left-- === 0);
        result.push(at < 0 ? node.items.length : at);
        node = node.items[at];
      } else {
        result.push(step);
        node =
          node?.kind === "map" && typeof step === "string" ? find(node, step)?.value : undefined;
      }
    }
    return result;
  }
}

async function rotated(source: Source, options: RotateOptions, host: Host): Promise<Uint8Array> {
  const [add, remove] = await Promise.all([
    keysOf(options.add ?? {}, "options.add", host),
    keysOf(options.remove ?? {}, "options.remove", host),
  ]);
  const open = await openOptions(options, source, host);
  return joinChunks(await rotateSource(source.bytes, { ...open, add, remove }, host));
}
