import { setTimeout as delay } from "node:timers/promises";
import { isObject, type JsonObject } from "../k8s/sops-secret.ts";
import { ApiError, type Api } from "./api.ts";

export interface LeaderTimes {
  /** How long a lease is good for, how long its holder tries to renew it, and how often all try: milliseconds. */
  readonly duration: number;
  readonly renewDeadline: number;
  readonly retry: number;
}

export const leaderTimes: LeaderTimes = { duration: 15_000, renewDeadline: 10_000, retry: 2000 };

/** How it stands with the lease. */
export type LeaseState =
  | { readonly kind: "leading" }
  /** Another holds it: this process is ready to take over. */
  | { readonly kind: "standby"; readonly reason: string }
  /** It cannot be had: a right is missing, its namespace does not exist, nobody answers. */
  | { readonly kind: "refused"; readonly reason: string };

/**
 * Leader election over a Lease (coordination.k8s.io/v1). Whether another's lease has run out is judged by when this process last saw it
 * change, never by the times written in it: clocks of two machines need not agree (spec kubernetes 4.10).
 */
export class LeaderElection {
  private readonly api: Api;
  private readonly path: string;
  private readonly name: string;
  private readonly namespace: string;
  private readonly identity: string;
  private readonly times: LeaderTimes;
  private seen = "";
  private seenAt = 0;
  private acquiredAt = 0;
  /** Another held it when it was last read. */
  private isTaken = false;
  isLeader = false;
  /** undefined until the lease was asked for. */
  state: LeaseState | undefined;
  private readonly onChange: (state: LeaseState) => void;

  /** @param onChange is told once of each state, and of each other reason */
  constructor(
    api: Api,
    lease: { namespace: string; name: string; identity: string },
    times: LeaderTimes = leaderTimes,
    onChange: (state: LeaseState) => void = () => undefined,
  ) {
    this.onChange = onChange;
    this.api = api;
    this.name = lease.name;
    this.namespace = lease.namespace;
    this.path = `/apis/coordination.k8s.io/v1/namespaces/${lease.namespace}/leases`;
    this.identity = lease.identity;
    this.times = times;
  }

  /** Resolves when this process leads. */
  async acquire(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const began = performance.now();
      if (await this.attempt(this.times.renewDeadline)) {
        this.isLeader = true;
        this.acquiredAt = began;
        this.enter({ kind: "leading" });
        return;
      }
      await delay(this.times.retry * (1 + 0.2 * Math.random()), undefined, { signal }).catch(
        () => undefined,
      );
    }
  }

  /**
   * Renews the lease; resolves when it was lost, or at the signal. It is lost when another holds it, and when it could not be renewed
   * within the deadline, which ends before others may take it: counted from when the last good try began, because the answer may be late.
   */
  async hold(signal: AbortSignal): Promise<void> {
    let renewed = this.acquiredAt;
    while (!signal.aborted) {
      const left = renewed + this.times.renewDeadline - performance.now();
      if (left <= 0) break;
      await delay(Math.min(this.times.retry, left), undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      const began = performance.now();
      if (await this.attempt(renewed + this.times.renewDeadline - began)) renewed = began;
      else if (this.isTaken) break;
    }
    this.isLeader = false;
  }

  /** Lets others lead at once. */
  async release(): Promise<void> {
    if (!this.isLeader) return;
    this.isLeader = false;
    try {
      const lease = await this.api.request({ method: "GET", path: `${this.path}/${this.name}` });
      const spec = isObject(lease["spec"]) ? lease["spec"] : {};
      if (spec["holderIdentity"] !== this.identity) return;
      await this.put(
        { ...lease, spec: { ...spec, holderIdentity: "", leaseDurationSeconds: 1 } },
        this.times.retry,
      );
    } catch {
      // It runs out by itself.
    }
  }

  /** @param timeoutMs what is left: a try that takes longer has failed */
  private async attempt(timeoutMs: number): Promise<boolean> {
    if (timeoutMs <= 0) return false;
    const until = performance.now() + timeoutMs;
    try {
      const isHeld = await this.tryOnce(until);
      if (isHeld && this.isLeader) this.enter({ kind: "leading" });
      // An answer that comes too late is no renewal, even where it says that it is.
      return isHeld && performance.now() < until;
    } catch (error) {
      // Of two who try one gets a conflict: that is no failure.
      if (!(error instanceof ApiError && error.status === 409))
        this.enter({ kind: "refused", reason: this.reasonOf(error) });
      return false;
    }
  }

  private enter(state: LeaseState): void {
    const before = this.state;
    this.state = state;
    const reason = (one: LeaseState | undefined): string | undefined =>
      one === undefined || one.kind === "leading" ? undefined : one.reason;
    if (before?.kind !== state.kind || reason(before) !== reason(state)) this.onChange(state);
  }

  private reasonOf(error: unknown): string {
    if (error instanceof ApiError && error.status === 404)
      return `the namespace ${this.namespace} does not exist`;
    return error instanceof Error ? error.message : "no answer";
  }

  private async tryOnce(until: number): Promise<boolean> {
    const rest = (): number => Math.max(1, Math.ceil(until - performance.now()));
    const now = new Date().toISOString().replace("Z", "000Z");
    const own = {
      holderIdentity: this.identity,
      leaseDurationSeconds: Math.ceil(this.times.duration / 1000),
      renewTime: now,
    };
    let lease: JsonObject;
    try {
      lease = await this.api.request({
        method: "GET",
        path: `${this.path}/${this.name}`,
        timeoutMs: rest(),
      });
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 404) throw error;
      await this.api.request({
        method: "POST",
        path: this.path,
        timeoutMs: rest(),
        body: {
          apiVersion: "coordination.k8s.io/v1",
          kind: "Lease",
          metadata: { name: this.name, namespace: this.namespace },
          spec: { ...own, acquireTime: now, leaseTransitions: 0 },
        },
      });
      return true;
    }
    const spec = isObject(lease["spec"]) ? lease["spec"] : {};
    const record = JSON.stringify(spec);
    if (record !== this.seen) {
      this.seen = record;
      this.seenAt = performance.now();
    }
    const holder = typeof spec["holderIdentity"] === "string" ? spec["holderIdentity"] : "";
    this.isTaken = holder !== "" && holder !== this.identity;
    if (holder === this.identity) {
      await this.put({ ...lease, spec: { ...spec, ...own } }, rest());
      return true;
    }
    if (this.isTaken && performance.now() - this.seenAt < this.times.duration) {
      this.enter({ kind: "standby", reason: `held by ${holder}` });
      return false;
    }
    const transitions = typeof spec["leaseTransitions"] === "number" ? spec["leaseTransitions"] : 0;
    await this.put(
      {
        ...lease,
        spec: { ...spec, ...own, acquireTime: now, leaseTransitions: transitions + 1 },
      },
      rest(),
    );
    return true;
  }

  /** With the resourceVersion that was read: of two who try, one gets a conflict. */
  private async put(lease: JsonObject, timeoutMs: number): Promise<void> {
    await this.api.request({
      method: "PUT",
      path: `${this.path}/${this.name}`,
      body: lease,
      timeoutMs,
    });
  }
}
