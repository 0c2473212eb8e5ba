import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";

export interface StubRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface StubAnswer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** An object is sent as JSON. */
  readonly body?: string | object;
}

/** A server on this machine that stands in for a vendor's. */
export interface Stub {
  readonly url: string;
  readonly port: number;
  /** What was asked so far. */
  readonly requests: StubRequest[];
  close(): Promise<void>;
}

/** @param answer `hang` leaves the request without an answer */
export async function startStub(
  answer: (request: StubRequest) => StubAnswer | "hang",
  tls?: { key: string; cert: string },
): Promise<Stub> {
  const requests: StubRequest[] = [];
  const server: Server = tls === undefined ? createServer() : createTlsServer(tls);
  server.on("request", (incoming, outgoing) => {
    void readRequest(incoming).then((request) => {
      requests.push(request);
      const answered = answer(request);
      if (answered === "hang") return;
      const { status = 200, headers = {}, body = "" } = answered;
      const text = typeof body === "string" ? body : JSON.stringify(body);
      const type = typeof body === "string" ? "text/plain" : "application/json";
      outgoing.writeHead(status, { "content-type": type, ...headers });
      outgoing.end(text);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `${tls === undefined ? "http" : "https"}://127.0.0.1:${port}`,
    port,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function readRequest(incoming: IncomingMessage): Promise<StubRequest> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming as AsyncIterable<Buffer>) chunks.push(chunk);
  const { pathname, searchParams } = new URL(incoming.url ?? "/", "http://stub");
  const headers = Object.fromEntries(
    Object.entries(incoming.headers).map(([name, value]) => [name, String(value)]),
  );
  const { method = "" } = incoming;
  return {
    method,
    path: pathname,
    query: searchParams,
    headers,
    body: Buffer.concat(chunks).toString(),
  };
}

/** A key that never leaves a stub. */
export class StubKey {
  readonly #key = randomBytes(32);

  seal(plain: Uint8Array): Buffer {
    const nonce = randomBytes(12);
    const cipher = createCipheriv("aes-256-gcm", this.#key, nonce);
    return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
  }

  /** @returns undefined for what this key did not seal */
  open(sealed: Uint8Array): Buffer | undefined {
    if (sealed.length < 28) return undefined;
    const cipher = createDecipheriv("aes-256-gcm", this.#key, sealed.subarray(0, 12));
    cipher.setAuthTag(sealed.subarray(-16));
    try {
      return Buffer.concat([cipher.update(sealed.subarray(12, -16)), cipher.final()]);
    } catch {
      return undefined;
    }
  }
}
