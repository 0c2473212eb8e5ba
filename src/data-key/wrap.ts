import { ShamirError, split } from "../crypto/shamir.ts";
import { SopsmithError } from "../errors.ts";
import type { Host } from "../io/host.ts";
import type { KeyService } from "../key-service/key-service.ts";
import { provider } from "../keys/index.ts";
import { DATA_KEY_LENGTH, type KeyGroup, type MasterKey } from "../keys/provider.ts";
import { limited } from "./limit.ts";

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
  const dataKey = host.randomBytes(DATA_KEY_LENGTH);
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
