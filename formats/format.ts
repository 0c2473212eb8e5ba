import type { Documents, Node, Scalar } from "../src/tree/node.ts";
import type { Layout } from "./layout.ts";

/** The format of a file. ENV files are `dotenv`; `binary` is any file that is encrypted as a whole. */
export type FormatName = "yaml" | "json" | "dotenv" | "ini" | "binary";

/**
 * Where the `sops` block is in an encrypted document (spec file-format 5.1):
 * `mapping` a top-level key `sops`; `section` an INI section `[sops]` with flattened keys; `prefix` variables `sops_…`.
 */
export type Placement = "mapping" | "section" | "prefix";

/** The pieces of a file, to be written one after the other; they may be gone through more than once. Text is UTF-8. */
export type Chunks = Iterable<string | Uint8Array>;

/** Called with one line of text for the user; the caller adds the file's name and writes it to stderr. */
export type Warn = (message: string) => void;

export interface ParseOptions {
  /** The text is an encrypted file (matters to `binary`, whose encrypted form is JSON). */
  sealed: boolean;
  warn?: Warn;
}

export interface EmitOptions {
  /** The documents carry ciphertext and the `sops` block. */
  sealed: boolean;
  /** Indent width; undefined is the format's default (spec file-format 6.4). */
  indent?: number | undefined;
  /** Comments are printed where they are in the tree, even where sops prints them at a later line (only YAML). */
  commentsInPlace?: boolean;
  /** The text `<<` is quoted, and so is no merge key to readers other than sops (only YAML). */
  quoteMergeKeys?: boolean;
  warn?: Warn;
}

/**
 * One file format: text ⇄ tree. Knows nothing of keys, ciphers or what the `sops` block means.
 * `parse(emit(documents))` is `documents`, but for what the format cannot hold.
 */
export interface Format {
  readonly name: FormatName;
  readonly placement: Placement;
  /**
   * @throws {ParseError} with the line where it is known
   */
  parse(source: Uint8Array, options: ParseOptions): Documents;
  /**
   * The whole file. It fails before the first chunk, or not at all.
   * @throws {EmitError} for a tree the format cannot hold
   */
  emit(documents: Documents, options: EmitOptions): Chunks;
  /**
   * One value selected by `--extract` that is neither a mapping nor a string (spec file-format 6.1).
   * @throws {EmitError}
   */
  emitValue(value: Node, options: EmitOptions): string;
  /**
   * Refuses, before anything is encrypted, plain documents that no sops could read back. It says best what is wrong; what it lets
   * through is read back after it is written.
   * @throws {EmitError} with the entry
   */
  checkSealable?(documents: Documents): void;
  /**
   * Does a leaf that is left unencrypted come back with the same bytes for the MAC when the encrypted file is read? Default: yes.
   */
  readsBack?(leaf: Scalar): boolean;
  /** The documents in the shape in which `parse` gives them back, comments aside. Default: as they are. */
  asRead?(documents: Documents): Documents;
  /** `parse` may attach a comment to another collection than the one that `emit` took it from. Default: no. */
  readonly strayComments?: boolean;
  /**
   * Changes where comments are in documents about to be sealed, so that each one that says what is encrypted governs the same value
   * when the file is read. Default: nothing.
   */
  keepMarkersInPlace?(documents: Documents): void;
  /** How an author's own layout is kept; none where that is not known, and files look as sops writes them. */
  readonly layout?: Layout;
  /** What `edit` offers for a file that does not exist (spec file-format 6.3). */
  example(): Documents;
}
