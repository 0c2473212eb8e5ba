import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import type { Secret, SopsSecret } from "../../src/k8s/sops-secret.ts";
import type { Connection } from "../../src/operator/api.ts";

type Stored = {
  metadata: Record<string, unknown> & { name: string };
  status?: object;
} & Record<string, unknown>;

export interface Seen {
  readonly method: string;
  readonly path: string;
  /** What stands in the header `authorization`. */
  readonly user: string;
  readonly isWatch: boolean;
  readonly body: Record<string, unknown> | undefined;
}

/** What goes wrong with a request: an answer in place of the right one, before or after it was carried out, or a delay. */
export interface Fault {
  readonly status?: number;
  readonly reason?: string;
  readonly message?: string;
  readonly headers?: Record<string, string>;
  readonly delayMs?: number;
  /** The request is carried out, and its answer never comes. */
  readonly isAnswerLost?: boolean;
}

/**
 * As much of an API server as the operator uses, in memory: objects with resourceVersion and uid, guarded apply, merge patch, deletion
 * with preconditions, lists and watches. How the real one does it is measured in spec kubernetes 4.2; test/kube runs against that one.
 */
export class FakeApi {
  private readonly server: Server;
  private readonly objects = new Map<string, Stored>();
  private readonly watches = new Set<{
    path: string;
    selector: string;
    response: ServerResponse;
  }>();
  private version = 10;
  readonly seen: Seen[] = [];
  /** Decides what goes wrong. */
  fault: (request: Seen) => Fault | undefined = () => undefined;

  private constructor(server: Server) {
    this.server = server;
  }

  static async start(): Promise<FakeApi> {
    const server = createServer();
    const api = new FakeApi(server);
    server.on("request", (request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const text = Buffer.concat(chunks).toString();
        const url = new URL(request.url ?? "/", "http://x");
        void api.answer(
          {
            method: request.method ?? "",
            path: url.pathname,
            user: request.headers.authorization ?? "",
            isWatch: url.searchParams.get("watch") === "true",
            body: text === "" ? undefined : (JSON.parse(text) as Record<string, unknown>),
          },
          url.searchParams,
          response,
        );
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return api;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  get connection(): Connection {
    return { server: this.url, credentials: () => Promise.resolve({ headers: {} }) };
  }

  /** Breaks off all connections. */
  cut(): void {
    this.server.closeAllConnections();
  }

  stop(): void {
    this.server.closeAllConnections();
    this.server.close();
  }

  static sopsPath = (namespace: string, name: string): string =>
    `/apis/isindir.github.com/v1alpha3/namespaces/${namespace}/sopssecrets/${name}`;
  static secretPath = (namespace: string, name: string): string =>
    `/api/v1/namespaces/${namespace}/secrets/${name}`;

  put(path: string, object: object): Stored {
    const before = this.objects.get(path);
    const given = object as Stored;
    const stored: Stored = {
      ...given,
      metadata: {
        generation: 1,
        uid: `uid-${++this.version}`,
        ...given.metadata,
        name: path.split("/").at(-1) ?? "",
        namespace: /namespaces\/([^/]+)/.exec(path)?.[1] ?? "",
        resourceVersion: String(++this.version),
      },
    };
    this.objects.set(path, stored);
    this.tell(before === undefined ? "ADDED" : "MODIFIED", path, stored);
    return stored;
  }

  sops(namespace: string, name: string): SopsSecret | undefined {
    return this.objects.get(FakeApi.sopsPath(namespace, name));
  }

  secret(namespace: string, name: string): Secret | undefined {
    return this.objects.get(FakeApi.secretPath(namespace, name)) as Secret | undefined;
  }

  get(path: string): Stored | undefined {
    return this.objects.get(path);
  }

  remove(path: string): void {
    const object = this.objects.get(path);
    if (object === undefined) return;
    this.objects.delete(path);
    this.tell("DELETED", path, {
      ...object,
      metadata: { ...object.metadata, resourceVersion: String(++this.version) },
    });
  }

  /** Collections that are watched now. */
  get watched(): string[] {
    return [...this.watches].map(({ path }) => path);
  }

  /** Reasons of all events, in order. */
  get events(): string[] {
    return this.seen
      .filter(({ method, path }) => method === "POST" && path.endsWith("/events"))
      .map(({ body }) => String(body?.["reason"]));
  }

  writes(kind: string): number {
    return this.seen.filter(({ method, path }) => method !== "GET" && path.includes(kind)).length;
  }

  private tell(type: string, path: string, object: Stored): void {
    for (const watch of this.watches)
      if (matches(watch.path, path) && isSelected(object, watch.selector))
        watch.response.write(`${JSON.stringify({ type, object })}\n`);
  }

  private async answer(
    seen: Seen,
    query: URLSearchParams,
    response: ServerResponse,
  ): Promise<void> {
    this.seen.push(seen);
    const fault = this.fault(seen);
    if (fault?.delayMs !== undefined) await delay(fault.delayMs);
    if (fault?.status !== undefined) {
      const { status, reason = "", message = "", headers = {} } = fault;
      response.writeHead(status, headers).end(JSON.stringify({ kind: "Status", reason, message }));
      return;
    }
    const selector = query.get("labelSelector") ?? "";
    if (seen.isWatch) {
      response.writeHead(200).flushHeaders();
      const watch = { path: seen.path, selector, response };
      this.watches.add(watch);
      response.on("close", () => this.watches.delete(watch));
      const from = Number(query.get("resourceVersion"));
      for (const [path, object] of this.objects)
        if (
          matches(seen.path, path) &&
          isSelected(object, selector) &&
          Number(object.metadata["resourceVersion"]) > from
        )
          response.write(`${JSON.stringify({ type: "MODIFIED", object })}\n`);
      return;
    }
    const [status, body] = this.carryOut(seen, selector);
    if (fault?.isAnswerLost !== true) response.writeHead(status).end(JSON.stringify(body));
  }

  private carryOut({ method, path, body }: Seen, selector: string): [number, object] {
    const isCollection = /\/(?:secrets|configmaps|sopssecrets|leases|events)$/.test(path);
    const status = path.endsWith("/status");
    const at = status ? path.slice(0, -"/status".length) : path;
    const object = this.objects.get(at);
    const asked = (body?.["metadata"] ?? {}) as { name?: string; resourceVersion?: string };
    const conflict: [number, object] = [409, { reason: "Conflict" }];
    if (method === "GET" && isCollection)
      return [
        200,
        {
          metadata: { resourceVersion: String(this.version) },
          items: [...this.objects]
            .filter(([key, item]) => matches(path, key) && isSelected(item, selector))
            .map(([, item]) => item),
        },
      ];
    if (method === "POST") {
      const key = `${path}/${asked.name}`;
      return this.objects.has(key) ? conflict : [201, this.put(key, body ?? {})];
    }
    if (method === "PATCH" && !status && object === undefined)
      return [201, this.put(at, { ...body, metadata: { ...asked, resourceVersion: undefined } })];
    if (object === undefined) return [404, { reason: "NotFound" }];
    if (method === "GET") return [200, object];
    const { metadata } = object;
    if (method === "DELETE") {
      const wanted = (body?.["preconditions"] ?? {}) as Record<string, unknown>;
      if (wanted["uid"] !== metadata["uid"]) return conflict;
      if (wanted["resourceVersion"] !== metadata["resourceVersion"]) return conflict;
      this.remove(at);
      return [200, {}];
    }
    if (Array.isArray(body)) return this.jsonPatch(at, object, body as Step[]);
    if (asked.resourceVersion !== metadata["resourceVersion"]) return conflict;
    if (status)
      return [
        200,
        this.put(at, {
          ...object,
          status: withoutNulls({ ...object.status, ...(body?.["status"] as object) }),
        }),
      ];
    return [200, this.put(at, { ...object, ...body, metadata: { ...metadata, ...asked } })];
  }

  private jsonPatch(at: string, object: Stored, steps: readonly Step[]): [number, object] {
    const next = structuredClone(object);
    for (const { op, path, value } of steps) {
      const names = path
        .slice(1)
        .split("/")
        .map((name) => name.replaceAll("~1", "/").replaceAll("~0", "~"));
      const last = names.pop() ?? "";
      let parent = next as Record<string, unknown>;
      for (const name of names) parent = parent[name] as Record<string, unknown>;
      if (op === "test" && parent[last] !== value) return [422, { reason: "Invalid" }];
      if (op === "replace") parent[last] = value;
      if (op === "remove") Reflect.deleteProperty(parent, last);
    }
    return [200, this.put(at, next)];
  }
}

interface Step {
  op: string;
  path: string;
  value?: unknown;
}

const withoutNulls = (object: object): object =>
  Object.fromEntries(Object.entries(object).filter(([, value]) => value !== null));

/** Is the object at a path in a collection, of one namespace or of all? */
function matches(collection: string, path: string): boolean {
  const parent = path.slice(0, path.lastIndexOf("/"));
  return parent === collection || parent.replace(/namespaces\/[^/]+\//, "") === collection;
}

function isSelected({ metadata }: Stored, selector: string): boolean {
  if (selector === "") return true;
  const isNegated = selector.startsWith("!");
  const labels = metadata["labels"] ?? {};
  return Object.hasOwn(labels, isNegated ? selector.slice(1) : selector) !== isNegated;
}
