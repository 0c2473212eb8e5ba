import type { Host } from "../io/host.ts";
import {
  LAST_APPLIED,
  type Json,
  type JsonObject,
  type ObjectMeta,
  type Secret,
  type SopsSecret,
  type SopsSecretStatus,
} from "../k8s/sops-secret.ts";
import type { KeyService } from "../key-service/key-service.ts";
import { ApiError, Unreachable } from "./api.ts";
import { secretOf, type Child, type Owner } from "./build.ts";
import {
  decideChild,
  foreignData,
  otherController,
  removeData,
  type ChildMeta,
} from "./child-secret.ts";
import type { Cluster, ClusterEvent } from "./cluster.ts";
import { judge, type Policy } from "./judge.ts";
import { backOff, type Again } from "./queue.ts";
import {
  differs,
  nextStatus,
  statusPatch,
  suspendedStatus,
  type ChildResult,
  type Outcome,
} from "./status.ts";
import { statusTexts, type Problem } from "./texts.ts";

export interface ReconcileSettings {
  readonly policy: Policy;
  /** Of `-default-enforce-ownership`, for objects that do not say. */
  readonly enforceOwnership: boolean;
  readonly recreate: "owned" | "never";
  /** Longest wait after a failure, in milliseconds. */
  readonly capMs: number;
  /** A healthy object is looked at again after this; 0 for never. */
  readonly resyncMs: number;
}

/** What the rest of the process hears of passes; no names of objects in it. */
export interface Observer {
  reconciled(result: "success" | "error" | "suspended", seconds: number): void;
  wrote(operation: string): void;
  decrypted(seconds: number): void;
  log(level: "info" | "error", message: string, fields: Record<string, string | number>): void;
}

/** What is known of children without asking. */
export interface ChildIndex {
  get(namespace: string, name: string): ChildMeta | undefined;
  /** All that carry the owner's label or name it as their controller. */
  ownedBy(uid: string): readonly ChildMeta[];
  /** It is gone. */
  remove(uid: string): unknown;
}

interface Memory {
  failures: number;
  /** The pass that ended well: nothing has to be done again while all of this holds. */
  success:
    | {
        uid: string;
        generation: number;
        keys: number;
        policy: string;
        children: Map<string, { uid: string; version: string }>;
      }
    | undefined;
  /** What failed last, so that a change of the object starts the back-off anew. */
  failedAs: string;
  events: Map<string, number>;
  lastModified: string | undefined;
  conditions: { type: string; status: string }[];
}

/** Equal events are sent once in this time. */
const EVENT_PAUSE_MS = 5 * 60_000;

const CONFLICT_TRIES = 5;

/** Brings the Secrets of one SopsSecret into the state that it describes. */
export class Reconciler {
  private readonly cluster: Cluster;
  private readonly children: ChildIndex;
  private readonly services: () => readonly KeyService[];
  private readonly keysVersion: () => number;
  private readonly settings: ReconcileSettings;
  private readonly host: Host;
  private readonly keyHost: () => Host;
  private readonly observer: Observer;
  private readonly memory = new Map<string, Memory>();
  private hasOldCrd = false;
  /** What was written and has not come back as an event yet: uid of the child to its resourceVersion. */
  private readonly writes = new Map<string, string>();

  constructor(
    parts: {
      cluster: Cluster;
      children: ChildIndex;
      services: () => readonly KeyService[];
      keysVersion: () => number;
      host: Host;
      /** A new one each time: what is read from key files is kept as long as the host is. */
      keyHost: () => Host;
      observer: Observer;
    },
    settings: ReconcileSettings,
  ) {
    this.cluster = parts.cluster;
    this.children = parts.children;
    this.services = parts.services;
    this.keysVersion = parts.keysVersion;
    this.host = parts.host;
    this.keyHost = parts.keyHost;
    this.observer = parts.observer;
    this.settings = settings;
  }

  /** Objects whose values could not be read: worth another look when keys change. */
  undecrypted(): string[] {
    return [...this.memory].flatMap(([key, { conditions }]) =>
      conditions.some(({ type, status }) => type === "Decrypted" && status !== "True") ? [key] : [],
    );
  }

  /** Is this state of a child what this process made of it? Asked once for each event. */
  isOwnWrite({ uid, resourceVersion }: ChildMeta): boolean {
    const written = this.writes.get(uid);
    this.writes.delete(uid);
    return written === resourceVersion;
  }

  forget(key: string): void {
    this.memory.delete(key);
  }

  /** How many objects have which condition, for the metrics. */
  conditionCounts(): Map<string, number> {
    const counts = new Map<string, number>();
    for (const { conditions } of this.memory.values())
      for (const { type, status } of conditions) {
        const label = `${type}\0${status}`;
        counts.set(label, (counts.get(label) ?? 0) + 1);
      }
    return counts;
  }

  /** One pass. Does not throw. */
  async reconcile(key: string): Promise<Again> {
    const started = performance.now();
    const seconds = (): number => (performance.now() - started) / 1000;
    const memory = this.memoryOf(key);
    try {
      for (let attempt = 1; ; attempt++) {
        try {
          const result = await this.pass(key, memory);
          if (result !== "gone")
            this.observer.reconciled(
              result === "suspended" ? "suspended" : result === "problem" ? "error" : "success",
              seconds(),
            );
          if (result === "gone") this.memory.delete(key);
          if (result === "problem") return this.failed(memory);
          memory.failures = 0;
          return result === "done" && this.settings.resyncMs > 0
            ? this.settings.resyncMs * (0.9 + 0.2 * Math.random())
            : undefined;
        } catch (error) {
          // Somebody else wrote in between: look again at once.
          if (!(error instanceof ApiError) || error.status !== 409 || attempt >= CONFLICT_TRIES)
            throw error;
        }
      }
    } catch (error) {
      this.observer.reconciled("error", seconds());
      const message =
        error instanceof ApiError || error instanceof Unreachable
          ? error.message
          : `unexpected ${error instanceof Error ? error.name : "error"}`;
      this.observer.log("error", "the pass failed", { object: key, reason: message });
      const again = this.failed(memory);
      return error instanceof ApiError && error.retryAfter !== undefined
        ? Math.max(again, error.retryAfter * 1000)
        : again;
    }
  }

  private memoryOf(key: string): Memory {
    let memory = this.memory.get(key);
    if (memory === undefined) {
      memory = {
        failures: 0,
        success: undefined,
        failedAs: "",
        events: new Map(),
        lastModified: undefined,
        conditions: [],
      };
      this.memory.set(key, memory);
    }
    return memory;
  }

  private failed(memory: Memory): number {
    memory.failures += 1;
    memory.success = undefined;
    return backOff(memory.failures, this.settings.capMs, Math.random);
  }

  private async pass(
    key: string,
    memory: Memory,
  ): Promise<"gone" | "done" | "suspended" | "problem"> {
    const slash = key.indexOf("/");
    const [namespace, name] = [key.slice(0, slash), key.slice(slash + 1)];
    const object = await this.cluster.sopsSecret(namespace, name);
    if (object === undefined) return "gone";
    const { uid = "", generation = 0, deletionTimestamp } = object.metadata;
    if (deletionTimestamp !== undefined) return "gone";
    const failedAs = `${uid} ${generation} ${this.keysVersion()}`;
    if (failedAs !== memory.failedAs) memory.failures = 0;
    memory.failedAs = failedAs;
    if (object.spec?.["suspend"] === true) {
      await this.writeStatus(object, suspendedStatus(object, this.host.now()), memory);
      memory.success = undefined;
      return "suspended";
    }
    if (this.isSettled(object, memory)) return "done";
    const decrypting = performance.now();
    const judged = await judge(object, this.settings.policy, this.services(), this.keyHost());
    this.observer.decrypted((performance.now() - decrypting) / 1000);
    const events: ClusterEvent[] = [];
    const results: ChildResult[] = [];
    const written = new Map<string, { uid: string; version: string }>();
    let problem = judged.refusal;
    let isTransient: unknown;
    const owner: Owner = { name, uid };
    for (const template of judged.templates) {
      let failure = template.problem;
      let result = "Failed";
      if (template.child !== undefined) {
        try {
          const done = await this.writeChild(template.child, object, owner);
          if ("problem" in done) failure = done.problem;
          else {
            ({ result } = done);
            written.set(template.name, done.version);
            if (result !== "Unchanged")
              events.push({ type: "Normal", reason: result, note: `Secret ${template.name}` });
          }
        } catch (error) {
          failure = writeFailure(template.name, error);
          isTransient ??= error instanceof ApiError && error.status === 409 ? undefined : error;
        }
      }
      results.push({
        name: template.name,
        type: template.child?.type ?? "",
        result: failure === undefined ? result : failure.reason,
      });
      problem ??= failure;
    }
    if (judged.refusal === undefined) {
      const orphans = await this.deleteOrphans(
        object,
        judged.templates.map((template) => template.name),
      );
      events.push(...orphans.events);
      problem ??= orphans.problem;
    }
    if (judged.lastModified !== undefined) {
      if (memory.lastModified !== undefined && judged.lastModified < memory.lastModified)
        events.push({
          type: "Warning",
          reason: "OlderRevision",
          note: `the object was encrypted at ${judged.lastModified}, before the one it replaced (${memory.lastModified})`,
        });
      memory.lastModified = judged.lastModified;
    }
    const mac = judged.findings.find(({ type }) => type === "MacVerified");
    if (
      mac !== undefined &&
      mac.status !== "True" &&
      this.settings.policy.mac !== "off" &&
      problem?.reason !== "MacNotVerified"
    )
      events.push({ type: "Warning", reason: "MacNotVerified", note: mac.message });
    if (problem !== undefined)
      events.push({ type: "Warning", reason: problem.reason, note: problem.message });
    const outcome: Outcome = { findings: judged.findings, problem, children: results };
    // Side by side: a conflict on the status must not swallow what was done.
    const [told] = await Promise.allSettled([
      this.writeStatus(object, nextStatus(object, outcome, this.host.now()), memory),
      this.sendEvents(object, events, memory),
    ]);
    if (told.status === "rejected") throw told.reason;
    if (problem !== undefined) {
      this.observer.log("error", "not ready", {
        object: key,
        reason: problem.reason,
        message: problem.message,
      });
      if (isTransient instanceof ApiError && isTransient.retryAfter !== undefined)
        throw isTransient;
      return "problem";
    }
    memory.success = {
      uid,
      generation,
      keys: this.keysVersion(),
      policy: metadataText(object.metadata),
      children: written,
    };
    return "done";
  }

  /** Did the last pass end well, and has nothing changed since? Then there is nothing to decrypt or read. */
  private isSettled({ metadata, status }: SopsSecret, { success }: Memory): boolean {
    const { uid, generation } = metadata;
    if (success === undefined || status?.message !== statusTexts.healthy) return false;
    if (
      success.uid !== uid ||
      success.generation !== generation ||
      success.keys !== this.keysVersion()
    )
      return false;
    if (success.policy !== metadataText(metadata)) return false;
    const namespace = metadata.namespace ?? "";
    for (const [name, { uid: childUid, version }] of success.children) {
      const seen = this.children.get(namespace, name);
      if (seen?.uid !== childUid || seen.resourceVersion !== version) return false;
    }
    return this.children.ownedBy(uid).every(({ name }) => success.children.has(name));
  }

  private async writeChild(
    child: Child,
    object: SopsSecret,
    owner: Owner,
  ): Promise<{ result: string; version: { uid: string; version: string } } | { problem: Problem }> {
    const namespace = object.metadata.namespace ?? "";
    const desired = secretOf(child, namespace, owner);
    for (let attempt = 1; ; attempt++) {
      try {
        let observed = await this.cluster.secret(namespace, child.name);
        const other = observed === undefined ? undefined : otherController(observed, owner);
        const isOtherAlive =
          other !== undefined &&
          (await this.cluster.sopsSecret(namespace, other.name))?.metadata.uid === other.uid;
        const own = object.spec?.["enforceOwnership"];
        const action = decideChild(child, observed, owner, {
          enforce: typeof own === "boolean" ? own : this.settings.enforceOwnership,
          isOtherAlive,
          recreate: this.settings.recreate,
        });
        let result = "Unchanged";
        switch (action.kind) {
          case "none":
            break;
          case "refuse":
            return action;
          case "create":
            observed = await this.apply(desired, "1");
            result = "Created";
            break;
          case "recreate":
            if (observed !== undefined)
              await this.cluster.deleteSecret(namespace, observed.metadata);
            this.observer.wrote("delete");
            observed = await this.apply(desired, "1");
            result = "Recreated";
            break;
          case "apply": {
            if (observed !== undefined && action.first.length > 0) {
              observed = await this.patched(namespace, child.name, action.first);
            }
            observed = await this.apply(desired, observed?.metadata.resourceVersion ?? "1");
            result = action.isTakeOver ? "TakenOver" : "Updated";
            break;
          }
        }
        const foreign = observed === undefined ? [] : foreignData(desired, observed);
        if (observed !== undefined && foreign.length > 0)
          observed = await this.patched(namespace, child.name, removeData(foreign, observed));
        if (result !== "Unchanged")
          this.observer.log("info", result, {
            object: `${namespace}/${owner.name}`,
            secret: child.name,
            keys: child.data.size,
          });
        const { uid = "", resourceVersion = "" } = observed?.metadata ?? {};
        return { result, version: { uid, version: resourceVersion } };
      } catch (error) {
        if (!(error instanceof ApiError) || error.status !== 409 || attempt >= CONFLICT_TRIES)
          throw error;
      }
    }
  }

  private async apply(secret: Secret, resourceVersion: string): Promise<Secret> {
    this.observer.wrote("apply");
    return this.noted(
      await this.cluster.apply({ ...secret, metadata: { ...secret.metadata, resourceVersion } }),
    );
  }

  private noted(secret: Secret): Secret {
    const { uid = "", resourceVersion = "" } = secret.metadata;
    this.writes.set(uid, resourceVersion);
    return secret;
  }

  /** A failing `test` of a JSON patch is answered with 422: somebody else wrote in between. */
  private async patched(
    namespace: string,
    name: string,
    steps: Parameters<Cluster["patchSecret"]>[2],
  ): Promise<Secret> {
    this.observer.wrote("patch");
    try {
      return this.noted(await this.cluster.patchSecret(namespace, name, steps));
    } catch (error) {
      if (error instanceof ApiError && error.status === 422 && !error.message.includes("immutable"))
        throw new ApiError(409, "Conflict", "the Secret was changed in between");
      throw error;
    }
  }

  private async deleteOrphans(
    object: SopsSecret,
    names: readonly string[],
  ): Promise<{ events: ClusterEvent[]; problem: Problem | undefined }> {
    const { uid = "", namespace = "" } = object.metadata;
    const events: ClusterEvent[] = [];
    let problem: Problem | undefined;
    for (const child of this.children.ownedBy(uid)) {
      // The label finds it, the controller reference proves that it is ours.
      if (
        child.controllerUid !== uid ||
        child.namespace !== namespace ||
        names.includes(child.name)
      )
        continue;
      try {
        const isDeleted = await this.cluster.deleteSecret(namespace, child);
        this.children.remove(child.uid);
        if (!isDeleted) continue;
        this.observer.wrote("delete");
        events.push({ type: "Normal", reason: "OrphanDeleted", note: `Secret ${child.name}` });
      } catch (error) {
        if (error instanceof ApiError && error.status === 409) throw error;
        problem ??= writeFailure(child.name, error);
      }
    }
    return { events, problem };
  }

  private async writeStatus(
    object: SopsSecret,
    next: SopsSecretStatus,
    memory: Memory,
  ): Promise<void> {
    memory.conditions = (next.conditions ?? []).map(({ type, status }) => ({ type, status }));
    if (!differs(object.status, next, this.hasOldCrd)) return;
    this.observer.wrote("status");
    try {
      const stored = await this.cluster.patchStatus(object, statusPatch(next) as JsonObject & Json);
      // An old CRD drops all but the message: comparing the rest would write for ever.
      this.hasOldCrd =
        stored.status?.message !== undefined && stored.status.conditions === undefined;
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 404)) throw error;
    }
  }

  private async sendEvents(
    object: SopsSecret,
    events: readonly ClusterEvent[],
    memory: Memory,
  ): Promise<void> {
    const now = this.host.now();
    for (const event of events) {
      const key = `${event.reason} ${event.note}`;
      const last = memory.events.get(key);
      if (last !== undefined && now.getTime() - last < EVENT_PAUSE_MS) continue;
      memory.events.set(key, now.getTime());
      if (memory.events.size > 100) memory.events.clear();
      try {
        await this.cluster.event(
          object,
          event,
          now,
          Buffer.from(this.host.randomBytes(8)).toString("hex"),
        );
      } catch (error) {
        if (!(error instanceof ApiError || error instanceof Unreachable)) throw error;
        this.observer.log("error", "the event could not be sent", { reason: error.message });
      }
    }
  }
}

/** Labels and annotations decide nothing but the candidates for the MAC. */
function metadataText({ labels, annotations }: ObjectMeta): string {
  const { [LAST_APPLIED]: applied, ...rest } = annotations ?? {};
  return JSON.stringify([labels, rest, applied?.length]);
}

function writeFailure(name: string, error: unknown): Problem {
  if (!(error instanceof ApiError || error instanceof Unreachable)) throw error;
  const isStalled = error instanceof ApiError && [403, 413, 422].includes(error.status);
  return {
    reason: "WriteFailed",
    message: `the Secret ${name} could not be written: ${error.message}`,
    text: error instanceof ApiError ? statusTexts.update : statusTexts.unknown,
    isStalled,
  };
}
