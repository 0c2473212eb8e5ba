import type * as Grpc from "@grpc/grpc-js";
import { SopsmithError } from "../errors.ts";
import { absent } from "../io/optional-package.ts";
import { UnwrapError, type MasterKey } from "../keys/provider.ts";
import type { KeyService } from "./key-service.ts";
import { loadMethods, toWire, type KeyServiceMethods } from "./protocol.ts";

/** Where a key service listens. */
export interface ServiceAddress {
  /** As the user wrote it. */
  readonly uri: string;
  /** As gRPC's resolver takes it. */
  readonly target: string;
}

/**
 * The address in `tcp://HOST:PORT` or `unix:///PATH`; without a port, 443 as in sops.
 *
 * @returns undefined for a text of another form
 */
export function parseServiceUri(uri: string): ServiceAddress | undefined {
  const path = /^unix:\/\/(\/.+)$/.exec(uri)?.[1];
  if (path !== undefined) return { uri, target: `unix:${path}` };
  const host = /^tcp[46]?:\/\/([^/?#@\s]+)\/?$/.exec(uri)?.[1];
  return host === undefined ? undefined : { uri, target: `dns:${host}` };
}

/** The longest text of a service that is shown, in characters. */
const DETAIL_LIMIT = 2000;

/** What a call to a service failed with, in the words of sops's client. Exit 1. */
class KeyServiceError extends SopsmithError {
  readonly isUnreachable: boolean;

  constructor(uri: string, code: number, details: string) {
    const name = codeNames[code] ?? `Code(${code})`;
    const given =
      details.trim() === "" ? "the service gave no reason" : connectionTrouble(details.trimEnd());
    const text = given.length > DETAIL_LIMIT ? `${given.slice(0, DETAIL_LIMIT)}…` : given;
    super("key-service-failed", 1, `rpc error: code = ${name} desc = ${text} (${uri})`);
    this.isUnreachable = name === "Unavailable";
  }
}

/** For one request, connecting included. A person may have to be asked at the other end. */
const LIMIT_MS = 30_000;

/** Takes what grpc-js says about its own workings off a failure to connect. */
function connectionTrouble(details: string): string {
  const cause = /^No connection established\. Last error: (?:Error: )?(.*?)\.? Resolution note:/s;
  return details.replace(cause, "cannot connect: $1.").replace(/[\s.]+$/, "");
}

/** gRPC's status codes as Go spells them. */
const codeNames = [
  "OK",
  "Canceled",
  "Unknown",
  "InvalidArgument",
  "DeadlineExceeded",
  "NotFound",
  "AlreadyExists",
  "PermissionDenied",
  "ResourceExhausted",
  "FailedPrecondition",
  "Aborted",
  "OutOfRange",
  "Unimplemented",
  "Internal",
  "Unavailable",
  "DataLoss",
  "Unauthenticated",
];

/** A key service elsewhere. Connects when it is first asked. */
export function remoteKeyService({ uri, target }: ServiceAddress): KeyService {
  let connection: Promise<Connection> | undefined;
  const connected = () => (connection ??= connect(uri, target));
  return {
    name: uri,
    async wrap(key, part, _host, signal) {
      const { methods, ask } = await connected();
      const request = { key: toWire(key), plaintext: part };
      const { ciphertext } = await ask(methods.Encrypt, request, signal);
      if (ciphertext === undefined || ciphertext.length === 0)
        throw new KeyServiceError(uri, 2, "the service answered without a ciphertext");
      return Buffer.from(ciphertext).toString("utf8");
    },
    async unwrap(key, _host, signal) {
      try {
        const { methods, ask } = await connected();
        const request = { key: toWire(key), ciphertext: Buffer.from(key.enc ?? "") };
        const { plaintext = new Uint8Array(0) } = await ask(methods.Decrypt, request, signal);
        const part = new Uint8Array(plaintext);
        plaintext.fill(0);
        return part;
      } catch (error) {
        throw unwrapError(error, uri, key);
      }
    },
  };
}

function unwrapError(error: unknown, uri: string, key: MasterKey): unknown {
  if (!(error instanceof SopsmithError)) return error;
  const sources = [`key service ${uri}`];
  if (!(error instanceof KeyServiceError)) {
    const remedy = (error.hint ?? `${key.type} keys need it.`).replace(/\.$/, "");
    return new UnwrapError(error.message, { failure: "unusable", remedy, sources, cause: error });
  }
  return new UnwrapError(error.message, {
    failure: error.isUnreachable ? "source" : "missing",
    remedy: error.isUnreachable
      ? `start the key service at ${uri}, or correct --keyservice or SOPS_KEYSERVICE`
      : `make sure that the key service at ${uri} can use the key`,
    sources,
    cause: error,
  });
}

interface Connection {
  readonly methods: KeyServiceMethods;
  /** @throws {KeyServiceError} */
  ask<Request, Response>(
    method: Grpc.MethodDefinition<Request, Response>,
    request: Request,
    signal: AbortSignal | undefined,
  ): Promise<Response>;
}

/** @throws {MissingPackage} */
async function connect(uri: string, target: string): Promise<Connection> {
  const grpc = await import("@grpc/grpc-js").catch(absent("@grpc/grpc-js"));
  const methods = await loadMethods();
  // What it would print is in the errors too.
  grpc.setLogVerbosity(grpc.logVerbosity.NONE);
  const client = new grpc.Client(target, grpc.credentials.createInsecure(), {
    "grpc.enable_http_proxy": 0,
    "grpc.service_config_disable_resolution": 1,
  });
  return {
    methods,
    ask: (method, request, signal) =>
      new Promise((resolve, reject) => {
        const call = client.makeUnaryRequest(
          method.path,
          method.requestSerialize,
          method.responseDeserialize,
          request,
          { deadline: Date.now() + LIMIT_MS },
          (error, response) => {
            signal?.removeEventListener("abort", cancel);
            if (error !== null) reject(new KeyServiceError(uri, error.code, error.details));
            else if (response === undefined)
              reject(new KeyServiceError(uri, grpc.status.INTERNAL, "no answer"));
            else resolve(response);
          },
        );
        const cancel = () => call.cancel();
        signal?.addEventListener("abort", cancel, { once: true });
        if (signal?.aborted === true) cancel();
      }),
  };
}
