import type { Host } from "../io/host.ts";
import {
  LAST_APPLIED,
  type ObjectMeta,
  type SopsSecret,
  type SopsSecretStatus,
} from "../k8s/sops-secret.ts";
import type { KeyService } from "../key-service/key-service.ts";
import { ApiError, Unreachable } from "./api.ts";
import type { Owner } from "./build.ts";
import type { ChildIndex } from "./child-index.ts";
import type { ChildMeta } from "./child-secret.ts";
import {
  ChildWriter,
  CONFLICT_TRIES,
  type ChildVersion,
  type ChildWriterSettings,
} from "./child-writer.ts";
import type { Cluster, ClusterEvent } from "./cluster.ts";
import { judge, type Judgement, type Policy } from "./judge.ts";
import type { Observer } from "./observer.ts";
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

export interface ReconcileSettings extends ChildWriterSettings {
  readonly policy: Policy;
  /** Longest wait after a failure, in milliseconds. */
  readonly capMs: number;
  /** A healthy object is looked at again after this; 0 for never. */
  readonly resyncMs: number;
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
        children: Map<string, ChildVersion>;
      }
    | undefined;
  /** What failed last, so that a change of the object starts the back-off anew. */
  failedAs: string;
  events: Map<string, number>;
  lastModified: string | undefined;
  conditions: { type: string; status: string }[];
}

interface Orphans {
  readonly events: readonly ClusterEvent[];
  readonly problem: Problem | undefined;
}

/** What became of all templates of one object. */
interface ChildrenOutcome {
  readonly events: ClusterEvent[];
  readonly results: ChildResult[];
  /** By name. */
  readonly written: Map<string, ChildVersion>;
  /** The first one. */
  problem: Problem | undefined;
  /** The first error that may pass by itself. */
  transient: unknown;
}

/** Equal events are sent once in this time. */
const EVENT_PAUSE_MS = 5 * 60_000;

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
  private readonly writer: ChildWriter;

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
    this.writer = new ChildWriter(parts.cluster, parts.observer, settings);
  }

  /** Objects whose values could not be read: worth another look when keys change. */
  undecrypted(): string[] {
    return [...this.memory].flatMap(([key, { conditions }]) =>
      conditions.some(({ type, status }) => type === "Decrypted" && status !== "True") ? [key] : [],
    );
  }

  /** Is this state of a child what this process made of it? Asked once for each event. */
  isOwnWrite(child: ChildMeta): boolean {
    return this.writer.isOwnWrite(child);
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
    const judged = await this.judged(object);
    const children = await this.writeChildren(judged.templates, object, { name, uid });
    const orphans = await this.orphansOf(object, judged);
    const problem = judged.refusal ?? children.problem ?? orphans.problem;
    const events = [
      ...children.events,
      ...orphans.events,
      ...revisionEvents(judged, memory),
      ...this.macEvents(judged, problem),
      ...(problem === undefined ? [] : [warning(problem.reason, problem.message)]),
    ];
    memory.lastModified = judged.lastModified ?? memory.lastModified;
    await this.tell(
      object,
      { findings: judged.findings, problem, children: children.results },
      events,
      memory,
    );
    if (problem !== undefined) {
      this.observer.log("error", "not ready", {
        object: key,
        reason: problem.reason,
        message: problem.message,
      });
      const { transient } = children;
      if (transient instanceof ApiError && transient.retryAfter !== undefined) throw transient;
      return "problem";
    }
    memory.success = {
      uid,
      generation,
      keys: this.keysVersion(),
      policy: metadataText(object.metadata),
      children: children.written,
    };
    return "done";
  }

  private async judged(object: SopsSecret): Promise<Judgement> {
    const started = performance.now();
    const judged = await judge(object, this.settings.policy, this.services(), this.keyHost());
    this.observer.decrypted((performance.now() - started) / 1000);
    return judged;
  }

  /** Writes every template's Secret; the failure of one does not keep the others from being written. */
  private async writeChildren(
    templates: Judgement["templates"],
    object: SopsSecret,
    owner: Owner,
  ): Promise<ChildrenOutcome> {
    const outcome: ChildrenOutcome = {
      events: [],
      results: [],
      written: new Map(),
      problem: undefined,
      transient: undefined,
    };
    for (const { name, child, problem } of templates) {
      let failure = problem;
      let result = "Failed";
      if (child !== undefined) {
        try {
          const done = await this.writer.write(child, object, owner);
          if ("problem" in done) failure = done.problem;
          else {
            ({ result } = done);
            outcome.written.set(name, done.version);
            if (result !== "Unchanged")
              outcome.events.push({ type: "Normal", reason: result, note: `Secret ${name}` });
          }
        } catch (error) {
          failure = writeFailure(name, error);
          outcome.transient ??=
            error instanceof ApiError && error.status === 409 ? undefined : error;
        }
      }
      outcome.results.push({ name, type: child?.type ?? "", result: failure?.reason ?? result });
      outcome.problem ??= failure;
    }
    return outcome;
  }

  /** Deletes the Secrets of templates that are gone. Nothing is deleted for an object that was refused. */
  private orphansOf(object: SopsSecret, { refusal, templates }: Judgement): Promise<Orphans> {
    return refusal === undefined
      ? this.deleteOrphans(
          object,
          templates.map(({ name }) => name),
        )
      : Promise.resolve({ events: [], problem: undefined });
  }

  /** A MAC that does not hold and does not count as the problem either. */
  private macEvents({ findings }: Judgement, problem: Problem | undefined): ClusterEvent[] {
    const mac = findings.find(({ type }) => type === "MacVerified");
    const isNews =
      mac !== undefined &&
      mac.status !== "True" &&
      this.settings.policy.mac !== "off" &&
      problem?.reason !== "MacNotVerified";
    return isNews ? [warning("MacNotVerified", mac.message)] : [];
  }

  /** Status and events side by side: a conflict on the status must not swallow what was done. */
  private async tell(
    object: SopsSecret,
    outcome: Outcome,
    events: readonly ClusterEvent[],
    memory: Memory,
  ): Promise<void> {
    const [told] = await Promise.allSettled([
      this.writeStatus(object, nextStatus(object, outcome, this.host.now()), memory),
      this.sendEvents(object, events, memory),
    ]);
    if (told.status === "rejected") throw told.reason;
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

  private async deleteOrphans(object: SopsSecret, names: readonly string[]): Promise<Orphans> {
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
      const stored = await this.cluster.patchStatus(object, statusPatch(next));
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

const warning = (reason: string, note: string): ClusterEvent => ({ type: "Warning", reason, note });

/** An object that was encrypted before the one it replaced: somebody may have put an old revision back. */
function revisionEvents({ lastModified }: Judgement, memory: Memory): ClusterEvent[] {
  if (lastModified === undefined || memory.lastModified === undefined) return [];
  if (lastModified >= memory.lastModified) return [];
  const note = `the object was encrypted at ${lastModified}, before the one it replaced (${memory.lastModified})`;
  return [warning("OlderRevision", note)];
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
