import { printableLine } from "../../io/printable.ts";
import { placeOf, shortCommit, type Report } from "./report.ts";

/** For people: a line for each finding, and what to do about each kind once. */
export const textReport: Report = function* ({ findings }) {
  for (const finding of findings) {
    const { severity, rule, message, commit } = finding;
    const of = commit === undefined ? "" : ` (commit ${shortCommit(commit)})`;
    yield `${oneLine(`${placeOf(finding)}: ${severity} ${rule}: ${message}${of}`)}\n`;
  }
  const fixes = new Map(findings.map(({ rule, fix }) => [rule, fix]));
  if (fixes.size > 0) yield "\n";
  for (const [rule, fix] of [...fixes].toSorted(([a], [b]) => (a < b ? -1 : 1)))
    yield `${rule}: ${oneLine(fix)}\n`;
};

const oneLine = printableLine;
