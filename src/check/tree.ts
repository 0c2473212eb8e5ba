import type { Host } from "../io/host.ts";
import type { RulesInForce } from "./rules-in-force.ts";
import type { Subject } from "./subject.ts";

/** What rules that look at all files together are given. */
export interface Tree {
  /** What was looked at, in the order of the files. */
  readonly seen: readonly Seen[];
  /** Every file that is tracked, or neither tracked nor ignored, by the name it is reported by. */
  readonly names: ReadonlySet<string>;
  /** Nothing was left out: a rule that matches no file matches nothing. */
  readonly isWhole: boolean;
  readonly configs: readonly CheckedConfig[];
  /** Names with several versions in Git's index. */
  readonly unmerged: ReadonlySet<string>;
  readonly platform: Host["platform"];
  readonly now: Date;
  /** Looks at one more file; undefined for one that cannot be read. */
  read(file: string): Promise<Subject | undefined>;
  /**
   * When a file got its present data key: the last commit in which no ciphertext of the one before it was left.
   * Undefined without Git, or where the file is not committed.
   */
  dataKeySince(file: string): Promise<Date | undefined>;
}

/** What is kept of a file once it was looked at. */
export interface Seen {
  readonly file: string;
  readonly isSealed: boolean;
  readonly maxAgeDays: number | undefined;
  /** It may hold a Kustomization of Flux. */
  readonly mayBeFlux: boolean;
}

/** A configuration that governs files, with what was said about it when it was read. */
export interface CheckedConfig {
  readonly file: string;
  readonly rules: RulesInForce;
  /** Without the name of the file. */
  readonly warnings: readonly { readonly line: number; readonly message: string }[];
  readonly isForWindows: boolean;
}
