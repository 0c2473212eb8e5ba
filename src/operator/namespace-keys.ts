import { isObject, type JsonObject } from "../k8s/sops-secret.ts";
import type { KeyService } from "../key-service/key-service.ts";
import { UnwrapError } from "../keys/provider.ts";
import type { Api } from "./api.ts";
import { childrenPath } from "./cluster.ts";

/** Identities of one namespace that are tried at most. */
const MAX_IDENTITIES = 50;

interface Held {
  version: number;
  /** By uid of the Secret: its resourceVersion. */
  readonly secrets: Map<string, string>;
  /** undefined until they are needed, and after a change. */
  identities: Promise<readonly string[]> | undefined;
}

/**
 * Age keys that tenants keep in labelled Secrets of their own namespace. They open the objects of that namespace only. Of the Secrets
 * nothing is kept but metadata; what is in them is read when an object of the namespace needs it.
 */
export class NamespaceKeys {
  private readonly api: Api;
  private readonly selector: string;
  private readonly onChange: (namespace: string) => void;
  private readonly held = new Map<string, Held>();

  /** @param onChange called with each namespace whose keys changed */
  constructor(api: Api, selector: string, onChange: (namespace: string) => void) {
    this.api = api;
    this.selector = selector;
    this.onChange = onChange;
  }

  /** Rises with every change of the namespace's keys. */
  version(namespace: string): number {
    return this.held.get(namespace)?.version ?? 0;
  }

  /** A Secret with the label is there, as metadata. */
  saw(object: JsonObject): void {
    const { metadata } = object;
    if (!isObject(metadata)) return;
    const { namespace, uid, resourceVersion } = metadata;
    if (typeof namespace !== "string" || typeof uid !== "string") return;
    if (typeof resourceVersion !== "string") return;
    const held = this.held.get(namespace) ?? {
      version: 0,
      secrets: new Map<string, string>(),
      identities: undefined,
    };
    this.held.set(namespace, held);
    if (held.secrets.get(uid) === resourceVersion) return;
    held.secrets.set(uid, resourceVersion);
    this.changed(namespace, held);
  }

  lost(uid: string): void {
    for (const [namespace, held] of this.held)
      if (held.secrets.delete(uid)) this.changed(namespace, held);
  }

  /** After a list of a namespace, "" for all: what is not in it is gone. */
  synced(namespace: string, uids: ReadonlySet<string>): void {
    for (const [name, { secrets }] of this.held)
      if (namespace === "" || name === namespace)
        for (const uid of secrets.keys()) if (!uids.has(uid)) this.lost(uid);
  }

  /**
   * Identities in the namespace's Secrets, of age's own kinds alone: a plugin's would run a program.
   *
   * @throws {ApiError} when they cannot be read
   */
  async identities(namespace: string): Promise<readonly string[]> {
    const held = this.held.get(namespace);
    if (held === undefined || held.secrets.size === 0) return [];
    held.identities ??= this.read(namespace).catch((error: unknown) => {
      held.identities = undefined;
      throw error;
    });
    return held.identities;
  }

  private async read(namespace: string): Promise<readonly string[]> {
    const list = await this.api.request({
      method: "GET",
      path: childrenPath("Secret", namespace),
      query: { labelSelector: this.selector },
    });
    const found = new Set<string>();
    for (const item of Array.isArray(list["items"]) ? list["items"] : []) {
      const data = isObject(item) ? item["data"] : undefined;
      if (!isObject(data)) continue;
      for (const value of Object.values(data))
        if (typeof value === "string")
          for (const one of identitiesIn(Buffer.from(value, "base64").toString("utf8")))
            if (found.size < MAX_IDENTITIES) found.add(one);
    }
    return [...found];
  }

  private changed(namespace: string, held: Held): void {
    held.version += 1;
    held.identities = undefined;
    this.onChange(namespace);
  }
}

const identitiesIn = (text: string): string[] =>
  text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => /^AGE-SECRET-KEY-(?:PQ-)?1[0-9A-Z]+$/.test(line));

/** Tries the operator's own keys, then each identity of a namespace by itself, so that a bad one keeps no other from its work. */
export function withIdentities(
  inner: KeyService,
  identities: () => Promise<readonly string[]>,
): KeyService {
  return {
    name: inner.name,
    wrap: inner.wrap,
    async unwrap(key, host, signal) {
      try {
        return await inner.unwrap(key, host, signal);
      } catch (error) {
        if (!(error instanceof UnwrapError) || key.type !== "age") throw error;
        for (const identity of await identities()) {
          try {
            return await inner.unwrap(key, { ...host, env: { SOPS_AGE_KEY: identity } }, signal);
          } catch (other) {
            if (!(other instanceof UnwrapError)) throw other;
          }
        }
        throw error;
      }
    },
  };
}
