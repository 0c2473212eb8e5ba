import { combine, ShamirError, split } from "../crypto/shamir.ts";
import { SopsmithError } from "../errors.ts";
import type { Host } from "../io/host.ts";
import type { KeyService } from "../key-service/key-service.ts";
import { UnwrapError, unwrapFailures, type KeyGroup, type MasterKey } from "./provider.ts";

const dataKeyLength = 32;

/** Keys that cannot wrap the data key, or groups that cannot share it. Exit 1. */
export class WrapError extends SopsmithError {
  /** Each key's reason, or the one reason for all. */
  readonly reasons: readonly string[];

  constructor(reasons: readonly string[], cause?: unknown) {
    super("data-key-not-wrapped", 1, `Could not generate data key: [${reasons.join(" ")}]`, {
      cause,
    });
    this.reasons = reasons;
  }
}

/** The data key cannot be recovered. Exit 128; the message is the whole report. */
export class DataKeyError extends SopsmithError {
  constructor(message: string, cause?: unknown) {
    super("data-key-not-recovered", 128, message, { cause });
  }
}

/**
 * A new data key, wrapped into every key's `enc`.
 *
 * @param threshold how many groups shall be needed; 0 for all
 * @param services asked in this order, each key until one of them can wrap
 * @returns 32 bytes, which the caller fills with zeros after use, and the threshold to store
 * @throws {WrapError}
 */
export async function createDataKey(
  groups: readonly KeyGroup[],
  threshold: number,
  services: readonly KeyService[],
  host: Host,
): Promise<{ dataKey: Uint8Array; threshold: number }> {
  const dataKey = host.randomBytes(dataKeyLength);
  try {
    return { dataKey, ...(await wrapDataKey(dataKey, groups, threshold, services, host)) };
  } catch (error) {
    dataKey.fill(0);
    throw error;
  }
}

/**
 * Wraps a data key into every key's `enc`: whole for a single group, one Shamir share per group for several. No `enc`
 * changes unless all could be made.
 *
 * @returns the threshold to store: as given for one group, the number of groups for 0
 * @throws {WrapError}
 */
export async function wrapDataKey(
  dataKey: Uint8Array,
  groups: readonly KeyGroup[],
  threshold: number,
  services: readonly KeyService[],
  host: Host,
): Promise<{ threshold: number }> {
  if (services.length === 0)
    throw new WrapError(["no key services provided, cannot update master keys"]);
  if (groups.length === 0) throw new WrapError(["no key groups provided"]);
  const needed = groups.length > 1 && threshold === 0 ? groups.length : threshold;
  const shares = groups.length > 1 ? splitDataKey(dataKey, groups.length, needed, host) : [];
  try {
    if (groups.some((group) => group.length === 0))
      throw new WrapError(["empty key group provided"]);
    const wrapped: { key: MasterKey; enc: string }[] = [];
    const failures: { reason: string; cause: unknown }[] = [];
    for (const [index, group] of groups.entries()) {
      for (const key of group) {
        try {
          wrapped.push({
            key,
            enc: await wrapPart(key, shares[index] ?? dataKey, services, host),
          });
        } catch (cause) {
          if (!(cause instanceof SopsmithError)) throw cause;
          const id = JSON.stringify(key.id);
          failures.push({
            reason: `failed to encrypt new data key with master key ${id}: ${cause.message}`,
            cause,
          });
        }
      }
    }
    const [first] = failures;
    if (first !== undefined) {
      throw new WrapError(
        failures.map(({ reason }) => reason),
        first.cause,
      );
    }
    for (const { key, enc } of wrapped) key.enc = enc;
    return { threshold: needed };
  } finally {
    for (const share of shares) share.fill(0);
  }
}

/** @throws {SopsmithError} with the reasons of all services */
async function wrapPart(
  key: MasterKey,
  part: Uint8Array,
  services: readonly KeyService[],
  host: Host,
): Promise<string> {
  const failures: SopsmithError[] = [];
  for (const service of services) {
    try {
      return await service.wrap(key, part, host);
    } catch (error) {
      if (!(error instanceof SopsmithError)) throw error;
      failures.push(error);
    }
  }
  const [first] = failures;
  if (failures.length === 1 && first !== undefined) throw first;
  throw new WrapError(failures.map(({ message }) => message));
}

function splitDataKey(
  dataKey: Uint8Array,
  parts: number,
  threshold: number,
  host: Host,
): Uint8Array[] {
  try {
    return split(dataKey, parts, threshold, (length) => host.randomBytes(length));
  } catch (error) {
    if (!(error instanceof ShamirError)) throw error;
    throw new WrapError(
      [`could not split data key into parts for Shamir: ${error.message}`],
      error,
    );
  }
}

/** A decryption order names a type twice. Exit 112. */
export class DecryptionOrderError extends SopsmithError {
  constructor(name: string) {
    super("decryption-order", 112, `Duplicate decryption key type: ${name}`);
  }
}

/**
 * The order of key types from `--decryption-order`: not trimmed, unknown names allowed (spec cli 4.9).
 *
 * @throws {DecryptionOrderError}
 */
export function parseDecryptionOrder(text: string | undefined): readonly string[] {
  if (text === undefined || text === "") return ["age", "pgp"];
  const names = text.split(",");
  const seen = new Set<string>();
  for (const name of names) {
    if (seen.has(name)) throw new DecryptionOrderError(name);
    seen.add(name);
  }
  return names;
}

/** One group's part of the data key, or why each of its keys failed. */
type GroupResult = { part: Uint8Array } | { failures: KeyFailure[] };

interface KeyFailure {
  key: MasterKey;
  /** One for each key service that was asked. */
  errors: UnwrapError[];
}

/**
 * The data key of a file. Groups are tried one after another, all of them; in a group the first key that opens ends the
 * search.
 *
 * @param options.order key types to try first, see `parseDecryptionOrder`
 * @param options.services asked in this order for each key
 * @returns 32 bytes; the caller fills them with zeros after use
 * @throws {DataKeyError}
 */
export async function recoverDataKey(
  metadata: { keyGroups: readonly KeyGroup[]; shamirThreshold: number },
  options: { file: string; order: readonly string[]; services: readonly KeyService[] },
  host: Host,
): Promise<Uint8Array> {
  const results: GroupResult[] = [];
  for (const group of metadata.keyGroups) results.push(await openGroup(group, options, host));
  const parts = results.flatMap((result) => ("part" in result ? [result.part] : []));
  let dataKey: Uint8Array | undefined;
  if (metadata.keyGroups.length > 1) {
    if (parts.length >= metadata.shamirThreshold) dataKey = combineParts(parts, options.file);
  } else {
    dataKey = parts[0];
  }
  if (dataKey === undefined) {
    wipe(parts);
    throw new DataKeyError(report(results, metadata.shamirThreshold, options.file));
  }
  if (dataKey.length === dataKeyLength) return dataKey;
  dataKey.fill(0);
  throw new DataKeyError(
    `Failed to get the data key required to decrypt the SOPS file.\n\n${options.file}: the master keys gave ${dataKey.length} bytes instead of ${dataKeyLength}; restore the \`sops\` block from version control.`,
  );
}

async function openGroup(
  group: KeyGroup,
  { order, services }: { order: readonly string[]; services: readonly KeyService[] },
  host: Host,
): Promise<GroupResult> {
  const rank = (key: MasterKey) => {
    const index = order.indexOf(key.type);
    return index < 0 ? order.length : index;
  };
  const failures: KeyFailure[] = [];
  for (const key of group.toSorted((a, b) => rank(a) - rank(b))) {
    const errors: UnwrapError[] = [];
    for (const service of services) {
      try {
        return { part: await service.unwrap(key, host) };
      } catch (error) {
        if (!(error instanceof UnwrapError)) throw error;
        errors.push(error);
      }
    }
    failures.push({ key, errors });
  }
  return { failures };
}

function combineParts(parts: readonly Uint8Array[], file: string): Uint8Array {
  try {
    return combine(parts);
  } catch (error) {
    if (!(error instanceof ShamirError)) throw error;
    throw new DataKeyError(
      `could not get data key from shamir parts: ${error.message}\n\n${file}: restore the \`sops\` block from version control; \`shamir_threshold\` may be missing from it.`,
      error,
    );
  } finally {
    wipe(parts);
  }
}

function wipe(parts: readonly Uint8Array[]): void {
  for (const part of parts) part.fill(0);
}

/** What to do, each group and key with its reason (spec keys section 12), and the key sources looked at. */
function report(results: readonly GroupResult[], threshold: number, file: string): string {
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
    const ids = failures
      .filter(({ errors }) => errors.some((error) => error.remedy === remedy))
      .map(({ key }) => key.id);
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
