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
  /** A list or a watch was answered. */
  onUp(): void;
  /** @param isRefused the server said no: somebody may have to do something */
  onDown(reason: string, isRefused: boolean): void;
  /** The server's store went back in time, to a backup: objects may have changed without any version telling. Before the list. */
  onRewind(): void;
  random(): number;
  /** Everything is listed again after so many milliseconds, in case a watch missed something. */
  readonly relistMs: number;
  /** Longest wait between two tries, and how long a watch may be silent beyond its own time-out; shorter in tests. */
  readonly maxWaitMs?: number;
  readonly watchSeconds?: () => number;
  readonly graceMs?: number;
}

/** Objects of one page of a list. */
const PAGE = "500";

/**
 * Longest waits in milliseconds. A server that is away may come back any moment, and what changed meanwhile is to be seen soon; one
 * that says no is asked less often.
 */
const longestWait = { expired: 5000, asked: 60_000, away: 2500, refused: 30_000 } as const;

type FailureKind = keyof typeof longestWait;

const METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
const METADATA_ONE = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";

/**
 * Lists a collection page by page and watches it from there, for ever: a watch that ends is resumed where it was, one that is too old
 * (410, as a status or as a line inside a 200) and one that nobody answers start with a new list, a silent one is cut off (spec kubernetes
 * 4.8, 4.9).
 */
export class Reflector {
  private readonly api: Api;
  private readonly options: ReflectorOptions;
  /** Since something was last answered, of one kind. */
  private failures = 0;
  private failedAs: FailureKind | undefined;
  private expiredAt = -Infinity;
  /** When everything was last listed, on the clock of `performance.now()`. */
  private listedAt = 0;
  /** The highest version of the store that was seen. */
  private highest = 0n;
  /** When there was last a sign of life, an error included: it is tried again then. On the clock of `performance.now()`. */
  lastHeard: number = performance.now();
  hasSynced = false;
  /** The connection broke, and nothing was heard since: a server that comes back may have been restored from a backup. */
  private isBroken = false;

  constructor(api: Api, options: ReflectorOptions) {
    this.api = api;
    this.options = options;
  }

  async run(signal: AbortSignal): Promise<void> {
    let version = "";
    while (!signal.aborted) {
      try {
        if (version !== "" && this.isBroken && (await this.isRewound())) version = "";
        if (version === "" || this.relistIn() <= 0) version = await this.list(signal);
        this.isBroken = false;
        if (signal.aborted) return;
        version = await this.watch(version, signal);
      } catch (error) {
        if (signal.aborted) return;
        if (this.isBroken || needsList(error)) version = "";
        await this.failed(error, signal);
      }
    }
  }

  private async failed(error: unknown, signal: AbortSignal): Promise<void> {
    this.heard();
    this.options.onDown(...whyEnded(error));
    await this.wait(error, signal);
  }

  /** An expired version is listed anew at once; a server that names a time is obeyed; else the waits double. */
  private async wait(error: unknown, signal: AbortSignal): Promise<void> {
    const kind = kindOf(error);
    this.failures = kind === this.failedAs ? this.failures + 1 : 1;
    this.failedAs = kind;
    const isAgain = performance.now() - this.expiredAt < 1000;
    if (kind === "expired") this.expiredAt = performance.now();
    if (kind === "expired" && this.failures === 1 && !isAgain) return;
    const max = Math.min(longestWait[kind], this.options.maxWaitMs ?? Infinity);
    const base = Math.min(1000 * 2 ** Math.min(this.failures - 1, 10), max);
    const { random } = this.options;
    const wait =
      error instanceof ApiError && error.retryAfter !== undefined
        ? error.retryAfter * 1000 * (1 + 0.1 * random())
        : base * (0.5 + 0.5 * random());
    await delay(wait, undefined, { signal }).catch(() => undefined);
  }

  private up(): void {
    this.failures = 0;
    this.failedAs = undefined;
    this.heard();
    this.options.onUp();
  }

  /** Milliseconds until everything is to be listed again. */
  private relistIn(): number {
    return this.listedAt + this.options.relistMs - performance.now();
  }

  /**
   * Is the store older than what was seen of it? A watch from a version that it does not have yet would wait without a word until it
   * does, and miss what happens before.
   */
  private async isRewound(): Promise<boolean> {
    const { path, labelSelector, metadataOnly } = this.options;
    const page = await this.api.request({
      method: "GET",
      path,
      query: { limit: "1", ...(labelSelector === undefined ? {} : { labelSelector }) },
      ...(metadataOnly ? { accept: METADATA_LIST } : {}),
    });
    const metadata = isObject(page["metadata"]) ? page["metadata"] : {};
    const version = text(metadata["resourceVersion"]);
    return isNumber(version) && BigInt(version) < this.highest;
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
        ...(metadataOnly ? { accept: METADATA_LIST } : {}),
      });
      if (signal.aborted) return "";
      const metadata = isObject(page["metadata"]) ? page["metadata"] : {};
      const version = text(metadata["resourceVersion"]);
      if (next === "" && isNumber(version) && BigInt(version) < this.highest) {
        this.highest = 0n;
        this.options.onRewind();
      }
      this.saw(version);
      this.heard();
      for (const item of Array.isArray(page["items"]) ? page["items"] : []) {
        if (!isObject(item)) continue;
        uids.add(metaText(item, "uid"));
        this.options.onSet(item);
      }
      next = text(metadata["continue"]);
      if (next !== "") continue;
      this.hasSynced = true;
      this.listedAt = performance.now();
      this.options.onSynced(uids);
      this.up();
      return version;
    }
  }

  /** @returns where to go on; "" for a new list */
  private async watch(from: string, signal: AbortSignal): Promise<string> {
    const { path, labelSelector, metadataOnly, random } = this.options;
    const seconds =
      this.options.watchSeconds?.() ??
      Math.max(1, Math.ceil(Math.min(300 + 300 * random(), this.relistIn() / 1000)));
    const inner = new AbortController();
    const cut = (): void => inner.abort();
    signal.addEventListener("abort", cut, { once: true });
    const watchdog = setTimeout(cut, seconds * 1000 + (this.options.graceMs ?? 30_000));
    watchdog.unref();
    let version = from;
    let expired: ApiError | undefined;
    let isOpen = false;
    const started = performance.now();
    this.heard();
    try {
      await this.api.watch(
        {
          path,
          query: {
            watch: "true",
            allowWatchBookmarks: "true",
            timeoutSeconds: String(seconds),
            resourceVersion: from,
            ...(labelSelector === undefined ? {} : { labelSelector }),
          },
          accept: metadataOnly ? METADATA_ONE : "application/json",
        },
        {
          open: () => {
            isOpen = true;
            this.up();
          },
          event: (event) => {
            this.heard();
            const object = isObject(event["object"]) ? event["object"] : {};
            const seen = metaText(object, "resourceVersion");
            switch (event["type"]) {
              case "ADDED":
              case "MODIFIED":
                this.options.onSet(object);
                break;
              case "DELETED":
                this.options.onDelete(metaText(object, "uid"));
                break;
              case "BOOKMARK":
                break;
              default:
                expired = new ApiError(
                  typeof object["code"] === "number" ? object["code"] : 500,
                  text(object["reason"]),
                  "the watch ended with an error",
                );
                return false;
            }
            version = seen || version;
            this.saw(seen);
            return true;
          },
        },
        inner.signal,
      );
    } catch (error) {
      if (expired === undefined) {
        // Broken off, not refused: it goes on where it was, after a moment.
        if (!isOpen || signal.aborted) throw error;
        this.isBroken = true;
        await this.failed(error, signal);
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

  private saw(version: string): void {
    if (isNumber(version) && BigInt(version) > this.highest) this.highest = BigInt(version);
  }

  private heard(): void {
    this.lastHeard = performance.now();
  }
}

/** Versions are opaque, but every API server so far counts. */
const isNumber = (version: string): boolean => /^\d{1,20}$/.test(version);

function kindOf(error: unknown): FailureKind {
  if (!(error instanceof ApiError)) return "away";
  if (error.status === 410) return "expired";
  if (error.retryAfter !== undefined || error.status === 429) return "asked";
  return isRefusal(error) ? "refused" : "away";
}

/**
 * A server that did not answer may come back restored from a backup, and its store may have overtaken what was seen by then: comparing
 * versions tells nothing then, and a watch that goes on where it was would miss what they were given to anew.
 */
const needsList = (error: unknown): boolean =>
  !(error instanceof ApiError) || error.status === 410 || error.status === 504;

const isRefusal = ({ status }: ApiError): boolean => [401, 403, 404].includes(status);

function whyEnded(error: unknown): [string, boolean] {
  if (!(error instanceof ApiError))
    return [error instanceof Unreachable ? error.message : "connection", false];
  return [error.status === 403 ? error.message : `${error.status}`, isRefusal(error)];
}

const text = (value: Json | undefined): string => (typeof value === "string" ? value : "");

function metaText(object: JsonObject, field: string): string {
  const { metadata } = object;
  return isObject(metadata) ? text(metadata[field]) : "";
}
