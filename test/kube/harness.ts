import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { kubeServer } from "../../scripts/kube-setup.ts";
import type { JsonObject, Secret, SopsSecret } from "../../src/k8s/sops-secret.ts";
import { Api, ApiError, type ApiRequest } from "../../src/operator/api.ts";
import { Sandbox } from "../cli/sandbox.ts";
import { alice } from "../keys/fake-host.ts";

/** Ports that were free a moment ago; the store takes two that follow each other. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 20_000);
    if ((await isFree(port)) && (await isFree(port + 1))) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

/** A real API server with garbage collector and namespace controller; further users by token. */
export class Kube {
  readonly dir = mkdtempSync(join(tmpdir(), "sopsmith-kube-"));
  private readonly port: number;
  private readonly etcdPort: number;
  private readonly tokens: string;
  private child: ChildProcess | undefined;

  private constructor(port: number, etcdPort: number, tokens: string) {
    this.port = port;
    this.etcdPort = etcdPort;
    this.tokens = tokens;
  }

  static async start(tokens = ""): Promise<Kube> {
    if (!existsSync(kubeServer()))
      throw new Error("run `node scripts/kube-setup.ts` first (npm run test:kube does)");
    const kube = new Kube(await freePort(), await freePort(), tokens);
    await kube.up();
    return kube;
  }

  async up(): Promise<void> {
    const child = spawn(
      kubeServer(),
      [
        "-dir",
        this.dir,
        "-port",
        String(this.port),
        "-etcd-port",
        String(this.etcdPort),
        "-tokens",
        this.tokens,
      ],
      { stdio: ["ignore", "pipe", "pipe"] },
    );
    this.child = child;
    const errors: string[] = [];
    child.stderr?.on("data", (text: Buffer) => {
      errors.push(text.toString());
      if (errors.length > 50) errors.shift();
    });
    await new Promise<void>((resolve, reject) => {
      child.stdout?.on("data", (text: Buffer) => {
        if (text.toString().includes("ready")) resolve();
      });
      child.once("exit", (code) =>
        reject(new Error(`the API server ended with ${code}: ${errors.join("").slice(-2000)}`)),
      );
    });
  }

  async down(): Promise<void> {
    const { child } = this;
    if (child === undefined) return;
    this.child = undefined;
    await new Promise<void>((resolve) => {
      child.once("exit", () => resolve());
      child.kill("SIGTERM");
      setTimeout(() => child.kill("SIGKILL"), 8000).unref();
    });
  }

  async stop(): Promise<void> {
    await this.down();
    rmSync(this.dir, { recursive: true, force: true });
  }

  get kubeconfig(): string {
    return join(this.dir, "kubeconfig");
  }

  /** A kubeconfig for one of the further users. */
  kubeconfigFor(token: string): string {
    const path = join(this.dir, `kubeconfig-${token}`);
    writeFileSync(path, readFileSync(this.kubeconfig, "utf8").replace("admin-token", token));
    return path;
  }

  client(token = "admin-token"): Client {
    const ca = readFileSync(join(this.dir, "certs/apiserver.crt"));
    const credentials = { headers: { authorization: `Bearer ${token}` }, ca };
    return new Client(
      new Api(
        {
          server: `https://127.0.0.1:${this.port}`,
          credentials: () => Promise.resolve(credentials),
        },
        { qps: 2000, burst: 2000 },
      ),
    );
  }
}

/** What tests ask of the API server. */
export class Client {
  readonly api: Api;

  constructor(api: Api) {
    this.api = api;
  }

  async get(path: string): Promise<JsonObject | undefined> {
    try {
      return await this.api.request({ method: "GET", path });
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return undefined;
      throw error;
    }
  }

  request(request: ApiRequest): Promise<JsonObject> {
    return this.api.request(request);
  }

  async namespace(name: string): Promise<string> {
    await this.api.request({
      method: "POST",
      path: "/api/v1/namespaces",
      body: { apiVersion: "v1", kind: "Namespace", metadata: { name } },
    });
    return name;
  }

  secretPath = (namespace: string, name = ""): string =>
    `/api/v1/namespaces/${namespace}/secrets${name === "" ? "" : `/${name}`}`;

  sopsPath = (namespace: string, name = ""): string =>
    `/apis/isindir.github.com/v1alpha3/namespaces/${namespace}/sopssecrets${name === "" ? "" : `/${name}`}`;

  async secret(namespace: string, name: string): Promise<Secret | undefined> {
    return (await this.get(this.secretPath(namespace, name))) as Secret | undefined;
  }

  async sops(namespace: string, name: string): Promise<SopsSecret | undefined> {
    return (await this.get(this.sopsPath(namespace, name))) as SopsSecret | undefined;
  }

  /** Applies a manifest as `kubectl apply --server-side` does. */
  async apply(object: object, path: string): Promise<JsonObject> {
    return this.api.request({
      method: "PATCH",
      path,
      query: { fieldManager: "test", force: "true" },
      contentType: "application/apply-patch+yaml",
      body: object,
    });
  }

  applySops(namespace: string, object: SopsSecret): Promise<JsonObject> {
    const { name = "" } = object.metadata;
    const { apiVersion, kind, spec, sops } = object;
    return this.apply(
      { apiVersion, kind, metadata: { name, namespace }, spec, sops },
      this.sopsPath(namespace, name),
    );
  }

  async merge(path: string, body: object): Promise<JsonObject> {
    return this.api.request({
      method: "PATCH",
      path,
      contentType: "application/merge-patch+json",
      body,
    });
  }

  async installCrd(): Promise<void> {
    const crd = JSON.parse(
      execFileSync(process.execPath, [Sandbox.program, "k8s", "crd", "-o", "json"], {
        encoding: "utf8",
      }),
    ) as object;
    await this.apply(
      crd,
      "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/sopssecrets.isindir.github.com",
    );
    // 404 and 429 until its storage is made.
    await eventually(
      () =>
        this.request({
          method: "GET",
          path: "/apis/isindir.github.com/v1alpha3/sopssecrets",
        }).catch(() => undefined),
      "the CRD is served",
    );
  }
}

/** Waits until something is there. */
export async function eventually<T>(
  look: () => Promise<T | undefined | false>,
  what: string,
  seconds = 30,
): Promise<T> {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > end) throw new Error(`waited ${seconds} s in vain: ${what}`);
    await delay(50);
  }
}

/** A running operator: the built program. */
export class Operator {
  readonly child: ChildProcess;
  readonly metricsPort: number;
  readonly healthPort: number;
  log = "";

  private constructor(child: ChildProcess, metricsPort: number, healthPort: number) {
    this.child = child;
    this.metricsPort = metricsPort;
    this.healthPort = healthPort;
    child.stderr?.on("data", (text: Buffer) => (this.log += text.toString()));
  }

  static async start(
    kubeconfig: string,
    args: readonly string[] = [],
    env: Record<string, string> = {},
    command: readonly [string, ...string[]] = [process.execPath, Sandbox.program, "operator"],
  ): Promise<Operator> {
    const port = await freePort();
    const [program, ...first] = command;
    const child = spawn(
      program,
      [
        ...first,
        "-kubeconfig",
        kubeconfig,
        "-metrics-bind-address",
        `127.0.0.1:${port}`,
        "-health-probe-bind-address",
        `127.0.0.1:${port + 1}`,
        ...args,
      ],
      {
        env: {
          PATH: process.env["PATH"] ?? "",
          HOME: "/nonexistent",
          SOPS_AGE_KEY: alice.identity,
          ...env,
        },
        stdio: ["ignore", "ignore", "pipe"],
      },
    );
    return new Operator(child, port, port + 1);
  }

  async ready(): Promise<void> {
    await eventually(async () => (await this.probe("/readyz")) === 200, "the operator is ready");
  }

  async probe(path: string): Promise<number> {
    return fetch(`http://127.0.0.1:${this.healthPort}${path}`).then(
      ({ status }) => status,
      () => 0,
    );
  }

  async metrics(): Promise<Map<string, number>> {
    const text = await (await fetch(`http://127.0.0.1:${this.metricsPort}/metrics`)).text();
    return new Map(
      text
        .split("\n")
        .filter((line) => line !== "" && !line.startsWith("#"))
        .map((line) => {
          const at = line.lastIndexOf(" ");
          return [line.slice(0, at), Number(line.slice(at + 1))] as const;
        }),
    );
  }

  /** The sum over all labels. */
  async total(name: string): Promise<number> {
    let sum = 0;
    for (const [key, value] of await this.metrics())
      if (key === name || key.startsWith(`${name}{`)) sum += value;
    return sum;
  }

  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<number | null> {
    if (this.child.exitCode !== null) return this.child.exitCode;
    return new Promise((resolve) => {
      this.child.once("exit", (code) => resolve(code));
      this.child.kill(signal);
      setTimeout(() => this.child.kill("SIGKILL"), 20_000).unref();
    });
  }
}
