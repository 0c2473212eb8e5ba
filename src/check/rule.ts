import type { Path } from "../tree/path.ts";
import type { Subject } from "./subject.ts";
import type { Tree } from "./tree.ts";

export type Severity = "error" | "warning";

/** What a rule finds in one file. */
export interface Problem {
  /** From 1. */
  readonly line: number;
  /** From 1, in UTF-16 units. */
  readonly column: number;
  /** Where in the file's tree; undefined where the file as a whole is meant. */
  readonly path?: Path | undefined;
  /** One line, without the file's name; never a value. Keys and names in it are the file's own, not escaped. */
  readonly message: string;
  /** Where it is not the rule's. */
  readonly severity?: Severity;
  /** What to do, where it is not the rule's. */
  readonly fix?: string;
}

/** A problem with all that a report says of it. */
export interface Finding extends Problem {
  readonly rule: string;
  readonly file: string;
  readonly severity: Severity;
  readonly fix: string;
  /** The commit that brought it in, where commits are looked at. */
  readonly commit?: string | undefined;
}

/** One rule: what it looks for, and its page of the documentation. Needs no key and no network. */
export interface Rule {
  /** `SM` and three digits: never used for another rule. */
  readonly id: string;
  /** Two to five words in kebab-case. */
  readonly name: string;
  readonly severity: Severity;
  /** One line, as the table of rules has it. */
  readonly finds: string;
  /** Paragraphs in Markdown: why this matters, and what exactly is looked at. */
  readonly why: readonly string[];
  /** What to do, one sentence. */
  readonly fix: string;
  /** What is found: a piece of a file, and its language for Markdown. */
  readonly example: { readonly language: string; readonly text: string };
  /** Looks at one file. */
  inFile?(subject: Subject): Iterable<Problem> | Promise<Iterable<Problem>>;
  /** Looks at all files together, once every one was looked at. */
  inTree?(tree: Tree): Promise<Iterable<Problem & { readonly file: string }>>;
}

/** The beginning of a file: for what concerns all of it. */
export const start = { line: 1, column: 1 };
