import {
  canonicalJson,
  type JsonObject,
  type Condition,
  type SopsSecret,
  type SopsSecretStatus,
} from "../k8s/sops-secret.ts";
import type { Finding } from "./open.ts";
import { shortened, statusTexts, type Problem } from "./texts.ts";

export interface ChildResult {
  readonly name: string;
  readonly type: string;
  readonly result: string;
}

/** How a pass ended. */
export interface Outcome {
  readonly findings: readonly Finding[];
  /** The first problem in the order of the templates; undefined when all is well. */
  readonly problem: Problem | undefined;
  readonly children: readonly ChildResult[];
}

/** Conditions that are there only while they are true. */
const PASSING = new Set(["Stalled", "Suspended"]);

/** The status after a pass. Times change only when what they are about does. */
export function nextStatus(object: SopsSecret, outcome: Outcome, now: Date): SopsSecretStatus {
  const { problem, findings, children } = outcome;
  const ready: Finding =
    problem === undefined
      ? {
          type: "Ready",
          status: "True",
          reason: "Applied",
          message: upToDate(children),
        }
      : { type: "Ready", status: "False", reason: problem.reason, message: problem.message };
  const stalled: Finding[] =
    problem?.isStalled === true
      ? [{ type: "Stalled", status: "True", reason: problem.reason, message: problem.message }]
      : [];
  const old = object.status;
  return {
    message: problem?.text ?? statusTexts.healthy,
    ...(object.metadata.generation === undefined
      ? {}
      : { observedGeneration: object.metadata.generation }),
    ...(problem === undefined
      ? { lastAppliedTime: appliedTime(old, children, now) }
      : lastApplied(old)),
    conditions: conditions(object, [ready, ...findings, ...stalled], now),
    children: children.map(({ name, type, result }) => ({ name, type, result })),
  };
}

function upToDate(children: readonly ChildResult[]): string {
  const maps = children.filter(({ type }) => type === "ConfigMap").length;
  const counted = (count: number, kind: string): string[] =>
    count === 0 ? [] : [`${count} ${kind}${count === 1 ? "" : "s"}`];
  const all = [...counted(children.length - maps, "Secret"), ...counted(maps, "ConfigMap")];
  return `${all.join(" and ")} ${children.length === 1 ? "is" : "are"} up to date`;
}

/** The status of a suspended object: `Ready` is left as it was, so that nobody who waits for it hangs. */
export function suspendedStatus(object: SopsSecret, now: Date): SopsSecretStatus {
  const suspended: Finding = {
    type: "Suspended",
    status: "True",
    reason: "Suspended",
    message: "spec.suspend is true, so nothing is read or written",
  };
  const kept = (object.status?.conditions ?? []).filter(({ type }) => !PASSING.has(type));
  return {
    ...object.status,
    message: statusTexts.suspended,
    ...(object.metadata.generation === undefined
      ? {}
      : { observedGeneration: object.metadata.generation }),
    conditions: [...kept, ...conditions(object, [suspended], now)],
  };
}

const lastApplied = (old: SopsSecretStatus | undefined): SopsSecretStatus =>
  old?.lastAppliedTime === undefined ? {} : { lastAppliedTime: old.lastAppliedTime };

/** When a Secret was last written; a pass that wrote nothing leaves it. */
function appliedTime(
  old: SopsSecretStatus | undefined,
  children: readonly ChildResult[],
  now: Date,
): string {
  const isWritten = children.some(({ result }) => result !== "Unchanged");
  return !isWritten && old?.lastAppliedTime !== undefined ? old.lastAppliedTime : seconds(now);
}

const seconds = (now: Date): string => now.toISOString().replace(/\.\d+Z$/, "Z");

function conditions(object: SopsSecret, findings: readonly Finding[], now: Date): Condition[] {
  return findings.map(({ type, status, reason, message }) => {
    const old = object.status?.conditions?.find((condition) => condition.type === type);
    const time = old?.status === status ? old.lastTransitionTime : undefined;
    return {
      type,
      status,
      reason,
      message: shortened(message),
      ...(object.metadata.generation === undefined
        ? {}
        : { observedGeneration: object.metadata.generation }),
      lastTransitionTime: time ?? seconds(now),
    };
  });
}

/**
 * Does the status have to be written? What a pass did to a child counts only where it is news.
 *
 * @param onlyMessage the CRD is an old one that drops everything else
 */
export function differs(
  old: SopsSecretStatus | undefined,
  next: SopsSecretStatus,
  onlyMessage: boolean,
): boolean {
  if (onlyMessage) return old?.message !== next.message;
  const settled = (status: SopsSecretStatus | undefined): string => {
    const children = (status?.children ?? []).map((child) =>
      ["Created", "Updated", "Recreated", "TakenOver"].includes(child.result)
        ? { ...child, result: "Unchanged" }
        : child,
    );
    return canonicalJson({ ...status, children, lastAppliedTime: undefined });
  };
  return settled(old) !== settled(next) || old?.lastAppliedTime !== next.lastAppliedTime;
}

/** A merge patch leaves what it does not name: what is to go is named with null. */
export function statusPatch(next: SopsSecretStatus): JsonObject {
  return {
    observedGeneration: null,
    lastAppliedTime: null,
    conditions: null,
    children: null,
    ...next,
  };
}
