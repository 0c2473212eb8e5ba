import { isObject, parseSopsSecret, type ObjectMeta, type SopsSecret } from "../k8s/sops-secret.ts";
import type { Api } from "./api.ts";
import type { WorkQueue } from "./queue.ts";
import type { Bodies } from "./reconcile.ts";

/** Objects of one page, and how few may be left of it before the next one is read. */
const PAGE = 100;
const LEFT = 40;

/**
 * Reads all objects page by page for their first pass, and queues them: a list takes a hundredth of the requests that single reads do.
 * Only as many are held as the next passes need.
 */
export class FirstPasses implements Bodies {
  private readonly bodies = new Map<string, SopsSecret>();
  private wake: (() => void) | undefined;

  take(key: string): SopsSecret | undefined {
    const body = this.bodies.get(key);
    this.drop(key);
    return body;
  }

  /** The object changed: what was read of it counts no more. */
  drop(key: string): void {
    this.bodies.delete(key);
    if (this.bodies.size <= LEFT) this.wake?.();
  }

  /**
   * @param path of the collection
   * @param keyOf the object's key in the queue; undefined for one that is not wanted
   * @throws {ApiError} where a list fails: what was not queued yet is the caller's to queue
   */
  async run(
    request: { path: string; labelSelector: string },
    api: Api,
    queue: WorkQueue,
    keyOf: (metadata: ObjectMeta) => string | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const { path, labelSelector } = request;
    let next = "";
    do {
      const page = await api.request({
        method: "GET",
        path,
        query: {
          limit: String(PAGE),
          ...(next === "" ? {} : { continue: next }),
          ...(labelSelector === "" ? {} : { labelSelector }),
        },
      });
      if (signal.aborted) return;
      for (const item of Array.isArray(page["items"]) ? page["items"] : []) {
        if (!isObject(item)) continue;
        const object = parseSopsSecret(item);
        const key = keyOf(object.metadata);
        if (key === undefined) continue;
        this.bodies.set(key, object);
        queue.add(key, "routine");
      }
      collectGarbage();
      const { metadata } = page;
      next =
        isObject(metadata) && typeof metadata["continue"] === "string" ? metadata["continue"] : "";
      if (this.bodies.size > LEFT && next !== "") await this.few(signal);
    } while (next !== "" && !signal.aborted);
  }

  /** Resolves when few objects are left, or at the signal. */
  private async few(signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      this.wake = resolve;
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
    this.wake = undefined;
  }
}

/** In the standalone executable, whose runtime else lets the heap grow by a quarter while thousands of objects pass through. */
function collectGarbage(): void {
  const runtime: unknown = Reflect.get(globalThis, "Bun");
  if (typeof runtime === "object" && runtime !== null && "gc" in runtime)
    if (typeof runtime.gc === "function") runtime.gc(true);
}

/** Was the object changed after its status was last written? Its pass goes first after a start. */
export function isFresh({ managedFields = [] }: ObjectMeta): boolean {
  const latest = (isStatus: boolean): string =>
    managedFields
      .filter(({ subresource }) => (subresource === "status") === isStatus)
      .reduce((last, { time = "" }) => (time > last ? time : last), "");
  return latest(false) >= latest(true);
}
