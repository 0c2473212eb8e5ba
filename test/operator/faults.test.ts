import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readFile } from "node:fs/promises";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Api } from "../../src/operator/api.ts";
import type { Host } from "../../src/io/host.ts";
import type { OperatorSettings } from "../../src/operator/controller.ts";
import { KeyFiles } from "../../src/operator/key-set.ts";
import { LeaderElection } from "../../src/operator/leader.ts";
import type { SopsSecret } from "../../src/k8s/sops-secret.ts";
import { alice, bob, fakeHost } from "../keys/fake-host.ts";
import { FakeApi } from "./fake-api.ts";
import { sealedObject, startOperator } from "./running.ts";

let api: FakeApi;
let stop = new AbortController();
let running: Promise<number>[] = [];
beforeEach(async () => {
  api = await FakeApi.start();
  stop = new AbortController();
  running = [];
});
afterEach(async () => {
  stop.abort();
  api.fault = () => undefined;
  await Promise.all(running);
  api.stop();
});

const until = (look: () => void, timeout = 8000): Promise<void> =>
  vi.waitFor(look, { timeout, interval: 10 });

async function put(namespace: string, name: string, extra: object = {}): Promise<SopsSecret> {
  const object = await sealedObject(name);
  const spec = { ...object.spec, ...extra };
  return api.put(FakeApi.sopsPath(namespace, name), { ...object, spec });
}

/** An operator in this process, with what it logs. */
function operate(settings: Partial<OperatorSettings> = {}, host?: Host) {
  const started = startOperator(api, stop.signal, settings, host);
  running.push(started.status);
  return started;
}

const message = (namespace: string, name: string): string | undefined =>
  api.sops(namespace, name)?.status?.message;

/** The first so many requests that fit have the fault. */
function failing(times: number, method: string, part: string, fault: object): void {
  let left = times;
  api.fault = (seen) =>
    seen.method === method && seen.path.includes(part) && !seen.isWatch && left-- > 0
      ? fault
      : undefined;
}

test("a conflict on the child and on the status is retried at once, and no event is lost", async () => {
  let applies = 2;
  let statuses = 2;
  api.fault = ({ method, path }) =>
    method === "PATCH" && (path.endsWith("/status") ? statuses-- > 0 : applies-- > 0)
      ? { status: 409, reason: "Conflict" }
      : undefined;
  await put("n", "s");
  operate();
  await until(() => expect(message("n", "s")).toBe("Healthy"), 3000);
  expect(api.secret("n", "s-child")?.data).toEqual({ a: "MQ==" });
  expect(api.events).toEqual(["Created"]);
});

test("an operator that died between child and status finds the child as it should be and writes the status alone", async () => {
  failing(1000, "PATCH", "/status", { delayMs: 60_000 });
  await put("n", "s");
  const first = new AbortController();
  const { signal } = stop;
  stop = first;
  operate();
  await until(() => expect(api.secret("n", "s-child")).toBeDefined());
  const before = api.secret("n", "s-child")?.metadata.resourceVersion;
  // As dead as can be without ending this process: nothing of it reaches the server any more.
  const dead = running.splice(0);
  const alive = api;
  api = await FakeApi.start();
  for (const path of [FakeApi.sopsPath("n", "s"), FakeApi.secretPath("n", "s-child")])
    api.put(path, alive.get(path) ?? {});
  alive.stop();
  first.abort();
  await Promise.all(dead);
  stop = new AbortController();
  expect(signal.aborted).toBe(false);
  expect(before).toBeDefined();
  operate();
  await until(() => expect(message("n", "s")).toBe("Healthy"));
  expect(api.writes("/secrets/")).toBe(0);
  expect(api.writes("/status")).toBe(1);
});

test("an answer that is lost after the write does not make a second write", async () => {
  failing(1, "PATCH", "/secrets/", { isAnswerLost: true });
  await put("n", "s");
  const { log } = operate();
  await until(() => expect(api.secret("n", "s-child")).toBeDefined());
  const { resourceVersion } = api.secret("n", "s-child")?.metadata ?? {};
  api.fault = () => undefined;
  // The connection goes with the answer.
  api.cut();
  await until(() => expect(message("n", "s")).toBe("Healthy"), 12_000);
  expect(api.secret("n", "s-child")?.metadata.resourceVersion).toBe(resourceVersion);
  expect(log.join("\n")).not.toContain("unexpected");
}, 20_000);

test("429 with Retry-After and bursts of 503 are waited out, and then it succeeds", async () => {
  failing(1, "PATCH", "/secrets/", { status: 429, headers: { "retry-after": "1" } });
  await put("n", "s");
  operate();
  await until(() => expect(message("n", "s")).toBe("Child secret update error"));
  await until(() => expect(message("n", "s")).toBe("Healthy"), 12_000);
}, 20_000);

test("slow answers are waited for", async () => {
  api.fault = ({ isWatch }) => (isWatch ? undefined : { delayMs: 300 });
  await put("n", "s");
  operate();
  await until(() => expect(message("n", "s")).toBe("Healthy"));
});

test("what is forbidden in one namespace is reported there, and others continue", async () => {
  const why =
    'secrets "a-child" is forbidden: User "op" cannot patch resource "secrets" in API group "" in the namespace "one": {"password":"s3cret"}';
  api.fault = ({ path, method }) =>
    path.includes("namespaces/one/secrets/") && method === "PATCH"
      ? { status: 403, reason: "Forbidden", message: why }
      : undefined;
  await put("one", "a");
  await put("two", "b");
  const { log } = operate();
  await until(() => expect(message("two", "b")).toBe("Healthy"));
  await until(() => expect(message("one", "a")).toBe("Child secret update error"));
  const conditions = api.sops("one", "a")?.status?.conditions;
  expect(conditions).toContainEqual(
    expect.objectContaining({
      type: "Ready",
      reason: "WriteFailed",
      message: expect.stringContaining('cannot patch resource "secrets"') as string,
    }),
  );
  expect(JSON.stringify(conditions) + log.join()).not.toContain("s3cret");
  expect(api.events).toContain("WriteFailed");
});

test("a namespace whose Secrets may not be listed is named in the log, and others continue", async () => {
  api.fault = ({ path }) =>
    path === "/api/v1/namespaces/one/secrets"
      ? {
          status: 403,
          reason: "Forbidden",
          message:
            'secrets is forbidden: User "op" cannot list resource "secrets" in API group "" in the namespace "one"',
        }
      : undefined;
  await put("two", "b");
  const { log } = operate({ namespaces: ["one", "two"] });
  await until(() => expect(message("two", "b")).toBe("Healthy"));
  expect(log.find((line) => line.startsWith("error the watch failed"))).toMatch(
    /"namespace":"one".*cannot list resource/,
  );
});

test("a cluster without the CRD is waited for, and the log says what to do", async () => {
  let isInstalled = false;
  api.fault = ({ path }) =>
    !isInstalled && path.includes("sopssecrets") ? { status: 404, reason: "NotFound" } : undefined;
  const { log } = operate();
  await until(() => expect(log.join("\n")).toContain("sopsmith k8s crd"));
  await put("n", "s");
  isInstalled = true;
  await until(() => expect(message("n", "s")).toBe("Healthy"), 10_000);
}, 20_000);

test("a Secret over 1 MiB is refused before anything is sent, with its size", async () => {
  const big = await sealedObject("big", { a: "x".repeat(2 ** 20 + 1) });
  api.put(FakeApi.sopsPath("n", "big"), big);
  operate();
  await until(() => expect(message("n", "big")).toBe("New child secret creation error"));
  expect(JSON.stringify(api.sops("n", "big")?.status)).toContain("1048577 bytes");
  expect(api.writes("/secrets/")).toBe(0);
});

test.each([
  ["gone", true],
  ["alive", false],
] as const)(
  "enforcement and a Secret of another SopsSecret that is %s: taken over is %s",
  async (state, takes) => {
    const other = await sealedObject("other");
    const owner = {
      apiVersion: "isindir.github.com/v1alpha3",
      kind: "SopsSecret",
      name: "other",
      uid: "of-other",
      controller: true,
    };
    if (state === "alive")
      api.put(FakeApi.sopsPath("n", "other"), {
        ...other,
        metadata: { uid: "of-other" },
        // It would delete the Secret, which it has no template for.
        spec: { ...other.spec, suspend: true },
      });
    api.put(FakeApi.secretPath("n", "s-child"), {
      type: "Opaque",
      data: { old: "eA==" },
      metadata: { ownerReferences: [owner] },
    });
    const { uid } = (await put("n", "s", { enforceOwnership: true })).metadata;
    operate();
    if (takes) {
      await until(() => expect(message("n", "s")).toBe("Healthy"));
      expect(api.secret("n", "s-child")).toMatchObject({
        data: { a: "MQ==" },
        metadata: { ownerReferences: [{ uid, controller: true }] },
      });
      expect(api.events).toContain("TakenOver");
    } else {
      await until(() =>
        expect(message("n", "s")).toBe("Child secret is not owned by controller error"),
      );
      expect(JSON.stringify(api.sops("n", "s")?.status)).toContain(
        "belongs to the SopsSecret other",
      );
      expect(api.secret("n", "s-child")?.data).toEqual({ old: "eA==" });
    }
  },
);

const times = { duration: 600, renewDeadline: 400, retry: 50 };
const leasePath = "/apis/coordination.k8s.io/v1/namespaces/ops/leases/l";
const holder = (): unknown =>
  (api.get(leasePath)?.["spec"] as { holderIdentity?: string } | undefined)?.holderIdentity;

function candidate(identity: string) {
  const credentials = { headers: { authorization: identity } };
  const connection = { server: api.url, credentials: () => Promise.resolve(credentials) };
  const client = new Api(connection, { qps: 1000, burst: 1000 });
  return new LeaderElection(client, { namespace: "ops", name: "l", identity }, times);
}

test("one of two that try at once leads; a conflict on the lease costs only another try", async () => {
  failing(2, "PUT", "/leases/", { status: 409, reason: "Conflict" });
  const [a, b] = [candidate("a"), candidate("b")];
  await Promise.race([a.acquire(stop.signal), b.acquire(stop.signal)]);
  expect([a.isLeader, b.isLeader].filter(Boolean)).toHaveLength(1);
  const leader = a.isLeader ? a : b;
  const holding = leader.hold(stop.signal);
  await until(() =>
    expect(api.seen.filter(({ method }) => method === "PUT").length).toBeGreaterThan(3),
  );
  expect(leader.isLeader).toBe(true);
  expect([a.isLeader, b.isLeader].filter(Boolean)).toHaveLength(1);
  stop.abort();
  await holding;
});

test.each([-3_600_000, 3_600_000])(
  "a lease whose holder's clock is off by %i ms is judged by when it changes",
  async (off) => {
    const spec = (at: number): object => ({
      holderIdentity: "a",
      leaseDurationSeconds: 1,
      renewTime: new Date(at + off).toISOString(),
    });
    api.put(leasePath, { spec: spec(Date.now()) });
    const beat = setInterval(() => api.put(leasePath, { spec: spec(Date.now()) }), 100);
    const b = candidate("b");
    const acquiring = b.acquire(stop.signal);
    await new Promise((resolve) => setTimeout(resolve, 1200));
    expect(b.isLeader).toBe(false);
    clearInterval(beat);
    const since = performance.now();
    await acquiring;
    expect(b.isLeader).toBe(true);
    expect(performance.now() - since).toBeGreaterThan(times.duration - 150);
    expect(holder()).toBe("b");
  },
);

test("a leader whose renewals hang stops before another can lead", async () => {
  const [a, b] = [candidate("a"), candidate("b")];
  await a.acquire(stop.signal);
  api.fault = ({ user }) => (user === "a" ? { delayMs: 3000 } : undefined);
  const [lost, led] = await Promise.all([
    a.hold(stop.signal).then(() => performance.now()),
    b.acquire(stop.signal).then(() => performance.now()),
  ]);
  expect(a.isLeader).toBe(false);
  expect(b.isLeader).toBe(true);
  expect(lost).toBeLessThan(led);
});

test("a lease that another took ends the operator with status 1, and nothing is written any more", async () => {
  await put("n", "first");
  const { status, log } = operate({ lease: { namespace: "ops", name: "l" } });
  await until(() => expect(message("n", "first")).toBe("Healthy"));
  api.put(leasePath, { spec: { holderIdentity: "thief", leaseDurationSeconds: 15 } });
  expect(await status).toBe(1);
  expect(log.join("\n")).toContain("the lease was lost");
  const writes = api.writes("/");
  await put("n", "second");
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(api.writes("/")).toBe(writes);
  expect(holder()).toBe("thief");
}, 20_000);

test("a key file that vanished counts for another minute, and is then dropped", async () => {
  let now = 0;
  const files: Record<string, string> = { "/k": "one" };
  const base = fakeHost({ files });
  const keys = new KeyFiles({ ...base, now: () => new Date(now) }, ["/k"]);
  const host = keys.hostForKeys(() => undefined);
  const text = async (): Promise<string> => Buffer.from(await host.readFile("/k")).toString();
  expect(await keys.poll()).toBe(false);
  delete files["/k"];
  now = 59_000;
  expect(await keys.poll()).toBe(false);
  expect(await text()).toBe("one");
  now = 61_000;
  expect(await keys.poll()).toBe(true);
  await expect(text()).rejects.toMatchObject({ code: "ENOENT" });
  files["/k"] = "two";
  expect(await keys.poll()).toBe(true);
  expect(await text()).toBe("two");
});

test("a mounted key file is swapped by symlink, as a kubelet does", async () => {
  const dir = mkdtempSync(join(tmpdir(), "sopsmith-mount-"));
  try {
    const mount = (name: string, text: string): void => {
      mkdirSync(join(dir, name));
      writeFileSync(join(dir, name, "key"), text);
      symlinkSync(name, join(dir, "..data.new"));
      renameSync(join(dir, "..data.new"), join(dir, "..data"));
    };
    mount("..one", "one");
    symlinkSync("..data/key", join(dir, "key"));
    const path = join(dir, "key");
    const keys = new KeyFiles({ ...fakeHost(), readFile: (file) => readFile(file) }, [path]);
    const host = keys.hostForKeys(() => undefined);
    await keys.poll();
    mount("..two", "two");
    rmSync(join(dir, "..one"), { recursive: true });
    expect(await keys.poll()).toBe(true);
    expect(Buffer.from(await host.readFile(path)).toString()).toBe("two");
    // The operator notices without waiting for its next look.
    await put("n", "s");
    operate(
      { keyFiles: [path] },
      {
        ...fakeHost({ env: { SOPS_AGE_KEY_FILE: path } }),
        readFile: (file) => (file === path ? readFile(file) : fakeHost().readFile(file)),
      },
    );
    await until(() => expect(message("n", "s")).toBe("Decryption error"));
    mount("..three", `${alice.identity}\n`);
    await until(() => expect(message("n", "s")).toBe("Healthy"), 3000);
    stop.abort();
    await Promise.all(running);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});

test("a key file that changes is used for what could not be read before", async () => {
  const files = { "/k": bob.identity };
  await put("n", "s");
  operate({ keyFiles: ["/k"] }, fakeHost({ files, env: { SOPS_AGE_KEY_FILE: "/k" } }));
  await until(() => expect(message("n", "s")).toBe("Decryption error"));
  files["/k"] = alice.identity;
  await until(() => expect(message("n", "s")).toBe("Healthy"), 25_000);
}, 40_000);
