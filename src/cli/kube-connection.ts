import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { SopsmithError } from "../errors.ts";
import { absent } from "../io/optional-package.ts";
import type { Connection, Credentials } from "../operator/api.ts";

/** Where a pod finds its service account. */
export const ACCOUNT_FOLDER = "/var/run/secrets/kubernetes.io/serviceaccount";

/** How long credentials are used before they are asked for again: mounted tokens change. */
const CREDENTIALS_MS = 30_000;

export interface Cluster {
  readonly connection: Connection;
  /** Of the context, or of the pod. */
  readonly namespace: string;
}

/**
 * The cluster that a kubeconfig names, or that of the pod. What most kubeconfigs hold is read here; the client library, which takes more
 * memory than the whole operator, is loaded only for what is rare: programs and providers that give credentials, proxies, several files.
 *
 * @param path "" for `KUBECONFIG`, `~/.kube/config` or the pod's own account, in this order
 * @param folder of the pod's account
 * @throws {SopsmithError} where no cluster can be found out
 */
export async function connectToCluster(
  path: string,
  env: Readonly<Record<string, string | undefined>>,
  folder: string = ACCOUNT_FOLDER,
): Promise<Cluster> {
  const file = path || env["KUBECONFIG"] || join(env["HOME"] || homedir(), ".kube/config");
  const text = await readFile(file, "utf8").catch(() => undefined);
  if (text === undefined && path === "" && !env["KUBECONFIG"]) {
    const own = await podCluster(env, folder);
    if (own !== undefined) return own;
    // The library would take localhost:8080 then, where no cluster has been for years.
    throw noCluster();
  }
  // Several files in one variable are the library's to read.
  if (text === undefined && !file.includes(delimiter)) throw unreadable(file);
  const known = text === undefined ? undefined : await plainCluster(text, dirname(resolve(file)));
  return known ?? libraryCluster(path, file);
}

const unreadable = (file: string, cause?: unknown): SopsmithError =>
  new SopsmithError("bad-kubeconfig", 1, `the kubeconfig ${file} cannot be read`, {
    hint: "With -kubeconfig or KUBECONFIG, name a file that kubectl can use.",
    cause,
  });

const noCluster = (): SopsmithError =>
  new SopsmithError("no-cluster", 1, "no cluster is configured", {
    hint: "Run in a pod, or name a kubeconfig with -kubeconfig or KUBECONFIG.",
  });

/** Asks again for credentials when they are a while old. */
function remembered(get: () => Promise<Credentials>): Connection["credentials"] {
  let known: { credentials: Credentials; until: number } | undefined;
  return async () => {
    if (known === undefined || known.until <= performance.now())
      known = { credentials: await get(), until: performance.now() + CREDENTIALS_MS };
    return known.credentials;
  };
}

async function podCluster(
  env: Readonly<Record<string, string | undefined>>,
  folder: string,
): Promise<Cluster | undefined> {
  const [host, port = "443"] = [env["KUBERNETES_SERVICE_HOST"], env["KUBERNETES_SERVICE_PORT"]];
  const read = (name: string): Promise<string | undefined> =>
    readFile(join(folder, name), "utf8").catch(() => undefined);
  if (!host || (await read("token")) === undefined) return undefined;
  const name = host.includes(":") ? `[${host}]` : host;
  return {
    connection: {
      server: `https://${name}:${port}`,
      credentials: remembered(async () => {
        const token = await readFile(join(folder, "token"), "utf8");
        return {
          headers: { authorization: `Bearer ${token.trim()}` },
          ca: await read("ca.crt"),
        };
      }),
    },
    namespace: (await read("namespace"))?.trim() || "default",
  };
}

type Fields = Readonly<Record<string, unknown>>;

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Fields that are understood here; others are left to the library. */
const clusterFields = [
  "server",
  "certificate-authority",
  "certificate-authority-data",
  "insecure-skip-tls-verify",
  "tls-server-name",
  "extensions",
];
const userFields = [
  "token",
  "tokenFile",
  "client-certificate",
  "client-certificate-data",
  "client-key",
  "client-key-data",
  "username",
  "password",
  "extensions",
];

/** @returns undefined where something is missing, or not understood here */
async function plainCluster(text: string, folder: string): Promise<Cluster | undefined> {
  const { parse } = await import("yaml");
  let config: unknown;
  try {
    config = parse(text);
  } catch {
    return undefined;
  }
  if (!isFields(config)) return undefined;
  const named = (list: string, name: unknown, field: string): Fields | undefined => {
    const items = isFields(config) ? config[list] : undefined;
    const item: unknown = Array.isArray(items)
      ? items.find((one: unknown) => isFields(one) && one["name"] === name)
      : undefined;
    const value = isFields(item) ? item[field] : undefined;
    return isFields(value) ? value : undefined;
  };
  const context = named("contexts", config["current-context"], "context");
  const cluster = named("clusters", context?.["cluster"], "cluster");
  const user = named("users", context?.["user"], "user");
  if (context === undefined || cluster === undefined || user === undefined) return undefined;
  const isPlain = (fields: Fields, known: readonly string[]): boolean =>
    Object.keys(fields).every((name) => known.includes(name));
  const { server } = cluster;
  if (typeof server !== "string" || !URL.canParse(server)) return undefined;
  if (!isPlain(cluster, clusterFields) || !isPlain(user, userFields)) return undefined;
  /** The content of a file that a field names, or of the field beside it, in base64. */
  const content = async (fields: Fields, name: string): Promise<Buffer | undefined> => {
    const [data, file] = [fields[`${name}-data`], fields[name]];
    if (typeof data === "string" && data !== "") return Buffer.from(data, "base64");
    return typeof file === "string" && file !== "" ? readFile(resolve(folder, file)) : undefined;
  };
  const serverName = cluster["tls-server-name"];
  return {
    connection: {
      server,
      credentials: remembered(async () => ({
        headers: await authorization(user, folder),
        ca: await content(cluster, "certificate-authority"),
        cert: await content(user, "client-certificate"),
        key: await content(user, "client-key"),
        ...(typeof serverName === "string" ? { servername: serverName } : {}),
        ...(cluster["insecure-skip-tls-verify"] === true ? { rejectUnauthorized: false } : {}),
      })),
    },
    namespace: typeof context["namespace"] === "string" ? context["namespace"] : "default",
  };
}

async function authorization(user: Fields, folder: string): Promise<Record<string, string>> {
  const { token, tokenFile, username, password } = user;
  // A file is newer than a token beside it, as kubectl has it.
  if (typeof tokenFile === "string" && tokenFile !== "") {
    const text = await readFile(resolve(folder, tokenFile), "utf8");
    return { authorization: `Bearer ${text.trim()}` };
  }
  if (typeof token === "string" && token !== "") return { authorization: `Bearer ${token}` };
  if (typeof username !== "string" || username === "") return {};
  const pair = `${username}:${typeof password === "string" ? password : ""}`;
  return { authorization: `Basic ${Buffer.from(pair).toString("base64")}` };
}

/** @param file what the path stands for, in messages */
async function libraryCluster(path: string, file: string): Promise<Cluster> {
  const { KubeConfig } = await import("@kubernetes/client-node").catch(
    absent("@kubernetes/client-node"),
  );
  const config = new KubeConfig();
  try {
    if (path === "") config.loadFromDefault();
    else config.loadFromFile(path);
  } catch (cause) {
    throw unreadable(file, cause);
  }
  const cluster = config.getCurrentCluster();
  if (cluster === null) throw noCluster();
  const context = config.getContextObject(config.getCurrentContext());
  const credentials = remembered(async () => {
    const options: Parameters<typeof config.applyToHTTPSOptions>[0] = { headers: {} };
    await config.applyToHTTPSOptions(options);
    const headers: Record<string, string> = {};
    for (const [name, value] of Object.entries(options.headers ?? {}))
      if (typeof value === "string") headers[name.toLowerCase()] = value;
    if (typeof options.auth === "string")
      headers["authorization"] = `Basic ${Buffer.from(options.auth).toString("base64")}`;
    return {
      headers,
      ca: pem(options.ca),
      cert: pem(options.cert),
      key: pem(options.key),
      ...(cluster.tlsServerName === undefined ? {} : { servername: cluster.tlsServerName }),
      ...(cluster.skipTLSVerify ? { rejectUnauthorized: false } : {}),
    };
  });
  return {
    connection: { server: cluster.server, credentials },
    namespace: context?.namespace ?? "default",
  };
}

const pem = (value: unknown): string | Buffer | undefined =>
  typeof value === "string" || Buffer.isBuffer(value) ? value : undefined;
