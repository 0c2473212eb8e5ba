import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import type { HttpRequest, HttpResponse } from "./host.ts";
import { isLoopback } from "./loopback.ts";

/** No answer that this program reads is near this size. */
const BODY_LIMIT = 16 * 1024 * 1024;

/**
 * Sends one request on a connection of its own. Certificates are checked against Node's list, and where that does not
 * know the issuer against the system's list too, which `SSL_CERT_FILE` and `SSL_CERT_DIR` name.
 *
 * @throws the system's error, or the signal's reason
 */
export async function send(
  request: HttpRequest,
  env: Readonly<Record<string, string | undefined>>,
): Promise<HttpResponse> {
  try {
    return await sendOnce(request, env);
  } catch (error) {
    // Nothing was sent yet: the handshake comes first.
    if (!isUnknownIssuer(error) || request.tls?.ca !== undefined || !trustSystem()) throw error;
    return sendOnce(request, env);
  }
}

function sendOnce(
  { method, url, headers, body, signal, proxy, tls }: HttpRequest,
  env: Readonly<Record<string, string | undefined>>,
): Promise<HttpResponse> {
  const target = new URL(url);
  const isSecure = target.protocol === "https:";
  // As in Go, no proxy is asked for this machine itself.
  const proxyEnv =
    proxy === "none" || (proxy === undefined && isLoopback(target.hostname))
      ? {}
      : { proxyEnv: proxy === undefined ? proxyVariables(env) : chosenProxy(proxy.url) };
  const options = {
    method,
    signal,
    headers: {
      ...headers,
      ...(body === undefined ? {} : { "content-length": Buffer.byteLength(body) }),
    },
  };
  return new Promise((resolve, reject) => {
    const take = (response: IncomingMessage): void => {
      read(response).then(resolve, reject);
    };
    const sent = isSecure
      ? httpsRequest(
          target,
          { ...options, ...tlsOptions(tls), agent: new HttpsAgent({ ...proxyEnv }) },
          take,
        )
      : httpRequest(target, { ...options, agent: new HttpAgent({ ...proxyEnv }) }, take);
    sent.on("error", (error) => {
      reject(signal.aborted && signal.reason instanceof Error ? signal.reason : error);
    });
    sent.end(body);
  });
}

async function read(response: IncomingMessage): Promise<HttpResponse> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > BODY_LIMIT) throw new Error("the answer is longer than 16 MiB");
    chunks.push(chunk);
  }
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(response.headers))
    headers[name] = Array.isArray(value) ? value.join(", ") : (value ?? "");
  return { status: response.statusCode ?? 0, headers, body: Buffer.concat(chunks) };
}

function tlsOptions(tls: HttpRequest["tls"]) {
  if (tls === undefined) return {};
  return {
    ...(tls.ca === undefined ? {} : { ca: tls.ca.map((pem) => Buffer.from(pem)) }),
    ...(tls.cert === undefined ? {} : { cert: Buffer.from(tls.cert) }),
    ...(tls.key === undefined ? {} : { key: Buffer.from(tls.key) }),
    ...(tls.serverName === undefined ? {} : { servername: tls.serverName }),
    ...(tls.isUnverified === true ? { rejectUnauthorized: false } : {}),
  };
}

const proxyNames = ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"];

function proxyVariables(env: Readonly<Record<string, string | undefined>>) {
  return Object.fromEntries(
    proxyNames
      .flatMap((name) => [name, name.toLowerCase()])
      .map((name) => [name, env[name]])
      .filter(([, value]) => value !== undefined && value !== ""),
  ) as Record<string, string>;
}

function chosenProxy(url: string) {
  return { HTTP_PROXY: url, HTTPS_PROXY: url };
}

function isUnknownIssuer(error: unknown): boolean {
  return (
    error instanceof Error &&
    "code" in error &&
    [
      "SELF_SIGNED_CERT_IN_CHAIN",
      "DEPTH_ZERO_SELF_SIGNED_CERT",
      "UNABLE_TO_GET_ISSUER_CERT",
      "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
      "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
    ].includes(String(error.code))
  );
}

let isSystemTrusted = false;

/** Adds the system's certificates to the trusted ones of the whole process; false when they are there already. */
function trustSystem(): boolean {
  if (isSystemTrusted) return false;
  isSystemTrusted = true;
  setDefaultCACertificates([...getCACertificates("default"), ...getCACertificates("system")]);
  return true;
}
