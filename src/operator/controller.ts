import { createHash } from "node:crypto";
import type { Server } from "node:http";
import type { Host } from "../io/host.ts";
import { watchFolders } from "../io/watch-folders.ts";
import { isObject, OWNER_LABEL, parseSopsSecret, type JsonObject } from "../k8s/sops-secret.ts";
import { localKeyService } from "../key-service/key-service.ts";
import { Api, type Connection } from "./api.ts";
import { Children } from "./child-index.ts";
import { childMeta } from "./child-secret.ts";
import { Cluster, secretsPath, sopsSecretsPath } from "./cluster.ts";
import { serveOperator } from "./endpoints.ts";
import { EventLoopLag } from "./event-loop-lag.ts";
import { CachingKeyService, KeyFiles } from "./key-set.ts";
import { LeaderElection } from "./leader.ts";
import { Metrics } from "./metrics.ts";
import { WorkQueue } from "./queue.ts";
import type { Observer } from "./observer.ts";
import { Reconciler, type ReconcileSettings } from "./reconcile.ts";
import { Reflector } from "./reflector.ts";

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
}

export type Log = (
  level: "info" | "error",
  message: string,
  fields?: Record<string, string | number>,
) => void;

/** Above so many namespaces the whole cluster is watched and filtered. */
const MAX_NAMESPACES = 20;

const KEY_POLL_MS = 10_000;

const SHUTDOWN_MS = 10_000;

const missingCrd = "the cluster does not know SopsSecrets: apply the output of `sopsmith k8s crd`";

/** All that is kept of a SopsSecret. */
interface Known {
  readonly key: string;
  readonly generation: number;
  /** Of labels and annotations. */
  readonly hash: string;
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
  private readonly cache: CachingKeyService | undefined;
  private readonly reconciler: Reconciler;
  private readonly queue: WorkQueue;
  private readonly reflectors: Reflector[] = [];
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
    this.cache = settings.cachesDataKeys
      ? new CachingKeyService(() => host.now().getTime())
      : undefined;
    const services = [this.cache ?? localKeyService];
    this.reconciler = new Reconciler(
      {
        cluster: new Cluster(this.api, settings.identity),
        children: this.children,
        services: () => services,
        keysVersion: () => this.keyFiles.version,
        host,
        keyHost: () => this.keyFiles.hostForKeys((message) => log("info", message)),
        observer: this.observer(),
      },
      settings,
    );
    this.queue = new WorkQueue((key) => this.reconciler.reconcile(key), settings.workers);
    this.election =
      settings.lease === undefined
        ? undefined
        : new LeaderElection(this.api, { ...settings.lease, identity: settings.identity });
  }

  async run(signal: AbortSignal): Promise<number> {
    const { settings } = this;
    for (const name of ["successes", "failures", "suspends"])
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
    const watching = this.namespaces().flatMap((namespace) =>
      this.reflectorsFor(namespace).map((reflector) => reflector.run(background.signal)),
    );
    this.log("info", "started", { namespaces: settings.namespaces.join(",") || "all" });
    const status = await this.work(background.signal);
    this.isStopping = true;
    this.isWorking = false;
    clearInterval(beat);
    unwatch();
    this.lag.stop();
    await this.finishQueue();
    background.abort();
    await this.election?.release();
    await Promise.all(watching);
    for (const server of servers) server.close();
    this.cache?.clear();
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
    void this.findLegacyChildren(signal);
    this.isWorking = true;
    for (const { key } of this.objects.values()) this.queue.add(key);
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

  private async finishQueue(): Promise<void> {
    await Promise.race([
      this.queue.stop(),
      new Promise<void>((resolve) => void setTimeout(resolve, SHUTDOWN_MS).unref()),
    ]);
  }

  private namespaces(): readonly string[] {
    const { namespaces } = this.settings;
    return namespaces.length === 0 || namespaces.length > MAX_NAMESPACES ? [""] : namespaces;
  }

  private isWatched(namespace: string): boolean {
    const { namespaces } = this.settings;
    return namespaces.length === 0 || namespaces.includes(namespace);
  }

  private reflectorsFor(namespace: string): Reflector[] {
    const common = {
      metadataOnly: true,
      random: Math.random,
    };
    const onRestart =
      (kind: string) =>
      (reason: string, isRefused: boolean): void => {
        this.metrics.add("sopsmith_watch_restarts_total");
        const hint = kind === "SopsSecret" && reason === "404" ? missingCrd : undefined;
        this.log(isRefused ? "error" : "info", "watch restarted", {
          kind,
          namespace: namespace || "all",
          reason: hint ?? reason,
        });
      };
    const objects = new Reflector(this.api, {
      ...common,
      path: sopsSecretsPath(namespace),
      onRestart: onRestart("SopsSecret"),
      ...(this.settings.labelSelector === "" ? {} : { labelSelector: this.settings.labelSelector }),
      onSet: (object) => this.sawObject(object),
      onDelete: (uid) => this.lostObject(uid),
      onSynced: (uids) => {
        for (const [uid, { key }] of this.objects)
          if (!uids.has(uid) && (namespace === "" || key.startsWith(`${namespace}/`)))
            this.lostObject(uid);
      },
    });
    const secrets = new Reflector(this.api, {
      ...common,
      path: secretsPath(namespace),
      onRestart: onRestart("Secret"),
      labelSelector: OWNER_LABEL,
      onSet: (object) => this.sawChild(object),
      onDelete: (uid) => this.queueOwners(this.children.remove(uid)),
      onSynced: (uids) => {
        for (const uid of this.children.uids(namespace)) {
          if (!uids.has(uid) && !this.legacy.has(uid)) this.queueOwners(this.children.remove(uid));
        }
      },
    });
    this.reflectors.push(objects, secrets);
    return [objects, secrets];
  }

  /** Children without our label: the reference operator's. */
  private readonly legacy = new Set<string>();

  /** One look at all Secrets' metadata, for children that the reference operator made. */
  private async findLegacyChildren(signal: AbortSignal): Promise<void> {
    for (const namespace of this.namespaces()) {
      let next = "";
      do {
        try {
          const page = await this.api.request({
            method: "GET",
            path: secretsPath(namespace),
            query: {
              limit: "500",
              labelSelector: `!${OWNER_LABEL}`,
              ...(next === "" ? {} : { continue: next }),
            },
            accept: "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
          });
          for (const item of Array.isArray(page["items"]) ? page["items"] : []) {
            if (!isObject(item)) continue;
            const meta = childMeta(item);
            if (meta.controllerUid === "") continue;
            this.legacy.add(meta.uid);
            this.queueOwners(this.children.set(meta));
          }
          const { metadata } = page;
          next =
            isObject(metadata) && typeof metadata["continue"] === "string"
              ? metadata["continue"]
              : "";
        } catch {
          // They are found when their owner is looked at; only orphans would stay.
          this.log("error", "Secrets of the former operator could not be listed");
          next = "";
        }
      } while (next !== "" && !signal.aborted);
    }
  }

  private sawObject(json: JsonObject): void {
    const { metadata } = parseSopsSecret(json);
    const { namespace = "", name = "", uid = "", generation = 0, labels, annotations } = metadata;
    if (!this.isWatched(namespace)) return;
    const key = `${namespace}/${name}`;
    const hash = createHash("sha256")
      .update(JSON.stringify([labels, annotations]))
      .digest("base64")
      .slice(0, 16);
    const before = this.objects.get(uid);
    if (before?.generation === generation && before.hash === hash) return;
    this.objects.set(uid, { key, generation, hash });
    if (this.isWorking) this.queue.add(key);
  }

  private lostObject(uid: string): void {
    const known = this.objects.get(uid);
    if (known === undefined) return;
    this.objects.delete(uid);
    this.reconciler.forget(known.key);
  }

  private sawChild(json: JsonObject): void {
    const meta = childMeta(json);
    if (!this.isWatched(meta.namespace)) return;
    this.legacy.delete(meta.uid);
    if (this.children.get(meta.namespace, meta.name)?.resourceVersion === meta.resourceVersion)
      return;
    const owners = this.children.set(meta);
    // What the operator wrote itself comes back as an event.
    if (!this.reconciler.isOwnWrite(meta)) this.queueOwners(owners);
  }

  private queueOwners(uids: readonly string[]): void {
    if (!this.isWorking) return;
    for (const uid of uids) {
      const known = this.objects.get(uid);
      if (known !== undefined) this.queue.add(known.key);
    }
  }

  private async pollKeys(): Promise<void> {
    if (!(await this.keyFiles.poll())) return;
    this.cache?.clear();
    this.metrics.add("sopsmith_key_reloads_total");
    this.log("info", "keys changed");
    if (this.isWorking) for (const key of this.reconciler.undecrypted()) this.queue.add(key);
  }

  private observer(): Observer {
    const { metrics } = this;
    const names = { success: "successes", error: "failures", suspended: "suspends" } as const;
    return {
      reconciled: (result, seconds) => {
        metrics.add(`sopssecrets_reconcilation_${names[result]}_total`);
        metrics.add("controller_runtime_reconcile_total", {
          controller: "sopssecret",
          result: result === "error" ? "error" : "success",
        });
        if (result === "error")
          metrics.add("controller_runtime_reconcile_errors_total", { controller: "sopssecret" });
        metrics.observe("controller_runtime_reconcile_time_seconds", seconds, {
          controller: "sopssecret",
        });
      },
      wrote: (op) => metrics.add("sopsmith_secret_writes_total", { op }),
      decrypted: (seconds) => metrics.observe("sopsmith_decrypt_seconds", seconds),
      log: this.log,
    };
  }

  private listen(): Promise<Server[]> {
    return serveOperator(this.settings, {
      stuck: () => {
        if (this.lag.milliseconds > 5000) return "the event loop is blocked";
        const isSilent = this.reflectors.some(
          ({ lastHeard }) => performance.now() - lastHeard > 700_000,
        );
        return isSilent ? "a watch is silent" : undefined;
      },
      unready: () => {
        if (this.isStopping) return "stopping";
        return this.reflectors.length > 0 && this.reflectors.every(({ hasSynced }) => hasSynced)
          ? undefined
          : "not synced yet";
      },
      metrics: () => this.currentMetrics(),
    });
  }

  private currentMetrics(): string {
    const { metrics } = this;
    metrics.set("workqueue_depth", this.queue.depth, { name: "sopssecret" });
    const leads = this.election?.isLeader ?? true;
    metrics.set("leader_election_master_status", leads ? 1 : 0, {
      name: this.settings.lease?.name ?? "",
    });
    metrics.set("process_resident_memory_bytes", process.memoryUsage.rss());
    for (const [label, count] of this.reconciler.conditionCounts()) {
      const [condition = "", status = ""] = label.split("\0");
      metrics.set("sopsmith_objects", count, { condition, status });
    }
    return metrics.text();
  }
}
