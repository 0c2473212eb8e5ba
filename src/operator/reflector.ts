import { setTimeout as delay } from "node:timers/promises";
import { isObject, type Json, type JsonObject } from "../k8s/sops-secret.ts";
import { ApiError, Unreachable, type Api } from "./api.ts";

export interface ReflectorOptions {
  readonly path: string;
  readonly labelSelector?: string;
  /** Only metadata is asked for. */
  readonly metadataOnly: boolean;
  /** An object that is new or changed. */
  onSet(object: JsonObject): void;
  /** An object that is gone; what was last seen of it is the caller's to know. */
  onDelete(uid: string): void;
  /** After every list: who is there. */
  onSynced(uids: ReadonlySet<string>): void;
  /** @param isRefused the server said no: somebody may have to do something */
  onRestart(reason: string, isRefused: boolean): void;
  random(): number;
  /** Longest wait between two tries, and how long a watch may be silent beyond its own time-out; shorter in tests. */
  readonly maxWaitMs?: number;
  readonly watchSeconds?: () => number;
  readonly graceMs?: number;
}

/** Objects of one page of a list. */
const PAGE = "500";

const metadataList = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
const metadataOne = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";

/**
 * Lists a collection page by page and watches it from there, for ever: a watch that ends is resumed where it was, one that is too old
 * (410, as a status or as a line inside a 200) starts with a new list, a silent one is cut off (spec kubernetes 4.8, 4.9).
 */
export class Reflector {
  private readonly api: Api;
  private readonly options: ReflectorOptions;
  private failures = 0;
  /** When there was last a sign of life, an error included: it is tried again then. On the clock of `performance.now()`. */
  lastHeard: number = performance.now();
  hasSynced = false;

  constructor(api: Api, options: ReflectorOptions) {
    this.api = api;
    this.options = options;
  }

  async run(signal: AbortSignal): Promise<void> {
    let version = "";
    while (!signal.aborted) {
      try {
        if (version === "") version = await this.list(signal);
        version = await this.watch(version, signal);
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof ApiError && (error.status === 410 || error.status === 504))
          version = "";
        this.heard();
        this.options.onRestart(...whyEnded(error));
        await this.wait(error, signal);
      }
    }
  }

  private async wait(error: unknown, signal: AbortSignal): Promise<void> {
    this.failures += 1;
    const max = this.options.maxWaitMs ?? 30_000;
    const base = Math.min(1000 * 2 ** Math.min(this.failures - 1, 10), max);
    const asked = error instanceof ApiError ? (error.retryAfter ?? 0) * 1000 : 0;
    const isExpired = error instanceof ApiError && error.status === 410 && this.failures === 1;
    const wait = isExpired ? 0 : Math.max(asked, base * (0.5 + 0.5 * this.options.random()));
    await delay(wait, undefined, { signal }).catch(() => undefined);
  }

  private async list(signal: AbortSignal): Promise<string> {
    const { path, labelSelector, metadataOnly } = this.options;
    const uids = new Set<string>();
    let next = "";
    for (;;) {
      const page = await this.api.request({
        method: "GET",
        path,
        query: {
          limit: PAGE,
          ...(next === "" ? {} : { continue: next }),
          ...(labelSelector === undefined ? {} : { labelSelector }),
        },
        ...(metadataOnly ? { accept: metadataList } : {}),
      });
      if (signal.aborted) return "";
      this.heard();
      for (const item of Array.isArray(page["items"]) ? page["items"] : []) {
        if (!isObject(item)) continue;
        uids.add(metaText(item, "uid"));
        this.options.onSet(item);
      }
      const metadata = isObject(page["metadata"]) ? page["metadata"] : {};
      next = text(metadata["continue"]);
      if (next !== "") continue;
      this.hasSynced = true;
      this.options.onSynced(uids);
      return text(metadata["resourceVersion"]);
    }
  }

  /** @returns where to go on; "" for a new list */
  private async watch(from: string, signal: AbortSignal): Promise<string> {
    const { path, labelSelector, metadataOnly, random } = this.options;
    const seconds = this.options.watchSeconds?.() ?? Math.round(300 + 300 * random());
    const inner = new AbortController();
    const cut = (): void => inner.abort();
    signal.addEventListener("abort", cut, { once: true });
    const watchdog = setTimeout(cut, seconds * 1000 + (this.options.graceMs ?? 30_000));
    watchdog.unref();
    let version = from;
    let expired: ApiError | undefined;
    const started = performance.now();
    this.heard();
    try {
      await this.api.watch(
        path,
        {
          watch: "true",
          allowWatchBookmarks: "true",
          timeoutSeconds: String(seconds),
          resourceVersion: from,
          ...(labelSelector === undefined ? {} : { labelSelector }),
        },
        metadataOnly ? metadataOne : "application/json",
        (event) => {
          this.heard();
          const object = isObject(event["object"]) ? event["object"] : {};
          switch (event["type"]) {
            case "ADDED":
            case "MODIFIED":
              this.failures = 0;
              version = metaText(object, "resourceVersion") || version;
              this.options.onSet(object);
              break;
            case "DELETED":
              this.failures = 0;
              version = metaText(object, "resourceVersion") || version;
              this.options.onDelete(metaText(object, "uid"));
              break;
            case "BOOKMARK":
              version = metaText(object, "resourceVersion") || version;
              break;
            default:
              expired = new ApiError(
                typeof object["code"] === "number" ? object["code"] : 500,
                text(object["reason"]),
                "the watch ended with an error",
              );
              return false;
          }
          return true;
        },
        inner.signal,
      );
    } catch (error) {
      if (expired === undefined) {
        // Broken off, not refused: it goes on where it was, after a moment.
        if (error instanceof ApiError || signal.aborted) throw error;
        this.heard();
        this.options.onRestart(...whyEnded(error));
        await this.wait(error, signal);
        return version;
      }
    } finally {
      clearTimeout(watchdog);
      signal.removeEventListener("abort", cut);
    }
    if (expired !== undefined) throw expired;
    // One that ends at once without a word, behind a proxy for instance, must not turn into a storm.
    if (version === from && performance.now() - started < 1000 && !signal.aborted)
      await this.wait(undefined, signal);
    return version;
  }

  private heard(): void {
    this.lastHeard = performance.now();
  }
}

function whyEnded(error: unknown): [string, boolean] {
  if (!(error instanceof ApiError))
    return [error instanceof Unreachable ? error.message : "connection", false];
  const isRefused = error.status === 401 || error.status === 403 || error.status === 404;
  return [error.status === 403 ? error.message : `${error.status}`, isRefused];
}

const text = (value: Json | undefined): string => (typeof value === "string" ? value : "");

function metaText(object: JsonObject, field: string): string {
  const { metadata } = object;
  return isObject(metadata) ? text(metadata[field]) : "";
}
