import type { Host } from "../io/host.ts";
import type { SopsSecret } from "../k8s/sops-secret.ts";
import type { KeyService } from "../key-service/key-service.ts";
import { CachingKeyService, type KeyFiles } from "./key-set.ts";
import { withIdentities, type NamespaceKeys } from "./namespace-keys.ts";
import type { Keys } from "./reconcile.ts";

/** Namespaces whose unwrapped data keys are kept at a time. */
const MAX_CACHES = 200;

/** All keys that the operator has: its own, and those that tenants keep in their namespaces. */
export class Keyring {
  private readonly service: KeyService;
  private readonly files: KeyFiles;
  private readonly tenants: NamespaceKeys | undefined;
  private readonly host: Host;
  private readonly warn: (message: string) => void;
  private readonly options: { caches: boolean; selector: string };
  /** By namespace where tenants have keys: what one opened must not open another's objects. Else one for all. */
  private readonly caches = new Map<string, CachingKeyService>();

  constructor(
    parts: {
      service: KeyService;
      files: KeyFiles;
      tenants: NamespaceKeys | undefined;
      host: Host;
      warn: (message: string) => void;
    },
    options: { caches: boolean; selector: string },
  ) {
    this.service = parts.service;
    this.files = parts.files;
    this.tenants = parts.tenants;
    this.host = parts.host;
    this.warn = parts.warn;
    this.options = options;
  }

  /** Changes when the keys for a namespace's objects do. */
  version(namespace: string): string {
    return `${this.files.version} ${this.tenants?.version(namespace) ?? 0}`;
  }

  keysFor({ metadata: { namespace = "" } }: SopsSecret): Promise<Keys> {
    return Promise.resolve({
      services: [this.serviceFor(namespace)],
      host: this.files.hostForKeys(this.warn),
      sources: this.sources(),
    });
  }

  /** Forgets the data keys of a namespace, "" for all; the parts are overwritten. */
  forget(namespace: string): void {
    for (const [name, cache] of this.caches)
      if (namespace === "" || name === namespace) {
        cache.clear();
        this.caches.delete(name);
      }
  }

  private serviceFor(namespace: string): KeyService {
    const { tenants } = this;
    const inner =
      tenants === undefined
        ? this.service
        : withIdentities(this.service, () => tenants.identities(namespace));
    if (!this.options.caches) return inner;
    const name = tenants === undefined ? "" : namespace;
    const known = this.caches.get(name);
    if (known !== undefined) return known;
    for (const [oldest] of this.caches) {
      if (this.caches.size < MAX_CACHES) break;
      this.forget(oldest);
    }
    const made = new CachingKeyService(inner, () => this.host.now().getTime());
    this.caches.set(name, made);
    return made;
  }

  private sources(): string[] {
    const { env } = this.host;
    const named = ["SOPS_AGE_KEY", "SOPS_AGE_KEY_CMD"].filter((name) => env[name]);
    const file = env["SOPS_AGE_KEY_FILE"];
    return [
      ...named.map((name) => `its variable ${name}`),
      ...(file ? [`the mounted file ${file}`] : []),
      ...(this.tenants === undefined
        ? []
        : [`the namespace's Secrets with the label ${this.options.selector}`]),
    ];
  }
}
