import { SopsmithError } from "../errors.ts";
import type { Host, HttpRequest, HttpResponse } from "../io/host.ts";
import { MissingPackage } from "../io/optional-package.ts";
import { systemCode, systemReason } from "../io/system-error.ts";
import type { Mapping } from "../tree/node.ts";
import { UnwrapError, type KeyProvider, type MasterKey, type UnwrapFailure } from "./provider.ts";

/** How long one request may take, in milliseconds, unless its type has a setting of its own. */
const REQUEST_LIMIT = 10_000;

/** The longest reason that is shown, in characters. */
const REASON_LIMIT = 400;

/** What a remote key type does its work with: requests that each have a time limit. */
export interface Wire {
  readonly host: Host;
  /** Ends the whole attempt. */
  readonly signal: AbortSignal;
  /**
   * @param limit milliseconds
   * @throws {RemoteFailure} when no answer comes
   */
  send(request: Omit<HttpRequest, "signal">, limit?: number): Promise<HttpResponse>;
  /** Remembers a text that no message may show. Those in the environment are known already. */
  hide(secret: string | undefined): void;
}

/** Why a remote key did not do its work, and what to do. What a server said is shortened, and secrets in it are hidden. */
export class RemoteFailure extends Error {
  readonly remedy: string;
  readonly failure: UnwrapFailure;

  /** @param remedy an instruction in lower case, without a full stop */
  constructor(reason: string, remedy: string, failure: UnwrapFailure = "source", cause?: unknown) {
    super(reason, { cause });
    this.remedy = remedy;
    this.failure = failure;
  }
}

/** How long the search for a token may take, in milliseconds: a vendor's library asks several places. */
const TOKEN_LIMIT = 15_000;

/**
 * A token that a vendor's library gets, with a limit where its own requests have none.
 *
 * @throws {RemoteFailure} when it takes too long
 */
export async function tokenInTime<T>(
  { signal }: Wire,
  get: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const both = AbortSignal.any([signal, AbortSignal.timeout(TOKEN_LIMIT)]);
  const over = new Promise<never>((_, reject) => {
    both.addEventListener("abort", () => {
      reject(new RemoteFailure("no credential source gave a token in time", UNREACHABLE));
    });
  });
  return Promise.race([get(both), over]);
}

/** What wraps and unwraps keys of a type that is used over the network. */
export function remoteKeys(how: {
  /** What goes before the reason in messages. */
  failed(verb: "encrypt" | "decrypt", key: MasterKey): string;
  wrap(fields: Mapping, part: Uint8Array, wire: Wire): Promise<string>;
  unwrap(fields: Mapping, enc: string, wire: Wire): Promise<Uint8Array>;
}): Pick<KeyProvider, "wrap" | "unwrap"> {
  return {
    wrap: (key, part, host, signal) =>
      onWire(
        host,
        how.failed("encrypt", key),
        (wire) => {
          wire.hide(Buffer.from(part).toString("base64"));
          return how.wrap(key.fields, part, wire);
        },
        signal,
      ),
    unwrap: (key, host, signal) =>
      unwrapOnWire(
        host,
        how.failed("decrypt", key),
        (wire) => how.unwrap(key.fields, key.enc ?? "", wire),
        signal,
      ),
  };
}

/**
 * Lends a wire to what a key needs to be unwrapped.
 *
 * @param prefix what goes before the reason in messages
 * @throws {UnwrapError} for what `use` throws as `RemoteFailure` or `MissingPackage`
 */
export async function unwrapOnWire<T>(
  host: Host,
  prefix: string,
  use: (wire: Wire) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  try {
    return await onWire(host, prefix, use, signal);
  } catch (error) {
    if (!(error instanceof RemoteError)) throw error;
    const { message, failure, remedy, exitCode, cause } = error;
    throw new UnwrapError(message, {
      failure,
      remedy,
      exitCode: cause instanceof MissingPackage ? exitCode : 128,
      cause,
    });
  }
}

/** What a remote key, or a question about one, failed with: the prefix, the reason and what to do, in one line. Exit 1. */
class RemoteError extends SopsmithError {
  readonly failure: UnwrapFailure;
  readonly remedy: string;

  constructor(
    message: string,
    { failure, remedy, cause }: { failure: UnwrapFailure; remedy: string; cause: unknown },
  ) {
    super("remote-key-failed", 1, `${message}; ${remedy}`, { cause });
    this.failure = failure;
    this.remedy = remedy;
  }
}

/**
 * Lends a wire to `use`.
 *
 * @param prefix what goes before the reason in messages
 * @throws {SopsmithError} exit 1 for what `use` throws as `RemoteFailure` or `MissingPackage`
 */
export async function onWire<T>(
  host: Host,
  prefix: string,
  use: (wire: Wire) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const wire = new HostWire(host, signal);
  try {
    return await use(wire);
  } catch (error) {
    if (error instanceof MissingPackage)
      throw new RemoteError(`${prefix}${error.message}`, {
        failure: "unusable",
        remedy: error.remedy,
        cause: error,
      });
    if (!(error instanceof RemoteFailure)) throw error;
    const { failure, remedy } = error;
    throw new RemoteError(`${prefix}${wire.clean(error.message)}`, {
      failure,
      remedy,
      cause: undefined,
    });
  }
}

/** Variables that hold what no message may show. */
const SECRET_NAMES = /TOKEN|SECRET|PASSW|PASSPHRASE|CREDENTIALS|HEADER|_[AS]K$/i;
const PATH_NAMES = /_(?:FILE|PATH|URI)$|^GOOGLE_APPLICATION_CREDENTIALS$/i;

class HostWire implements Wire {
  readonly host: Host;
  readonly signal: AbortSignal;
  private readonly secrets = new Set<string>();

  constructor(host: Host, signal: AbortSignal = new AbortController().signal) {
    this.host = host;
    this.signal = signal;
    for (const [name, value] of Object.entries(host.env))
      if (SECRET_NAMES.test(name) && !PATH_NAMES.test(name)) this.hide(value);
  }

  hide(secret: string | undefined): void {
    if (secret !== undefined && secret.trim().length >= 6) this.secrets.add(secret.trim());
  }

  async send(request: Omit<HttpRequest, "signal">, limit = REQUEST_LIMIT): Promise<HttpResponse> {
    const timer = AbortSignal.timeout(limit);
    const signal = AbortSignal.any([this.signal, timer]);
    try {
      return await this.host.fetch({ ...request, signal });
    } catch (error) {
      const { host } = new URL(request.url);
      if (timer.aborted)
        throw new RemoteFailure(`${host} gave no answer within ${limit / 1000} s`, UNREACHABLE);
      if (this.signal.aborted) throw gaveUp(host);
      throw new RemoteFailure(
        `${host} cannot be reached: ${connectReason(error)}`,
        connectRemedy(error),
        "source",
        error,
      );
    }
  }

  /** One line, without secrets, of a length that can be read. */
  clean(reason: string): string {
    let text = reason;
    for (const secret of this.secrets) text = text.replaceAll(secret, "…");
    text = text.replaceAll(/[\s\p{Cc}]+/gu, " ").trim();
    return text.length > REASON_LIMIT ? `${text.slice(0, REASON_LIMIT)}…` : text;
  }
}

const UNREACHABLE = "check the network, the proxy variables and the address";

function gaveUp(host: string): RemoteFailure {
  return new RemoteFailure(`${host} gave no answer in time`, UNREACHABLE);
}

function connectReason(error: unknown): string {
  const code = systemCode(error) ?? "";
  const known: Record<string, string> = {
    ENOTFOUND: "no such host",
    EAI_AGAIN: "its name cannot be looked up",
    ECONNREFUSED: "connection refused",
    ECONNRESET: "the connection was closed",
  };
  if (known[code] !== undefined) return known[code];
  if (isCertificateCode(code)) return `its certificate is not trusted (${code})`;
  return systemReason(error);
}

function connectRemedy(error: unknown): string {
  return isCertificateCode(systemCode(error) ?? "")
    ? "name the issuer's certificate with SSL_CERT_FILE, or check the address"
    : UNREACHABLE;
}

function isCertificateCode(code: string): boolean {
  return /CERT|ISSUER|SIGNATURE|^ERR_TLS/.test(code);
}

/**
 * The object in an answer.
 *
 * @throws {RemoteFailure} for anything else
 */
export function parseObject(response: HttpResponse, from: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(Buffer.from(response.body).toString("utf8"));
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return { ...value };
  } catch {
    // What it was is no business of the message: it may be anything.
  }
  throw new RemoteFailure(
    `${from} answered with status ${response.status} and something other than the expected JSON`,
    "check that this is the address of the service itself",
  );
}

/** A text of an answer; undefined for anything else. */
export function textAt(value: unknown, ...path: readonly string[]): string | undefined {
  let at = value;
  for (const name of path) {
    if (typeof at !== "object" || at === null) return undefined;
    at = (at as Record<string, unknown>)[name];
  }
  return typeof at === "string" ? at : undefined;
}

/** What a service answered in place of a result, as a clause. `code` and `message` may be empty. */
export const answered = (
  service: string,
  { status }: HttpResponse,
  code: string,
  message: string,
): string =>
  `${service} answered ${status}${code === "" ? "" : ` ${code}`}${message === "" ? "" : `: ${message}`}`;

/** The failure of a key that did not wrap the data key, which a service tells by a refusal. */
export const wrappedByAnother = (said: string): RemoteFailure =>
  new RemoteFailure(
    said,
    "restore the `sops` block from version control: the data key was not wrapped with this key",
    "damaged",
  );
