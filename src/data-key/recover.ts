import { SopsmithError } from "../errors.ts";
import type { Host } from "../io/host.ts";
import type { KeyService } from "../key-service/key-service.ts";
import { provider } from "../keys/index.ts";
import { DATA_KEY_LENGTH, UnwrapError, type KeyGroup, type MasterKey } from "../keys/provider.ts";
import { limited, NoAnswer } from "./limit.ts";
import type { GroupResult, KeyFailure } from "./failure-report.ts";

/** The data key cannot be recovered. Exit 128, 1 where only a package is missing; the message is the whole report. */
export class DataKeyError extends SopsmithError {
  /** How many groups opened, of how many that are needed; undefined where that is not what is wrong. */
  readonly groups: { readonly opened: number; readonly needed: number } | undefined;
  /** Every key that did not open, with its reasons. */
  readonly failures: readonly KeyFailure[];

  constructor(
    message: string,
    options: {
      groups?: { opened: number; needed: number };
      failures?: readonly KeyFailure[];
      exitCode?: number;
      cause?: unknown;
    } = {},
  ) {
    const { exitCode = 128, cause } = options;
    super(exitCode === 1 ? "package-missing" : "data-key-not-recovered", exitCode, message, {
      cause,
    });
    this.groups = options.groups;
    this.failures = options.failures ?? [];
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

/**
 * The data key of a file. Groups are tried one after another, all of them; in a group the first key that opens ends the
 * search. Keys that are together in the order and are used over the network are tried at the same time.
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
    const { report } = await import("./failure-report.ts");
    throw new DataKeyError(report(results, metadata.shamirThreshold, options.file), {
      groups: { opened: parts.length, needed: Math.max(metadata.shamirThreshold, 1) },
      failures,
      exitCode: isForPackages(failures) ? 1 : 128,
      cause: failures.flatMap(({ errors }) => errors)[0],
    });
  }
  if (dataKey.length === DATA_KEY_LENGTH) {
    host.inform?.("SOPS", "Data key recovered successfully");
    return dataKey;
  }
  dataKey.fill(0);
  throw new DataKeyError(
    `Failed to get the data key required to decrypt the SOPS file.\n\n${options.file}: the master keys gave ${dataKey.length} bytes instead of ${DATA_KEY_LENGTH}; restore the \`sops\` block from version control.`,
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
  const { combine, ShamirError } = await import("../crypto/shamir.ts");
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
