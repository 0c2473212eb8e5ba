import { createHash } from "node:crypto";
import type { Host } from "../io/host.ts";
import type { KeyService } from "../key-service/key-service.ts";
import type { MasterKey } from "../keys/provider.ts";

/** How long the last good content of a key file that vanished is used. */
const GRACE_MS = 60_000;

interface Kept {
  content: Uint8Array;
  hash: string;
  /** When it was last there, by the host's clock. */
  at: number;
}

/**
 * The key files of the operator, read again when they change. While a file is away or empty, because a mounted Secret is swapped or
 * somebody is writing it, the last good content counts, for a minute (spec kubernetes 4.10).
 */
export class KeyFiles {
  private readonly host: Host;
  private readonly paths: ReadonlySet<string>;
  private readonly kept = new Map<string, Kept>();
  private fingerprint: string | undefined;
  /** Rises with every change. */
  version = 1;

  constructor(host: Host, paths: Iterable<string>) {
    this.host = host;
    this.paths = new Set(paths);
  }

  /** The host that decryption uses: never asks on a terminal. */
  hostForKeys(warn: (message: string) => void): Host {
    return {
      ...this.host,
      readFile: (path) => (this.paths.has(path) ? this.read(path) : this.host.readFile(path)),
      promptSecret: () => Promise.resolve(undefined),
      warn,
    };
  }

  /** Looks at all files; tells whether anything changed since the last look. */
  async poll(): Promise<boolean> {
    const hashes: string[] = [];
    for (const path of this.paths) {
      await this.read(path).catch(() => undefined);
      hashes.push(this.kept.get(path)?.hash ?? "");
    }
    const before = this.fingerprint;
    this.fingerprint = hashes.join(" ");
    if (before === undefined || before === this.fingerprint) return false;
    this.version += 1;
    return true;
  }

  private async read(path: string): Promise<Uint8Array> {
    const now = this.host.now().getTime();
    const kept = this.kept.get(path);
    try {
      const content = await this.host.readFile(path);
      if (content.length > 0) {
        const hash = createHash("sha256").update(content).digest("hex");
        this.kept.set(path, { content, hash, at: now });
        return content;
      }
      if (kept === undefined) return content;
    } catch (error) {
      if (kept === undefined) throw error;
      if (now - kept.at > GRACE_MS) {
        kept.content.fill(0);
        this.kept.delete(path);
        throw error;
      }
    }
    if (now - kept.at > GRACE_MS) {
      kept.content.fill(0);
      this.kept.delete(path);
      return new Uint8Array(0);
    }
    return kept.content;
  }
}

const CACHE_ENTRIES = 1000;
const CACHE_MS = 10 * 60_000;

/**
 * A key service that remembers what it unwrapped, so that a key service in the cloud is asked once for each change. Parts are overwritten
 * when they are forgotten.
 */
export class CachingKeyService implements KeyService {
  readonly name: string;
  readonly wrap: KeyService["wrap"];
  private readonly inner: KeyService;
  private readonly parts = new Map<string, { part: Uint8Array; until: number }>();
  private readonly now: () => number;

  constructor(inner: KeyService, now: () => number) {
    this.inner = inner;
    this.name = inner.name;
    this.wrap = inner.wrap;
    this.now = now;
  }

  async unwrap(key: MasterKey, host: Host, signal?: AbortSignal): Promise<Uint8Array> {
    const id = createHash("sha256")
      .update(JSON.stringify([key.type, key.id, key.enc]))
      .digest("hex");
    const known = this.parts.get(id);
    if (known !== undefined && known.until > this.now()) return Uint8Array.from(known.part);
    if (known !== undefined) this.drop(id);
    const part = await this.inner.unwrap(key, host, signal);
    this.parts.set(id, { part: Uint8Array.from(part), until: this.now() + CACHE_MS });
    for (const oldest of this.parts.keys()) {
      if (this.parts.size <= CACHE_ENTRIES) break;
      this.drop(oldest);
    }
    return part;
  }

  clear(): void {
    for (const id of this.parts.keys()) this.drop(id);
  }

  private drop(id: string): void {
    this.parts.get(id)?.part.fill(0);
    this.parts.delete(id);
  }
}
