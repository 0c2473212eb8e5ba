import type { ChildMeta } from "./child-secret.ts";

/** What is known of children without asking. */
export interface ChildIndex {
  get(namespace: string, name: string): ChildMeta | undefined;
  /** All that carry the owner's label or name it as their controller. */
  ownedBy(uid: string): readonly ChildMeta[];
  /** It is gone. */
  remove(uid: string): unknown;
}

/** What is known of children, from the watch alone. */
export class Children implements ChildIndex {
  private readonly byUid = new Map<string, ChildMeta>();
  private readonly byName = new Map<string, ChildMeta>();
  private readonly owners = new Map<string, Set<string>>();

  get(namespace: string, name: string): ChildMeta | undefined {
    return this.byName.get(`${namespace}/${name}`);
  }

  ownedBy(uid: string): readonly ChildMeta[] {
    return [...(this.owners.get(uid) ?? [])].flatMap((child) => this.byUid.get(child) ?? []);
  }

  /** @returns the uids of those who may own it now or owned it before */
  set(meta: ChildMeta): string[] {
    const before = this.remove(meta.uid);
    this.byUid.set(meta.uid, meta);
    this.byName.set(`${meta.namespace}/${meta.name}`, meta);
    const owners = ownersOf(meta);
    for (const owner of owners) {
      const held = this.owners.get(owner);
      if (held === undefined) this.owners.set(owner, new Set([meta.uid]));
      else held.add(meta.uid);
    }
    return [...new Set([...before, ...owners])];
  }

  remove(uid: string): string[] {
    const meta = this.byUid.get(uid);
    if (meta === undefined) return [];
    this.byUid.delete(uid);
    const name = `${meta.namespace}/${meta.name}`;
    if (this.byName.get(name)?.uid === uid) this.byName.delete(name);
    const owners = ownersOf(meta);
    for (const owner of owners) {
      const held = this.owners.get(owner);
      held?.delete(uid);
      if (held?.size === 0) this.owners.delete(owner);
    }
    return owners;
  }

  *uids(namespace: string): Generator<string> {
    for (const { uid, namespace: own } of this.byUid.values())
      if (namespace === "" || own === namespace) yield uid;
  }
}

const ownersOf = ({ label, controllerUid }: ChildMeta): string[] =>
  [...new Set([label, controllerUid])].filter((uid) => uid !== "");
