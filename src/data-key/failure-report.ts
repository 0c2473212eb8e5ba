import { printableLine } from "../io/printable.ts";
import { unwrapFailures, type MasterKey, type UnwrapError } from "../keys/provider.ts";

/** One group's part of the data key, or why each of its keys failed. */
export type GroupResult = { part: Uint8Array } | { failures: KeyFailure[] };

export interface KeyFailure {
  key: MasterKey;
  /** One for each key service that was asked. */
  errors: UnwrapError[];
}

/** The whole report fits on a small terminal. */
const LONGEST = 12;

/** How many keys a sentence names; the lines below it show more. */
const NAMED_KEYS = 5;

/**
 * What to do, what the user has, a line for each group and key with its reason, and where identities were looked for: no
 * more than 12 lines.
 */
export function report(results: readonly GroupResult[], threshold: number, file: string): string {
  const failures = results.flatMap((result) => ("failures" in result ? result.failures : []));
  const errors = failures.flatMap((failure) => failure.errors);
  const opened = results.filter((result) => "part" in result).length;
  const lines = [
    "Failed to get the data key required to decrypt the SOPS file.",
    "",
    `${file}: ${advice(failures)}`,
  ];
  if (results.length > 1)
    lines.push(
      `${opened} of ${results.length} key groups opened; ${Math.max(threshold, 1)} are needed.`,
    );
  const held = [...new Set(errors.flatMap((error) => error.held))];
  const sources = [...new Set(errors.flatMap((error) => error.sources))];
  const others = failures.map(({ key }) => key.id).filter((id) => !held.includes(id));
  const [isMissing, isBroken] = (["missing", "source"] as const).map((what) =>
    errors.some(({ failure }) => failure === what),
  );
  // With a source that is broken it is not known yet whether somebody else has to help.
  if (others.length > 0 && isMissing === true && isBroken !== true)
    lines.push(
      `Or ask one of ${named(others)} to run \`sopsmith updatekeys ${file}\` with your recipient in .sops.yaml.`,
    );
  if (held.length > 0) lines.push(`You have ${named(held)}.`);
  else if (sources.length > 0) lines.push("You have no age identity that could be read.");
  const last = sources.length > 0 ? [`Key sources tried: ${sources.join("; ")}`] : [];
  const details = results.flatMap((result, index) =>
    "part" in result
      ? [`Group ${index}: SUCCESS`]
      : [`Group ${index}: FAILED`, ...result.failures.map(detail)],
  );
  const room = LONGEST - lines.length - last.length;
  const rest = details.length - (room - 1);
  const shown =
    details.length <= room ? details : [...details.slice(0, room - 1), `  … and ${rest} more`];
  // Ids and names come from the file: they begin no lines of their own.
  return [...lines, ...shown, ...last].map(printableLine).join("\n");
}

/** The one thing to do: the remedy of the failure that is nearest to success, with the keys it is true of. */
export function advice(failures: readonly KeyFailure[]): string {
  for (const failure of unwrapFailures) {
    const first = failures.flatMap(({ errors }) => errors).find((e) => e.failure === failure);
    if (first === undefined) continue;
    const { remedy } = first;
    if (remedy.endsWith(".")) return remedy;
    const failed = failures.filter(({ errors }) => errors.some((e) => e.remedy === remedy));
    return `${remedy}: ${named(failed.map(({ key }) => key.id))}`;
  }
  return failures.length > 0
    ? "no key service was asked; remove --enable-local-keyservice=false, unset SOPS_ENABLE_LOCAL_KEYSERVICE, or name a service with --keyservice"
    : "restore the `sops` block from version control: one of its key groups has no key";
}

function named(all: readonly string[]): string {
  const names = [...new Set(all)];
  const more = names.length > NAMED_KEYS ? ` and ${names.length - NAMED_KEYS} more` : "";
  return `${names.slice(0, NAMED_KEYS).join(", ")}${more}`;
}

function detail({ key, errors }: KeyFailure): string {
  const reasons = errors.map(({ message, summary }) =>
    (summary ?? message).replaceAll(/\s*\n\s*/g, " "),
  );
  return `  ${key.id}: FAILED${reasons.length === 0 ? "" : ` - ${reasons.join("; ")}`}`;
}
