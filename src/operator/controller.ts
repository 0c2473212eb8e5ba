import type { Server } from "node:http";
import type { Host } from "../io/host.ts";
import { watchFolders } from "../io/watch-folders.ts";
import {
  parseSecret,
  parseSopsSecret,
  type ChildKind,
  type JsonObject,
  type ObjectMeta,
} from "../k8s/sops-secret.ts";
import type { KeyService } from "../key-service/key-service.ts";
import { Api, ApiError, Unreachable, type Connection } from "./api.ts";
import { Children } from "./child-index.ts";
import { childMeta, type ChildMeta } from "./child-secret.ts";
import { Cluster, sopsSecretsPath } from "./cluster.ts";
import { serveOperator } from "./endpoints.ts";
import { EventLoopLag } from "./event-loop-lag.ts";
import { FirstPasses, isFresh } from "./first-passes.ts";
import { KeyFiles } from "./key-set.ts";
import { Keyring } from "./keyring.ts";
import { LeaderElection, leaderTimes, type LeaseState } from "./leader.ts";
import { legacyChildren } from "./legacy-children.ts";
import { Metrics } from "./metrics.ts";
import { metricsObserver } from "./metrics-observer.ts";
import { Obstacles } from "./obstacles.ts";
import { NamespaceKeys } from "./namespace-keys.ts";
import type { LogLevel } from "./observer.ts";
import { WorkQueue } from "./queue.ts";
import { metadataHash, Reconciler, type KnownObject, type ReconcileSettings } from "./reconcile.ts";
import { Watches, type WatchKind, type WatchSink } from "./watches.ts";

export interface OperatorSettings extends ReconcileSettings {
  /** Empty for all. */
  readonly namespaces: readonly string[];
  readonly labelSelector: string;
  readonly workers: number;
  readonly qps: number;
  readonly burst: number;
  readonly metricsAddress: string;
  readonly healthAddress: string;
  /** undefined: no election. */
  readonly lease: { namespace: string; name: string } | undefined;
  /** This process, in events and in the lease. */
  readonly identity: string;
  readonly keyFiles: readonly string[];
  readonly cachesDataKeys: boolean;
  /** Unwraps data keys with the operator's own keys. */
  readonly keyService: KeyService;
  /** Label selector of Secrets with keys of their namespace; "" for none. */
  readonly keySelector: string;
  /** Everything is listed again after so many milliseconds. */
  readonly relistMs: number;
  /** Names of objects that failed are told in a metric. */
  readonly perObjectMetrics: boolean;
}

export type Log = (
  level: LogLevel,
  message: string,
  fields?: Record<string, string | number>,
) => void;

const KEY_POLL_MS = 10_000;

const SHUTDOWN_MS = 10_000;

/** Objects that changed while no operator ran go first, if they are no more than this or a tenth of all: else there is no hurry. */
const FEW = 100;

interface Known extends KnownObject {
  /** It changed after its status was written, as far as could be seen before the first pass. */
  readonly isFresh: boolean;
}

/**
 * Runs the controller until the signal.
 *
 * @param signal ends it in good order
 * @returns the exit status: 1 when the lease was lost
 */
export async function runOperator(
  settings: OperatorSettings,
  connection: Connection,
  host: Host,
  log: Log,
  signal: AbortSignal,
): Promise<number> {
  const operator = new Operator(settings, connection, host, log);
  return operator.run(signal);
}

class Operator {
  private readonly settings: OperatorSettings;
  private readonly log: Log;
  private readonly api: Api;
  private readonly metrics = new Metrics();
  private readonly children = new Children();
  private readonly objects = new Map<string, Known>();
  private readonly keyFiles: KeyFiles;
  private readonly tenants: NamespaceKeys | undefined;
  private readonly keyring: Keyring;
  private readonly firstPasses = new FirstPasses();
  private readonly obstacles: Obstacles;
  private readonly reconciler: Reconciler;
  private readonly queue: WorkQueue;
  private readonly watches: Watches;
  private readonly election: LeaderElection | undefined;
  private isWorking = false;
  private isStopping = false;
  private readonly lag = new EventLoopLag();

  constructor(settings: OperatorSettings, connection: Connection, host: Host, log: Log) {
    this.settings = settings;
    this.log = log;
    this.api = new Api(connection, { qps: settings.qps, burst: settings.burst });
    this.api.onRequest = (method, status) =>
      this.metrics.add("rest_client_requests_total", { method, code: String(status) });
    this.keyFiles = new KeyFiles(host, settings.keyFiles);
    const { keySelector } = settings;
    this.tenants =
      keySelector === ""
        ? undefined
        : new NamespaceKeys(this.api, keySelector, (namespace) => this.keysChanged(namespace));
    this.keyring = new Keyring(
      {
        service: settings.keyService,
        files: this.keyFiles,
        tenants: this.tenants,
        host,
        warn: (message) => log("info", message),
      },
      { caches: settings.cachesDataKeys, selector: keySelector },
    );
    this.obstacles = new Obstacles(this.api, settings.relistMs, (keys) => this.queueAll(keys));
    this.reconciler = new Reconciler(
      {
        cluster: new Cluster(this.api, settings.identity),
        children: this.children,
        keys: (object) => this.keyring.keysFor(object),
        keysVersion: (namespace) => this.keyring.version(namespace),
        host,
        observer: metricsObserver(this.metrics, log),
        bodies: this.firstPasses,
        obstacles: this.obstacles,
      },
      settings,
    );
    this.queue = new WorkQueue((key) => this.reconciler.reconcile(key), settings.workers);
    const watched = { ...settings, watchesConfigMaps: settings.policy.configMaps };
    this.watches = new Watches(this.api, watched, this.sinks(), {
      metrics: this.metrics,
      log,
      recovered: () => this.queueAll(this.reconciler.memories.cutOff()),
      rewound: () => this.distrust(),
    });
    this.election =
      settings.lease === undefined
        ? undefined
        : new LeaderElection(
            this.api,
            { ...settings.lease, identity: settings.identity },
            leaderTimes,
            (state) => this.tellLease(state),
          );
  }

  async run(signal: AbortSignal): Promise<number> {
    const { settings } = this;
    for (const name of ["successes", "failures", "suspends"] as const)
      this.metrics.add(`sopssecrets_reconcilation_${name}_total`, {}, 0);
    await this.keyFiles.poll();
    const servers = await this.listen();
    const background = new AbortController();
    const stop = (): void => background.abort();
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    const beat = setInterval(() => void this.pollKeys(), KEY_POLL_MS);
    const unwatch = watchFolders(settings.keyFiles, () => void this.pollKeys());
    this.lag.start();
    const watching = this.watches.run(background.signal);
    this.log("info", "started", { namespaces: settings.namespaces.join(",") || "all" });
    const status = await this.work(background.signal);
    this.isStopping = true;
    this.isWorking = false;
    clearInterval(beat);
    unwatch();
    this.lag.stop();
    await this.finishQueue();
    this.obstacles.stop();
    background.abort();
    await this.election?.release();
    await watching;
    for (const server of servers) server.close();
    this.keyring.forget("");
    this.api.close();
    this.log("info", "stopped");
    return status;
  }

  /**
   * Waits for the lease, then works until the signal or until the lease is lost.
   *
   * @returns 1 when the lease was lost
   */
  private async work(signal: AbortSignal): Promise<0 | 1> {
    await this.election?.acquire(signal);
    if (signal.aborted) return 0;
    this.log("info", "working", { identity: this.settings.identity });
    void this.begin(signal);
    const aborted = new Promise<void>((resolve) =>
      signal.addEventListener("abort", () => resolve(), { once: true }),
    );
    await (this.election === undefined ? aborted : this.election.hold(signal));
    if (signal.aborted) return 0;
    this.log("error", "the lease was lost");
    // Another may work by now: what is under way here must not write any more.
    this.api.close();
    return 1;
  }

  /** Looks at every object once: those that changed while no operator ran first, the others page by page. */
  private async begin(signal: AbortSignal): Promise<void> {
    await this.watches.settled(signal);
    if (signal.aborted || this.isStopping) return;
    this.isWorking = true;
    void this.findLegacyChildren(signal);
    const all = [...this.objects.values()];
    const fresh = all.filter((known) => known.isFresh).map(({ key }) => key);
    const first = new Set(fresh.length <= Math.max(FEW, all.length / 10) ? fresh : []);
    this.queueAll([...first]);
    const left = new Set(all.map(({ key }) => key).filter((key) => !first.has(key)));
    const { labelSelector } = this.settings;
    for (const namespace of this.namespaces()) {
      const path = sopsSecretsPath(namespace);
      const keyOf = (metadata: ObjectMeta): string | undefined => {
        const known = this.objects.get(metadata.uid ?? "");
        // All pages show the objects as they were at the first one: what changed since has had its pass.
        const isOld =
          known?.generation !== (metadata.generation ?? 0) ||
          known?.hash !== metadataHash(metadata);
        return known !== undefined && left.delete(known.key) && !isOld ? known.key : undefined;
      };
      await this.firstPasses
        .run({ path, labelSelector }, this.api, this.queue, keyOf, signal)
        .catch((error: unknown) => {
          if (!(error instanceof ApiError || error instanceof Unreachable)) throw error;
          this.log("debug", "reading objects one by one", { namespace, reason: error.message });
        });
      if (signal.aborted) return;
    }
    for (const key of left) this.queue.add(key, "routine");
  }

  private async finishQueue(): Promise<void> {
    await Promise.race([
      this.queue.stop().then(() => this.reconciler.eventsSent()),
      new Promise<void>((resolve) => void setTimeout(resolve, SHUTDOWN_MS).unref()),
    ]);
  }

  private namespaces(): readonly string[] {
    const { namespaces } = this.settings;
    return namespaces.length === 0 ? [""] : namespaces;
  }

  private sinks(): Record<WatchKind, WatchSink> {
    return {
      SopsSecret: {
        set: (object) => this.sawObject(object),
        deleted: (uid) => this.lostObject(uid),
        synced: (namespace, uids) => {
          for (const [uid, { key }] of this.objects)
            if (!uids.has(uid) && (namespace === "" || key.startsWith(`${namespace}/`)))
              this.lostObject(uid);
        },
      },
      Secret: this.childSink("Secret"),
      ConfigMap: this.childSink("ConfigMap"),
      "key Secret": {
        set: (object) => this.tenants?.saw(object),
        deleted: (uid) => this.tenants?.lost(uid),
        synced: (namespace, uids) => this.tenants?.synced(namespace, uids),
      },
    };
  }

  private childSink(kind: ChildKind): WatchSink {
    return {
      set: (object) => {
        this.sawChild(childMeta(kind, object));
        this.obstacles.saw(parseSecret(object));
      },
      deleted: (uid) => this.lostChild(uid),
      synced: (namespace, uids) => {
        for (const uid of this.children.uids(kind, namespace))
          if (!uids.has(uid) && !this.legacy.has(uid)) this.lostChild(uid);
      },
    };
  }

  /** Children without our label: the reference operator's. */
  private readonly legacy = new Set<string>();

  /** One look at all Secrets' metadata, for children that the reference operator made. */
  private async findLegacyChildren(signal: AbortSignal): Promise<void> {
    for (const namespace of this.namespaces())
      try {
        for await (const child of legacyChildren(this.api, namespace, signal)) {
          this.legacy.add(child.uid);
          this.queueOwners(this.children.set(child));
        }
      } catch (error) {
        // They are found when their owner is looked at; only orphans would stay.
        this.log("error", "Secrets of the former operator could not be listed", {
          namespace: namespace || "all",
          reason: error instanceof Error ? error.message : "",
        });
      }
  }

  private sawObject(json: JsonObject): void {
    const { metadata } = parseSopsSecret(json);
    const { namespace = "", name = "", uid = "", generation = 0 } = metadata;
    const key = `${namespace}/${name}`;
    const hash = metadataHash(metadata);
    const before = this.objects.get(uid);
    if (before?.generation === generation && before.hash === hash) return;
    this.objects.set(uid, { key, uid, generation, hash, isFresh: isFresh(metadata) });
    this.firstPasses.drop(key);
    if (this.isWorking) this.queue.add(key);
  }

  private lostObject(uid: string): void {
    const known = this.objects.get(uid);
    if (known === undefined) return;
    this.objects.delete(uid);
    this.firstPasses.drop(known.key);
    this.reconciler.forget(known.key);
  }

  private sawChild(meta: ChildMeta): void {
    this.legacy.delete(meta.uid);
    if (
      this.children.get(meta.kind, meta.namespace, meta.name)?.resourceVersion ===
      meta.resourceVersion
    )
      return;
    const owners = this.children.set(meta);
    // What the operator wrote itself comes back as an event.
    if (!this.reconciler.isOwnWrite(meta)) this.queueOwners(owners);
  }

  private lostChild(uid: string): void {
    this.queueOwners(this.children.remove(uid));
    this.obstacles.cleared(uid);
  }

  private queueOwners(uids: readonly string[]): void {
    if (!this.isWorking) return;
    for (const uid of uids) {
      const known = this.objects.get(uid);
      // While its pass runs, most of what comes is the pass's own.
      if (known !== undefined)
        this.queue.add(known.key, "soon", () => !this.reconciler.isCurrent(known));
    }
  }

  private queueAll(keys: readonly string[]): void {
    if (this.isWorking) for (const key of keys) this.queue.add(key);
  }

  /** The cluster was restored from a backup: no version that was seen says anything. */
  private distrust(): void {
    this.log("info", "the API server's store went back in time: checking everything again");
    this.reconciler.memories.distrust();
    if (this.isWorking) for (const { key } of this.objects.values()) this.queue.add(key, "routine");
  }

  private async pollKeys(): Promise<void> {
    if (await this.keyFiles.poll()) this.keysChanged("");
  }

  /** @param namespace "" for the operator's own keys */
  private keysChanged(namespace: string): void {
    this.keyring.forget(namespace);
    this.metrics.add("sopsmith_key_reloads_total");
    this.log("info", "keys changed", namespace === "" ? {} : { namespace });
    this.queueAll(this.reconciler.memories.undecrypted(namespace));
  }

  private tellLease(state: LeaseState): void {
    const lease = this.settings.lease;
    const name = `${lease?.namespace ?? ""}/${lease?.name ?? ""}`;
    if (state.kind === "leading") this.log("info", `holding lease ${name}`);
    else
      this.log(
        state.kind === "refused" ? "error" : "info",
        `waiting for lease ${name}: ${state.reason}`,
      );
  }

  private listen(): Promise<Server[]> {
    return serveOperator(this.settings, {
      stuck: () => {
        if (this.lag.milliseconds > 5000) return "the event loop is blocked";
        return this.watches.isSilent() ? "a watch is silent" : undefined;
      },
      unready: () =>
        this.isStopping ? "stopping" : (this.leaseMissing() ?? this.watches.unready()),
      metrics: () => this.currentMetrics(),
    });
  }

  /** Who waits for a lease that another holds is ready to take over; who cannot have it is not. */
  private leaseMissing(): string | undefined {
    const { election } = this;
    const { lease } = this.settings;
    if (election === undefined || lease === undefined) return undefined;
    const name = `${lease.namespace}/${lease.name}`;
    if (election.state === undefined) return `lease ${name} has not been requested yet`;
    return election.state.kind === "refused"
      ? `waiting for lease ${name}: ${election.state.reason}`
      : undefined;
  }

  private currentMetrics(): string {
    const { metrics } = this;
    metrics.set("workqueue_depth", this.queue.depth, { name: "sopssecret" });
    const leads = this.election?.isLeader ?? true;
    metrics.set("leader_election_master_status", leads ? 1 : 0, {
      name: this.settings.lease?.name ?? "",
    });
    if (this.election !== undefined)
      for (const state of ["leading", "standby", "refused"] as const)
        metrics.set("sopsmith_lease", this.election.state?.kind === state ? 1 : 0, { state });
    metrics.set("process_resident_memory_bytes", process.memoryUsage.rss());
    // Of who works alone: the others know nothing of the objects' conditions.
    metrics.clear("sopsmith_objects");
    metrics.clear("sopsmith_object_failed");
    if (!this.isWorking) return metrics.text();
    for (const [label, count] of this.reconciler.memories.conditionCounts()) {
      const [condition = "", status = ""] = label.split("=");
      metrics.set("sopsmith_objects", count, { condition, status });
    }
    if (this.settings.perObjectMetrics)
      for (const { key, reason } of this.reconciler.memories.failures()) {
        const [namespace = "", name = ""] = key.split("/");
        metrics.set("sopsmith_object_failed", 1, { namespace, name, reason });
      }
    return metrics.text();
  }
}
