import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Host } from "../../src/io/host.ts";
import { localKeyService } from "../../src/key-service/key-service.ts";
import type { OperatorSettings } from "../../src/operator/controller.ts";
import { alice, bob, fakeHost } from "../keys/fake-host.ts";
import { FakeApi } from "./fake-api.ts";
import { freeAddress, sealedObject, startOperator } from "./running.ts";

let api: FakeApi;
let stop = new AbortController();
let running: Promise<number>[] = [];
let address = { healthAddress: "", metricsAddress: "" };
beforeEach(async () => {
  api = await FakeApi.start();
  stop = new AbortController();
  running = [];
  address = { healthAddress: await freeAddress(), metricsAddress: await freeAddress() };
});
afterEach(async () => {
  stop.abort();
  api.fault = () => undefined;
  await Promise.all(running);
  api.stop();
});

const until = (look: () => void | Promise<void>, timeout = 8000): Promise<void> =>
  vi.waitFor(look, { timeout, interval: 20 });

function operate(settings: Partial<OperatorSettings> = {}, host?: Host) {
  const started = startOperator(api, stop.signal, { ...address, ...settings }, host);
  running.push(started.status);
  return started;
}

const ready = async (): Promise<[number, string]> => {
  const response = await fetch(`http://${address.healthAddress}/readyz`);
  return [response.status, (await response.text()).trim()];
};
const metric = async (sample: string): Promise<number | undefined> => {
  const text = await (await fetch(`http://${address.metricsAddress}/metrics`)).text();
  const line = text.split("\n").find((one) => one.startsWith(`${sample} `));
  return line === undefined ? undefined : Number(line.slice(sample.length));
};
const put = async (namespace: string, name: string, recipient?: string): Promise<void> =>
  void api.put(FakeApi.sopsPath(namespace, name), await sealedObject(name, { a: "1" }, recipient));
const message = (namespace: string, name: string): string | undefined =>
  api.sops(namespace, name)?.status?.message;
const condition = (namespace: string, name: string, type: string): string =>
  api.sops(namespace, name)?.status?.conditions?.find((one) => one.type === type)?.message ?? "";

const lease = { namespace: "ops", name: "l" };
const forbidden = {
  status: 403,
  reason: "Forbidden",
  message:
    'leases is forbidden: User "op" cannot get resource "leases" in API group "coordination.k8s.io" in the namespace "ops"',
};

test("a lease without rights is reported once in the log, in a metric, and by a probe that is not ready", async () => {
  api.fault = ({ path }) => (path.includes("/leases/") ? forbidden : undefined);
  const { log } = operate({ lease });
  await until(async () =>
    expect(await ready()).toEqual([
      503,
      'waiting for lease ops/l: forbidden: User "op" cannot get resource "leases" in API group "coordination.k8s.io" in the namespace "ops"',
    ]),
  );
  expect(await metric('sopsmith_lease{state="refused"}')).toBe(1);
  expect(await metric('leader_election_master_status{name="l"}')).toBe(0);
  const asked = (): number => api.seen.filter(({ path }) => path.includes("/leases/")).length;
  await until(() => expect(asked()).toBeGreaterThan(1));
  expect(log.filter((line) => line.includes("waiting for lease ops/l: forbidden"))).toHaveLength(1);
  api.fault = () => undefined;
  await until(async () => expect(await ready()).toEqual([200, "ok"]));
  expect(log.join("\n")).toContain("holding lease ops/l");
}, 20_000);

test("an operator that waits for a lease says who holds it, and is ready to take over", async () => {
  const held = (): void =>
    void api.put("/apis/coordination.k8s.io/v1/namespaces/ops/leases/l", {
      spec: { holderIdentity: "pod-1", renewTime: String(Date.now()) },
    });
  held();
  const { log } = operate({ lease });
  await until(() => expect(log.join("\n")).toContain("waiting for lease ops/l: held by pod-1"));
  await until(async () => expect(await ready()).toEqual([200, "ok"]));
  expect(await metric('sopsmith_lease{state="standby"}')).toBe(1);
  expect(await metric('sopsmith_objects{condition="Ready",status="True"}')).toBeUndefined();
});

test("thirty namespaces are watched one by one; one without rights is named, and does not keep the others from being ready", async () => {
  const namespaces = Array.from({ length: 30 }, (_, i) => `ns${i}`);
  api.fault = ({ path }) =>
    path.includes("/namespaces/ns7/") || !path.includes("/namespaces/")
      ? { ...forbidden, message: forbidden.message.replace("ops", "ns7") }
      : undefined;
  await put("ns29", "s");
  const { log } = operate({ namespaces });
  await until(() => expect(message("ns29", "s")).toBe("Healthy"));
  expect(await ready()).toEqual([200, "ok"]);
  expect(log.filter((line) => line.includes("the watch failed"))).toHaveLength(3);
  expect(log.join("\n")).toMatch(/error the watch failed .*"namespace":"ns7"/);
  expect(await metric('sopsmith_watch_up{kind="SopsSecret",namespace="ns7"}')).toBe(0);
  expect(await metric('sopsmith_watch_up{kind="SopsSecret",namespace="ns29"}')).toBe(1);
  // None is asked for in the whole cluster.
  expect(api.seen.filter(({ path }) => !path.includes("/namespaces/"))).toEqual([]);
});

test("an operator that may watch nothing is not ready, and says which rights it lacks", async () => {
  api.fault = () => forbidden;
  operate({ namespaces: ["a", "b"] });
  await until(async () => {
    const [status, text] = await ready();
    expect(status).toBe(503);
    expect(text).toMatch(/^SopsSecrets of namespace a cannot be watched: forbidden/);
  });
});

test("the gauge of objects follows them from failure to health and removal", async () => {
  const keys = fakeHost({ env: { SOPS_AGE_KEY_FILE: "/keys" } });
  let content = alice.identity;
  const host: Host = {
    ...keys,
    readFile: (path) =>
      path === "/keys" ? Promise.resolve(Buffer.from(`${content}\n`)) : keys.readFile(path),
  };
  await put("n", "one");
  await put("n", "two", bob.recipient);
  operate({ keyFiles: ["/keys"], perObjectMetrics: true }, host);
  const [good, bad] = [
    'sopsmith_objects{condition="Ready",status="True"}',
    'sopsmith_objects{condition="Ready",status="False"}',
  ];
  const failed = 'sopsmith_object_failed{namespace="n",name="two",reason="KeyUnavailable"}';
  await until(async () => expect([await metric(good), await metric(bad)]).toEqual([1, 1]));
  expect(await metric(failed)).toBe(1);
  // Not an environment variable of somebody's shell, but the operator's key and where it comes from.
  expect(condition("n", "two", "Ready")).toBe(
    `the operator has no key for ${bob.recipient}; it looked in the mounted file /keys; mount the Secret with the key (secretsAsFiles in the chart's values) and name its file in SOPS_AGE_KEY_FILE (extraEnv), or encrypt the file to ${alice.recipient} too, whose key the operator has`,
  );
  content = `${alice.identity}\n${bob.identity}`;
  await until(async () => expect([await metric(good), await metric(bad)]).toEqual([2, 0]), 15_000);
  expect(await metric(failed)).toBeUndefined();
  api.remove(FakeApi.sopsPath("n", "two"));
  await until(async () => expect([await metric(good), await metric(bad)]).toEqual([1, 0]));
}, 30_000);

test("a failure that time cannot fix is not retried every few seconds, and a change is seen at once", async () => {
  vi.useFakeTimers({ toFake: ["Date"] });
  try {
    await put("n", "locked", bob.recipient);
    api.put(FakeApi.sopsPath("n", "open"), {
      spec: { secretTemplates: [{ name: "x", stringData: { a: "b" } }] },
      metadata: {},
    });
    operate({ capMs: 3_600_000 });
    await until(() => expect(message("n", "locked")).toBe("Decryption error"));
    await until(() => expect(message("n", "open")).toBe("Decryption error"));
    expect(condition("n", "open", "Decrypted")).toMatch(/^the object is not encrypted: /);
    const looks = (): number =>
      api.seen.filter(({ method, path }) => method === "GET" && /sopssecrets\/./.test(path)).length;
    const before = looks();
    await new Promise((resolve) => setTimeout(resolve, 6500));
    expect(looks()).toBe(before);
    const fixed = await sealedObject("locked");
    api.put(FakeApi.sopsPath("n", "locked"), { ...fixed, metadata: { generation: 2 } });
    await until(() => expect(message("n", "locked")).toBe("Healthy"), 2000);
  } finally {
    vi.useRealTimers();
  }
}, 30_000);

test("passes that did not reach the API server are tried as soon as it answers again", async () => {
  await put("n", "s");
  operate();
  await until(() => expect(message("n", "s")).toBe("Healthy"));
  const { uid } = api.sops("n", "s")?.metadata ?? {};
  // Long enough that the waits of the pass would be over twenty seconds.
  api.fault = () => ({ isAnswerLost: true, delayMs: 60_000 });
  api.cut();
  const cutting = setInterval(() => api.cut(), 50);
  api.put(FakeApi.sopsPath("n", "s"), {
    ...(await sealedObject("s", { a: "2" })),
    metadata: { generation: 2, uid },
  });
  await new Promise((resolve) => setTimeout(resolve, 6000));
  clearInterval(cutting);
  api.fault = () => undefined;
  api.cut();
  const back = performance.now();
  await until(() => expect(api.secret("n", "s-child")?.data).toEqual({ a: "Mg==" }), 10_000);
  expect(performance.now() - back).toBeLessThan(5000);
}, 30_000);

test("a tenant's key opens the objects of its own namespace and of no other, and is noticed when it comes and goes", async () => {
  const key = { data: { "keys.txt": Buffer.from(`# bob\n${bob.identity}\n`).toString("base64") } };
  const labels = { "sopsmith.dev/keys": "true" };
  api.put(FakeApi.secretPath("bobs", "key"), { ...key, metadata: { labels } });
  const file = await sealedObject("s", { a: "1" }, bob.recipient);
  for (const namespace of ["bobs", "others", "late"])
    api.put(FakeApi.sopsPath(namespace, "s"), file);
  const { log } = operate({ keySelector: "sopsmith.dev/keys" });
  await until(() => expect(message("bobs", "s")).toBe("Healthy"));
  // The very same data key was unwrapped a moment ago.
  await until(() => expect(message("others", "s")).toBe("Decryption error"));
  expect(condition("others", "s", "Ready")).toContain(
    "its variable SOPS_AGE_KEY, the namespace's Secrets with the label sopsmith.dev/keys",
  );
  api.put(FakeApi.secretPath("late", "key"), { ...key, metadata: { labels } });
  await until(() => expect(message("late", "s")).toBe("Healthy"));
  expect(message("others", "s")).toBe("Decryption error");
  api.remove(FakeApi.secretPath("bobs", "key"));
  await until(() => expect(log.filter((line) => line.includes("keys changed"))).toHaveLength(3));
  api.put(FakeApi.sopsPath("bobs", "s"), { ...file, metadata: { generation: 2 } });
  await until(() => expect(message("bobs", "s")).toBe("Decryption error"));
  expect(JSON.stringify([api.sops("bobs", "s"), api.sops("others", "s"), log])).not.toContain(
    "AGE-SECRET-KEY-1",
  );
});

test("a tenant's Secret runs no plugin, and a broken identity in it does not disable a good one", async () => {
  const labels = { "sopsmith.dev/keys": "true" };
  const started: string[] = [];
  const host: Host = {
    ...fakeHost({ env: { SOPS_AGE_KEY: alice.identity } }),
    spawn: (argv) => {
      started.push(argv.join(" "));
      return Promise.reject(new Error("no program here"));
    },
  };
  const text = [
    "AGE-PLUGIN-EVIL-1QQQQQQQQQQQQ",
    `${bob.identity.slice(0, -1)}X`,
    "rubbish",
    bob.identity,
  ].join("\n");
  api.put(FakeApi.secretPath("n", "key"), {
    data: { a: Buffer.from(text).toString("base64") },
    metadata: { labels },
  });
  await put("n", "s", bob.recipient);
  await put("n", "own");
  operate({ keySelector: "sopsmith.dev/keys" }, host);
  await until(() =>
    expect([message("n", "s"), message("n", "own")]).toEqual(["Healthy", "Healthy"]),
  );
  expect(started).toEqual([]);
});

test("objects that changed while no operator ran are handled first, and reads are batched", async () => {
  for (let i = 0; i < 300; i++) await put("n", `s${String(i).padStart(3, "0")}`);
  operate();
  await until(() => {
    for (let i = 0; i < 300; i++)
      expect(message("n", `s${String(i).padStart(3, "0")}`)).toBe("Healthy");
  }, 60_000);
  const reads = api.seen.filter(
    ({ method, path, isWatch }) =>
      method === "GET" && !isWatch && /(?:sopssecrets|secrets)\/./.test(path),
  );
  // No object is read by itself, and no Secret that was never there.
  expect(reads.length).toBeLessThan(30);
}, 90_000);

test("the key service of the settings is what opens objects", async () => {
  let asked = 0;
  await put("n", "s");
  operate({
    keyService: {
      ...localKeyService,
      unwrap: (...args) => {
        asked += 1;
        return localKeyService.unwrap(...args);
      },
    },
  });
  await until(() => expect(message("n", "s")).toBe("Healthy"));
  expect(asked).toBe(1);
});

test("ConfigMaps that may not be watched do not keep the operator from being ready, and are refused where they are turned off", async () => {
  api.fault = ({ path, isWatch, method }) =>
    path.endsWith("/configmaps") && (isWatch || method === "GET") ? forbidden : undefined;
  await put("n", "s");
  operate();
  await until(() => expect(message("n", "s")).toBe("Healthy"));
  expect(await ready()).toEqual([200, "ok"]);
  const object = await sealedObject("maps");
  object.spec = {
    configMapTemplates: [{ name: "m", data: { a: "ENC[x]" } }],
    ...object.spec,
  };
  api.put(FakeApi.sopsPath("n", "maps"), object);
  await until(() => expect(message("n", "maps")).toBe("Decryption error"));
});

const foreignSecret = (name: string, metadata: object = {}): void =>
  void api.put(FakeApi.secretPath("n", name), {
    metadata: { uid: `uid-of-${name}`, ...metadata },
    type: "Opaque",
    data: { a: "eA==" },
  });
const offer = { annotations: { "sopssecret/managed": "true" } };

test("a Secret of somebody else is taken over as soon as it is offered, and replaced as soon as it is gone", async () => {
  foreignSecret("offered-child");
  foreignSecret("deleted-child");
  await put("n", "offered");
  await put("n", "deleted");
  operate({ capMs: 3_600_000 });
  for (const name of ["offered", "deleted"])
    await until(() =>
      expect(message("n", name)).toBe("Child secret is not owned by controller error"),
    );
  const isWatch = ({ isWatch: is, path }: { isWatch: boolean; path: string }): boolean =>
    is && path === "/api/v1/namespaces/n/secrets";
  // One watch for both, beside that of the cluster's children.
  await until(() => expect(api.seen.filter(isWatch)).toHaveLength(1));
  foreignSecret("offered-child", offer);
  await until(() => expect(message("n", "offered")).toBe("Healthy"), 3000);
  expect(api.secret("n", "offered-child")?.data).toEqual({ a: "MQ==" });
  api.remove(FakeApi.secretPath("n", "deleted-child"));
  await until(() => expect(message("n", "deleted")).toBe("Healthy"), 3000);
  // Nobody waits any more, and nobody watches.
  await until(() => expect(api.watched).not.toContain("/api/v1/namespaces/n/secrets"));
  foreignSecret("third-child");
  await put("n", "third");
  await until(() =>
    expect(message("n", "third")).toBe("Child secret is not owned by controller error"),
  );
  await until(() => expect(api.watched).toContain("/api/v1/namespaces/n/secrets"));
  api.remove(FakeApi.sopsPath("n", "third"));
  await until(() => expect(api.watched).not.toContain("/api/v1/namespaces/n/secrets"));
});

test("a Secret of somebody else that changes all the time is not checked all the time", async () => {
  foreignSecret("s-child");
  await put("n", "s");
  operate({ capMs: 3_600_000 });
  await until(() =>
    expect(message("n", "s")).toBe("Child secret is not owned by controller error"),
  );
  await until(() => expect(api.watched).toContain("/api/v1/namespaces/n/secrets"));
  const looks = (): number =>
    api.seen.filter(({ path }) => path === FakeApi.secretPath("n", "s-child")).length;
  await until(() => expect(looks()).toBeGreaterThan(0));
  const before = looks();
  for (let i = 0; i < 20; i++) foreignSecret("s-child", { labels: { i: String(i) } });
  foreignSecret("s-child", offer);
  await until(() => expect(message("n", "s")).toBe("Healthy"));
  // A look and the write, and what comes of the write.
  expect(looks() - before).toBeLessThan(6);
});

test("in a namespace without the right to list Secrets a conflict is still found in time, and nothing is logged for it", async () => {
  foreignSecret("s-child");
  api.fault = ({ path, method }) =>
    method === "GET" && path === "/api/v1/namespaces/n/secrets" ? forbidden : undefined;
  await put("n", "s");
  const { log } = operate({ capMs: 1000 });
  await until(() =>
    expect(message("n", "s")).toBe("Child secret is not owned by controller error"),
  );
  foreignSecret("s-child", offer);
  await until(() => expect(message("n", "s")).toBe("Healthy"));
  expect(log.join("\n")).not.toContain("the watch failed");
});

test("content that came back under a known generation is noticed by the next list", async () => {
  const wrote = (time: string) => [{ manager: "kubectl", operation: "Apply", time }];
  const { spec, sops } = await sealedObject("s");
  const metadata = { uid: "u", generation: 3 };
  api.put(FakeApi.sopsPath("n", "s"), {
    spec,
    sops,
    metadata: { ...metadata, managedFields: wrote("2026-01-01T00:00:00Z") },
  });
  operate();
  await until(() => expect(message("n", "s")).toBe("Healthy"));
  const other = await sealedObject("s", { a: "2" });
  api.cut();
  // A store that was restored, and has overtaken every version that was seen.
  api.put(FakeApi.sopsPath("n", "s"), {
    ...api.sops("n", "s"),
    spec: other.spec,
    sops: other.sops,
    metadata: { ...metadata, managedFields: wrote("2026-01-01T00:05:00Z") },
  });
  await until(() => expect(api.secret("n", "s-child")?.data).toEqual({ a: "Mg==" }));
});

test("a healthy object is decrypted and compared again after the resync interval", async () => {
  await put("n", "s");
  operate({ resyncMs: 500 });
  await until(() => expect(message("n", "s")).toBe("Healthy"));
  const reads = (): number =>
    api.seen.filter(
      ({ method, path }) => method === "GET" && path === FakeApi.secretPath("n", "s-child"),
    ).length;
  const before = reads();
  await until(() => expect(reads()).toBeGreaterThan(before + 1));
  expect(api.writes("secrets/s-child")).toBe(1);
  expect(await metric('sopsmith_decrypt_seconds_count{key_type="age"}')).toBeGreaterThanOrEqual(3);
});

test("the time of decryption is recorded by key type", async () => {
  await put("n", "s");
  await put("n", "locked", bob.recipient);
  operate();
  await until(() => expect(message("n", "s")).toBe("Healthy"));
  await until(() => expect(message("n", "locked")).toBe("Decryption error"));
  expect(await metric('sopsmith_decrypt_seconds_count{key_type="age"}')).toBe(1);
  expect(await metric('sopsmith_decrypt_seconds_count{key_type="none"}')).toBe(1);
});
