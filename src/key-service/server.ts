import { createServer, type Server, type Socket } from "node:net";
import { resolve } from "node:path";
import type * as Grpc from "@grpc/grpc-js";
import { SopsmithError } from "../errors.ts";
import type { Host } from "../io/host.ts";
import { absent } from "../io/optional-package.ts";
import { systemCode, systemReason } from "../io/system-error.ts";
import { UnwrapError } from "../keys/provider.ts";
import type { KeyService } from "./key-service.ts";
import {
  describeKey,
  fromWire,
  loadMethods,
  type DecryptRequest,
  type DecryptResponse,
  type EncryptRequest,
  type EncryptResponse,
} from "./protocol.ts";

export interface ServeOptions {
  /** Go's name of a network: `tcp`, `tcp4`, `tcp6` or `unix`. */
  readonly network: string;
  /** `HOST:PORT`, an empty host for all interfaces; the path of a socket for `unix`. */
  readonly address: string;
  /** What does the work. */
  readonly keys: KeyService;
  /** Asked before each answer is sent, one at a time; false refuses it. Without it all are answered. */
  readonly confirm?: ((question: string) => Promise<boolean>) | undefined;
}

export interface KeyServer {
  /** `tcp://127.0.0.1:5000`, with the port that was taken where 0 was asked for. */
  readonly uri: string;
  /** Ends all connections; a socket file is removed. */
  stop(): Promise<void>;
}

/** A service that cannot listen. Exit 1. */
class ListenError extends SopsmithError {
  constructor(problem: string, hint: string, cause?: unknown) {
    super("keyservice-listen", 1, `Error running keyservice: ${problem}`, { hint, cause });
  }
}

/**
 * Lets others use the keys of this process, by the protocol of sops's key service: without encryption and without
 * authentication, as there.
 *
 * @throws {SopsmithError} exit 1 when it cannot listen, or a package is missing
 * @see spec cli 5.13 and 8
 */
export async function serveKeys(options: ServeOptions, host: Host): Promise<KeyServer> {
  const place = parseListen(options, host);
  const grpc = await import("@grpc/grpc-js").catch(absent("@grpc/grpc-js"));
  const methods = await loadMethods();
  grpc.setLogVerbosity(grpc.logVerbosity.NONE);
  const server = new grpc.Server();
  server.addService(methods, handlers(grpc, options, host));
  const injector = server.createConnectionInjector(grpc.ServerCredentials.createInsecure());
  const sockets = new Set<Socket>();
  let isStopping = false;
  const listener = createServer((socket) => {
    // One that came while the service was being stopped would keep it alive.
    if (isStopping) return void socket.destroy();
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    injector.injectConnection(socket);
  });
  await listen(listener, place, options);
  const bound = listener.address();
  const uri =
    bound === null || typeof bound === "string"
      ? `unix://${options.address}`
      : `${options.network}://${bound.family === "IPv6" ? `[${bound.address}]` : bound.address}:${bound.port}`;
  return {
    uri,
    stop: () =>
      new Promise((done) => {
        isStopping = true;
        listener.close(() => done());
        injector.destroy();
        server.forceShutdown();
        for (const socket of sockets) socket.destroy();
      }),
  };
}

type Place = { path: string } | { host: string; port: number; ipv6Only?: boolean };

function parseListen({ network, address }: ServeOptions, host: Host): Place {
  if (network === "unix") {
    if (address === "")
      throw new ListenError("no path to listen on", "Specify one with --address /path/to.sock.");
    return { path: resolve(host.cwd(), address) };
  }
  const wanted = JSON.stringify(address);
  if (!/^tcp[46]?$/.test(network))
    throw new ListenError(
      `unknown network ${JSON.stringify(network)}`,
      "--network must be tcp, tcp4, tcp6 or unix.",
    );
  const match = /^(\[[^\]]*\]|[^:]*):(\d+)$/.exec(address);
  const port = Number(match?.[2]);
  if (match === null || port > 65_535)
    throw new ListenError(
      `${wanted} is not an address`,
      "Write --address as HOST:PORT, such as 127.0.0.1:5000.",
    );
  const name = (match[1] ?? "").replace(/^\[(.*)\]$/, "$1");
  const any = network === "tcp4" ? "0.0.0.0" : "::";
  return { host: name === "" ? any : name, port, ipv6Only: network === "tcp6" };
}

function listen(listener: Server, place: Place, { address }: ServeOptions): Promise<void> {
  return new Promise((done, reject) => {
    listener.once("error", (error) => {
      const isTaken = systemCode(error) === "EADDRINUSE";
      const hint =
        "path" in place
          ? isTaken
            ? "Another key service is listening there; if it is no longer running, remove the file."
            : "Choose a path in an existing directory that you can write to."
          : "Choose another --address, or stop the program that is listening there.";
      reject(new ListenError(`${address}: ${systemReason(error)}`, hint, error));
    });
    listener.listen(place, done);
  });
}

type Handler<Request, Response> = Grpc.handleUnaryCall<Request, Response>;

function handlers(grpc: typeof Grpc, options: ServeOptions, host: Host) {
  const { keys } = options;
  const ask = oneAtATime(options.confirm);

  /** What every call has in common: a key must be named, the work done, the user asked. */
  async function answer<Response>(
    verb: "encrypt" | "decrypt",
    key: ReturnType<typeof fromWire>,
    work: (key: NonNullable<ReturnType<typeof fromWire>>) => Promise<Response>,
    reply: Grpc.sendUnaryData<Response>,
  ): Promise<void> {
    const fail = (code: Grpc.status, details: string) => reply({ code, details });
    if (key === undefined) return fail(grpc.status.NOT_FOUND, "Must provide a key");
    try {
      const done = await work(key);
      const question = `\nReceived ${verb} request using ${describeKey(key)}. Respond to request? (y/n): `;
      if (await ask(question)) reply(null, done);
      else fail(grpc.status.PERMISSION_DENIED, "Request rejected by user");
    } catch (error) {
      fail(grpc.status.UNKNOWN, reasonOf(error));
    }
  }

  const Encrypt: Handler<EncryptRequest, EncryptResponse> = ({ request }, reply) =>
    void answer(
      "encrypt",
      fromWire(request.key, undefined, host),
      async (key) => {
        const part = request.plaintext ?? new Uint8Array(0);
        return { ciphertext: Buffer.from(await keys.wrap(key, part, host)) };
      },
      reply,
    );
  const Decrypt: Handler<DecryptRequest, DecryptResponse> = ({ request }, reply) =>
    void answer(
      "decrypt",
      fromWire(request.key, Buffer.from(request.ciphertext ?? []).toString("utf8"), host),
      async (key) => ({ plaintext: await keys.unwrap(key, host) }),
      reply,
    );
  return { Encrypt, Decrypt };
}

/** An unforeseen error's text may hold anything: it stays here. */
function reasonOf(error: unknown): string {
  if (error instanceof UnwrapError) return `${error.message}; ${error.remedy}`;
  if (error instanceof SopsmithError) return error.message;
  return "the key service failed for an unknown reason";
}

function oneAtATime(confirm: ServeOptions["confirm"]): (question: string) => Promise<boolean> {
  if (confirm === undefined) return () => Promise.resolve(true);
  let last: Promise<unknown> = Promise.resolve();
  return (question) => {
    const asked = last.then(() => confirm(question));
    last = asked.catch(() => undefined);
    return asked;
  };
}
