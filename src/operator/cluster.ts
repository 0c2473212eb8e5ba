import {
  API_VERSION,
  parseSopsSecret,
  PLURAL,
  type ChildKind,
  type JsonObject,
  type ObjectMeta,
  type Secret,
  type SopsSecret,
} from "../k8s/sops-secret.ts";
import { ApiError, type Api } from "./api.ts";
import { childManifest, parseChild } from "./config-map.ts";

/** The field manager of everything that is applied. */
export const FIELD_MANAGER = "sopsmith";

/** One step of a JSON patch (RFC 6902). */
export interface PatchStep {
  readonly op: "test" | "replace" | "remove" | "add";
  readonly path: string;
  readonly value?: unknown;
}

export interface ClusterEvent {
  readonly type: "Normal" | "Warning";
  readonly reason: string;
  readonly note: string;
}

const collection = `/apis/${API_VERSION}`;
export const sopsSecretsPath = (namespace: string): string =>
  namespace === "" ? `${collection}/${PLURAL}` : `${collection}/namespaces/${namespace}/${PLURAL}`;
const plurals: Readonly<Record<ChildKind, string>> = { Secret: "secrets", ConfigMap: "configmaps" };
export const childrenPath = (kind: ChildKind, namespace: string): string =>
  namespace === ""
    ? `/api/v1/${plurals[kind]}`
    : `/api/v1/namespaces/${namespace}/${plurals[kind]}`;
const childPath = (kind: ChildKind, { namespace = "", name = "" }: ObjectMeta): string =>
  `${childrenPath(kind, namespace)}/${encodeURIComponent(name)}`;

/** What the reconciler asks of the API server; every write is guarded by what was seen. */
export class Cluster {
  private readonly api: Api;
  private readonly reporter: string;

  /** @param reporter this process, in events */
  constructor(api: Api, reporter: string) {
    this.api = api;
    this.reporter = reporter;
  }

  async sopsSecret(namespace: string, name: string): Promise<SopsSecret | undefined> {
    // The name may be that of an owner reference, which anybody may write and nobody checks.
    const found = await this.get(`${sopsSecretsPath(namespace)}/${encodeURIComponent(name)}`);
    return found && parseSopsSecret(found);
  }

  async child(kind: ChildKind, namespace: string, name: string): Promise<Secret | undefined> {
    const found = await this.get(childPath(kind, { namespace, name }));
    return found && parseChild(kind, found);
  }

  /** @param child with the resourceVersion that guards it: `1` where there must be none yet */
  async apply(child: Secret): Promise<Secret> {
    return parseChild(
      child.kind,
      await this.api.request({
        method: "PATCH",
        path: childPath(child.kind, child.metadata),
        query: { fieldManager: FIELD_MANAGER, force: "true" },
        contentType: "application/apply-patch+yaml",
        body: childManifest(child),
      }),
    );
  }

  async patchChild({ kind, metadata }: Secret, steps: readonly PatchStep[]): Promise<Secret> {
    return parseChild(
      kind,
      await this.api.request({
        method: "PATCH",
        path: childPath(kind, metadata),
        query: { fieldManager: FIELD_MANAGER },
        contentType: "application/json-patch+json",
        body: steps,
      }),
    );
  }

  /** Deletes exactly the child that was seen; one that is gone or another by now is left alone. */
  async deleteChild(
    kind: ChildKind,
    namespace: string,
    { name = "", uid, resourceVersion }: ObjectMeta,
  ): Promise<boolean> {
    try {
      await this.api.request({
        method: "DELETE",
        path: childPath(kind, { namespace, name }),
        body: { kind: "DeleteOptions", apiVersion: "v1", preconditions: { uid, resourceVersion } },
      });
      return true;
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return false;
      throw error;
    }
  }

  async patchStatus(object: SopsSecret, status: JsonObject): Promise<SopsSecret> {
    const { namespace = "", name = "", resourceVersion } = object.metadata;
    return parseSopsSecret(
      await this.api.request({
        method: "PATCH",
        path: `${sopsSecretsPath(namespace)}/${name}/status`,
        query: { fieldManager: FIELD_MANAGER },
        contentType: "application/merge-patch+json",
        body: { metadata: { resourceVersion }, status },
      }),
    );
  }

  async event(
    object: SopsSecret,
    { type, reason, note }: ClusterEvent,
    now: Date,
    suffix: string,
  ): Promise<void> {
    const { namespace = "", name = "", uid, resourceVersion } = object.metadata;
    await this.api.request({
      method: "POST",
      path: `/apis/events.k8s.io/v1/namespaces/${namespace}/events`,
      body: {
        apiVersion: "events.k8s.io/v1",
        kind: "Event",
        metadata: { name: `${name.slice(0, 230)}.${suffix}`, namespace },
        eventTime: now.toISOString().replace("Z", "000Z"),
        action: "Reconcile",
        reason,
        note: note.slice(0, 1000),
        type,
        regarding: {
          apiVersion: API_VERSION,
          kind: "SopsSecret",
          name,
          namespace,
          uid,
          resourceVersion,
        },
        reportingController: FIELD_MANAGER,
        reportingInstance: this.reporter,
      },
    });
  }

  private async get(path: string): Promise<JsonObject | undefined> {
    try {
      return await this.api.request({ method: "GET", path });
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return undefined;
      throw error;
    }
  }
}
