import type { SopsSecret } from "../k8s/sops-secret.ts";
import { ApiError, Unreachable } from "./api.ts";
import type { Cluster, ClusterEvent } from "./cluster.ts";

/** Equal events about one object are sent once in this time. */
const PAUSE_MS = 5 * 60_000;

/** Events that wait at most: more are no news to anybody. */
const MAX_WAITING = 10_000;

/** Events that are remembered at most, lest equal ones be sent again. */
const MAX_REMEMBERED = 10_000;

interface Waiting {
  readonly object: SopsSecret;
  readonly event: ClusterEvent;
  readonly at: Date;
}

/** Sends events one after another beside the passes, which never wait for them. */
export class EventSender {
  private readonly cluster: Cluster;
  private readonly randomName: () => string;
  private readonly onDropped: (reason: string | undefined) => void;
  private readonly waiting: Waiting[] = [];
  /** What was sent in the last minutes, the oldest first: its object and text to its time. */
  private readonly remembered = new Map<string, number>();
  private sending: Promise<void> | undefined;

  /** @param onDropped is told why an event was not sent; undefined where too many wait */
  constructor(
    cluster: Cluster,
    randomName: () => string,
    onDropped: (reason: string | undefined) => void,
  ) {
    this.cluster = cluster;
    this.randomName = randomName;
    this.onDropped = onDropped;
  }

  /** Sends those that were not sent in the last minutes. */
  send(object: SopsSecret, events: readonly ClusterEvent[], now: Date): void {
    this.forgetOld(now);
    for (const event of events) {
      const text = `${object.metadata.uid ?? ""} ${event.reason} ${event.note}`;
      if (this.remembered.has(text)) continue;
      this.remembered.set(text, now.getTime());
      const { name = "", namespace = "", uid = "", resourceVersion = "" } = object.metadata;
      const metadata = { name, namespace, uid, resourceVersion };
      if (this.waiting.length < MAX_WAITING)
        this.waiting.push({ object: { metadata }, event, at: now });
      else this.onDropped(undefined);
    }
    this.sending ??= this.sendAll().finally(() => (this.sending = undefined));
  }

  private forgetOld(now: Date): void {
    for (const [text, at] of this.remembered) {
      if (now.getTime() - at < PAUSE_MS && this.remembered.size <= MAX_REMEMBERED) return;
      this.remembered.delete(text);
    }
  }

  /** Resolves when nothing waits any more. */
  async sent(): Promise<void> {
    while (this.sending !== undefined) await this.sending;
  }

  private async sendAll(): Promise<void> {
    for (let one = this.waiting.shift(); one !== undefined; one = this.waiting.shift()) {
      try {
        await this.cluster.event(one.object, one.event, one.at, this.randomName());
      } catch (error) {
        if (!(error instanceof ApiError || error instanceof Unreachable)) throw error;
        this.onDropped(error.message);
      }
    }
  }
}
