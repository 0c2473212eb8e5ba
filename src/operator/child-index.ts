import type { ChildKind } from "../k8s/sops-secret.ts";
import type { ChildMeta } from "./child-secret.ts";

/** What is known of children without asking. */
export interface ChildIndex {
  get(kind: ChildKind, namespace: string, name: string): ChildMeta | undefined;
  /** All that carry the owner's label or name it as their controller. */
  ownedBy(uid: string): readonly ChildMeta[];
  /** It is gone. */
  remove(uid: string): unknown;
}

/** What is known of children, from the watch alone. */
export class Children implements ChildIndex {
  private readonly byUid = new Map<string, ChildMeta>();
  private readonly byName = new Map<string, ChildMeta>();
  /** Few children for each: a list takes less memory than a set. */
  private readonly owners = new Map<string, readonly string[]>();

  get(kind: ChildKind, namespace: string, name: string): ChildMeta | undefined {
    return this.byName.get(nameOf({ kind, namespace, name }));
  }

  ownedBy(uid: string): readonly ChildMeta[] {
    return [...(this.owners.get(uid) ?? [])].flatMap((child) => this.byUid.get(child) ?? []);
  }

  /** @returns the uids of those who may own it now or owned it before */
  set(meta: ChildMeta): string[] {
    const before = this.remove(meta.uid);
    this.byUid.set(meta.uid, meta);
    this.byName.set(nameOf(meta), meta);
    const owners = ownersOf(meta);
    for (const owner of owners) {
      this.owners.set(owner, [...(this.owners.get(owner) ?? []), meta.uid]);
    }
    return [...new Set([...before, ...owners])];
  }

  remove(uid: string): string[] {
    const meta = this.byUid.get(uid);
    if (meta === undefined) return [];
    this.byUid.delete(uid);
    const name = nameOf(meta);
    if (this.byName.get(name)?.uid === uid) this.byName.delete(name);
    const owners = ownersOf(meta);
    for (const owner of owners) {
      const held = (this.owners.get(owner) ?? []).filter((child) => child !== uid);
      if (held.length === 0) this.owners.delete(owner);
      else this.owners.set(owner, held);
    }
    return owners;
  }

  *uids(kind: ChildKind, namespace: string): Generator<string> {
    for (const one of this.byUid.values())
      if (one.kind === kind && (namespace === "" || one.namespace === namespace)) yield one.uid;
  }
}

const nameOf = ({ kind, namespace, name }: Pick<ChildMeta, "kind" | "namespace" | "name">) =>
  `${kind}/${namespace}/${name}`;

const ownersOf = ({ label, controllerUid }: ChildMeta): string[] =>
  [...new Set([label, controllerUid])].filter((uid) => uid !== "");
