import { request as httpRequest, Agent as HttpAgent, type IncomingMessage } from "node:http";
import { request as httpsRequest, Agent as HttpsAgent } from "node:https";
import { setTimeout as delay } from "node:timers/promises";
import { isObject, type Json, type JsonObject } from "../k8s/sops-secret.ts";

/** How to reach an API server; tokens may change between two calls. */
export interface Connection {
  readonly server: string;
  credentials(): Promise<Credentials>;
}

export interface Credentials {
  readonly headers: Readonly<Record<string, string>>;
  readonly ca?: string | Buffer | undefined;
  readonly cert?: string | Buffer | undefined;
  readonly key?: string | Buffer | undefined;
  readonly servername?: string | undefined;
  readonly rejectUnauthorized?: boolean | undefined;
}

export interface ApiRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly contentType?: string;
  readonly accept?: string;
  /** How long an answer is waited for, in milliseconds; 30 s by default. */
  readonly timeoutMs?: number;
}

/** The API server said no. The message holds what it complains about, never a value. */
export class ApiError extends Error {
  readonly status: number;
  /** `NotFound`, `Conflict`, `NamespaceTerminating`, …; "" where it gave none. */
  readonly reason: string;
  /** Seconds that it asks to wait. */
  readonly retryAfter: number | undefined;

  constructor(status: number, reason: string, message: string, retryAfter?: number) {
    super(message);
    this.status = status;
    this.reason = reason;
    this.retryAfter = retryAfter;
  }
}

/** No answer came: connection refused, reset, timed out. */
export class Unreachable extends Error {}

const TIMEOUT_MS = 30_000;

/** A small client for the API server: JSON requests and watches over kept-alive connections, at a limited rate. */
export class Api {
  private readonly connection: Connection;
  private readonly bucket: TokenBucket;
  private agents: { requests: HttpAgent | HttpsAgent; watches: HttpAgent | HttpsAgent } | undefined;
  private agentKey = "";
  private isClosed = false;
  /** Called once for each answer. */
  onRequest: (method: string, status: number) => void = () => undefined;

  constructor(connection: Connection, rate: { qps: number; burst: number }) {
    this.connection = connection;
    this.bucket = new TokenBucket(rate.qps, rate.burst);
  }

  /**
   * @returns the body
   * @throws {ApiError} for any status but 2xx; {@link Unreachable} without an answer
   */
  async request(request: ApiRequest): Promise<JsonObject> {
    await this.bucket.take();
    const response = await this.send(request, AbortSignal.timeout(request.timeoutMs ?? TIMEOUT_MS));
    const text = await readAll(response);
    const status = response.statusCode ?? 0;
    this.onRequest(request.method, status);
    const body = parsed(text);
    if (status >= 200 && status < 300) return body ?? {};
    throw apiError(status, body, response.headers["retry-after"]);
  }

  /**
   * Reads a watch line by line until the server ends it.
   *
   * @param on.open the server has taken it
   * @param on.event says whether to go on
   * @param signal ends it too
   */
  async watch(
    request: { path: string; query: Readonly<Record<string, string>>; accept: string },
    on: { open(): void; event(event: JsonObject): boolean },
    signal: AbortSignal,
  ): Promise<void> {
    const response = await this.send({ method: "GET", ...request }, signal, "watches");
    const status = response.statusCode ?? 0;
    this.onRequest("WATCH", status);
    if (status !== 200)
      throw apiError(status, parsed(await readAll(response)), response.headers["retry-after"]);
    on.open();
    response.setEncoding("utf8");
    let rest = "";
    try {
      for await (const chunk of response as AsyncIterable<string>) {
        const lines = (rest + chunk).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) {
          const event = parsed(line);
          if (event !== undefined && !on.event(event)) return;
        }
      }
    } catch (error) {
      throw new Unreachable("the watch was cut off", { cause: error });
    }
  }

  /** Ends all connections; nothing is sent any more. */
  close(): void {
    this.isClosed = true;
    this.dropAgents();
  }

  private async send(
    request: ApiRequest,
    signal: AbortSignal,
    use: "requests" | "watches" = "requests",
  ): Promise<IncomingMessage> {
    const url = new URL(request.path, this.connection.server);
    // A server behind a path prefix keeps it.
    const prefix = new URL(this.connection.server).pathname.replace(/\/$/, "");
    url.pathname = `${prefix}${request.path}`;
    for (const [name, value] of Object.entries(request.query ?? {}))
      url.searchParams.set(name, value);
    const { headers, ...tls } = await this.credentials();
    if (this.isClosed) throw new Unreachable("the connection to the API server is closed");
    const body = request.body === undefined ? undefined : JSON.stringify(request.body);
    const options = {
      method: request.method,
      agent: this.agentFor(url, tls, use),
      signal,
      headers: {
        ...headers,
        accept: request.accept ?? "application/json",
        "user-agent": "sopsmith",
        ...(body === undefined
          ? {}
          : {
              "content-type": request.contentType ?? "application/json",
              "content-length": String(Buffer.byteLength(body)),
            }),
      },
    };
    return new Promise((resolve, reject) => {
      const answered = (response: IncomingMessage): void => {
        // Whoever reads it sees the error; one that comes when nobody reads any more must not end the process.
        response.on("error", () => undefined);
        resolve(response);
      };
      const sent =
        url.protocol === "http:"
          ? httpRequest(url, options, answered)
          : httpsRequest(url, { ...options, ...tls }, answered);
      sent.on("error", (error: NodeJS.ErrnoException) =>
        reject(
          new Unreachable(`the API server does not answer (${error.code ?? error.name})`, {
            cause: error,
          }),
        ),
      );
      sent.on("socket", (socket) => socket.setKeepAlive(true, 30_000));
      sent.end(body);
    });
  }

  private async credentials(): Promise<Credentials> {
    try {
      return await this.connection.credentials();
    } catch (cause) {
      const [line = ""] = (cause instanceof Error ? cause.message : "").split("\n");
      throw new Unreachable(`the kubeconfig's credentials cannot be used: ${line.slice(0, 200)}`, {
        cause,
      });
    }
  }

  /** Watches hold a connection each, for minutes: they must not take those of requests. */
  private agentFor(
    url: URL,
    tls: Omit<Credentials, "headers">,
    use: "requests" | "watches",
  ): HttpAgent | HttpsAgent {
    const key = JSON.stringify([tls.ca, tls.cert, tls.key].map(String));
    if (this.agents === undefined || key !== this.agentKey) {
      this.dropAgents();
      const agent = (maxSockets: number): HttpAgent | HttpsAgent =>
        url.protocol === "http:"
          ? new HttpAgent({ keepAlive: true, maxSockets })
          : new HttpsAgent({ keepAlive: true, maxSockets, ...tls });
      this.agents = { requests: agent(64), watches: agent(Infinity) };
      this.agentKey = key;
    }
    return this.agents[use];
  }

  private dropAgents(): void {
    this.agents?.requests.destroy();
    this.agents?.watches.destroy();
  }
}

function parsed(text: string): JsonObject | undefined {
  if (text.trim() === "") return undefined;
  try {
    const value = JSON.parse(text) as Json;
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Text in which the server quotes a field's value is replaced by the names of the fields. */
function apiError(
  status: number,
  body: JsonObject | undefined,
  retryAfter: string | undefined,
): ApiError {
  const details = isObject(body?.["details"]) ? body["details"] : {};
  const causes = (Array.isArray(details["causes"]) ? details["causes"] : []).filter(isObject);
  const cause = causes.find(({ reason }) => reason === "NamespaceTerminating");
  const reason = cause === undefined ? textOf(body?.["reason"]) : "NamespaceTerminating";
  const said = textOf(body?.["message"]);
  const isImmutable = /field is immutable/.test(said);
  const fields = causes.map(({ field, reason: why }) => `${textOf(field)} (${textOf(why)})`);
  const message =
    status === 422
      ? `the API server rejects ${fields.length === 0 ? "it as invalid" : fields.join(", ")}${isImmutable ? ": field is immutable" : ""}`
      : status === 403
        ? reason === "NamespaceTerminating"
          ? "the namespace is being deleted"
          : `forbidden: ${forbidden(said)}`
        : `the API server answers ${status}${reason === "" ? "" : ` ${reason}`}`;
  const wait = Number(retryAfter);
  return new ApiError(
    status,
    reason,
    message,
    Number.isFinite(wait) && wait > 0 ? wait : undefined,
  );
}

/** Who may not do what: no values in it. */
function forbidden(said: string): string {
  const match =
    /User "[^"]*" cannot \w+ resource "[^"]*"(?: in API group "[^"]*")?(?: in the namespace "[^"]*")?/.exec(
      said,
    );
  return match?.[0] ?? "an admission rule or a missing permission";
}

const textOf = (value: Json | undefined): string => (typeof value === "string" ? value : "");

async function readAll(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
  } catch (error) {
    throw new Unreachable("the answer was cut off", { cause: error });
  }
  return Buffer.concat(chunks).toString("utf8");
}

class TokenBucket {
  private readonly qps: number;
  private readonly burst: number;
  private tokens: number;
  private last = performance.now();

  constructor(qps: number, burst: number) {
    this.qps = qps;
    this.burst = burst;
    this.tokens = burst;
  }

  async take(): Promise<void> {
    const now = performance.now();
    this.tokens = Math.min(this.burst, this.tokens + ((now - this.last) / 1000) * this.qps);
    this.last = now;
    this.tokens -= 1;
    if (this.tokens < 0) await delay((-this.tokens / this.qps) * 1000);
  }
}
