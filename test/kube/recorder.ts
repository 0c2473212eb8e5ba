import { readFileSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import { request } from "node:https";
import type { AddressInfo } from "node:net";
import { parse, stringify } from "yaml";

interface Config {
  clusters: { cluster: Record<string, unknown> }[];
}

/** Stands between a client and the API server and writes down which rights were used. */
export class Recorder {
  /** Lines such as `list secrets` and `patch sopssecrets.isindir.github.com/status`. */
  readonly used = new Set<string>();
  /** A copy of the kubeconfig that goes through here. */
  readonly kubeconfig: string;
  readonly stop: () => void;

  private constructor(used: Set<string>, kubeconfig: string, stop: () => void) {
    this.used = used;
    this.kubeconfig = kubeconfig;
    this.stop = stop;
  }

  static async start(kubeconfig: string): Promise<Recorder> {
    const config = parse(readFileSync(kubeconfig, "utf8")) as Config;
    const target = new URL(String(config.clusters[0]?.cluster["server"]));
    const used = new Set<string>();
    const proxy = createServer((incoming, response) => {
      const outgoing = request(
        {
          host: target.hostname,
          port: target.port,
          method: incoming.method,
          path: incoming.url,
          headers: incoming.headers,
          rejectUnauthorized: false,
        },
        (answer) => {
          for (const right of rightsOf(incoming, answer.statusCode ?? 0)) used.add(right);
          response.writeHead(answer.statusCode ?? 502, answer.headers);
          response.flushHeaders();
          answer.on("error", () => response.destroy());
          answer.pipe(response);
        },
      );
      outgoing.on("error", () => response.destroy());
      response.on("close", () => outgoing.destroy());
      incoming.pipe(outgoing);
    });
    await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
    const { port } = proxy.address() as AddressInfo;
    const path = `${kubeconfig}-recorded`;
    for (const { cluster } of config.clusters) {
      cluster["server"] = `http://127.0.0.1:${port}`;
      Reflect.deleteProperty(cluster, "certificate-authority");
      cluster["insecure-skip-tls-verify"] = true;
    }
    writeFileSync(path, stringify(config));
    return new Recorder(used, path, () => {
      proxy.closeAllConnections();
      proxy.close();
    });
  }
}

/** A resource as RBAC names it, with its group. */
export const rightOf = (verb: string, resource: string, group: string): string => {
  const [name = "", subresource] = resource.split("/");
  const full = group === "" ? name : `${name}.${group}`;
  return `${verb} ${full}${subresource === undefined ? "" : `/${subresource}`}`;
};

/** The API server's own rule: the method, and whether the path names one object. */
function rightsOf({ method = "", url = "/" }: IncomingMessage, status: number): string[] {
  const { pathname, searchParams } = new URL(url, "http://x");
  const match =
    /^\/(?:api\/v1|apis\/([^/]+)\/[^/]+)(?:\/namespaces\/[^/]+)?\/([a-z]+)(?:\/([^/]+)(?:\/([^/]+))?)?$/.exec(
      pathname,
    );
  if (match === null) return [`${method} ${pathname}`];
  const [, group = "", resource = "", name, subresource] = match;
  const full = subresource === undefined ? resource : `${resource}/${subresource}`;
  const verb = {
    GET: searchParams.get("watch") === "true" ? "watch" : name === undefined ? "list" : "get",
    POST: "create",
    PUT: "update",
    PATCH: "patch",
    DELETE: "delete",
  }[method];
  const verbs = [verb ?? method, ...(method === "PATCH" && status === 201 ? ["create"] : [])];
  return verbs.map((one) => rightOf(one, full, group));
}
