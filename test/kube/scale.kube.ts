import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { SopsSecret } from "../../src/k8s/sops-secret.ts";
import { Sandbox } from "../cli/sandbox.ts";
import { alice } from "../keys/fake-host.ts";
import { stored } from "../operator/objects.ts";
import { encryptBytes } from "../verbs.ts";
import { eventually, Kube, Operator, type Client } from "./harness.ts";

let kube: Kube;
let admin: Client;

beforeAll(async () => {
  kube = await Kube.start();
  admin = kube.client();
  await admin.installCrd();
});
afterAll(() => kube?.stop());

async function sealed(name: string, child = name, value = "v"): Promise<SopsSecret> {
  const plain = {
    apiVersion: "isindir.github.com/v1alpha3",
    kind: "SopsSecret",
    metadata: { name },
    spec: { secretTemplates: [{ name: child, stringData: { password: value } }] },
  };
  const text = await encryptBytes(JSON.stringify(plain), {
    format: "json",
    selectors: [{ name: "encrypted_suffix", value: "Templates" }],
    macOnlyEncrypted: true,
  });
  return stored(text.toString());
}

const isHealthy = (object: SopsSecret | undefined): boolean =>
  object?.status?.message === "Healthy";
const child = async (namespace: string, name: string): Promise<string | undefined> => {
  const value = (await admin.secret(namespace, name))?.data?.["password"];
  return value === undefined ? undefined : Buffer.from(value, "base64").toString();
};

/** More, and the standalone executable, for the figures in docs/kubernetes.md: SCALE_OBJECTS=5000 SCALE_PROGRAM=standalone/sopsmith. */
const objects = Number(process.env["SCALE_OBJECTS"] ?? 1000);
const program = process.env["SCALE_PROGRAM"];
const command: readonly [string, ...string[]] =
  program === undefined ? [process.execPath, Sandbox.program, "operator"] : [program, "operator"];

test(`${objects} SopsSecrets: memory and calls stay in bounds, and a second pass writes nothing`, async () => {
  const namespace = await admin.namespace("many");
  for (let i = 0; i < objects; i += 50)
    await Promise.all(
      Array.from({ length: 50 }, async (_, j) =>
        admin.applySops(namespace, await sealed(`s${i + j}`)),
      ),
    );
  const listed = async (): Promise<SopsSecret[]> =>
    ((await admin.get(admin.sopsPath(namespace)))?.["items"] ?? []) as unknown as SopsSecret[];
  const started = performance.now();
  const start = (): Promise<Operator> =>
    Operator.start(kube.kubeconfig, ["-watch-namespace", namespace], {}, command);
  const first = await start();
  try {
    await first.ready();
    await eventually(
      async () =>
        (await first.total("sopssecrets_reconcilation_successes_total")) >= objects &&
        (await listed()).every(isHealthy),
      "all are healthy",
      300,
    );
    const seconds = (performance.now() - started) / 1000;
    const [calls, memory] = [
      await first.total("rest_client_requests_total"),
      await first.total("process_resident_memory_bytes"),
    ];
    process.stdout.write(
      `${objects} objects: healthy after ${seconds.toFixed(1)} s, ${calls} requests, ${(memory / 2 ** 20).toFixed(0)} MiB\n`,
    );
    // Apply, status and event for each, few single reads, and the lists.
    expect(calls).toBeLessThan(objects * 4);
    expect(memory).toBeLessThan(256 * 2 ** 20);
    expect(seconds).toBeLessThan(90);
    // The own writes come back as events, and each is looked at once more; then there is silence.
    await eventually(
      async () => {
        const before = await first.total("rest_client_requests_total");
        await delay(2000);
        return (await first.total("rest_client_requests_total")) === before;
      },
      "no requests any more",
      60,
    );
  } finally {
    expect(await first.stop()).toBe(0);
  }
  const second = await start();
  try {
    await eventually(() => Promise.resolve(second.log.includes('"working"')), "the second works");
    // In the middle of the first look at all of them.
    const changed = performance.now();
    await admin.applySops(namespace, await sealed(`s${objects - 1}`, `s${objects - 1}`, "new"));
    await eventually(
      async () => (await child(namespace, `s${objects - 1}`)) === "new",
      "the fresh change",
    );
    const fresh = (performance.now() - changed) / 1000;
    process.stdout.write(`a fresh change after a restart: ${fresh.toFixed(1)} s\n`);
    expect(fresh).toBeLessThan(5);
    await eventually(
      async () => (await second.total("sopssecrets_reconcilation_successes_total")) >= objects,
      "the second pass",
      300,
    );
    const took = (performance.now() - changed) / 1000;
    const memory = await second.total("process_resident_memory_bytes");
    process.stdout.write(
      `the second look at all: ${took.toFixed(1)} s, ${(memory / 2 ** 20).toFixed(0)} MiB\n`,
    );
    // The child and the status of the one that changed, and nothing else.
    const writes = [...(await second.metrics())].filter(([name]) =>
      name.startsWith("sopsmith_secret_writes_total"),
    );
    expect(Object.fromEntries(writes)).toEqual({
      'sopsmith_secret_writes_total{op="apply"}': 1,
      'sopsmith_secret_writes_total{op="status"}': 1,
    });
    // One child for each; the objects come in pages.
    expect(await second.total("rest_client_requests_total")).toBeLessThan(objects * 1.2);
  } finally {
    await second.stop();
  }
}, 900_000);

test("keys that come late, change, vanish for a moment or are half written are noticed without a restart", async () => {
  const namespace = await admin.namespace("keys");
  const dir = mkdtempSync(join(tmpdir(), "sopsmith-keys-"));
  const file = join(dir, "keys.txt");
  const operator = await Operator.start(kube.kubeconfig, ["-watch-namespace", namespace], {
    SOPS_AGE_KEY: "",
    SOPS_AGE_KEY_FILE: file,
  });
  try {
    await operator.ready();
    await admin.applySops(namespace, await sealed("late"));
    const failed = await eventually(async () => {
      const object = await admin.sops(namespace, "late");
      return object?.status?.message === "Decryption error" ? object : undefined;
    }, "the key is missed");
    expect(failed.status?.conditions).toContainEqual(
      expect.objectContaining({ type: "Ready", reason: "KeyUnavailable" }),
    );
    writeFileSync(`${file}.new`, `${alice.identity}\n`);
    renameSync(`${file}.new`, file);
    await eventually(
      async () => isHealthy(await admin.sops(namespace, "late")),
      "the key is found",
      40,
    );
    writeFileSync(file, "");
    await admin.applySops(namespace, await sealed("later"));
    await eventually(
      async () => isHealthy(await admin.sops(namespace, "later")),
      "the last good key counts",
    );
    const reloads = await eventually(
      async () => (await operator.total("sopsmith_key_reloads_total")) || undefined,
      "the change is noticed",
    );
    expect(reloads).toBeGreaterThan(0);
  } finally {
    await operator.stop();
    rmSync(dir, { recursive: true, force: true });
  }
});

test("one of two operators is active; when it ends, the other takes over", async () => {
  const namespace = await admin.namespace("leaders");
  const args = [
    "-watch-namespace",
    namespace,
    "-leader-elect",
    "-leader-election-namespace",
    namespace,
  ];
  const first = await Operator.start(kube.kubeconfig, args);
  await first.ready();
  await eventually(() => Promise.resolve(first.log.includes('"working"')), "the first leads");
  const second = await Operator.start(kube.kubeconfig, args);
  try {
    await second.ready();
    await admin.applySops(namespace, await sealed("one"));
    await eventually(async () => isHealthy(await admin.sops(namespace, "one")), "the first works");
    expect(await second.total("sopsmith_secret_writes_total")).toBe(0);
    expect(await first.stop()).toBe(0);
    await eventually(() => Promise.resolve(second.log.includes('"working"')), "the second leads");
    await admin.applySops(namespace, await sealed("two"));
    await eventually(async () => isHealthy(await admin.sops(namespace, "two")), "the second works");
  } finally {
    await first.stop();
    await second.stop();
  }
});

test("the operator waits for an API server that comes back, and sees what happened meanwhile", async () => {
  const namespace = await admin.namespace("restart");
  const operator = await Operator.start(kube.kubeconfig, ["-watch-namespace", namespace]);
  try {
    await operator.ready();
    await admin.applySops(namespace, await sealed("a"));
    await eventually(async () => isHealthy(await admin.sops(namespace, "a")), "healthy");
    await kube.down();
    await delay(3000);
    expect(operator.child.exitCode).toBeNull();
    await kube.up();
    await admin.applySops(namespace, await sealed("b", "b", "new"));
    await eventually(
      async () => (await child(namespace, "b")) === "new",
      "the operator goes on",
      60,
    );
    await admin.request({ method: "DELETE", path: admin.secretPath(namespace, "a") });
    await eventually(
      async () => (await child(namespace, "a")) === "v",
      "the watch of children goes on",
      60,
    );
  } finally {
    expect(await operator.stop()).toBe(0);
  }
});

test("a namespace that is being deleted is not written to again and again, and others go on", async () => {
  const namespace = await admin.namespace("ending");
  const operator = await Operator.start(kube.kubeconfig, [
    "-watch-namespace",
    `${namespace},default`,
  ]);
  try {
    await operator.ready();
    await admin.applySops(namespace, await sealed("a"));
    await eventually(async () => isHealthy(await admin.sops(namespace, "a")), "healthy");
    await admin.request({ method: "DELETE", path: `/api/v1/namespaces/${namespace}` });
    await eventually(
      async () => (await admin.get(`/api/v1/namespaces/${namespace}`)) === undefined,
      "the namespace is gone",
      60,
    );
    await admin.applySops("default", await sealed("other"));
    await eventually(async () => isHealthy(await admin.sops("default", "other")), "others go on");
    expect(operator.log.split("not ready").length).toBeLessThan(5);
  } finally {
    await operator.stop();
  }
});
