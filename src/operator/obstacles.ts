import { parseSecret, OWNER_LABEL, type ChildKind, type Secret } from "../k8s/sops-secret.ts";
import type { Api } from "./api.ts";
import { ownershipOf } from "./child-secret.ts";
import { childrenPath } from "./cluster.ts";
import { Reflector } from "./reflector.ts";

/** Watches at a time; objects in further namespaces wait for their next retry. */
const MAX_WATCHES = 20;

/** A Secret or ConfigMap of somebody else where a template wants its own. */
export interface Obstacle {
  readonly kind: ChildKind;
  readonly namespace: string;
  readonly uid: string;
  /** See {@link ownershipOf}. */
  readonly ownership: string;
  /** It has the label of children, so that the watch of those sees it. */
  readonly isLabelled: boolean;
}

export const obstacleOf = (kind: ChildKind, found: Secret): Obstacle => ({
  kind,
  namespace: found.metadata.namespace ?? "",
  uid: found.metadata.uid ?? "",
  ownership: ownershipOf(found),
  isLabelled: found.metadata.labels?.[OWNER_LABEL] !== undefined,
});

/**
 * What stands in the way of objects, by uid. Who waits for one is told when it is offered, changes hands or goes. Those without the
 * label of children are watched only while somebody waits for them, in their namespace, as metadata.
 */
export class Obstacles {
  private readonly api: Api;
  private readonly relistMs: number;
  private readonly onCleared: (keys: readonly string[]) => void;
  private readonly held = new Map<string, Obstacle & { readonly waiting: Set<string> }>();
  private readonly watches = new Map<string, AbortController>();
  private isStopped = false;

  /** @param onCleared called with the keys of objects that are worth another look */
  constructor(api: Api, relistMs: number, onCleared: (keys: readonly string[]) => void) {
    this.api = api;
    this.relistMs = relistMs;
    this.onCleared = onCleared;
  }

  /** All that stands in the way of an object after a pass; nothing, mostly. */
  set(key: string, obstacles: readonly Obstacle[]): void {
    if (this.held.size === 0 && obstacles.length === 0) return;
    for (const { uid, waiting } of this.held.values())
      if (waiting.delete(key) && waiting.size === 0) this.held.delete(uid);
    for (const one of obstacles)
      this.held.set(one.uid, {
        ...one,
        waiting: new Set([...(this.held.get(one.uid)?.waiting ?? []), key]),
      });
    this.adjustWatches();
  }

  /** One that may be an obstacle is there. */
  saw(found: Secret): void {
    const held = this.held.get(found.metadata.uid ?? "");
    if (held !== undefined && held.ownership !== ownershipOf(found)) this.cleared(held.uid);
  }

  /** It is gone. */
  cleared(uid: string): void {
    const held = this.held.get(uid);
    if (held !== undefined) this.onCleared([...held.waiting]);
  }

  stop(): void {
    this.isStopped = true;
    for (const watch of this.watches.values()) watch.abort();
  }

  private adjustWatches(): void {
    const wanted = new Map<string, Obstacle>();
    for (const one of this.held.values())
      if (!one.isLabelled) wanted.set(childrenPath(one.kind, one.namespace), one);
    for (const [path, watch] of this.watches)
      if (!wanted.has(path)) {
        watch.abort();
        this.watches.delete(path);
      }
    for (const [path, { kind, namespace }] of wanted)
      if (!this.isStopped && !this.watches.has(path) && this.watches.size < MAX_WATCHES)
        this.watch(path, kind, namespace);
  }

  private watch(path: string, kind: ChildKind, namespace: string): void {
    const stop = new AbortController();
    this.watches.set(path, stop);
    const reflector = new Reflector(this.api, {
      path,
      labelSelector: `!${OWNER_LABEL}`,
      metadataOnly: true,
      random: Math.random,
      relistMs: this.relistMs,
      onSet: (object) => this.saw(parseSecret(object)),
      onDelete: (uid) => this.cleared(uid),
      onSynced: (uids) => {
        for (const one of this.held.values())
          if (one.kind === kind && one.namespace === namespace)
            if (!one.isLabelled && !uids.has(one.uid)) this.cleared(one.uid);
      },
      onUp: () => undefined,
      // Nothing depends on it: who waits is looked at again in time all the same.
      onDown: () => undefined,
      onRewind: () => undefined,
    });
    void reflector.run(stop.signal);
  }
}
