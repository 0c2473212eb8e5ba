import type { Secret, SopsSecret } from "../k8s/sops-secret.ts";
import { ApiError } from "./api.ts";
import { secretOf, type Child, type Owner } from "./build.ts";
import {
  decideChild,
  foreignData,
  otherController,
  removeData,
  type ChildAction,
  type ChildMeta,
} from "./child-secret.ts";
import type { ChildIndex } from "./child-index.ts";
import type { Cluster, PatchStep } from "./cluster.ts";
import { obstacleOf, type Obstacle } from "./obstacles.ts";
import type { Observer } from "./observer.ts";
import type { Problem } from "./texts.ts";

/** How often a write is tried while others write in between. */
export const CONFLICT_TRIES = 5;

/** A state of a child that this process saw or made. */
export interface ChildVersion {
  readonly uid: string;
  readonly version: string;
}

/** What became of a child: `result` as it stands in the status. */
export type Written =
  | { readonly result: string; readonly version: ChildVersion }
  | { readonly problem: Problem; readonly obstacle: Obstacle | undefined };

export interface ChildWriterSettings {
  /** Of `-default-enforce-ownership`, for objects that do not say. */
  readonly enforceOwnership: boolean;
  readonly recreate: "owned" | "never";
}

/** Brings one child into the state that its template describes. */
export class ChildWriter {
  private readonly cluster: Cluster;
  private readonly children: ChildIndex;
  private readonly observer: Observer;
  private readonly settings: ChildWriterSettings;
  /** What was written and has not come back as an event yet: uid of the child to its resourceVersion. */
  private readonly writes = new Map<string, string>();

  constructor(
    cluster: Cluster,
    children: ChildIndex,
    observer: Observer,
    settings: ChildWriterSettings,
  ) {
    this.cluster = cluster;
    this.children = children;
    this.observer = observer;
    this.settings = settings;
  }

  /** Is this state of a child what this process made of it? Asked once for each event. */
  isOwnWrite({ uid, resourceVersion }: ChildMeta): boolean {
    const written = this.writes.get(uid);
    this.writes.delete(uid);
    return written === resourceVersion;
  }

  /**
   * Looks, decides and writes; again where somebody else wrote in between.
   *
   * @throws {ApiError} for what the API server refuses
   */
  async write(child: Child, object: SopsSecret, owner: Owner): Promise<Written> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.writeOnce(child, object, owner, attempt === 1);
      } catch (error) {
        if (!(error instanceof ApiError) || error.status !== 409 || attempt >= CONFLICT_TRIES)
          throw error;
      }
    }
  }

  private async writeOnce(
    child: Child,
    object: SopsSecret,
    owner: Owner,
    isFirst: boolean,
  ): Promise<Written> {
    const namespace = object.metadata.namespace ?? "";
    const desired = secretOf(child, namespace, owner);
    // One that was never seen is made without a look: the guard refuses where there is a foreign one.
    const isNew = isFirst && this.children.get(child.kind, namespace, child.name) === undefined;
    const observed = isNew
      ? undefined
      : await this.cluster.child(child.kind, namespace, child.name);
    const action = await this.decide(child, observed, object, owner);
    if (action.kind === "refuse") {
      const obstacle = observed === undefined ? undefined : obstacleOf(child.kind, observed);
      return { problem: action.problem, obstacle };
    }
    const { secret, result } = await this.carryOut(action, desired, observed);
    const now = await this.withoutForeignData(desired, secret);
    if (result !== "Unchanged")
      this.observer.log("info", result, {
        object: `${namespace}/${owner.name}`,
        [child.kind === "Secret" ? "secret" : "configMap"]: child.name,
        keys: child.data.size,
      });
    const { uid = "", resourceVersion = "" } = now?.metadata ?? {};
    return { result, version: { uid, version: resourceVersion } };
  }

  private async decide(
    child: Child,
    observed: Secret | undefined,
    { metadata, spec }: SopsSecret,
    owner: Owner,
  ): Promise<ChildAction> {
    const other = observed === undefined ? undefined : otherController(observed, owner);
    const isOtherAlive =
      other !== undefined &&
      (await this.cluster.sopsSecret(metadata.namespace ?? "", other.name))?.metadata.uid ===
        other.uid;
    const own = spec?.["enforceOwnership"];
    return decideChild(child, observed, owner, {
      enforce: typeof own === "boolean" ? own : this.settings.enforceOwnership,
      isOtherAlive,
      recreate: this.settings.recreate,
    });
  }

  private async carryOut(
    action: Exclude<ChildAction, { kind: "refuse" }>,
    desired: Secret,
    observed: Secret | undefined,
  ): Promise<{ secret: Secret | undefined; result: string }> {
    switch (action.kind) {
      case "none":
        return { secret: observed, result: "Unchanged" };
      case "create":
        return { secret: await this.apply(desired, "1"), result: "Created" };
      case "recreate":
        if (observed !== undefined)
          await this.cluster.deleteChild(
            desired.kind,
            desired.metadata.namespace ?? "",
            observed.metadata,
          );
        this.observer.wrote("delete");
        return { secret: await this.apply(desired, "1"), result: "Recreated" };
      case "apply": {
        const before =
          observed !== undefined && action.first.length > 0
            ? await this.patched(desired, action.first)
            : observed;
        const secret = await this.apply(desired, before?.metadata.resourceVersion ?? "1");
        return { secret, result: action.isTakeOver ? "TakenOver" : "Updated" };
      }
      default:
        return action satisfies never;
    }
  }

  private async withoutForeignData(
    desired: Secret,
    secret: Secret | undefined,
  ): Promise<Secret | undefined> {
    const foreign = secret === undefined ? [] : foreignData(desired, secret);
    return secret === undefined || foreign.length === 0
      ? secret
      : this.patched(desired, removeData(foreign, secret));
  }

  private async apply(secret: Secret, resourceVersion: string): Promise<Secret> {
    this.observer.wrote("apply");
    return this.noted(
      await this.cluster.apply({ ...secret, metadata: { ...secret.metadata, resourceVersion } }),
    );
  }

  /** A failing `test` of a JSON patch is answered with 422: somebody else wrote in between. */
  private async patched(child: Secret, steps: readonly PatchStep[]): Promise<Secret> {
    this.observer.wrote("patch");
    try {
      return this.noted(await this.cluster.patchChild(child, steps));
    } catch (error) {
      if (error instanceof ApiError && error.status === 422 && !error.message.includes("immutable"))
        throw new ApiError(409, "Conflict", "the Secret was changed in between");
      throw error;
    }
  }

  private noted(secret: Secret): Secret {
    const { uid = "", resourceVersion = "" } = secret.metadata;
    this.writes.set(uid, resourceVersion);
    return secret;
  }
}
