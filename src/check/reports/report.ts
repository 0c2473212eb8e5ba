import type { Finding } from "../rule.ts";

/** What a report is made of. */
export interface Reported {
  /** In the order in which they are reported. */
  readonly findings: readonly Finding[];
  /** How many files were looked at. */
  readonly files: number;
  /** This program's own version. */
  readonly version: string;
}

/** One way to tell findings: the whole text for stdout. */
export type Report = (reported: Reported) => Iterable<string>;

/** What is shown of a place: `file:line:column`. */
export const placeOf = ({ file, line, column }: Finding): string => `${file}:${line}:${column}`;

/** A commit's name as people write it. */
export const shortCommit = (commit: string): string => commit.slice(0, 12);
