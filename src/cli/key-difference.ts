import type { KeyDifference } from "../update-keys.ts";
import type { KeyNames } from "../people/names.ts";
import type { Streams } from "./command.ts";
import { printableLine } from "../io/printable.ts";

/**
 * A difference of key groups as sops prints it, group numbers counted from 1 (spec cli 5.7).
 *
 * @param heading its first line
 * @param names keys that have one are shown by it
 */
export function differenceText(
  heading: string,
  { threshold, groups }: KeyDifference,
  streams: Streams,
  names: KeyNames,
): string {
  const line = (text: string, paint?: 4 | 31 | 32): string =>
    paint === undefined || !streams.colorStdout
      ? `${printableLine(text)}\n`
      : // sops paints the end of the line too.
        `\u001b[${paint}m${printableLine(text)}\n\u001b[0m`;
  const { before, after } = threshold;
  const thresholds =
    before === after
      ? after > 0
        ? [line(`shamir_threshold: ${after}`)]
        : []
      : [
          ...(after > 0 ? [line(`+++ shamir_threshold: ${after}`, 32)] : []),
          ...(before > 0 ? [line(`--- shamir_threshold: ${before}`, 31)] : []),
        ];
  const lists = groups.flatMap(({ kept, added, removed }, index) => [
    line(`Group ${index + 1}`, 4),
    ...kept.map((id) => line(`    ${names.inText(id)}`)),
    ...added.map((id) => line(`+++ ${names.inText(id)}`, 32)),
    ...removed.map((id) => line(`--- ${names.inText(id)}`, 31)),
  ]);
  return [line(heading), ...thresholds, ...lists].join("");
}
