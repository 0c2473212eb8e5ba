import { SopsmithError } from "../errors.ts";
import { provider } from "../keys/index.ts";
import type { MasterKey } from "../keys/provider.ts";

/** How long one key that is used over the network may take, in milliseconds, all its requests together. */
const REMOTE_LIMIT = 30_000;

/**
 * Lends `work` a signal that gives up on a key that is used over the network, when its time is over or when `stop` says so.
 *
 * @throws {SopsmithError} after that time, also where `work` does not obey the signal
 */
export async function limited<T>(
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
    timer = setTimeout(end, REMOTE_LIMIT);
    stop?.addEventListener("abort", end);
  });
  try {
    return await Promise.race([work(giveUp.signal), over]);
  } finally {
    clearTimeout(timer);
  }
}

/** A key that is used over the network took too long. Exit 1. */
export class NoAnswer extends SopsmithError {
  constructor() {
    super("no-answer", 1, `no answer within ${REMOTE_LIMIT / 1000} s`, {
      hint: "Check the network and the address of the key.",
    });
  }
}
