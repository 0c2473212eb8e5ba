import {
  API_VERSION,
  parseSecret,
  parseSopsSecret,
  PLURAL,
  type JsonObject,
  type ObjectMeta,
  type Secret,
  type SopsSecret,
} from "../k8s/sops-secret.ts";
import { ApiError, type Api } from "./api.ts";

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
export const secretsPath = (namespace: string): string =>
  namespace === "" ? "/api/v1/secrets" : `/api/v1/namespaces/${namespace}/secrets`;

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
    const found = await this.get(`${sopsSecretsPath(namespace)}/${name}`);
    return found && parseSopsSecret(found);
  }

  async secret(namespace: string, name: string): Promise<Secret | undefined> {
    const found = await this.get(`${secretsPath(namespace)}/${name}`);
    return found && parseSecret(found);
  }

  /** @param secret with the resourceVersion that guards it: `1` where there must be none yet */
  async apply(secret: Secret): Promise<Secret> {
    const { namespace = "", name = "" } = secret.metadata;
    return parseSecret(
      await this.api.request({
        method: "PATCH",
        path: `${secretsPath(namespace)}/${name}`,
        query: { fieldManager: FIELD_MANAGER, force: "true" },
        contentType: "application/apply-patch+yaml",
        body: secret,
      }),
    );
  }

  async patchSecret(namespace: string, name: string, steps: readonly PatchStep[]): Promise<Secret> {
    return parseSecret(
      await this.api.request({
        method: "PATCH",
        path: `${secretsPath(namespace)}/${name}`,
        query: { fieldManager: FIELD_MANAGER },
        contentType: "application/json-patch+json",
        body: steps,
      }),
    );
  }

  /** Deletes exactly the Secret that was seen; one that is gone or another by now is left alone. */
  async deleteSecret(
    namespace: string,
    { name = "", uid, resourceVersion }: ObjectMeta,
  ): Promise<boolean> {
    try {
      await this.api.request({
        method: "DELETE",
        path: `${secretsPath(namespace)}/${name}`,
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
