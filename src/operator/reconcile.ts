import { createHash } from "node:crypto";
import type { Host } from "../io/host.ts";
import {
  LAST_APPLIED,
  type ChildKind,
  type ObjectMeta,
  type SopsSecret,
  type SopsSecretStatus,
} from "../k8s/sops-secret.ts";
import type { KeyService } from "../key-service/key-service.ts";
import { ApiError, Unreachable } from "./api.ts";
import type { Owner } from "./build.ts";
import type { ChildIndex } from "./child-index.ts";
import type { ChildMeta } from "./child-secret.ts";
import { ChildWriter, CONFLICT_TRIES, type ChildWriterSettings } from "./child-writer.ts";
import type { Cluster, ClusterEvent } from "./cluster.ts";
import { EventSender } from "./event-sender.ts";
import { judge, type Judgement, type Policy } from "./judge.ts";
import type { Obstacle, Obstacles } from "./obstacles.ts";
import type { Observer } from "./observer.ts";
import { PassMemories, type PassMemory, type WrittenChild } from "./pass-memory.ts";
import { backOff, type Again } from "./queue.ts";
import { differs, nextStatus, statusPatch, suspendedStatus, type ChildResult } from "./status.ts";
import { statusTexts, type Problem } from "./texts.ts";

export interface ReconcileSettings extends ChildWriterSettings {
  readonly policy: Policy;
  /** Longest wait after a failure, in milliseconds. */
  readonly capMs: number;
  /** A healthy object is looked at again after this; 0 for never. */
  readonly resyncMs: number;
}

/** All that is kept of a SopsSecret. */
export interface KnownObject {
  /** `NAMESPACE/NAME` */
  readonly key: string;
  readonly uid: string;
  readonly generation: number;
  /** See {@link metadataHash}. */
  readonly hash: string;
}

/** How a pass ended: a problem where the object is not ready. */
type PassResult = "gone" | "done" | "suspended" | Problem;

const resultName = (result: PassResult): string =>
  typeof result === "object" ? result.reason : result;

/** Objects that were read in pages, each to be used once. */
export interface Bodies {
  take(key: string): SopsSecret | undefined;
}

interface Orphans {
  readonly events: readonly ClusterEvent[];
  readonly problem: Problem | undefined;
}

/** What became of all templates of one object. */
interface ChildrenOutcome {
  readonly events: ClusterEvent[];
  readonly results: ChildResult[];
  readonly written: WrittenChild[];
  readonly obstacles: Obstacle[];
  /** The first one. */
  problem: Problem | undefined;
  /** The first error that may pass by itself. */
  transient: unknown;
}

/** Keys for the objects of one namespace. */
export interface Keys {
  readonly services: readonly KeyService[];
  /** A new one each time: what is read from key files is kept as long as the host is. */
  readonly host: Host;
  /** Where keys are looked for, as messages say it. */
  readonly sources: readonly string[];
}

/** Brings the Secrets of one SopsSecret into the state that it describes. */
export class Reconciler {
  private readonly cluster: Cluster;
  private readonly children: ChildIndex;
  private readonly keys: (object: SopsSecret) => Promise<Keys>;
  private readonly keysVersion: (namespace: string) => string;
  private readonly settings: ReconcileSettings;
  private readonly host: Host;
  private readonly events: EventSender;
  private readonly bodies: Bodies;
  private readonly observer: Observer;
  /** Of all passes. */
  readonly memories: PassMemories = new PassMemories();
  private hasOldCrd = false;
  private readonly writer: ChildWriter;
  private readonly obstacles: Pick<Obstacles, "set">;

  constructor(
    parts: {
      cluster: Cluster;
      children: ChildIndex;
      keys: (object: SopsSecret) => Promise<Keys>;
      /** Changes with the keys of a namespace. */
      keysVersion: (namespace: string) => string;
      host: Host;
      observer: Observer;
      bodies: Bodies;
      obstacles: Pick<Obstacles, "set">;
    },
    settings: ReconcileSettings,
  ) {
    this.cluster = parts.cluster;
    this.children = parts.children;
    this.keys = parts.keys;
    this.keysVersion = parts.keysVersion;
    this.host = parts.host;
    this.bodies = parts.bodies;
    this.observer = parts.observer;
    this.obstacles = parts.obstacles;
    this.settings = settings;
    this.writer = new ChildWriter(parts.cluster, parts.children, parts.observer, settings);
    this.events = new EventSender(
      parts.cluster,
      () => Buffer.from(parts.host.randomBytes(8)).toString("hex"),
      (reason) => {
        parts.observer.dropped();
        if (reason !== undefined)
          parts.observer.log("error", "the event could not be sent", { reason });
      },
    );
  }

  /** Resolves when all events are sent. */
  eventsSent(): Promise<void> {
    return this.events.sent();
  }

  /** Is this state of a child what this process made of it? Asked once for each event. */
  isOwnWrite(child: ChildMeta): boolean {
    return this.writer.isOwnWrite(child);
  }

  forget(key: string): void {
    this.obstacles.set(key, []);
    this.memories.forget(key);
  }

  /** One pass. Does not throw. */
  async reconcile(key: string): Promise<Again> {
    const started = performance.now();
    const seconds = (): number => (performance.now() - started) / 1000;
    const memory = this.memories.of(key);
    try {
      const result = await this.passWithoutConflict(key, memory);
      const problem = typeof result === "object" ? result : undefined;
      if (result !== "gone")
        this.observer.reconciled(
          result === "suspended" ? "suspended" : problem === undefined ? "success" : "error",
          seconds(),
        );
      memory.isCutOff = false;
      this.observer.log("debug", "looked at", { object: key, result: resultName(result) });
      if (result === "gone") this.forget(key);
      if (problem !== undefined) return this.failed(memory, problem);
      memory.failures = 0;
      return result === "done" && memory.success !== undefined
        ? this.resyncIn(memory.success)
        : undefined;
    } catch (error) {
      this.observer.reconciled("error", seconds());
      const message =
        error instanceof ApiError || error instanceof Unreachable
          ? error.message
          : `unexpected ${error instanceof Error ? error.name : "error"}`;
      this.observer.log("error", "reconciliation failed", { object: key, reason: message });
      memory.isCutOff = error instanceof Unreachable;
      const again = this.failed(memory, undefined);
      return error instanceof ApiError && error.retryAfter !== undefined
        ? Math.max(again, error.retryAfter * 1000)
        : again;
    }
  }

  /** A pass; where somebody else wrote in between, another one at once. */
  private async passWithoutConflict(key: string, memory: PassMemory): Promise<PassResult> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.pass(key, memory);
      } catch (error) {
        if (!(error instanceof ApiError) || error.status !== 409 || attempt >= CONFLICT_TRIES)
          throw error;
      }
    }
  }

  /** Milliseconds until a healthy object is looked at again; undefined for never. */
  private resyncIn({ until }: { until: number }): number | undefined {
    return until === Infinity ? undefined : Math.max(0, until - performance.now());
  }

  /** What time alone does not fix is tried again after the longest wait only; a change of the object or of keys comes before. */
  private failed(memory: PassMemory, problem: Problem | undefined): number {
    memory.failures += 1;
    memory.success = undefined;
    const isPermanent = problem?.isStalled === true || problem?.waits === true;
    return backOff(isPermanent ? Infinity : memory.failures, this.settings.capMs, Math.random);
  }

  private async pass(key: string, memory: PassMemory): Promise<PassResult> {
    const slash = key.indexOf("/");
    const [namespace, name] = [key.slice(0, slash), key.slice(slash + 1)];
    const object = this.bodies.take(key) ?? (await this.cluster.sopsSecret(namespace, name));
    if (object === undefined) return "gone";
    const { uid = "", generation = 0, deletionTimestamp } = object.metadata;
    if (deletionTimestamp !== undefined) return "gone";
    const keysVersion = this.keysVersion(namespace);
    const failedAs = `${uid} ${generation} ${keysVersion}`;
    if (failedAs !== memory.failedAs) memory.failures = 0;
    memory.failedAs = failedAs;
    if (object.spec?.["suspend"] === true) {
      await this.writeStatus(object, suspendedStatus(object, this.host.now()), memory);
      this.obstacles.set(key, []);
      memory.success = undefined;
      memory.reason = undefined;
      return "suspended";
    }
    if (this.isSettled(object, memory)) return "done";
    const judged = await this.judged(object);
    const children = await this.writeChildren(judged.templates, object, { name, uid });
    this.obstacles.set(key, children.obstacles);
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
    memory.reason = problem?.reason;
    const now = this.host.now();
    // Before the status: a conflict there must not swallow what was done.
    this.events.send(object, events, now);
    const outcome = { findings: judged.findings, problem, children: children.results };
    await this.writeStatus(object, nextStatus(object, outcome, now), memory);
    if (problem !== undefined) {
      this.observer.log("error", "not ready", {
        object: key,
        reason: problem.reason,
        message: problem.message,
      });
      const { transient } = children;
      if (transient instanceof ApiError && transient.retryAfter !== undefined) throw transient;
      return problem;
    }
    memory.success = {
      uid,
      generation,
      keys: keysVersion,
      hash: metadataHash(object.metadata),
      children: children.written,
      until: this.nextResync(),
    };
    return "done";
  }

  /** On the clock of `performance.now()`. */
  private nextResync(): number {
    const { resyncMs } = this.settings;
    return resyncMs === 0 ? Infinity : performance.now() + resyncMs * (0.9 + 0.2 * Math.random());
  }

  private async judged(object: SopsSecret): Promise<Judgement> {
    const { services, host, sources } = await this.keys(object);
    const used = new Set<string>();
    const watched = services.map((service) => noting(service, used));
    const started = performance.now();
    const { policy } = this.settings;
    const judged = await judge(object, { policy, services: watched, keySources: sources }, host);
    const keyType = [...used].toSorted().join("+") || "none";
    this.observer.decrypted((performance.now() - started) / 1000, keyType);
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
      written: [],
      obstacles: [],
      problem: undefined,
      transient: undefined,
    };
    for (const { kind, name, child, problem } of templates) {
      let failure = problem;
      let result = "Failed";
      if (child !== undefined) {
        try {
          const done = await this.writer.write(child, object, owner);
          if ("problem" in done) {
            failure = done.problem;
            if (done.obstacle !== undefined) outcome.obstacles.push(done.obstacle);
          } else {
            ({ result } = done);
            outcome.written.push({ kind, name, ...done.version });
            if (result !== "Unchanged")
              outcome.events.push({ type: "Normal", reason: result, note: `${kind} ${name}` });
          }
        } catch (error) {
          failure = writeFailure(kind, name, error);
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
          templates.map(({ kind, name }) => `${kind}/${name}`),
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

  /** Did the last pass end well, and has nothing changed since? Then there is nothing to decrypt or read. */
  private isSettled({ metadata, status }: SopsSecret, memory: PassMemory): boolean {
    const { uid = "", generation = 0, namespace = "" } = metadata;
    const known = { uid, generation, hash: metadataHash(metadata) };
    return status?.message === statusTexts.healthy && this.isDone(namespace, known, memory);
  }

  /** The same from what was last seen of an object, for what comes back of its own pass while that runs. */
  isCurrent({ key, ...known }: KnownObject): boolean {
    const memory = this.memories.known(key);
    return memory !== undefined && this.isDone(key.slice(0, key.indexOf("/")), known, memory);
  }

  private isDone(
    namespace: string,
    { uid, generation, hash }: Omit<KnownObject, "key">,
    { success }: PassMemory,
  ): boolean {
    if (
      success === undefined ||
      success.until <= performance.now() ||
      success.uid !== uid ||
      success.generation !== generation ||
      success.keys !== this.keysVersion(namespace) ||
      success.hash !== hash
    )
      return false;
    for (const { kind, name, uid: childUid, version } of success.children) {
      const seen = this.children.get(kind, namespace, name);
      if (seen?.uid !== childUid || seen.resourceVersion !== version) return false;
    }
    return this.children
      .ownedBy(uid)
      .every(({ kind, name }) =>
        success.children.some((child) => child.kind === kind && child.name === name),
      );
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
        names.includes(`${child.kind}/${child.name}`)
      )
        continue;
      try {
        const isDeleted = await this.cluster.deleteChild(child.kind, namespace, child);
        this.children.remove(child.uid);
        if (!isDeleted) continue;
        this.observer.wrote("delete");
        events.push({
          type: "Normal",
          reason: "OrphanDeleted",
          note: `${child.kind} ${child.name}`,
        });
      } catch (error) {
        if (error instanceof ApiError && error.status === 409) throw error;
        problem ??= writeFailure(child.kind, child.name, error);
      }
    }
    return { events, problem };
  }

  private async writeStatus(
    object: SopsSecret,
    next: SopsSecretStatus,
    memory: PassMemory,
  ): Promise<void> {
    this.memories.setConditions(memory, next.conditions ?? []);
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
}

/** The same service, which also notes the types of the keys that unwrapped something. */
const noting = (service: KeyService, used: Set<string>): KeyService => ({
  name: service.name,
  wrap: (key, part, host, signal) => service.wrap(key, part, host, signal),
  async unwrap(key, host, signal) {
    const part = await service.unwrap(key, host, signal);
    used.add(key.type);
    return part;
  },
});

const warning = (reason: string, note: string): ClusterEvent => ({ type: "Warning", reason, note });

/** An object that was encrypted before the one it replaced: somebody may have put an old revision back. */
function revisionEvents({ lastModified }: Judgement, memory: PassMemory): ClusterEvent[] {
  if (lastModified === undefined || memory.lastModified === undefined) return [];
  if (lastModified >= memory.lastModified) return [];
  const note = `the object was encrypted at ${lastModified}, earlier than the one that it replaced (${memory.lastModified})`;
  return [warning("OlderRevision", note)];
}

/**
 * A digest of labels, annotations, and the times at which anything but the status was written. In a cluster that was restored from a
 * backup, a generation that was seen before may have other content: the times tell.
 */
export function metadataHash({ labels, annotations, managedFields = [] }: ObjectMeta): string {
  const { [LAST_APPLIED]: applied, ...rest } = annotations ?? {};
  const written = managedFields.flatMap(({ subresource, manager, time }) =>
    subresource === undefined ? [[manager, time]] : [],
  );
  const text = JSON.stringify([labels, rest, applied?.length, written]);
  return createHash("sha256").update(text).digest("base64").slice(0, 16);
}

function writeFailure(kind: ChildKind, name: string, error: unknown): Problem {
  if (!(error instanceof ApiError || error instanceof Unreachable)) throw error;
  const isStalled = error instanceof ApiError && [403, 413, 422].includes(error.status);
  return {
    reason: "WriteFailed",
    message: `the ${kind} ${name} could not be written: ${error.message}`,
    text: error instanceof ApiError ? statusTexts.update : statusTexts.unknown,
    isStalled,
  };
}
