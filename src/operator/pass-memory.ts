import type { ChildKind, Condition } from "../k8s/sops-secret.ts";
import type { ChildVersion } from "./child-writer.ts";

/** A child as a pass left it. */
export interface WrittenChild extends ChildVersion {
  readonly kind: ChildKind;
  readonly name: string;
}

/** What is remembered of the passes over one object. */
export interface PassMemory {
  failures: number;
  /** The pass that ended well: nothing has to be done again while all of this holds. */
  success:
    | {
        uid: string;
        generation: number;
        keys: string;
        hash: string;
        children: readonly WrittenChild[];
        /** When it counts no more, on the clock of `performance.now()`. */
        until: number;
      }
    | undefined;
  /** What failed last, so that a change of the object starts the back-off anew. */
  failedAs: string;
  lastModified: string | undefined;
  /** `Ready=True Decrypted=True`; one text for all objects that have the same. */
  conditions: string;
  /** Why it is not ready; undefined where it is. */
  reason: string | undefined;
  /** The last pass did not reach the API server. */
  isCutOff: boolean;
}

/** What is remembered of the passes over all objects, and what can be told from that. */
export class PassMemories {
  private readonly memories = new Map<string, PassMemory>();
  private readonly texts = new Map<string, string>();

  /** What is remembered of an object; something empty for one that was never looked at. */
  of(key: string): PassMemory {
    let memory = this.memories.get(key);
    if (memory === undefined) {
      memory = {
        failures: 0,
        success: undefined,
        failedAs: "",
        lastModified: undefined,
        conditions: "",
        reason: undefined,
        isCutOff: false,
      };
      this.memories.set(key, memory);
    }
    return memory;
  }

  /** Undefined for an object that was never looked at. */
  known(key: string): PassMemory | undefined {
    return this.memories.get(key);
  }

  forget(key: string): void {
    this.memories.delete(key);
  }

  setConditions(memory: PassMemory, conditions: readonly Condition[]): void {
    memory.conditions = this.shared(
      conditions.map(({ type, status }) => `${type}=${status}`).join(" "),
    );
  }

  /** Objects whose last pass did not reach the API server. */
  cutOff(): string[] {
    return [...this.memories].flatMap(([key, { isCutOff }]) => (isCutOff ? [key] : []));
  }

  /** Objects that are not ready, and why. */
  *failures(): Generator<{ key: string; reason: string }> {
    for (const [key, { reason }] of this.memories) if (reason !== undefined) yield { key, reason };
  }

  /** Nothing that was seen before counts any more: each object is looked at as if for the first time. */
  distrust(): void {
    for (const memory of this.memories.values()) memory.success = undefined;
  }

  /**
   * Objects whose values could not be read: worth another look when keys change.
   *
   * @param namespace only of this one; "" for all
   */
  undecrypted(namespace: string): string[] {
    return [...this.memories].flatMap(([key, { conditions }]) =>
      (namespace === "" || key.startsWith(`${namespace}/`)) &&
      /\bDecrypted=(?!True)/.test(conditions)
        ? [key]
        : [],
    );
  }

  /** How many objects have which condition, for the metrics: `Ready=True` and so on, those that none has included. */
  conditionCounts(): Map<string, number> {
    const counts = new Map<string, number>(
      ["Ready", "Decrypted", "MacVerified", "ScopeVerified"].flatMap((type) =>
        ["True", "False", "Unknown"].map((status) => [`${type}=${status}`, 0] as const),
      ),
    );
    for (const { conditions } of this.memories.values())
      for (const label of conditions.split(" "))
        if (label !== "") counts.set(label, (counts.get(label) ?? 0) + 1);
    return counts;
  }

  /** One and the same text for equal ones: thousands of objects have the same conditions. */
  private shared(text: string): string {
    const known = this.texts.get(text);
    if (known !== undefined) return known;
    if (this.texts.size >= 1000) this.texts.clear();
    this.texts.set(text, text);
    return text;
  }
}
