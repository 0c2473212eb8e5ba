import type { SopsSecret } from "../k8s/sops-secret.ts";
import { ApiError, Unreachable } from "./api.ts";
import type { Cluster, ClusterEvent } from "./cluster.ts";

/** Equal events about one object are sent once in this time. */
const PAUSE_MS = 5 * 60_000;

/** Events that wait at most: more are no news to anybody. */
const MAX_WAITING = 10_000;

/** Different events that are remembered for one object. */
const MAX_REMEMBERED = 100;

/** What was sent about one object: the event's text to its time. */
export type SentEvents = Map<string, number>;

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

  /** @param sent of the object; what is sent is added */
  send(object: SopsSecret, events: readonly ClusterEvent[], sent: SentEvents, now: Date): void {
    for (const event of events) {
      const text = `${event.reason} ${event.note}`;
      const last = sent.get(text);
      if (last !== undefined && now.getTime() - last < PAUSE_MS) continue;
      if (sent.size >= MAX_REMEMBERED) sent.clear();
      sent.set(text, now.getTime());
      const { name = "", namespace = "", uid = "", resourceVersion = "" } = object.metadata;
      const metadata = { name, namespace, uid, resourceVersion };
      if (this.waiting.length < MAX_WAITING)
        this.waiting.push({ object: { metadata }, event, at: now });
      else this.onDropped(undefined);
    }
    this.sending ??= this.sendAll().finally(() => (this.sending = undefined));
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
