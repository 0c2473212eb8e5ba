import { OWNER_LABEL, type ChildKind, type JsonObject } from "../k8s/sops-secret.ts";
import type { Api } from "./api.ts";
import { childrenPath, sopsSecretsPath } from "./cluster.ts";
import type { Metrics } from "./metrics.ts";
import type { LogLevel } from "./observer.ts";
import { Reflector } from "./reflector.ts";

/** What is watched: objects, their children, and Secrets with tenants' keys. */
export type WatchKind = "SopsSecret" | ChildKind | "key Secret";

/** Who hears of what is seen; metadata only. `namespace` is "" where the whole cluster is watched. */
export interface WatchSink {
  set(object: JsonObject): void;
  deleted(uid: string): void;
  synced(namespace: string, uids: ReadonlySet<string>): void;
}

interface Watch {
  readonly kind: WatchKind;
  readonly namespace: string;
  readonly reflector: Reflector;
  /** What is wrong with it now. */
  problem: { readonly reason: string; readonly isRefused: boolean } | undefined;
}

const MISSING_CRD =
  "the cluster has no CustomResourceDefinition for SopsSecrets: apply the output of `sopsmith k8s crd`";

/** The API server's silence after which a watch counts as dead, in milliseconds: longer than any watch lasts. */
const SILENCE_MS = 700_000;

/** The watches over all namespaces: each works by itself, and one that is refused keeps no other from being ready. */
export class Watches {
  private readonly watches: Watch[] = [];
  private readonly metrics: Metrics;
  private readonly log: (
    level: LogLevel,
    message: string,
    fields: Record<string, string | number>,
  ) => void;
  private readonly on: { recovered(): void; rewound(): void };
  private waiting: (() => void)[] = [];

  constructor(
    api: Api,
    options: {
      /** Empty for the whole cluster. */
      namespaces: readonly string[];
      labelSelector: string;
      /** Of tenants' keys; "" for none. */
      keySelector: string;
      /** ConfigMaps are watched, too; where that is refused, the operator works all the same. */
      watchesConfigMaps: boolean;
      relistMs: number;
    },
    sinks: Readonly<Record<WatchKind, WatchSink>>,
    reports: {
      metrics: Metrics;
      log: Watches["log"];
      /** A watch works again after a failure. */
      recovered(): void;
      /** The API server's store went back in time. */
      rewound(): void;
    },
  ) {
    this.metrics = reports.metrics;
    this.log = reports.log;
    this.on = reports;
    const selectors: Record<WatchKind, string> = {
      SopsSecret: options.labelSelector,
      Secret: OWNER_LABEL,
      ConfigMap: OWNER_LABEL,
      "key Secret": options.keySelector,
    };
    const kinds: readonly WatchKind[] = [
      "SopsSecret",
      "Secret",
      ...(options.watchesConfigMaps ? (["ConfigMap"] as const) : []),
      ...(options.keySelector === "" ? [] : (["key Secret"] as const)),
    ];
    const namespaces = options.namespaces.length === 0 ? [""] : options.namespaces;
    for (const namespace of namespaces)
      for (const kind of kinds) {
        const sink = sinks[kind];
        const watch: Watch = {
          kind,
          namespace,
          problem: undefined,
          reflector: new Reflector(api, {
            path:
              kind === "SopsSecret"
                ? sopsSecretsPath(namespace)
                : childrenPath(kind === "ConfigMap" ? kind : "Secret", namespace),
            ...(selectors[kind] === "" ? {} : { labelSelector: selectors[kind] }),
            metadataOnly: true,
            random: Math.random,
            relistMs: options.relistMs,
            onSet: (object) => sink.set(object),
            onDelete: (uid) => sink.deleted(uid),
            onSynced: (uids) => sink.synced(namespace, uids),
            onUp: () => this.up(watch),
            onDown: (reason, isRefused) => this.down(watch, reason, isRefused),
            onRewind: () => reports.rewound(),
          }),
        };
        this.watches.push(watch);
      }
  }

  /** Watches until the signal. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all(this.watches.map(({ reflector }) => reflector.run(signal)));
  }

  /** Resolves when everything was listed once or is refused, or at the signal. */
  async settled(signal: AbortSignal): Promise<void> {
    if (this.isSettled() || signal.aborted) return;
    await new Promise<void>((resolve) => {
      this.waiting.push(resolve);
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
  }

  /** Why the operator is not ready; undefined where at least one namespace is watched and no other is still to come. */
  unready(): string | undefined {
    const unsettled = this.watches.find((watch) => !isSettled(watch));
    if (unsettled !== undefined) {
      const reason = unsettled.problem === undefined ? "" : `: ${unsettled.problem.reason}`;
      return `${this.name(unsettled)} have not been listed yet${reason}`;
    }
    const isBroken = (namespace: string): boolean =>
      this.watches.some(
        ({ kind, namespace: own, problem }) =>
          own === namespace && kind !== "ConfigMap" && problem?.isRefused === true,
      );
    if (!this.watches.every(({ namespace }) => isBroken(namespace))) return undefined;
    const first = this.watches.find(({ problem }) => problem?.isRefused === true);
    return first === undefined
      ? undefined
      : `${this.name(first)} cannot be watched: ${first.problem?.reason ?? ""}`;
  }

  /** Is there a watch that has been silent for longer than any may be? */
  isSilent(): boolean {
    const limit = performance.now() - SILENCE_MS;
    return this.watches.some(({ reflector }) => reflector.lastHeard < limit);
  }

  private up(watch: Watch): void {
    this.show(watch, 1);
    const { problem } = watch;
    watch.problem = undefined;
    if (problem !== undefined) {
      this.log("info", "the watch works again", this.fields(watch));
      this.on.recovered();
    }
    this.tellSettled();
  }

  private down(watch: Watch, reason: string, isRefused: boolean): void {
    const told = watch.kind === "SopsSecret" && reason === "404" ? MISSING_CRD : reason;
    this.metrics.add("sopsmith_watch_restarts_total");
    this.show(watch, 0);
    if (watch.problem?.reason !== told)
      this.log(isRefused ? "error" : "info", "the watch failed", {
        ...this.fields(watch),
        reason: told,
      });
    watch.problem = { reason: told, isRefused };
    this.tellSettled();
  }

  private show({ kind, namespace }: Watch, value: 0 | 1): void {
    this.metrics.set("sopsmith_watch_up", value, { kind, namespace });
  }

  private fields({ kind, namespace }: Watch): Record<string, string> {
    return { kind, namespace: namespace || "all" };
  }

  private name({ kind, namespace }: Watch): string {
    return `${kind}s of ${namespace === "" ? "all namespaces" : `namespace ${namespace}`}`;
  }

  private isSettled(): boolean {
    return this.watches.every(isSettled);
  }

  private tellSettled(): void {
    if (!this.isSettled()) return;
    const { waiting } = this;
    this.waiting = [];
    for (const resolve of waiting) resolve();
  }
}

const isSettled = ({ reflector, problem }: Watch): boolean =>
  reflector.hasSynced || problem?.isRefused === true;
