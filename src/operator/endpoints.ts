import { createServer, type Server } from "node:http";
import { SopsmithError } from "../errors.ts";
import { systemReason } from "../io/system-error.ts";

/** What is answered at a path: a status and a text. */
export type Endpoints = Readonly<Record<string, () => { status: number; text: string }>>;

/**
 * Serves texts over HTTP.
 *
 * @param address `:8080`, `127.0.0.1:8080`; `0` or "" for no server
 * @throws {SopsmithError} when the address cannot be used
 */
export async function serve(address: string, endpoints: Endpoints): Promise<Server | undefined> {
  if (address === "0" || address === "") return undefined;
  const match = /^(.*):(\d+)$/.exec(address);
  if (match === null)
    throw new SopsmithError(
      "bad-address",
      1,
      `${address} is not an address to listen on: write :PORT or HOST:PORT`,
    );
  const [, host = "", port = ""] = match;
  const server = createServer((request, response) => {
    const path = (request.url ?? "/").replace(/[?#].*/s, "");
    const endpoint = Object.hasOwn(endpoints, path) ? endpoints[path] : undefined;
    const { status, text } = endpoint?.() ?? { status: 404, text: "not found\n" };
    response.writeHead(status, { "content-type": "text/plain; charset=utf-8" });
    response.end(text);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) =>
      reject(
        new SopsmithError(
          "cannot-listen",
          1,
          `cannot listen on ${address}: ${systemReason(error)}`,
          { cause: error },
        ),
      ),
    );
    const name = host.replace(/^\[(.*)\]$/, "$1");
    server.listen({ port: Number(port), ...(name === "" ? {} : { host: name }) }, resolve);
  });
  server.unref();
  return server;
}

/** What the endpoints tell of the operator. */
export interface OperatorProbes {
  /** Why the process should be restarted, if it should. */
  stuck(): string | undefined;
  /** Why it is not ready, if it is not. */
  unready(): string | undefined;
  /** In the text format of Prometheus. */
  metrics(): string;
}

/**
 * Serves `/healthz` and `/readyz` at one address, `/metrics` at another.
 *
 * @throws {SopsmithError} when an address cannot be used
 */
export async function serveOperator(
  { healthAddress, metricsAddress }: { healthAddress: string; metricsAddress: string },
  probes: OperatorProbes,
): Promise<Server[]> {
  const answer = (reason: string | undefined): { status: number; text: string } =>
    reason === undefined ? { status: 200, text: "ok\n" } : { status: 503, text: `${reason}\n` };
  const servers = [
    await serve(healthAddress, {
      "/healthz": () => answer(probes.stuck()),
      "/readyz": () => answer(probes.unready()),
    }),
    await serve(metricsAddress, {
      "/metrics": () => ({ status: 200, text: probes.metrics() }),
    }),
  ];
  return servers.filter((server) => server !== undefined);
}
