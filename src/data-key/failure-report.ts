import { unwrapFailures, type MasterKey, type UnwrapError } from "../keys/provider.ts";

/** One group's part of the data key, or why each of its keys failed. */
export type GroupResult = { part: Uint8Array } | { failures: KeyFailure[] };

export interface KeyFailure {
  key: MasterKey;
  /** One for each key service that was asked. */
  errors: UnwrapError[];
}

/** What to do, each group and key with its reason (spec keys section 12), and the key sources looked at. */
export function report(results: readonly GroupResult[], threshold: number, file: string): string {
  const failures = results.flatMap((result) => ("failures" in result ? result.failures : []));
  const opened = results.filter((result) => "part" in result).length;
  const groups = results.map((result, index) =>
    "part" in result
      ? `Group ${index}: SUCCESS\n`
      : `Group ${index}: FAILED\n${result.failures.map(block).join("  \n")}`,
  );
  const closing =
    threshold === 0
      ? "Recovery failed because no master key was able to decrypt the file. In order for SOPS to recover the file, at least one key has to be successful, but none were."
      : `Recovery failed because the file was encrypted with a Shamir threshold of ${threshold}, but only ${opened} part(s) were successfully recovered, one for each successful key group. In order for SOPS to recover the file, at least ${threshold} groups have to be successful. In order for a group to be successful, decryption has to succeed with any of the keys in that key group.`;
  const sources = [
    ...new Set(failures.flatMap(({ errors }) => errors.flatMap((error) => error.sources))),
  ];
  const sections = [
    "Failed to get the data key required to decrypt the SOPS file.\n",
    `${file}: ${advice(failures)}\n`,
    ...groups,
    `${wrapText(closing, 75).join("\n")}\n`,
  ];
  if (sources.length > 0)
    sections.push(`Key sources looked at:\n${sources.map((source) => `  ${source}\n`).join("")}`);
  return sections.join("\n").trimEnd();
}

/** How many keys the advice names; the blocks below it show all. */
const namedKeys = 5;

/** The one thing to do: the remedy of the failure that is nearest to success, with the keys it is true of. */
function advice(failures: readonly KeyFailure[]): string {
  for (const failure of unwrapFailures) {
    const first = failures.flatMap(({ errors }) => errors).find((e) => e.failure === failure);
    if (first === undefined) continue;
    const { remedy } = first;
    const failed = failures.filter(({ errors }) => errors.some((e) => e.remedy === remedy));
    const ids = [...new Set(failed.map(({ key }) => key.id))];
    const more = ids.length > namedKeys ? `, and ${ids.length - namedKeys} more, shown below` : "";
    return `${remedy}: ${ids.slice(0, namedKeys).join(", ")}${more}`;
  }
  return failures.length > 0
    ? "no key service was asked; leave out --enable-local-keyservice=false, unset SOPS_ENABLE_LOCAL_KEYSERVICE, or name one with --keyservice"
    : "restore the `sops` block from version control: a key group in it has no key";
}

function block({ key, errors }: KeyFailure): string {
  const blocks = errors.map(({ message }) =>
    wrapText(message, 60)
      .map((line, index) => `    ${index === 0 ? "- | " : "  | "}${line}\n`)
      .join(""),
  );
  return `  ${key.id}: FAILED\n${blocks.join("    \n")}`;
}

/** Lines broken greedily at spaces; words are never split, line ends are kept. */
function wrapText(text: string, width: number): string[] {
  return text.split("\n").flatMap((line) => {
    const lines: string[] = [];
    let current = "";
    for (const word of line.split(" ")) {
      if (current !== "" && current.length + 1 + word.length > width) {
        lines.push(current);
        current = word;
      } else {
        current = current === "" ? word : `${current} ${word}`;
      }
    }
    lines.push(current);
    return lines;
  });
}
