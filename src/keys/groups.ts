import { combine, ShamirError, split } from "../crypto/shamir.ts";
import { SopsmithError } from "../errors.ts";
import type { Host } from "../io/host.ts";
import type { KeyService } from "../key-service/key-service.ts";
import { provider } from "./index.ts";
import { UnwrapError, unwrapFailures, type KeyGroup, type MasterKey } from "./provider.ts";

const dataKeyLength = 32;

/** Keys that cannot wrap the data key, or groups that cannot share it. Exit 1. */
export class WrapError extends SopsmithError {
  /** Each key's reason, or the one reason for all. */
  readonly reasons: readonly string[];

  /** @param prefix sops's words, which depend on the command */
  constructor(reasons: readonly string[], cause?: unknown, prefix = "Could not generate data key") {
    super("data-key-not-wrapped", 1, `${prefix}: [${reasons.join(" ")}]`, { cause });
    this.reasons = reasons;
  }
}

/** The data key cannot be recovered. Exit 128, 1 where only a package is missing; the message is the whole report. */
export class DataKeyError extends SopsmithError {
  /** How many groups opened, of how many that are needed; undefined where that is not what is wrong. */
  readonly groups: { readonly opened: number; readonly needed: number } | undefined;

  constructor(
    message: string,
    options: {
      groups?: { opened: number; needed: number };
      exitCode?: number;
      cause?: unknown;
    } = {},
  ) {
    super("data-key-not-recovered", options.exitCode ?? 128, message, { cause: options.cause });
    this.groups = options.groups;
  }
}

/** How long one key that is used over the network may take, in milliseconds, all its requests together. */
const remoteLimit = 30_000;

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
  const shares = groups.length > 1 ? await splitDataKey(dataKey, groups.length, needed) : [];
  try {
    if (groups.some((group) => group.length === 0))
      throw new WrapError(["empty key group provided"]);
    const all = groups.flatMap((group, index) =>
      group.map((key) => ({ key, part: shares[index] ?? dataKey })),
    );
    const results = await inTurn(all, ({ key }) => provider(key.type).isRemote, wrapOne);
    const failures = results.filter((result) => "reason" in result);
    const [first] = failures;
    if (first !== undefined)
      throw new WrapError(
        failures.map(({ reason }) => reason),
        first.cause,
      );
    for (const [index, { key }] of all.entries()) {
      const result = results[index];
      if (result !== undefined && "enc" in result) key.enc = result.enc;
    }
    return { threshold: needed };
  } finally {
    for (const share of shares) share.fill(0);
  }

  async function wrapOne({
    key,
    part,
  }: {
    key: MasterKey;
    part: Uint8Array;
  }): Promise<{ enc: string } | { reason: string; cause: unknown }> {
    try {
      return { enc: await wrapPart(key, part, services, host) };
    } catch (cause) {
      if (!(cause instanceof SopsmithError)) throw cause;
      const id = JSON.stringify(key.id);
      return {
        reason: `failed to encrypt new data key with master key ${id}: ${cause.message}`,
        cause,
      };
    }
  }
}

/**
 * What `work` gives for each item, in their order: those that are `isRemote` all at the same time, before the others, which
 * follow one after another, since they may ask the user.
 */
async function inTurn<T, R>(
  items: readonly T[],
  isRemote: (item: T) => boolean,
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  const run = async (item: T, index: number) => {
    results[index] = await work(item);
  };
  await Promise.all(items.flatMap((item, index) => (isRemote(item) ? [run(item, index)] : [])));
  for (const [index, item] of items.entries()) if (!isRemote(item)) await run(item, index);
  return results;
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
      return await limited(key, undefined, (signal) => service.wrap(key, part, host, signal));
    } catch (error) {
      if (!(error instanceof SopsmithError)) throw error;
      failures.push(error);
    }
  }
  const [first] = failures;
  if (failures.length === 1 && first !== undefined) throw first;
  throw new WrapError(failures.map(({ message }) => message));
}

/**
 * Lends `work` a signal that gives up on a key that is used over the network, when its time is over or when `stop` says so.
 *
 * @throws {SopsmithError} after that time, also where `work` does not heed the signal
 */
async function limited<T>(
  key: MasterKey,
  stop: AbortSignal | undefined,
  work: (signal?: AbortSignal) => Promise<T>,
): Promise<T> {
  if (!provider(key.type).isRemote) return work();
  const giveUp = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<never>((_, reject) => {
    const end = () => {
      giveUp.abort();
      reject(new NoAnswer());
    };
    timer = setTimeout(end, remoteLimit);
    stop?.addEventListener("abort", end);
  });
  try {
    return await Promise.race([work(giveUp.signal), over]);
  } finally {
    clearTimeout(timer);
  }
}

/** A key that is used over the network took too long. Exit 1. */
class NoAnswer extends SopsmithError {
  constructor() {
    super("no-answer", 1, `no answer within ${remoteLimit / 1000} s`, {
      hint: "Check the network and the address of the key.",
    });
  }
}

async function splitDataKey(
  dataKey: Uint8Array,
  parts: number,
  threshold: number,
): Promise<Uint8Array[]> {
  try {
    return await split(dataKey, parts, threshold);
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
 * search. Keys that stand together in the order and are used over the network are tried at the same time.
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
    if (parts.length >= metadata.shamirThreshold) dataKey = await combineParts(parts, options.file);
  } else {
    dataKey = parts[0];
  }
  if (dataKey === undefined) {
    wipe(parts);
    const failures = results.flatMap((result) => ("failures" in result ? result.failures : []));
    throw new DataKeyError(report(results, metadata.shamirThreshold, options.file), {
      groups: { opened: parts.length, needed: Math.max(metadata.shamirThreshold, 1) },
      exitCode: isForPackages(failures) ? 1 : 128,
      cause: failures.flatMap(({ errors }) => errors)[0],
    });
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
  for (const keys of runs(group.toSorted((a, b) => rank(a) - rank(b)))) {
    const stop = new AbortController();
    const attempts = keys.map((key) => openKey(key, services, host, stop.signal));
    const part = await firstPart(attempts);
    stop.abort();
    if (part !== undefined) return { part };
    for (const [index, key] of keys.entries()) {
      const result = await attempts[index];
      if (result !== undefined && "errors" in result) failures.push({ key, errors: result.errors });
    }
  }
  return { failures };
}

/** The keys to try at the same time: neighbours that are used over the network, any other alone. */
function runs(keys: readonly MasterKey[]): MasterKey[][] {
  const out: MasterKey[][] = [];
  let together: MasterKey[] | undefined;
  for (const key of keys) {
    const isRemote = provider(key.type).isRemote;
    if (isRemote && together !== undefined) {
      together.push(key);
      continue;
    }
    const run = [key];
    together = isRemote ? run : undefined;
    out.push(run);
  }
  return out;
}

/** Every key would be tried, if only a package were installed. */
function isForPackages(failures: readonly KeyFailure[]): boolean {
  return (
    failures.length > 0 &&
    failures.every(({ errors }) => errors.some(({ exitCode }) => exitCode === 1))
  );
}

type KeyResult = { part: Uint8Array } | { errors: UnwrapError[] };

async function openKey(
  key: MasterKey,
  services: readonly KeyService[],
  host: Host,
  stop: AbortSignal,
): Promise<KeyResult> {
  const errors: UnwrapError[] = [];
  for (const service of services) {
    if (stop.aborted) break;
    try {
      const unwrap = async (signal?: AbortSignal) => {
        const part = await service.unwrap(key, host, signal);
        // Nobody waits for it any more.
        if (signal?.aborted === true) part.fill(0);
        return part;
      };
      return { part: await limited(key, stop, unwrap) };
    } catch (error) {
      if (error instanceof NoAnswer) {
        const remedy = "check the network and the address of the key";
        errors.push(new UnwrapError(`${error.message}; ${remedy}`, { failure: "source", remedy }));
      } else if (error instanceof UnwrapError) errors.push(error);
      else throw error;
    }
  }
  return { errors };
}

/** The part of the first attempt that succeeds, wiping those of later ones; undefined when all have failed. */
function firstPart(attempts: readonly Promise<KeyResult>[]): Promise<Uint8Array | undefined> {
  return new Promise((resolve, reject) => {
    let isSettled = false;
    let open = attempts.length;
    for (const attempt of attempts)
      attempt.then(
        (result) => {
          open--;
          if ("part" in result) {
            if (isSettled) result.part.fill(0);
            else resolve(result.part);
            isSettled = true;
          } else if (open === 0) resolve(undefined);
        },
        (error: unknown) => {
          isSettled = true;
          reject(error);
        },
      );
  });
}

async function combineParts(parts: readonly Uint8Array[], file: string): Promise<Uint8Array> {
  try {
    return await combine(parts);
  } catch (error) {
    if (!(error instanceof ShamirError)) throw error;
    throw new DataKeyError(
      `could not get data key from shamir parts: ${error.message}\n\n${file}: restore the \`sops\` block from version control; \`shamir_threshold\` may be missing from it.`,
      { cause: error },
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
