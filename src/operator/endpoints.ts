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
      `${address} is no address to listen on: write :PORT or HOST:PORT`,
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
